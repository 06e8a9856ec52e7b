"""The state of a training loop: its progress, and its tensors by name, to save and to restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgm_audio.objective import Task
from dgm_audio.training.steps import OptimisedModule


@dataclass
class Progress:
    """Where a run stands; saved with its state.

    Attributes:
        float32: a step was not finite in bfloat16; all later ones are in float32.

        judging: seconds that evaluations took so far.
        judgement: seconds that the longest evaluation took.
        sounds: number of validation sounds per evaluation; 0 if it was not chosen by time.
        metric: name of the metric whose value is `best`; "" in older runs.
    """

    step: int = 0
    seconds: float = 0.0
    evaluations: int = 0
    best: float | None = None
    best_step: int = 0
    skipped: int = 0
    rollbacks: int = 0
    diversity: float | None = None
    collapsed: int = 0
    float32: bool = False
    judging: float = 0.0
    judgement: float = 0.0
    sounds: int = 0
    metric: str = ""


def modules_of(task: Task, average: nn.Module) -> dict[str, nn.Module]:
    """The networks of a run, by the names that they are saved under."""
    modules = {"generator": task.objective.generator, "average": average}
    return (
        modules if task.discriminator is None else modules | {"discriminator": task.discriminator}
    )


def optimised_modules(
    objective: OptimisedModule, critic: OptimisedModule | None
) -> dict[str, OptimisedModule]:
    """The optimised modules of a run, by the names that their optimizers are saved under."""
    optimised = {"generator_optimizer": objective}
    return optimised if critic is None else optimised | {"critic_optimizer": critic}


def own_tensors(objective: nn.Module) -> dict[str, Tensor]:
    """What an objective remembers, and learns, beside its generator."""
    learned = {key: value.data for key, value in objective.named_parameters(recurse=False)}
    return learned | dict(objective.named_buffers(recurse=False))


def gathered(
    modules: Mapping[str, nn.Module],
    optimised: Mapping[str, OptimisedModule],
    own: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """All tensors under names with slashes.

    Args:
        modules: networks, by name.
        optimised: modules whose optimizers' states are kept, by the optimizer's name.
        own: further tensors, of the objective.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
    tensors |= {f"objective/{key}": value for key, value in own.items()}
    for name, one in optimised.items():
        for index, entry in one.optimizer.state_dict()["state"].items():
            tensors |= {f"{name}/{index}/{key}": value for key, value in entry.items()}
    return tensors


def restore(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimised: Mapping[str, OptimisedModule],
    own: Mapping[str, Tensor],
) -> None:
    """Put what `gathered` gave back in place; nothing is changed unless everything fits.

    Args:
        tensors: by name.
        modules: as for `gathered`.
        optimised: as for `gathered`; an optimizer without a state has made no step.
        own: as for `gathered`.

    Raises:
        ValueError: if a tensor is missing, unknown or of another shape; the message names one.
    """
    expected = gathered(modules, {}, own)
    for name, one in optimised.items():
        expected |= _adam_state(tensors, name, one)
    _check_fit(tensors, expected)
    for name, module in modules.items():
        module.load_state_dict(_under(tensors, name))
    for key, value in own.items():
        value.copy_(tensors[f"objective/{key}"])
    for name, one in optimised.items():
        state = one.optimizer.state_dict()
        state["state"] = {}
        for key, value in _under(tensors, name).items():
            index, entry = key.split("/")
            state["state"].setdefault(int(index), {})[entry] = value
        one.optimizer.load_state_dict(state)


def _adam_state(
    tensors: Mapping[str, Tensor], name: str, optimised: OptimisedModule
) -> dict[str, Tensor]:
    """Tensors of the shapes of Adam's state, for the weights that it has moved so far."""
    groups = optimised.optimizer.param_groups
    expected: dict[str, Tensor] = {}
    for index, weight in enumerate(weight for group in groups for weight in group["params"]):
        entries = {"step": torch.zeros(()), "exp_avg": weight, "exp_avg_sq": weight}
        named = {f"{name}/{index}/{entry}": like for entry, like in entries.items()}
        if named.keys() & tensors.keys():  # none of a weight that never had a gradient
            expected |= named
    return expected


def _check_fit(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    problems = [f"{key} is missing" for key in expected if key not in found]
    problems += [f"{key} is unknown" for key in found if key not in expected]
    problems += [
        f"{key} has shape {tuple(found[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in expected
        if key in found and found[key].shape != expected[key].shape
    ]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ValueError(problems[0] + more)


def _under(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The entries below a name, without it."""
    return {key[len(name) + 1 :]: t for key, t in tensors.items() if key.startswith(name + "/")}

"""What a training loop holds: where it stands, and its tensors by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgm_audio.objective import Task
from dgm_audio.training.steps import Player


@dataclass
class Progress:
    """Where a run stands; saved with its state.

    Attributes:
        float32: a step was spoiled by bfloat16; from then on there is none.
        judging: seconds that judging took so far.
        judgement: seconds that the dearest judgement took.
        sounds: number of sounds that models are judged by; 0 if it was not chosen by time.
        metric: name of what `best` is a value of; "" in a run of before it was kept.
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


def players_of(player: Player, critic: Player | None) -> dict[str, Player]:
    """The players of a run, by the names that their optimizers are saved under."""
    players = {"generator_optimizer": player}
    return players if critic is None else players | {"critic_optimizer": critic}


def own_tensors(objective: nn.Module) -> dict[str, Tensor]:
    """What an objective remembers, and learns, beside its generator."""
    learned = {key: value.data for key, value in objective.named_parameters(recurse=False)}
    return learned | dict(objective.named_buffers(recurse=False))


def gathered(
    modules: Mapping[str, nn.Module], players: Mapping[str, Player], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """All tensors under names with slashes.

    Args:
        modules: networks, by name.
        players: of which the optimizers are kept, by name.
        own: further tensors, of the objective.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
    tensors |= {f"objective/{key}": value for key, value in own.items()}
    for name, player in players.items():
        for index, entry in player.optimizer.state_dict()["state"].items():
            tensors |= {f"{name}/{index}/{key}": value for key, value in entry.items()}
    return tensors


def restore(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    players: Mapping[str, Player],
    own: Mapping[str, Tensor],
) -> None:
    """Put what `gathered` gave back in place; nothing is changed unless everything fits.

    Args:
        tensors: by name.
        modules: as for `gathered`.
        players: as for `gathered`; those whose optimizer remembers nothing have made no step.
        own: as for `gathered`.

    Raises:
        ValueError: if a tensor is missing, unknown or of another shape; the message names one.
    """
    expected = gathered(modules, {}, own)
    for name, player in players.items():
        expected |= _memory(tensors, name, player)
    _check_fit(tensors, expected)
    for name, module in modules.items():
        module.load_state_dict(_under(tensors, name))
    for key, value in own.items():
        value.copy_(tensors[f"objective/{key}"])
    for name, player in players.items():
        state = player.optimizer.state_dict()
        state["state"] = {}
        for key, value in _under(tensors, name).items():
            index, entry = key.split("/")
            state["state"].setdefault(int(index), {})[entry] = value
        player.optimizer.load_state_dict(state)


def _memory(tensors: Mapping[str, Tensor], name: str, player: Player) -> dict[str, Tensor]:
    """Tensors like those that an Adam remembers of the weights that it has moved so far."""
    groups = player.optimizer.param_groups
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

"""What a training loop holds, as named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from dgm_audio.training.steps import Player


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
    """Put what `gathered` gave back in place.

    Raises:
        RuntimeError: if a module has another shape.
    """
    for name, module in modules.items():
        module.load_state_dict(_under(tensors, name))
    known = _under(tensors, "objective")
    for key, value in own.items():
        value.copy_(known.get(key, value))
    for name, player in players.items():
        state = player.optimizer.state_dict()
        state["state"] = {}
        for key, value in _under(tensors, name).items():
            index, entry = key.split("/")
            state["state"].setdefault(int(index), {})[entry] = value
        player.optimizer.load_state_dict(state)


def _under(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The entries below a name, without it."""
    return {key[len(name) + 1 :]: t for key, t in tensors.items() if key.startswith(name + "/")}

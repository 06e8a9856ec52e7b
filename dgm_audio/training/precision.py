"""In which precision the networks of a run compute, and how a step is taken back.

bfloat16 has the range of float32, so that losses need no scaling; but not every operation of every
processor is right in it: with AMX a convolution of few samples gives NaN now and then. A step that
is not finite in bfloat16 is therefore done again in float32, and a run that this helps goes on so.
"""

from __future__ import annotations

import sys
from copy import deepcopy

import torch
from torch import nn
from tqdm import tqdm

from dgm_audio.errors import ConfigError
from dgm_audio.training.steps import OptimisedModule

PRECISIONS = ("auto", "float32", "bfloat16")


def in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether networks are trained in bfloat16.

    Args:
        precision: auto, float32 or bfloat16; auto takes bfloat16 where it is faster.
        device: that trains them.

    Raises:
        ConfigError: if the precision is another word.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision is {precision!r}; it is one of {', '.join(PRECISIONS)}")
    if precision == "auto":
        return device.type == "cuda" or _fast_bfloat16()
    return precision == "bfloat16"


def _fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (four times as fast as float32)."""
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every build of torch
    return bool(probe and probe())


def say_bfloat16() -> None:
    """Say at the start of a run how its networks compute, and how not to."""
    print("networks train in bfloat16 (--precision float32 if they should not)", file=sys.stderr)


def say_float32(step: int) -> None:
    """Say that a run has left bfloat16, without breaking its progress bar."""
    words = f"step {step} is finite in float32, but not in bfloat16: the run goes on in float32"
    tqdm.write(words, file=sys.stderr)


class Undo:
    """Takes back what a step did that moved no weight of the generator.

    Such a step may have moved the discriminator, and what modules remember: a count, a vector of a
    spectral norm, sounds of the model itself.

    Args:
        objective: with the generator.
        critic: the discriminator, if the step has one.
    """

    def __init__(self, objective: nn.Module, critic: OptimisedModule | None) -> None:
        self._objective, self._critic = objective, critic
        self._buffers = {name: buffer.clone() for name, buffer in objective.named_buffers()}
        if critic is not None:
            self._weights = deepcopy(critic.module.state_dict())
            self._memory = deepcopy(critic.optimizer.state_dict())

    @torch.no_grad()
    def __call__(self) -> None:
        """Put everything back to where it was when this was made."""
        for name, buffer in self._objective.named_buffers():
            buffer.copy_(self._buffers[name])
        if self._critic is not None:
            self._critic.module.load_state_dict(self._weights)
            # a copy: an optimizer moves the very tensors that it is given
            self._critic.optimizer.load_state_dict(deepcopy(self._memory))

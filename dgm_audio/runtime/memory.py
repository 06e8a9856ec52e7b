"""A GPU whose memory is full: fewer sounds at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from dgm_audio.errors import InputError

Condition = dict[str, Tensor]


def in_parts(
    make: Callable[[Tensor, Condition, int], Tensor], z: Tensor, condition: Condition, length: int
) -> Tensor:
    """make(z, condition, length), of ever fewer items at a time while the GPU's memory is full.

    An item depends on its own latent and condition only, so the parts together are the whole. A
    warning says how many are made at a time.

    Args:
        make: audio (B, C, T) of latents and conditions.
        z: latents (B, D, L).
        condition: tensors with leading dimension B.
        length: T.

    Raises:
        InputError: if not even one item fits.
    """
    try:
        return make(z, condition, length)
    except torch.OutOfMemoryError:
        size = len(z)  # what follows is outside, since the error keeps tensors alive
    while size > 1:
        size = (size + 1) // 2
        places = [slice(start, start + size) for start in range(0, len(z), size)]
        try:
            parts = [
                make(z[at], {key: value[at] for key, value in condition.items()}, length)
                for at in places
            ]
        except torch.OutOfMemoryError:
            continue
        warnings.warn(
            f"the GPU's memory is full with {len(z)} sounds at once; made {size} at a time",
            stacklevel=3,
        )
        return torch.cat(parts)
    raise InputError(
        f"the GPU's memory is too small for a sound of {length} samples; ask for a shorter one, or "
        "use device 'cpu'"
    )

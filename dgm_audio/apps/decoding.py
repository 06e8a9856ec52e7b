"""One sound at a time and on one thread: its bytes depend on nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dgm_audio.generator import AudioGenerator


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in an order that does not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def decode_one(
    model: AudioGenerator, z: Tensor, condition: Mapping[str, Any], length: int
) -> Tensor:
    """The sound (C, T) of one latent (1, D, L), on the CPU.

    Raises:
        InputError: if an argument is not allowed.
    """
    with torch.no_grad(), one_thread():
        return model.decode(z, condition, length=length)[0].cpu()

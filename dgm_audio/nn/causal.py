"""Causal layers, and the history that they keep from block to block.

A sound may come in blocks: a causal layer then needs the last few frames of the block before, which
a `History` keeps; at the start of a sound they are zeros. So a whole sound and its blocks give the
same result.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.nn.convnext import ConvNeXtBlock
from dgm_audio.nn.rowwise import is_plain, shared


class History:
    """The state that causal layers keep of the blocks so far, each under a key of its own.

    Example:
        >>> history, key = History(), "layer"
        >>> history.joined(key, torch.tensor([[1.0, 2.0]]), past=1)
        tensor([[0., 1., 2.]])
        >>> history.joined(key, torch.tensor([[3.0]]), past=1)
        tensor([[2., 3.]])
        >>> history.counted("frames", 4), history.counted("frames", 4)
        (0, 4)
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def joined(self, key: Hashable, x: Tensor, past: int, dim: int = -1) -> Tensor:
        """The last `past` frames before x, zeros where there were none, and x, along `dim`."""
        dim = dim % x.ndim
        before = self._kept.get(key)
        if before is None:
            shape = [past if axis == dim else size for axis, size in enumerate(x.shape)]
            before = x.new_zeros(shape)
        known = before if isinstance(before, Tensor) else torch.from_numpy(before)
        both = torch.cat([known, x], dim)
        self._kept[key] = both.narrow(dim, both.shape[dim] - past, past)
        return both

    def counted(self, key: Hashable, count: int) -> int:
        """The number of items before the next `count`."""
        before = self._kept.get(key, 0)
        self._kept[key] = before + count
        return before

    def get(self, key: Hashable) -> Any:
        """The value under a key, or None."""
        return self._kept.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value of any kind."""
        self._kept[key] = value


class CausalBlock(ConvNeXtBlock):
    """A causal `ConvNeXtBlock`: a frame depends on itself and on the `kernel - 1` before it."""

    def forward(self, x: Tensor, history: History) -> Tensor:
        """(N, L, width) -> (N, L, width)."""
        if is_plain(x):
            return torch.from_numpy(self.loops(np.ascontiguousarray(x.numpy()), history))
        taps = self.depthwise.weight[:, 0].T.contiguous().to(x.dtype)  # (kernel, width)
        padded, frames = history.joined(self, x, len(taps) - 1, dim=1), x.shape[1]
        assert self.depthwise.bias is not None
        hidden = torch.addcmul(self.depthwise.bias.to(x.dtype), padded[:, :frames], taps[0])
        for start in range(1, len(taps)):
            hidden.addcmul_(padded[:, start : start + frames], taps[start])
        return self.mixed(x, hidden)

    def loops(self, x: np.ndarray, history: History) -> np.ndarray:
        """As `forward`, compiled."""
        from dgm_audio.runtime.kernels.row import block

        weights = history.get((self, "weights"))
        if weights is None:
            weights = self._weights()
            history.put((self, "weights"), weights)
        past = history.get(self)
        if past is None:
            past = np.zeros((len(x), self.depthwise.kernel_size[0] - 1, x.shape[2]), np.float32)
        elif isinstance(past, Tensor):  # a gradient was asked for so far
            past = past.detach().contiguous().numpy()
        made, kept = np.empty_like(x), np.empty_like(past)
        reach, last = past.shape[1], x.shape[1]

        def work(start: int, stop: int) -> None:
            for item in range(len(x)):
                one = slice(item, item + 1)
                own = past[one] if start == 0 else x[one, start - reach : start]
                rest = kept[one] if stop == last else np.empty_like(own)
                block(x[one, start:stop], made[one, start:stop], own, rest, *weights)

        shared(work, last)
        history.put(self, kept)
        return made

    def _weights(self) -> list[Any]:
        """Weights and biases in the order of use, after the norm's epsilon."""
        convolution, *layers = self.depthwise, self.norm, self.widen, self.narrow
        tensors = [convolution.weight[:, 0].T.contiguous(), convolution.bias]
        for layer in layers:
            tensors += [layer.weight, layer.bias]
        return [self.norm.eps, *(one.detach().numpy() for one in tensors)]


def through(blocks: Iterable[Any], x: Tensor, history: History) -> Tensor:
    """The output (N, L, width) of blocks, one after the other, of x (N, L, width)."""
    if not is_plain(x):
        for block in blocks:
            x = block(x, history)
        return x
    made = np.ascontiguousarray(x.numpy())
    for block in blocks:
        made = block.loops(made, history)
    return torch.from_numpy(made)

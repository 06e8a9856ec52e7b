"""The fast sampler on the CPU: packs a model's weights for the kernel and keeps its streams."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.families.autoregressive.contract import SteppedModel, Steps
from dgm_audio.families.autoregressive.packing import new_scratch, new_state, pack
from dgm_audio.nn.gated_packing import Precision, pad_biases
from dgm_audio.runtime.kernels import wavenet as kernel

GROUP = 16
"""Most streams that share a pass over the weights: more would not fit into the caches."""


class CompiledSampler:
    """Moves a batch of streams on, many times faster than `ReferenceSampler` (see `kernel`).

    A stream's result depends neither on the batch nor on the threads nor on the blocks, bit for
    bit.

    Args:
        model: on the CPU; its weights are copied.
        batch: streams.
        weights: "int16" rounds each row of a matrix to 16 bits and so halves what is read.
        threads: at most this many groups of streams run at a time; by default torch's number.

    Raises:
        InputError: if there are no such weights.
    """

    def __init__(
        self,
        model: SteppedModel,
        batch: int,
        *,
        weights: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        if weights not in ("float32", "int16"):
            raise InputError(f"weights is {weights!r}; it must be float32 or int16")
        self.threads = threads or torch.get_num_threads()
        self.frame = model.config.frame
        self.weights = pack(model, weights)
        self.shape = len(model.network.layers), model.config.width
        share = -(-batch // self.threads)
        size = min(GROUP, share if share < 4 else -(-share // 4) * 4)
        self.groups = [slice(i, min(i + size, batch)) for i in range(0, batch, size)]
        self.states = [
            new_state(self.weights, model, group.stop - group.start) for group in self.groups
        ]
        self.scratch = [new_scratch(self.weights, len(state.x)) for state in self.states]
        self.t = 0

    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """See `Sampler`.

        Raises:
            InputError: if a symbol is none of the model's.
        """
        given = tails if symbols is None else symbols
        assert given is not None
        shape, levels = tuple(given.shape), len(self.weights.values)
        known, chosen = np.zeros(shape), np.zeros(shape, np.int64)
        (known if symbols is None else chosen)[:] = given.numpy()
        if not 0 <= chosen.min() <= chosen.max() < levels:
            raise InputError(f"symbols must be integers from 0 to {levels - 1}")
        x, found, masses = np.empty(shape, np.float32), np.empty(shape), np.empty(shape)
        biases = pad_biases(bias, *self.shape)

        def run(number: int) -> None:
            group = self.groups[number]
            kernel.advance(
                self.weights,
                self.states[number],
                self.scratch[number],
                self.t,
                self.frame,
                biases[group].reshape(-1),
                known[group],
                symbols is None,
                chosen[group],
                x[group],
                found[group],
                masses[group],
            )

        if len(self.groups) == 1:
            run(0)
        else:
            with ThreadPoolExecutor(min(self.threads, len(self.groups))) as pool:
                list(pool.map(run, range(len(self.groups))))
        self.t += shape[1]
        return Steps(*(torch.from_numpy(part) for part in (chosen, x, found, masses)))

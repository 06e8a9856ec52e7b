"""Moves streams of a flow through time on the CPU: packs its weights, and keeps what was heard."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.families.flow import kernel
from dgm_audio.families.flow.packing import new_scratch, new_state, pack
from dgm_audio.runtime.gated_packing import Precision, pad_biases
from dgm_audio.signal.envelope import HOP

if TYPE_CHECKING:
    from dgm_audio.families.flow.flow import PredictiveFlow

GROUP = 16
"""Most streams that share a pass over the weights: more would not fit into the caches."""


class Sampler:
    """A batch of streams.

    A stream's result depends neither on the batch nor on the threads nor on the blocks, bit for
    bit.

    Args:
        model: its weights are copied.
        batch: streams.
        weights: "int16" rounds each row of a matrix to 16 bits and so halves what is read.
        threads: at most this many groups of streams run at a time; by default torch's number.
    """

    def __init__(
        self,
        model: PredictiveFlow,
        batch: int,
        *,
        weights: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        self.threads = threads or torch.get_num_threads()
        self.shape = len(model.network.layers), model.config.width
        self.frame, self.order = HOP // model.config.group, model.order
        self.weights = pack(model, weights)
        share = -(-batch // self.threads)
        size = min(GROUP, share if share < 4 else -(-share // 4) * 4)
        self.groups = [slice(i, min(i + size, batch)) for i in range(0, batch, size)]
        counts = [group.stop - group.start for group in self.groups]
        self.states = [new_state(self.weights, model, count) for count in counts]
        self.scratch = [new_scratch(self.weights, count) for count in counts]
        self.t = 0

    def advance(
        self,
        bias: Tensor,
        filters: tuple[Tensor, Tensor] | None,
        given: Tensor,
        *,
        back: bool = False,
    ) -> Tensor:
        """The next samples (B, T), float32, of latents (B, T); or `back`, latents of samples.

        Args:
            bias: (B, F, layers, 2R), F at least ceil(T / 64).
            filters: coefficients (B, F, P) and levels (B, F) of the envelope, if there is one.
            given: only the last block of a stream may have a T that is no multiple of 64.
            back: the inverse.
        """
        batch, length = given.shape
        known = given.detach().cpu().double().contiguous().numpy()
        biases = pad_biases(bias.cpu(), *self.shape)
        count = biases.shape[1]
        a, level = np.zeros((batch, count, 0)), np.ones((batch, count))
        if filters is not None:
            a, level = (part.cpu().contiguous().numpy() for part in filters)
        x, z = np.zeros((batch, self.order + length)), np.zeros((batch, length))

        def run(number: int) -> None:
            group, state = self.groups[number], self.states[number]
            x[group, : self.order] = state.heard
            kernel.advance(
                self.weights,
                state,
                self.scratch[number],
                self.t,
                self.frame,
                biases[group].reshape(-1),
                a[group],
                level[group],
                HOP,
                known[group],
                not back,
                x[group],
                z[group],
            )

        if len(self.groups) == 1:
            run(0)
        else:
            with ThreadPoolExecutor(min(self.threads, len(self.groups))) as pool:
                list(pool.map(run, range(len(self.groups))))
        self.t += length
        return torch.from_numpy(z if back else x[:, self.order :]).float()

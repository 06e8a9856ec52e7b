"""The network step by step in plain PyTorch: the reference that fast samplers are tested against.

A sampler keeps the state of a batch of streams and moves them on by a block at a time:

    sampler = ReferenceSampler(model, batch)
    steps = sampler.advance(bias, tails=tails)      # sample: tails pick the symbols
    steps = sampler.advance(bias, symbols=symbols)  # score: symbols are given, tails come out

Samplers differ in their arithmetic's order, so a symbol at the very edge of a tail may differ, and
what follows it. Each sampler agrees with itself bit for bit, whatever the batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive.contract import SteppedModel, Steps
from dgm_audio.families.autoregressive.distribution import (
    guarded,
    pick,
    tail_of_symbol,
)
from dgm_audio.families.autoregressive.lpc_prior import log_masses


class ReferenceSampler:
    """Eager PyTorch with state caches (see the module)."""

    def __init__(self, model: SteppedModel, batch: int) -> None:
        self.model, self.network = model, model.network
        device, width = model.device, model.config.width
        self.past = [
            torch.zeros(batch, layer.dilation, width, device=device) for layer in self.network.stack
        ]
        self.values = model.codec.values().to(device)
        self.predictor = model.predictor.start(batch)
        self.symbol = torch.full((batch,), model.codec.silence, device=device)
        self.x = torch.zeros(batch, device=device)
        self.t = 0

    @torch.no_grad()
    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """See `Sampler`."""
        given = tails if symbols is None else symbols
        assert given is not None
        rows = []
        for t in range(given.shape[1]):
            weights = guarded(self.log_masses(bias[:, t // self.model.config.frame]))
            self.symbol = pick(weights, given[:, t]) if symbols is None else given[:, t]
            self.x = (self.model.codec.emphasis * self.x + self.values[self.symbol]).clamp(-1, 1)
            self.predictor.update(self.x)
            rows.append((self.symbol, self.x, *tail_of_symbol(weights, self.symbol)))
        return Steps(*(torch.stack(column, dim=1) for column in zip(*rows, strict=True)))

    def log_masses(self, bias: Tensor) -> Tensor:
        """Log masses (B, K) of the next symbol, given its biases (B, layers, 2R)."""
        network, config = self.network, self.model.config
        prior = self.model.lpc_prior(self.x, self.predictor.predict())
        h = network.embed(self.model.codes(self.symbol, self.x, prior))
        skip = torch.zeros_like(h[:, :1])
        for index, (layer, past) in enumerate(zip(network.stack, self.past, strict=True)):
            slot = self.t % layer.dilation
            a = layer.present(h) + layer.past(past[:, slot].to(h.dtype)) + bias[:, index]
            past[:, slot] = h
            gated = torch.tanh(a[:, : config.width]) * torch.sigmoid(a[:, config.width :])
            out = layer.out(gated.to(h.dtype))
            h, skip = h + out[:, : config.width], skip + out[:, config.width :]
        self.t += 1
        head = network.head(F.relu(network.hidden(F.relu(skip))))
        return log_masses(head.float(), prior, self.model.edges, config.output)

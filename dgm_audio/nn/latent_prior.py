"""An autoregressive Gaussian over sequences of codes: exact, and it can be followed both ways.

    h_l = m(h_1 .. h_{l-1}) + s(h_1 .. h_{l-1}) z_l,    z_l ~ N(0, I)

m and s come from a recurrent network that reads the codes. Both directions run in float64: what
follows depends on what was, and rounding would grow from frame to frame.

References:
    Papamakarios et al., "Masked autoregressive flow for density estimation", 2017.
    Cho et al., "Learning phrase representations using RNN encoder-decoder" (GRU), 2014.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.causal import History

LOG_SCALE = (-5.0, 3.0)


class LatentPrior(nn.Module):
    """The map of the module's docstring, between z (N, D, L) and codes h (N, D, L).

    Args:
        latent: D.
        width: of the recurrent network.
    """

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.memory = nn.GRU(latent, width, batch_first=True)
        self.start = nn.Parameter(torch.zeros(width))
        self.said = nn.Linear(width, 2 * latent)
        nn.init.zeros_(self.said.weight)
        nn.init.zeros_(self.said.bias)

    def moments(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-scale (N, D, L) of each frame of codes (N, D, L), given those before."""
        start = self.start.expand(1, len(code), -1).contiguous()
        seen, _ = self.memory(code.transpose(1, 2)[:, :-1], start)
        seen = torch.cat([start.transpose(0, 1), seen], dim=1)
        mean, log_scale = self.said(seen).transpose(1, 2).chunk(2, dim=1)
        return mean, log_scale.clamp(*LOG_SCALE)

    def log_prob(self, code: Tensor) -> Tensor:
        """log p(h) of codes (N, D, L), in nats per frame (N, L)."""
        mean, log_scale = self.moments(code)
        z = (code - mean) * (-log_scale).exp()
        return -(0.5 * z.square() + log_scale + 0.5 * math.log(2 * math.pi)).sum(1)

    def whiten(self, code: Tensor, history: History) -> Tensor:
        """z (N, D, L) of codes (N, D, L)."""
        return self._follow(code, history, back=True)

    def colour(self, z: Tensor, history: History) -> Tensor:
        """Codes (N, D, L) of z (N, D, L)."""
        return self._follow(z, history)

    def _follow(self, given: Tensor, history: History, back: bool = False) -> Tensor:
        if not given.shape[2]:
            return given
        weights = [weight.double() for weight in self.memory.all_weights[0]]
        state = history.get(self)
        if state is None:
            state = self.start.double().expand(len(given), -1)
        weight, bias = self.said.weight.double(), self.said.bias.double()
        made = []
        for frame in given.double().unbind(2):
            mean, log_scale = F.linear(state, weight, bias).chunk(2, dim=1)
            scale = log_scale.clamp(*LOG_SCALE).exp()
            found = (frame - mean) / scale if back else mean + scale * frame
            state = torch.gru_cell(frame if back else found, state, *weights)
            made.append(found)
        history.put(self, state)
        return torch.stack(made, dim=2).to(given.dtype)

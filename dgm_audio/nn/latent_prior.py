"""An affine autoregressive transform of sequences of codes: a Gaussian prior that is invertible.

    forward    h_l = m(h_1 .. h_{l-1}) + s(h_1 .. h_{l-1}) z_l,    z_l ~ N(0, I)
    inverse    z_l = (h_l - m(h_1 .. h_{l-1})) / s(h_1 .. h_{l-1})

    z (N, D, L) <-> codes h (N, D, L)

m and s come from a recurrent network that reads the codes so far. Both directions run in float64,
since each frame depends on all before it and rounding errors would grow from frame to frame.

References:
    Papamakarios et al., "Masked autoregressive flow for density estimation", 2017.
    Cho et al., "Learning phrase representations using RNN encoder-decoder" (GRU), 2014.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.causal import History

if TYPE_CHECKING:
    from dgm_audio.runtime.kernels.prior import Weights

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
        self.said = nn.Linear(width, 2 * latent)  # mean and log-scale; a key of saved weights
        nn.init.zeros_(self.said.weight)
        nn.init.zeros_(self.said.bias)

    def moments(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-scale (N, D, L) of each frame of codes (N, D, L), given those before."""
        start = self.start.expand(1, len(code), -1).contiguous()
        states, _ = self.memory(code.transpose(1, 2)[:, :-1], start)
        states = torch.cat([start.transpose(0, 1), states], dim=1)
        mean, log_scale = self.said(states).transpose(1, 2).chunk(2, dim=1)
        return mean, log_scale.clamp(*LOG_SCALE)

    def log_prob(self, code: Tensor) -> Tensor:
        """log p(h) of codes (N, D, L), in nats per frame (N, L)."""
        mean, log_scale = self.moments(code)
        z = (code - mean) * (-log_scale).exp()
        return -(0.5 * z.square() + log_scale + 0.5 * math.log(2 * math.pi)).sum(1)

    def forward(self, z: Tensor, history: History) -> Tensor:
        """Codes (N, D, L) of noise z (N, D, L), which continue those in `history`."""
        return self._transform(z, history)

    def inverse(self, code: Tensor, history: History) -> Tensor:
        """Noise z (N, D, L) of codes (N, D, L), which continue those in `history`."""
        return self._transform(code, history, inverse=True)

    def _transform(self, given: Tensor, history: History, inverse: bool = False) -> Tensor:
        if not given.shape[2]:
            return given
        state = history.get(self)
        if state is None:
            state = self.start.double().expand(len(given), -1)
        learns = torch.is_grad_enabled() and any(
            one.requires_grad for one in (given, state, *self.parameters())
        )
        loops = given.device.type == "cpu" and not learns and not torch.compiler.is_compiling()
        go = self._compiled if loops else self.in_torch
        made, state = go(given.double(), state, inverse, history)
        history.put(self, state)
        return made.to(given.dtype)

    def in_torch(
        self, given: Tensor, state: Tensor, inverse: bool, _: History | None = None
    ) -> tuple[Tensor, Tensor]:
        """Transform z (N, D, L), or codes if `inverse`, from a state (N, width); float64.

        Differentiable, on all devices, and the reference for the compiled loop.

        Returns:
            The codes, or z, (N, D, L) and the last state (N, width).
        """
        weights = [weight.double() for weight in self.memory.all_weights[0]]
        weight, bias = self.said.weight.double(), self.said.bias.double()
        made = []
        for frame in given.unbind(2):
            mean, log_scale = F.linear(state, weight, bias).chunk(2, dim=1)
            scale = log_scale.clamp(*LOG_SCALE).exp()
            found = (frame - mean) / scale if inverse else mean + scale * frame
            state = torch.gru_cell(frame if inverse else found, state, *weights)
            made.append(found)
        return torch.stack(made, dim=2), state

    def _compiled(
        self, given: Tensor, state: Tensor, inverse: bool, history: History
    ) -> tuple[Tensor, Tensor]:
        from dgm_audio.runtime.kernels.prior import transform

        weights = history.get((self, "weights"))
        if weights is None:
            weights = self._packed()
            history.put((self, "weights"), weights)
        state = state.detach().clone(memory_format=torch.contiguous_format)
        frames = given.detach().transpose(1, 2).contiguous()
        made = torch.empty_like(frames)
        transform(weights, *LOG_SCALE, state.numpy(), frames.numpy(), made.numpy(), inverse)
        return made.transpose(1, 2), state

    def _packed(self) -> Weights:
        from dgm_audio.runtime.kernels.prior import Weights, padded, tiles

        exact = torch.float64 if self.start.dtype == torch.float64 else torch.float32
        tensors = (*self.memory.all_weights[0], self.said.weight, self.said.bias)
        arrays = [one.detach().to(exact).numpy() for one in tensors]
        of_code, of_state, code_bias, state_bias, output, output_bias = arrays
        return Weights(
            of_state=tiles(np.concatenate([of_state, output])),
            of_code=tiles(of_code),
            state_bias=padded(np.concatenate([state_bias, output_bias])),
            code_bias=padded(code_bias),
        )

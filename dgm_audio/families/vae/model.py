"""A variational autoencoder of one-shots: one code per clip, spectrogram in, waveform out.

    h ~ q(h | x) = N(mu(x), diag sigma(x)^2),    log|X| ~ Laplace(m(h, c), s),
    h = mean_c + scale_c z,    z ~ N(0, I)

    encode   x (B, 1, T) -> log|X| (B, F, L) -> encoder -> code h (B, D) -> z (B, D, 1)
    decode   z (B, D, 1) -> code h (B, D) -> frames (B, L, width) -> ISTFT head -> x (B, 1, T)

The last line of the formula is the prior, fitted after training (see `families.spectrogram`).
Interpolating z morphs the sound.

References:
    Kingma and Welling, "Auto-encoding variational Bayes", 2014.
    Ghosh et al., "From variational to deterministic autoencoders", 2020 (fitting the prior after).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dgm_audio.families.spectrogram import SpectrogramConfig, SpectrogramGenerator
from dgm_audio.specs import Condition


class SpectrogramVAE(SpectrogramGenerator):
    """Variational autoencoder with an STFT encoder and an ISTFT decoder (see the module)."""

    family = "vae"

    def __init__(self, config: SpectrogramConfig) -> None:
        super().__init__(config)
        self.log_scale = nn.Parameter(torch.zeros(self.head.bins))

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, 1) of audio (B, 1, T): the posterior mean, in prior coordinates.

        Sounds shorter than a clip are padded with silence at the end.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        mean, _ = self.posterior(x, values)
        return self.latent_of_code(mean, self.labels(values, len(x)))[:, :, None]

    def elbo(
        self, x: Tensor, condition: Condition = None, *, rng: torch.Generator | None = None
    ) -> Tensor:
        """Lower bound of log p(u | c) in nats per clip, (B,), of a stated representation u.

        u = log(max(|STFT(x)|, 0.003)), F x L numbers per clip, with an independent Laplace density
        around m(h, c) and one learned scale per frequency bin. It is no bound on log p(x): phases
        are not part of u. One code is drawn per call (reparametrised), from `rng`, which lies where
        the model does, or from torch's global state.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        u = self.log_magnitude(x)
        mean, log_variance = self.posterior(x, values)
        noise = torch.empty_like(mean).normal_(generator=rng)
        code = mean + (0.5 * log_variance).exp() * noise
        frames, source = self.frames(code, values), self.harmonics(values)
        expected = self.head.controls(frames, source).log_magnitude()
        labels = self.labels(values, len(x))
        return self.log_density(u, expected) - self.prior_kl(mean, log_variance, labels)

    def log_density(self, u: Tensor, expected: Tensor) -> Tensor:
        """sum over f, l of log Laplace(u | expected, s_f), nats per clip (B,)."""
        log_scale = self.log_scale.float().clamp(-3, 3)[:, None]
        nats = -(u - expected).abs() * (-log_scale).exp() - log_scale - math.log(2)
        return nats.sum(dim=(1, 2))

    def prior_kl(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> Tensor:
        """KL(q(h | x) || p(h | c)) in nats per clip (B,), exact."""
        scale = self.prior_scale[labels].float()
        spread = torch.linalg.solve_triangular(
            scale, torch.diag_embed((0.5 * log_variance).exp()), upper=False
        )
        distance = self.latent_of_code(mean, labels)
        log_det = scale.diagonal(dim1=1, dim2=2).log().sum(1)
        moments = spread.square().sum((1, 2)) + distance.square().sum(1) - mean.shape[1]
        return 0.5 * (moments - log_variance.sum(1)) + log_det

"""A variational autoencoder of long recordings: a code per hop, causal, so that it runs live.

    h_l ~ q(h_l | x) = N(mu_l(x), diag sigma_l(x)^2),    x = decoder(h_1 .. h_l)
    h_l = m(h_<l) + s(h_<l) z_l,    z_l ~ N(0, I)

    decode   z (B, D, L) -> prior -> codes h (B, D, L) -> decoder -> frames (B, L * frames, width)
             -> head: partials + shaped noise -> x (B, C, L * hop)
    encode   x (B, C, T) -> log-STFT (B, L * frames, C * F) -> encoder -> h (B, D, L)
             -> inverse prior -> z (B, D, L),    L = ceil(T / hop)

The last line of the formula is the prior, an affine autoregressive transform that learns how codes
follow each other: white noise decodes to coherent sound, and each sound has its z. Encoder and
decoder are causal ConvNeXt blocks over frames; the head makes partials, whose phases follow from
their magnitudes, and shaped noise. A code depends on `delay` hops of audio after its own: in a live
stream that is the latency. A sound beyond full scale is lowered (`signal.full_scale`).

Interpolation: z is the innovation of each frame, given the past; halfway between the z of two
recordings lies another piece of music, not a crossfade. To morph sounds, interpolate the codes
(`codes`, `latents`), which describe what a frame sounds like.

References:
    Caillon and Esling, "RAVE: a variational autoencoder for fast and high-quality neural audio
    synthesis", 2021.
    Kingma and Welling, "Auto-encoding variational Bayes", 2014.
    Papamakarios et al., "Masked autoregressive flow for density estimation", 2017 (the prior).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.vae_stream.config import StreamConfig, check_sizes
from dgm_audio.families.vae_stream.network import StreamDecoder, StreamEncoder, log_magnitude
from dgm_audio.families.vae_stream.stream import Stream
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.causal import History
from dgm_audio.nn.latent_prior import LatentPrior
from dgm_audio.nn.rowwise import product
from dgm_audio.nn.stream_head import StreamControls, StreamHead
from dgm_audio.nn.texture import FrameTexture
from dgm_audio.signal.full_scale import Limiter
from dgm_audio.specs import AudioSpec, Condition, ConditionSpec, LatentSpec

CHUNK = 128
"""Codes that are decoded at a time, so that long sounds take no more memory."""


class StreamVAE(AudioGenerator):
    """Variational autoencoder of recordings of any length (see the module).

    Attributes:
        delay: hops of audio after its own that a code depends on.
        centre: mean code (D,).
        axes: directions (D, D) of the codes, one per row, by falling share of their variance.
        spread: deviation of the codes along each axis (D,).
        certainty: nats (D,) that a code carries along each axis, on average.
    """

    family = "vae-stream"
    config_class = StreamConfig
    centre: Tensor
    axes: Tensor
    spread: Tensor
    certainty: Tensor
    log_scale: Tensor

    def __init__(self, config: StreamConfig) -> None:
        super().__init__()
        self.config = config
        check_sizes(config)
        self.hop = config.hop * config.frames
        self.delay = -(-(config.n_fft - config.hop) // self.hop)
        self.audio = AudioSpec(config.sample_rate, config.channels, config.length)
        self.latent = LatentSpec(config.latent, self.hop)
        self.condition = ConditionSpec()
        self.head = StreamHead(config.width, config.channels, config.n_fft, config.hop)
        bins, width, frames = config.channels * self.head.bins, config.width, config.frames
        late = self.delay * frames - self.head.overlap + 1
        self.encoder = StreamEncoder(bins, width, frames, config.encoder, config.latent, late)
        self.decoder = StreamDecoder(config.latent, bins, width, frames, config.decoder)
        self.prior = LatentPrior(config.latent, config.prior)
        self.texture = FrameTexture(config.latent, config.channels * self.hop)
        self.register_buffer("centre", torch.zeros(config.latent))
        self.register_buffer("axes", torch.eye(config.latent))
        self.register_buffer("spread", torch.ones(config.latent))
        self.register_buffer("certainty", torch.zeros(config.latent))
        self.register_buffer("log_scale", torch.zeros(self.head.bins))

    @property
    def _weight(self) -> Tensor:
        """A buffer that needs no search: a live stream reads device and type many times a block."""
        return self.centre

    @property
    def informative(self) -> int:
        """Number of axes that carry more than a tenth of a nat per code."""
        return int((self.certainty > 0.1).sum())

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return torch.cat(list(self._blocks(z, length)), dim=2)

    def decode_blocks(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        """The audio of decode(z), in blocks (B, C, t) as they are decoded.

        Raises:
            InputError: as `decode` does, before the first block.
            DecodeError: as `decode` does, at the block that is not finite.

        """
        z, _, length = self._check_call(z, condition, length)
        return (self._check_made(block) for block in self._blocks(z, length))

    def _blocks(self, z: Tensor, length: int) -> Iterator[Tensor]:
        history = History()
        codes = (self.prior(part, history) for part in z.split(CHUNK, dim=2))
        return self.blocks_of(codes, length)

    def blocks_of(self, codes: Iterator[Tensor], length: int) -> Iterator[Tensor]:
        """The audio of codes (B, D, n), which follow each other, in blocks (B, C, t)."""
        history, limiter, left = History(), Limiter(self.audio.sample_rate), length
        parts = (
            self.decode_with_history(part, history)
            for code in codes
            for part in code.split(CHUNK, dim=2)
        )
        for block in limiter.whole(parts):
            block = block[:, :, :left]
            left -= block.shape[2]
            if block.shape[2]:
                yield block

    def stream(self) -> Stream:
        """A new live stream, which encodes and decodes audio in blocks of whole hops."""
        return Stream(self)

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, L) of audio (B, C, T), L = ceil(T / hop): that of the posterior mean.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        self._check_condition(condition, len(x))
        mean, _ = self.posterior(self.padded(x))
        return self.prior.inverse(mean.to(self.dtype), History())

    def elbo(
        self, x: Tensor, condition: Condition = None, *, rng: torch.Generator | None = None
    ) -> Tensor:
        """Lower bound of log p(u) in nats per clip, (B,), of a stated representation u.

            E_q [ log p(u | h) + log p(h) - log q(h | x) ],    one h drawn per call

        u = log(max(|STFT(x)|, 0.03)), C x F numbers per STFT frame, with an independent Laplace
        density around that of the decoded sound, and one scale per frequency bin; p(h) is the
        learned prior. It is no bound on log p(x): phases are not part of u. The h is drawn from
        `rng`, which lies where the model does, or from torch's global state.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        self._check_condition(condition, len(x))
        padded = self.padded(x)
        mean, log_variance = self.posterior(padded)
        noise = torch.empty_like(mean).normal_(generator=rng)
        code = mean + (0.5 * log_variance).exp() * noise
        made = self.decode_clipped(code.to(self.dtype), History())
        return self.log_density(padded, made) + self.log_ratio(code, noise, log_variance).sum(1)

    # --- codes ---------------------------------------------------------------------------------

    def codes(self, z: Tensor, condition: Condition = None) -> Tensor:
        """Codes h (B, D, L) of latents z (B, D, L).

        Raises:
            InputError: if a shape or a value is not allowed.
        """
        z = self._check_latents(z)
        self._check_condition(condition, len(z))
        return self.prior(z, History())

    def latents(self, h: Tensor, condition: Condition = None) -> Tensor:
        """Latents z (B, D, L) of codes h (B, D, L).

        Raises:
            InputError: if a shape or a value is not allowed.
        """
        h = self._check_latents(h)
        self._check_condition(condition, len(h))
        return self.prior.inverse(h, History())

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, L) of q(h | x), of audio (B, C, L * hop)."""
        x = F.pad(x, (0, self.delay * self.hop))
        mean, log_variance = self.encode_with_history(x, History())
        return mean[:, :, self.delay :], log_variance[:, :, self.delay :]

    def encode_with_history(self, x: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, n) of codes, of the next audio (B, C, n * hop).

        They are `delay` codes late: the first `delay` of a sound are to be left out.
        """
        return self.encoder(self.encoder_input(x, history).to(self.dtype), history)

    def encoder_input(self, x: Tensor, history: History) -> Tensor:
        """Standardised log-magnitudes (B, frames, C * F) of the next audio (B, C, T)."""
        levels = log_magnitude(self.head.frames.spectrum(x.float(), history))
        scaled = (levels - self.head.level.float()) / self.head.spread.float()
        return scaled.transpose(1, 2).flatten(2)

    def decode_clipped(self, code: Tensor, history: History) -> Tensor:
        """As `decode_with_history`, clipped to [-1, 1]: the reconstruction in the bound."""
        return self.decode_with_history(code, history).clamp(-1, 1)

    def decode_with_history(self, code: Tensor, history: History) -> Tensor:
        """The next audio (B, C, n * hop) of codes (B, D, n); it may go beyond full scale."""
        controls = self.controls(code, history)
        first = history.counted(self.texture, code.shape[2])
        noise = self.texture(code, first)
        noise = noise.unflatten(2, (self.config.channels, -1)).transpose(1, 2).flatten(2)
        return self.synthesise(controls, noise, history)

    def controls(self, code: Tensor, history: History) -> StreamControls:
        """The head's curves for codes (B, D, n)."""
        return self.head.controls(*self.decoder(code, history))

    def synthesise(self, controls: StreamControls, noise: Tensor, history: History) -> Tensor:
        """Audio (B, C, T), not clipped, of the head's curves and white noise (B, C, T)."""
        return self.head.harmonic(controls, history) + self.head.noise(controls, noise, history)

    def axes_of(self, code: Tensor) -> Tensor:
        """Coordinates (B, D, L) of codes (B, D, L) on the axes, in standard deviations."""
        centred = (code - self.centre[:, None]).transpose(1, 2)
        return product(self.axes, centred).transpose(1, 2) / self.spread[:, None]

    def code_of(self, coordinates: Tensor) -> Tensor:
        """Codes (B, D, L) of coordinates (B, D, L) on the axes: the inverse of `axes_of`."""
        centred = (coordinates * self.spread[:, None]).transpose(1, 2)
        return product(self.axes.T, centred).transpose(1, 2) + self.centre[:, None]

    # --- the parts that training and the bound use ---------------------------------------------

    def padded(self, x: Tensor) -> Tensor:
        """Audio of whole hops, with silence at the end."""
        return F.pad(x, (0, -x.shape[2] % self.hop))

    def log_density(self, x: Tensor, made: Tensor) -> Tensor:
        """log Laplace(u(x) | u(made), s_f) summed over channels, bins and frames, nats (B,)."""
        gap = (self.levels(x) - self.levels(made)).abs()
        log_scale = self.log_scale.float()
        nats = -gap * (-log_scale).exp() - log_scale - math.log(2)
        return nats.sum(dim=(1, 2, 3))

    def levels(self, x: Tensor) -> Tensor:
        """u (B, C, L, F) of audio (B, C, T)."""
        return log_magnitude(self.head.frames.spectrum(x.float(), History()))

    def log_ratio(self, code: Tensor, noise: Tensor, log_variance: Tensor) -> Tensor:
        """log p(h) - log q(h | x) in nats per code (B, L), h = mean + sigma * noise."""
        prior = self.prior.log_prob(code.to(self.dtype)).float()
        entropy = 0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(1)
        return prior + entropy

    def levels_of_codes(self, x: Tensor) -> Tensor:
        """u of the frames of each code, (B, L, frames, C, F) of audio (B, C, (L + delay) * hop)."""
        levels = self.levels(x)[:, :, self.head.overlap - 1 :].transpose(1, 2)
        count = (x.shape[2] // self.hop - self.delay) * self.config.frames
        return levels[:, :count].unflatten(1, (-1, self.config.frames))

    @torch.no_grad()
    def start_from(self, levels: Tensor, basis: Tensor, weight: Tensor) -> None:
        """Set the linear parts: codes are coordinates, of unit variance, of the levels.

        Args:
            levels: u (N, frames, C, F) of real sounds, whose mean and deviation become the head's.
            basis: orthonormal directions (frames * C * F, D) of weighted levels.
            weight: of the bins (F,).
        """
        self.head.level.copy_(levels.mean((0, 1, 2)))
        self.head.spread.copy_(levels.std((0, 1, 2)).clamp_min(0.3))
        scale = (weight * self.head.spread).expand(levels.shape[1:]).flatten()
        centred = (levels - self.head.level).div(self.head.spread).flatten(1) * scale
        spread = (centred @ basis).std(0)
        spread = spread.clamp_min(1.0)  # what hardly changes here, other sounds may change much
        self.encoder.line.weight.copy_((basis / spread).T * scale)
        self.decoder.line.weight.copy_(basis * spread / scale[:, None])

    @torch.no_grad()
    def order_axes(self, mean: Tensor, log_variance: Tensor) -> None:
        """Find the axes of posterior means and log-variances (N, D) of many frames."""
        centre = mean.double().mean(0)
        centred = mean.double() - centre
        values, vectors = torch.linalg.eigh(centred.T @ centred / max(1, len(centred) - 1))
        values, vectors = values.flip(0).clamp_min(1e-12), vectors.flip(1)
        unsure = (vectors.square() * log_variance.double().exp().mean(0)[:, None]).sum(0)

        self.centre.copy_(centre)
        self.axes.copy_(vectors.T)
        self.spread.copy_(values.sqrt())
        self.certainty.copy_(0.5 * (values / unsure).log1p())

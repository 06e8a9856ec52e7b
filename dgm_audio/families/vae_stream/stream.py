"""Encoding and decoding while a sound is heard, block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.nn.causal import History
from dgm_audio.nn.latent_prior import LatentPrior
from dgm_audio.runtime.surroundings import in_own_precision
from dgm_audio.specs import AudioSpec


class StreamedModel(Protocol):
    """What a stream needs of its model, `StreamVAE`."""

    audio: AudioSpec
    prior: LatentPrior
    hop: int
    delay: int

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        ...

    def axes_of(self, code: Tensor) -> Tensor:
        """Where codes (B, D, L) lie along the axes."""
        ...

    def code_of(self, along: Tensor) -> Tensor:
        """The codes (B, D, L) that lie there along the axes."""
        ...

    def heeded(self, x: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, n) of the codes `delay` hops before (B, C, n * hop)."""
        ...

    def loud(self, code: Tensor, history: History) -> Tensor:
        """Audio (B, C, n * hop) of codes (B, D, n); it may go beyond full scale."""
        ...

    def _check_audio(self, x: Tensor) -> Tensor: ...

    def _check_latents(self, z: Tensor) -> Tensor: ...


class Stream:
    """One sound, or a batch of them, as it comes: what `StreamVAE.stream` gives.

    Encoder and decoder remember, each for itself, what they need of earlier blocks. Blocks one
    after the other are, bit for bit, what the model makes of the whole sound. A code needs to hear
    `latency` samples of what follows, so the first blocks give no frames, or fewer, and so many
    samples of silence at the end give the last ones. What is decoded may go beyond full scale,
    where the model's own `decode` lowers it: for blocks, `dgm_audio.signal.full_scale.Limiter`.

    `encode_axes` and `decode_axes` do the same between sound and the codes' axes
    (see `StreamVAE.axes_of`).

    Args:
        model: on any device.

    Attributes:
        hop: samples per frame; blocks are of n * hop samples.
        latency: samples between what goes in and what comes out, besides the block itself.

    Example:
        >>> from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE
        >>> stream = StreamVAE(StreamConfig(width=8, latent=2, prior=8)).eval().stream()
        >>> z = [stream.encode(torch.zeros(1, 2, 2048)) for _ in range(3)]
        >>> [block.shape[2] for block in z], stream.decode(z[2]).shape
        ([0, 2, 2], torch.Size([1, 2, 2048]))
    """

    def __init__(self, model: StreamedModel) -> None:
        self.model, self.hop = model, model.hop
        self.latency = model.delay * model.hop
        self._early, self._dtype = model.delay, model.dtype
        self._heeded, self._heard = History(), History()

    @property
    def device(self) -> torch.device:
        """The model's."""
        return self.model.device

    def latency_ms(self, block: int) -> float:
        """Milliseconds from a sound to its echo, with blocks of so many samples."""
        return 1000 * (self.latency + block) / self.model.audio.sample_rate

    @in_own_precision
    @torch.no_grad()
    def encode(self, block: Tensor) -> Tensor:
        """Latents z (B, D, n), n of at most T / hop frames, of the next block (B, C, T) of sound.

        Raises:
            InputError: if the block is not of whole hops, or its audio is not allowed.
        """
        return self.model.prior.whiten(self._code(block), self._heeded)

    @in_own_precision
    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The next block (B, C, n * hop) of sound, of latents z (B, D, n).

        Raises:
            InputError: if the latents are not allowed.
        """
        return self._sound(z, lambda z: self.model.prior.colour(z, self._heard))

    @in_own_precision
    @torch.no_grad()
    def encode_axes(self, block: Tensor) -> Tensor:
        """As `encode`, but the codes themselves, along the axes, in deviations."""
        return self.model.axes_of(self._code(block))

    @in_own_precision
    @torch.no_grad()
    def decode_axes(self, axes: Tensor) -> Tensor:
        """As `decode`, of codes along the axes (B, D, n)."""
        return self._sound(axes, self.model.code_of)

    def _code(self, block: Tensor) -> Tensor:
        x = self.model._check_audio(block)
        if x.shape[2] % self.hop:
            raise InputError(
                f"the block has {x.shape[2]} samples; it must be a multiple of {self.hop}"
            )
        mean, _ = self.model.heeded(x, self._heeded)
        early = min(self._early, mean.shape[2])
        self._early -= early
        return mean[:, :, early:].to(self._dtype)

    def _sound(self, given: Tensor, code_of: Callable[[Tensor], Tensor]) -> Tensor:
        if isinstance(given, Tensor) and given.ndim == 3 and given.shape[2] == 0:
            return given.new_zeros(len(given), self.model.audio.channels, 0)
        return self.model.loud(code_of(self.model._check_latents(given)), self._heard).float()

"""A live stream of a `StreamVAE`: encoding and decoding block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from dgm_audio._renamed import old_method
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
        """Coordinates (B, D, L) of codes (B, D, L) on the axes."""
        ...

    def code_of(self, coordinates: Tensor) -> Tensor:
        """Codes (B, D, L) of coordinates (B, D, L) on the axes."""
        ...

    def encode_with_history(self, x: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, n) of codes, of the next audio (B, C, n * hop)."""
        ...

    def decode_with_history(self, code: Tensor, history: History) -> Tensor:
        """The next audio (B, C, n * hop) of codes (B, D, n); it may go beyond full scale."""
        ...

    def _check_audio(self, x: Tensor) -> Tensor: ...

    def _check_latents(self, z: Tensor) -> Tensor: ...


class Stream:
    """A live stream of one sound, or a batch of them: the result of `StreamVAE.stream`.

    Encoder and decoder each have a history of the earlier blocks. Blocks one after the other give,
    bit for bit, what the model makes of the whole sound. A code depends on `latency` samples of
    audio that follow, so the first blocks give fewer frames, or none, and `latency` samples of
    silence at the end give the last ones. Decoded audio may go beyond full scale, where the model's
    own `decode` lowers it: for blocks, use `dgm_audio.signal.full_scale.Limiter`.

    `encode_axes` and `decode_axes` use coordinates of the codes on their axes instead of latents
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
        self._early, self._dtype = model.delay, model.dtype  # codes of before the sound's start
        self._encoder_history, self._decoder_history = History(), History()

    @property
    def device(self) -> torch.device:
        """The model's device."""
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
        return self.model.prior.inverse(self._code(block), self._encoder_history)

    @in_own_precision
    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The next block (B, C, n * hop) of sound, of latents z (B, D, n).

        Raises:
            InputError: if the latents are not allowed.
        """
        return self._decoded(z, lambda z: self.model.prior(z, self._decoder_history))

    @in_own_precision
    @torch.no_grad()
    def encode_axes(self, block: Tensor) -> Tensor:
        """As `encode`, but coordinates of the codes on the axes, in standard deviations."""
        return self.model.axes_of(self._code(block))

    @in_own_precision
    @torch.no_grad()
    def decode_axes(self, axes: Tensor) -> Tensor:
        """As `decode`, of coordinates (B, D, n) of the codes on the axes."""
        return self._decoded(axes, self.model.code_of)

    along, sound = old_method("encode_axes"), old_method("decode_axes")

    def _code(self, block: Tensor) -> Tensor:
        x = self.model._check_audio(block)
        if x.shape[2] % self.hop:
            raise InputError(
                f"the block has {x.shape[2]} samples; it must be a multiple of {self.hop}"
            )
        mean, _ = self.model.encode_with_history(x, self._encoder_history)
        early = min(self._early, mean.shape[2])
        self._early -= early
        return mean[:, :, early:].to(self._dtype)

    def _decoded(self, given: Tensor, code_of: Callable[[Tensor], Tensor]) -> Tensor:
        if isinstance(given, Tensor) and given.ndim == 3 and given.shape[2] == 0:
            return given.new_zeros(len(given), self.model.audio.channels, 0)
        return self.model.decode_with_history(
            code_of(self.model._check_latents(given)), self._decoder_history
        ).float()

"""Capabilities that only some families have, as Protocols: never methods that raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from torch import Tensor

from dgm_audio.specs import AudioSpec, Condition, ConditionSpec, LatentSpec

if TYPE_CHECKING:
    from dgm_audio.signal.mel import MelSpec


@runtime_checkable
class Encoder(Protocol):
    """A model that finds a latent for a given sound."""

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent z (B, D, L) of audio x (B, C, T), such that decode(z, c) is close to x."""
        ...


@runtime_checkable
class HasLogProb(Protocol):
    """A model with an exact likelihood."""

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Exact log p(x | c) in nats per clip, shape (B,)."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A model that decodes a long sound block by block."""

    def decode_blocks(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        """The audio of decode(z, c) in blocks (B, C, t), in order; iteration may stop anywhere."""
        ...


@runtime_checkable
class HasCodes(Protocol):
    """A model whose latents map to codes, the inputs of its decoder.

    Classes are separated in the codes, and distances between codes follow audible differences.
    """

    def codes(self, z: Tensor, condition: Condition = None) -> Tensor:
        """Codes h (B, D, L) of latents z (B, D, L)."""
        ...

    def latents(self, h: Tensor, condition: Condition = None) -> Tensor:
        """Latents z (B, D, L) of codes h (B, D, L): the exact inverse of `codes`."""
        ...


class LiveStream(Protocol):
    """One sound, or a batch of them, block by block: encoder and decoder remember earlier blocks.

    Blocks one after the other give, bit for bit, what the model makes of the whole sound, `latency`
    samples late; so many samples of silence at the end give the last ones.

    Attributes:
        hop: samples per frame of latents, a multiple of 128 (of the limiter's step); blocks are of
            n * hop samples.
        latency: samples by which the output is late, besides the block itself.
    """

    hop: int
    latency: int

    def latency_ms(self, block: int) -> float:
        """Milliseconds from a sound to its echo, with blocks of so many samples."""
        ...

    def encode(self, block: Tensor) -> Tensor:
        """Latents z (B, D, n), n of at most T / hop frames, of the next block (B, C, T)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """The next block (B, C, n * hop) of sound, of latents z (B, D, n)."""
        ...

    def encode_axes(self, block: Tensor) -> Tensor:
        """As `encode`, but coordinates of the codes on the axes, in standard deviations."""
        ...

    def decode_axes(self, axes: Tensor) -> Tensor:
        """As `decode`, of coordinates (B, D, n) of the codes on the axes."""
        ...


@runtime_checkable
class RunsLive(HasCodes, Protocol):
    """A model that encodes and decodes audio live, block by block, with codes on ordered axes.

    Attributes:
        spread: deviation of the codes along each axis (D,), falling.
        axes: directions (D, D) of the codes, one per row, by falling share of their variance.
        informative: how many of the axes carry information.
    """

    axes: Tensor
    spread: Tensor

    @property
    def informative(self) -> int:
        """How many of the axes carry information."""
        ...

    def stream(self) -> LiveStream:
        """A new stream, which encodes and decodes a sound block by block."""
        ...

    def axes_of(self, code: Tensor) -> Tensor:
        """Coordinates (B, D, L) of codes (B, D, L) on the axes, in standard deviations."""
        ...


@runtime_checkable
class HasElbo(Protocol):
    """A model with a lower bound of the likelihood of a stated representation of x."""

    def elbo(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Lower bound in nats per clip, shape (B,)."""
        ...


@runtime_checkable
class HasSymbols(Protocol):
    """A model that codes each sample as one of `audio.levels` symbols."""

    def symbols(self, x: Tensor) -> Tensor:
        """The int64 symbols (B, T) that are modelled, 0 to K - 1, of audio x (B, 1, T)."""
        ...


@runtime_checkable
class MakesMels(Protocol):
    """A model of mel spectrograms: all that `Vocoded` needs to make an `AudioGenerator` of it.

    An `nn.Module` with the specs of a generator; `audio` is that of the sound which the mels
    describe. An `AudioGenerator` with these two names more is one as well.
    """

    audio: AudioSpec
    latent: LatentSpec
    condition: ConditionSpec
    mel_spec: MelSpec

    def decode_mel(self, z: Tensor, condition: Condition = None, *, length: int) -> Tensor:
        """Log-mel frames (B, M, 1 + T // hop), as `LogMel(mel_spec)` would find in the sound.

        Args:
            z: latents (B, D, L), L = latent.frames(length).
            condition: by the names of `condition`.
            length: T, samples of the sound.
        """
        ...


@runtime_checkable
class Vocoder(Protocol):
    """A generator whose decode(z, {"mel": model.mel(x)}) resynthesises x from its mel spectrogram.

    Its `condition` has Frames(M, hop) named "mel", and `front` is the `LogMel` that computes them.
    A family may have vocoders and others, whose `front` is None: `dgm_audio.vocoded.mel_spec_of`
    tells them apart.
    """

    def mel(self, x: Tensor) -> Tensor:
        """The condition "mel" (B, M, 1 + T // hop) that describes audio (B, 1, T)."""
        ...


@runtime_checkable
class HasSteps(Protocol):
    """A model whose sounds solve a differential equation, in a number of steps."""

    def with_steps(self, steps: int) -> Self:
        """The same model with another number of steps of its solver; weights are shared."""
        ...

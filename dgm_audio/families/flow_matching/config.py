"""Sizes of a flow-matching model, and what it models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dgm_audio.errors import ConfigError
from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae_stream.config import StreamConfig


@dataclass(frozen=True)
class TextConfig:
    """Text as a condition.

    Args:
        symbols: that texts consist of (see `dgm_audio.text`).
        languages: of the texts, ISO 639-1.
        voices: names of the speakers.
        native: for each voice the language that it speaks if none is asked for, as an index.
        examples: for each language what is said where no text is given.
        width: channels of the encoder.
        blocks: of the encoder.
        semitones: by how much at most a voice is transposed, up and down; 0 for not at all.
    """

    symbols: tuple[str, ...]
    languages: tuple[str, ...]
    voices: tuple[str, ...]
    native: tuple[int, ...]
    examples: tuple[str, ...]
    width: int = field(default=144, metadata={"low": 8, "high": 1024})
    blocks: int = field(default=3, metadata={"low": 1, "high": 32})
    semitones: float = field(default=0.0, metadata={"low": 0.0, "high": 24.0})

    def __post_init__(self) -> None:
        """Refuse lists that do not belong together."""
        if not (self.symbols and self.languages and self.voices):
            raise ConfigError("config.text needs symbols, languages and voices")
        if len(self.native) != len(self.voices) or max(self.native) >= len(self.languages):
            raise ConfigError(
                f"config.text.native is {list(self.native)}; it must have an index of a language "
                f"for each of {len(self.voices)} voices"
            )
        if len(self.examples) != len(self.languages):
            raise ConfigError(
                f"config.text.examples has {len(self.examples)} texts for "
                f"{len(self.languages)} languages"
            )


@dataclass(frozen=True)
class FlowMatchingConfig:
    """Sizes of a `FlowMatching`; of vocoder, autoencoder and stream exactly one is given.

    Args:
        vocoder: log-mel frames are modelled, and this makes them audible.
        autoencoder: one code per clip of this autoencoder is modelled.
        heard_as: for each class (for all sounds, if there are none) the index of the autoencoder's
            class that decodes it; empty if the autoencoder has none.
        stream: the sequence of codes of this autoencoder is modelled.
        length: samples of a clip when nothing else is asked for.
        longest: samples of the longest sound.
        text: what is said is a condition.
        classes: names of the classes; empty for none.
        label: name of the class condition.
        pitches: lowest and highest MIDI number of the condition "pitch"; empty for none.
        width: channels of the velocity field.
        blocks: of the velocity field.
        style: numbers that all conditions but features of frames become.
        patch: frames per token.
        window: tokens that attention reaches to both sides.
        target: what the network predicts: the velocity, its difference to that of standard normal
            data ("correction"), or the end of the path.
        solver: of the differential equation.
        steps: of the solver.
        guidance: weight of the conditional velocity against the unconditional one; 1 is none.
        guided: between which times there is guidance.
    """

    vocoder: FlowConfig | None = field(default_factory=FlowConfig)
    autoencoder: SpectrogramConfig | None = None
    heard_as: tuple[int, ...] = ()
    stream: StreamConfig | None = None
    length: int = field(default=32768, metadata={"low": 1, "high": 2**24})
    longest: int = field(default=960_000, metadata={"low": 1, "high": 2**26})
    text: TextConfig | None = None
    classes: tuple[str, ...] = ()
    label: str = "class"
    pitches: tuple[float, ...] = ()
    width: int = field(default=264, metadata={"low": 8, "high": 4096})
    blocks: int = field(default=5, metadata={"low": 1, "high": 64})
    style: int = field(default=96, metadata={"low": 1, "high": 4096})
    patch: int = field(default=1, metadata={"low": 1, "high": 64})
    window: int = field(default=64, metadata={"low": 0, "high": 4096})
    target: Literal["velocity", "correction", "endpoint"] = "velocity"
    solver: Literal["euler", "midpoint", "heun"] = "euler"
    steps: int = field(default=4, metadata={"low": 1, "high": 1024})
    guidance: float = field(default=1.0, metadata={"low": 0.0, "high": 10.0})
    guided: tuple[float, float] = field(default=(0.0, 1.0), metadata={"low": 0.0, "high": 1.0})

    def __post_init__(self) -> None:
        """Refuse what does not say what is modelled."""
        given = [name for name in ("vocoder", "autoencoder", "stream") if getattr(self, name)]
        if len(given) != 1:
            raise ConfigError(
                f"config has {' and '.join(given) or 'none'} of vocoder, autoencoder and stream; "
                "exactly one says what is modelled"
            )
        if self.text is not None and self.vocoder is None:
            raise ConfigError("config.text is given; texts need a vocoder")
        self._check_autoencoder()
        low, high = self.guided
        if not 0 <= low < high <= 1:
            raise ConfigError(f"config.guided is {[low, high]}; it must be two times from 0 to 1")

    def _check_autoencoder(self) -> None:
        own = self.autoencoder
        classes = own.classes if own else ()
        wanted = max(1, len(self.classes)) if classes else 0
        fits = all(0 <= index < len(classes) for index in self.heard_as)
        if len(self.heard_as) != wanted or not fits:
            raise ConfigError(
                f"config.heard_as is {list(self.heard_as)[:20]}; it must be {wanted} indices of "
                f"the autoencoder's {len(classes)} classes"
            )
        if own and own.pitches != self.pitches:
            raise ConfigError(
                f"config.pitches is {list(self.pitches)}; it must be {list(own.pitches)}, as the "
                "autoencoder's"
            )

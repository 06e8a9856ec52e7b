"""Sizes of an inversion flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgm_audio.signal.mel import MelSpec


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of an `InversionFlow`.

    Args:
        mel: the frames in which it thinks of sound; their hop is that of the flow.
        length: samples of a clip when nothing else is asked for; there is no longest one.
        vocoder: whether the mel spectrogram is a condition; else it is foretold from the past.
        classes: names of the classes of a flow that is no vocoder; empty for none.
        width: channels of the network.
        blocks: of a vocoder's network.
        updates: multiplicative updates that bring magnitudes to the mel.
        ahead: hops that are sought beside the next one.
        iterations: of their phases.
        temperature: at which a vocoder sounds best, where nothing else is asked for.
    """

    mel: MelSpec = field(default_factory=lambda: MelSpec(16000))
    length: int = field(default=32768, metadata={"low": 1, "high": 2**24})
    vocoder: bool = True
    classes: tuple[str, ...] = ()
    width: int = field(default=320, metadata={"low": 8, "high": 2048})
    blocks: int = field(default=4, metadata={"low": 1, "high": 32})
    updates: int = field(default=3, metadata={"low": 0, "high": 100})
    ahead: int = field(default=7, metadata={"low": 0, "high": 64})
    iterations: int = field(default=10, metadata={"low": 1, "high": 1000})
    temperature: float = field(default=0.0, metadata={"low": 0.0, "high": 10.0})

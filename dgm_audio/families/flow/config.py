"""Sizes of an inversion flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgm_audio.signal.mel import MelSpec


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of an `InversionFlow`.

    Args:
        mel: the condition's frames; their hop is that of the flow.
        length: samples of a clip when nothing else is asked for; there is no longest one.
        vocoder: always true: flows without a mel condition are not supported any more.
        classes: always empty, likewise.
        width: channels of the network.
        blocks: ConvNeXt blocks of the network.
        updates: multiplicative updates that bring magnitudes to the mel.
        ahead: hops of look-ahead, whose phases are found together with the next one's.
        iterations: of the spectrogram inversion per hop.
        temperature: the default one for vocoding.

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

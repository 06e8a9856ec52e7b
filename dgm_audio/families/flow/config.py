"""Sizes of a predictive flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgm_audio.signal.mel import MelSpec


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of a `PredictiveFlow`.

    Args:
        sample_rate: in Hz.
        length: samples of a clip when nothing else is asked for; there is no longest one.
        classes: names of the classes; empty for none.
        mel: features of a log-mel condition, which makes it a vocoder; None for none.
        clock: whether the network is told how long ago the clip began, as one-shots want it.
        group: N, samples that one step of the network speaks of.
        width: R, channels of the residual path; multiples of 64 are fastest.
        skip: S, channels of the skip path.
        cycles: how often the dilations 1, 2, 4, ... begin anew.
        depth: layers of a cycle.
        hidden: units of the head's hidden layer.
        envelope: order of the filter that the mel describes; unused without a mel.
        predictor: order of the linear prediction from the past, a multiple of 16.
    """

    sample_rate: int = field(default=16000, metadata={"low": 1000, "high": 384000})
    length: int = field(default=24000, metadata={"low": 1, "high": 2**24})
    classes: tuple[str, ...] = ()
    mel: MelSpec | None = None
    clock: bool = True
    group: int = field(default=16, metadata={"low": 1, "high": 64})
    width: int = field(default=128, metadata={"low": 8, "high": 512})
    skip: int = field(default=128, metadata={"low": 8, "high": 1024})
    cycles: int = field(default=2, metadata={"low": 1, "high": 8})
    depth: int = field(default=7, metadata={"low": 1, "high": 12})
    hidden: int = field(default=128, metadata={"low": 8, "high": 1024})
    envelope: int = field(default=48, metadata={"low": 1, "high": 256})
    predictor: int = field(default=128, metadata={"low": 0, "high": 1024})

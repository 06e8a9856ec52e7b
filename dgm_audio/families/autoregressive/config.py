"""Sizes of a WaveNet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dgm_audio.signal.mel import MelSpec


@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of a `WaveNet`.

    Args:
        sample_rate: in Hz.
        length: samples of a clip when nothing else is asked for; there is no longest one.
        classes: names of the classes; empty for none.
        mel: features of a log-mel condition, which makes it a vocoder; None for none.
        clock: whether the time since the start of the clip is a condition, as for one-shots.

        width: R, channels of the residual path; multiples of 64 are fastest.
        skip: S, channels of the skip path.
        cycles: how often the dilations 1, 2, 4, ... begin anew.
        depth: layers of a cycle; the largest dilation is 2^(depth - 1).
        predictor: order of the linear prediction that the network corrects, a multiple of 16.
        levels: K, mu-law symbols, odd.
        emphasis: of the differential mu-law.
        output: "categorical", or "logistics" for a discretized mixture of logistics.
        components: logistics in the mixture.
        frame: samples per step of the conditions.
    """

    sample_rate: int = field(default=16000, metadata={"low": 1000, "high": 384000})
    length: int = field(default=24000, metadata={"low": 1, "high": 2**24})
    classes: tuple[str, ...] = ()
    mel: MelSpec | None = None
    clock: bool = True
    width: int = field(default=64, metadata={"low": 8, "high": 512})
    skip: int = field(default=64, metadata={"low": 8, "high": 1024})
    cycles: int = field(default=2, metadata={"low": 1, "high": 8})
    depth: int = field(default=10, metadata={"low": 1, "high": 12})
    predictor: int = field(default=128, metadata={"low": 0, "high": 1024})
    levels: int = field(default=255, metadata={"low": 3, "high": 4095})
    emphasis: float = field(default=0.85, metadata={"low": 0.0, "high": 0.99})
    output: Literal["categorical", "logistics"] = "categorical"
    components: int = field(default=8, metadata={"low": 1, "high": 64})
    frame: int = field(default=64, metadata={"low": 1, "high": 1024})

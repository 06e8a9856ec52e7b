"""Is a note at the pitch that was asked for? A tracker that is none of ours listens.

Some codes are drawn, and each is decoded at every semitone that model and tracker both know. A note
is in tune if swift-f0 hears a pitch (the median over the frames that it takes for voiced) within 50
cents of the one that was asked for; silence and noise are out of tune. Held-out notes are heard in
the same way beside them.

References:
    Nieradzik, "SwiftF0: fast and accurate monophonic pitch detection", 2025.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.figures import mean_of, ratio_of
from dgm_audio.evaluation.sampling import asked_for
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.pitch import frequency
from dgm_audio.signal.resampling import resample
from dgm_audio.specs import Scalar

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CODES = 20
CENTS = 50
RATE = 16000
HEARD = (31, 95)
"""MIDI numbers that the tracker can hear: 47 to 2,094 Hz."""
VOICED = 0.5

Tracker = Callable[[Tensor], float]
"""From audio (T,) at 16 kHz to its pitch in Hz, NaN if it has none."""


@dataclass
class Tuning:
    """What was found of a model.

    Args:
        figures: "in_tune" of the model's notes and "in_tune_real" of the test ones.
        clusters: of the model's notes: those of one code share a number.
        notes: what a reader must know.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    clusters: dict[str, Tensor] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def tuning(
    model: AudioGenerator, clips: ClipSet, seed: int, tracker: Tracker | None = None
) -> Tuning:
    """Hear whether notes are in tune; nothing is found of a model without a pitch.

    Args:
        model: any.
        clips: test notes, the set "reference".
        seed: of the codes.
        tracker: by default swift-f0, if it is installed; a note says so if not.
    """
    pitch = model.condition.fields.get("pitch")
    if not isinstance(pitch, Scalar):
        return Tuning()
    try:
        tracker = tracker or swift_f0()
    except ImportError as error:
        lacking = error.name or "swift_f0"
        return Tuning(notes=[f"in_tune is left out: {lacking} is not installed (dgm_audio[judge])"])
    low, high = max(math.ceil(pitch.low), HEARD[0]), min(math.floor(pitch.high), HEARD[1])
    asked = torch.arange(low, high + 1)
    found = [_in_tune(model, code, asked, clips.classes, seed, tracker) for code in range(CODES)]
    heard = (clips.pitches >= HEARD[0]) & (clips.pitches <= HEARD[1])
    real = torch.zeros(len(clips), dtype=torch.float64)
    for row in np.flatnonzero(heard).tolist():
        hertz = tracker(resample(clips.tensor([row])[0, 0], clips.sample_rate, RATE))
        real[row] = _near(hertz, float(clips.pitches[row]))
    figures = {"in_tune": mean_of(torch.cat(found), "notes")}
    if heard.any():
        figures["in_tune_real"] = ratio_of(real, torch.from_numpy(heard).double(), "reference")
    return Tuning(figures, {"notes": torch.arange(CODES).repeat_interleave(len(asked))})


def _in_tune(
    model: AudioGenerator,
    code: int,
    asked: Tensor,
    classes: tuple[str, ...],
    seed: int,
    tracker: Tracker,
) -> Tensor:
    """1 or 0 (M,) for one code at all the pitches that were asked for (M,)."""
    z, label = model.noise(1, seed=seed, first=code), torch.tensor([code % len(classes)])
    found = []
    for part in asked.split(8):
        many = z.expand(len(part), -1, -1)
        condition = asked_for(model, classes, label.expand(len(part)), part.float())
        with torch.no_grad():
            audio = model.decode(many, condition).cpu()[:, 0]
        heard = [tracker(resample(x, model.audio.sample_rate, RATE)) for x in audio]
        found += [_near(hertz, float(at)) for hertz, at in zip(heard, part, strict=True)]
    return torch.tensor(found, dtype=torch.float64)


def _near(hertz: float, pitch: float) -> float:
    """1 if a frequency is within 50 cents of a MIDI number, else 0, also for NaN."""
    wanted = float(frequency(torch.tensor(pitch)))
    return float(abs(1200 * math.log2(hertz / wanted)) <= CENTS) if hertz > 0 else 0.0


def swift_f0() -> Tracker:
    """The tracker.

    Raises:
        ImportError: if it is not installed.
    """
    from swift_f0 import SwiftF0  # pyright: ignore[reportMissingImports]

    detector: Any = SwiftF0(threads=1, spin=False)

    def track(x: Tensor) -> float:
        found = detector.detect(x.numpy(), RATE)
        voiced = found.confidence >= VOICED
        return float(np.median(found.pitch_hz[voiced])) if voiced.any() else math.nan

    return track

"""Named figures of what listeners notice: lists by kind of sound, and how a set is summed up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation.copies import weighted_median
from dgm_audio.evaluation.listening import general, music, notes, one_shots
from dgm_audio.evaluation.listening.sounds import Sounds
from dgm_audio.evaluation.spectra import batches, check_clips
from dgm_audio.generator import check_integer

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet
    from dgm_audio.data.clip_array import ClipArray

Kind = Literal["one-shots", "notes", "music"]
Summary = Literal["share", "median", "spread", "mean"]

LONG = 5.0
"""Seconds: longer clips are music."""
_BATCH = 32


@dataclass(frozen=True)
class Measure:
    """A figure of a set of clips.

    Args:
        key: its name in a report.
        title: its name in a table, at most 38 characters.
        unit: of the figure; "" for shares and other plain numbers.
        summary: how the clips' values become one figure: "share" of clips (the mean of zeros and
            ones), "median", "mean", or "spread" (the standard deviation).
        values: the values (B,) of a batch, NaN where there is none.
        digits: behind the point in a table.
    """

    key: str
    title: str
    unit: str
    summary: Summary
    values: Callable[[Sounds], Tensor]
    digits: int = 1

    def figure(self, values: Tensor, weights: Tensor | None = None) -> float:
        """One figure of a set of clips; NaN if no clip has a value.

        Args:
            values: of each clip (N,), as `measure` gives them.
            weights: how often each clip counts (N,); once by default.

        >>> values, counts = torch.tensor([1.0, 2.0, torch.nan, 6.0]), torch.tensor([2.0, 1, 5, 1])
        >>> MUSIC[1].summary, MUSIC[1].figure(values), MUSIC[1].figure(values, counts)
        ('median', 2.0, 1.0)
        """
        weights = torch.ones_like(values) if weights is None else weights
        counts = values.isfinite() & (weights > 0)
        values, weights = values[counts].double(), weights[counts].double()
        if not len(values):
            return math.nan
        if self.summary == "median":
            return weighted_median(values, weights)
        mean = float(weights @ values / weights.sum())
        if self.summary == "spread":
            return math.sqrt(float(weights @ (values - mean).square() / weights.sum()))
        return mean


ALL = (
    Measure("dc_offset", "DC offset, % of the peak", "%", "median", general.dc_offset, 2),
    Measure("clipped", "share with clipping", "", "share", general.clipped, 3),
    Measure("peak_dbfs", "peak level in dBFS", "dBFS", "median", general.peak_dbfs),
    Measure("peak_spread_db", "spread of the peak level in dB", "dB", "spread", general.peak_dbfs),
)
"""Of any sound."""

ONE_SHOTS = (
    Measure("begins_anew", "share with a second attack", "", "share", one_shots.begins_anew, 3),
    Measure("never_silent", "share that does not fade out", "", "share", one_shots.never_silent, 3),
    Measure("cut_off", "share cut off at the end", "", "share", one_shots.cut_off, 3),
    Measure("attack_ms", "attack in ms", "ms", "median", one_shots.attack_ms),
    Measure("peakiness_db", "height of partials in dB", "dB", "median", one_shots.peakiness_db),
)
"""Of drums, syllables and notes."""

NOTES = (
    Measure(
        "inharmonicity_cents",
        "inharmonicity in cents",
        "cents",
        "median",
        notes.inharmonicity_cents,
        2,
    ),
    Measure("beating_db", "beating of partials in dB", "dB", "median", notes.beating_db, 2),
    Measure(
        "harmonic_to_noise_db",
        "harmonic-to-noise ratio in dB",
        "dB",
        "median",
        notes.harmonic_to_noise_db,
    ),
    Measure(
        "harmonic_to_noise_spread_db",
        "spread of harmonic-to-noise ratio, dB",
        "dB",
        "spread",
        notes.harmonic_to_noise_db,
    ),
    Measure(
        "centroid_movement",
        "movement of the centroid in semitones",
        "semitones",
        "median",
        notes.centroid_movement,
        2,
    ),
    Measure(
        "pitch_movement_cents",
        "movement of the pitch in cents",
        "cents",
        "median",
        notes.pitch_movement_cents,
    ),
)
"""Of notes whose pitch is known."""

MUSIC = (
    Measure("beat_strength", "beat strength (noise: 0.1)", "", "mean", music.beat_strength, 2),
    Measure("key_clarity", "key clarity, correlation", "", "median", music.key_clarity, 2),
    Measure(
        "chroma_similarity",
        "chroma similarity beyond 6 s",
        "",
        "median",
        music.chroma_similarity,
        2,
    ),
    Measure(
        "stereo_correlation",
        "correlation of left and right",
        "",
        "median",
        music.stereo_correlation,
        2,
    ),
    Measure("level_range_db", "level range in dB", "dB", "median", music.level_range_db),
)
"""Of long clips."""

KINDS: dict[str, tuple[Measure, ...]] = {
    "one-shots": ALL + ONE_SHOTS,
    "notes": ALL + ONE_SHOTS + NOTES,
    "music": ALL + MUSIC,
}
"""What is measured of each kind of sound."""


def kind_of(clips: ClipSet) -> Kind:
    """Which kind of sound a data set has: pitches make notes, clips beyond 5 s music."""
    if torch.from_numpy(clips.pitches).isfinite().any():
        return "notes"
    return "music" if clips.audio.shape[2] > LONG * clips.sample_rate else "one-shots"


def measure(
    audio: Tensor | ClipArray,
    lengths: Tensor,
    sample_rate: int,
    kind: str,
    pitches: Tensor | None = None,
) -> dict[str, Tensor]:
    """The values of each clip, by the keys of `KINDS[kind]`.

    Args:
        audio: clips (N, C, T) as the model or the recording gives them, not peak-normalised.
        lengths: valid samples of each clip (N,); what follows counts as digital silence.
        sample_rate: in Hz.
        kind: "one-shots", "notes" or "music".
        pitches: MIDI numbers (N,), NaN where unknown; without them no measure of notes is defined.

    Returns:
        float64 (N,) on the CPU, NaN where a measure is not defined.

    Raises:
        InputError: if the kind is unknown, or shapes or values are not allowed.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; allowed are {', '.join(KINDS)}")
    check_integer("sample_rate", sample_rate, 1000, 768_000)
    if audio.ndim != 3 or 0 in audio.shape:
        raise InputError(f"clips have shape {tuple(audio.shape)}; expected (N, C, T)")
    count, _, length = audio.shape
    if pitches is None:
        pitches = torch.full((count,), torch.nan)
    for name, given in (("lengths", lengths), ("pitches", pitches)):
        if given.shape != (count,):
            raise InputError(f"{name} have shape {tuple(given.shape)}; expected ({count},)")
    if bool((lengths < 0).any()) or bool((lengths > length).any()):
        raise InputError(
            f"lengths are from {int(lengths.min())} to {int(lengths.max())}; "
            f"allowed are 0 to {length}"
        )
    found: list[dict[str, Tensor]] = []
    start = 0
    for part in batches(audio, _BATCH):
        rows = slice(start, start + len(part))
        start += len(part)
        own = lengths[rows].cpu()
        x = check_clips(part) * (torch.arange(length) < own[:, None])[:, None]
        sounds = Sounds(x, own, sample_rate, pitches[rows].cpu())
        found.append(_values(sounds, KINDS[kind]))
    return {key: torch.cat([values[key] for values in found]) for key in found[0]}


def _values(sounds: Sounds, measures: tuple[Measure, ...]) -> dict[str, Tensor]:
    """By key; measures of one function share its values."""
    functions = dict.fromkeys(item.values for item in measures)
    by_function = {function: function(sounds) for function in functions}
    return {item.key: by_function[item.values] for item in measures}

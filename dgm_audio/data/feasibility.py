"""An honest guess of what a data set can teach a model, from its amount and variety.

Rules of thumb, not measurements of the data at hand. The yardstick is a trial of the spectrogram
VAE on 564 drum one-shots in 12 classes: 15 minutes on two cores gave recognisable sounds that were
still too smooth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST_CLIPS = 8
"""With fewer nothing is trained: they say nothing about a distribution."""
FEW, SOME, MANY, PLENTY = 12, 60, 300, 3000
"""Numbers of different sounds from which on a model makes variations of them, recognisable but
blurred sounds, usable sounds, good ones."""
THIN_CLASS = 10
"""A class of fewer different sounds is mostly memorised."""

_VISITS = 32_000
_YARDSTICK_LENGTH = 65536

TITLES = {
    "too little": "too little data",
    "variations": "variations of these sounds",
    "a sketch": "recognisable, but blurred sounds",
    "usable": "usable sounds",
    "good": "good sounds",
}
"""Verdict -> how tables and pictures word it."""

_VERDICTS = (
    ("too little", "a model will only repeat these sounds; add recordings"),
    ("variations", "variations of and morphs between these sounds, many of them near copies"),
    ("a sketch", "recognisable sounds, blurred where real ones have texture; few surprises"),
    ("usable", "recognisable and varied sounds; texture needs the longer budgets"),
    ("good", "enough to learn from; the budget, not the data, is the limit"),
)


@dataclass(frozen=True)
class Feasibility:
    """What to expect.

    Args:
        verdict: "too little", "variations", "a sketch", "usable" or "good"; the JSON's values.
        lines: the reasons, one sentence each.
    """

    verdict: str
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """The verdict in plain words."""
        return TITLES[self.verdict]


def estimate(distinct: Mapping[str, int], clips: int, length: int) -> Feasibility:
    """What a model can learn.

    Args:
        distinct: different sounds of each class; near copies count once.
        clips: all clips.
        length: samples of a clip.

    Example:
        >>> estimate({"kick": 300, "snare": 4}, clips=400, length=65536).verdict
        'usable'
    """
    total = sum(distinct.values())
    if clips < LEAST_CLIPS:
        line = f"{clips} clips: training refuses fewer than {LEAST_CLIPS}; add recordings."
        return Feasibility(_VERDICTS[0][0], (line,))
    rank = sum(total >= bound for bound in (FEW, SOME, MANY, PLENTY))
    verdict, meaning = _VERDICTS[rank]
    lines = [f"{total} different sounds (near copies count once) in {clips} clips: {meaning}."]
    thin = {name: count for name, count in distinct.items() if count < THIN_CLASS}
    if thin and len(distinct) > 1 and rank > 0:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(thin.items()))
        lines.append(f"Too few to be more than near copies of the originals: {names}.")
    if 2 <= len(distinct) and max(distinct.values()) > 10 * max(1, min(distinct.values())):
        lines.append("Classes are very uneven: rare ones will sound worse than common ones.")
    passes = _VISITS * min(1.0, _YARDSTICK_LENGTH / length) / clips
    lines.append(
        f"20 minutes of training on two cores go about {passes:,.0f} times over each clip."
    )
    if 0 < total < SOME:
        lines.append("So few sounds are few to test on: evaluate will give wide intervals.")
    return Feasibility(verdict, tuple(lines))

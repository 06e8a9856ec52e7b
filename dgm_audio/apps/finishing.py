"""What is done to a sound between the model and the file: its end, and its level.

Provenance says so in two parameters, which are absent where nothing is done: `trim` (true) and
`level` ("peak", "lufs", or with a number: "peak=-3" in dBFS, "lufs=-16").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.loudness import LEVELS, measure_loudness
from dgm_audio.signal.loudness_meter import to_level

SILENCE_DB = -60.0
"""Below the largest sample: a sound that stays there has ended."""
FADE, SHORTEST = 0.02, 0.05
"""Seconds of the fade at the end, and of the shortest sound that is left."""
TARGETS = {"peak": (-60.0, 0.0), "lufs": (-60.0, -5.0)}
"""What may be asked for, in dBFS and in LUFS."""


def finished(x: Tensor, parameters: Mapping[str, Any], sample_rate: int) -> Tensor:
    """A sound (C, T) with the end and the level that the parameters of its provenance ask for.

    Raises:
        InputError: if a parameter is not allowed.
    """
    trim, level = parameters.get("trim", False), parameters.get("level", "none")
    if not isinstance(trim, bool):
        raise InputError(f"provenance: trim is {trim!r:.60}; it must be true or false")
    kind, target = parse_level(level)
    x = trimmed(x, sample_rate) if trim else x
    return x if kind == "none" else to_level(x, sample_rate, kind, target)[0]


def short_of(x: Tensor, sample_rate: int, level: str) -> str:
    """In words, if a sound (C, T) that was brought to a level stays below it; else empty."""
    kind, target = parse_level(level)
    if kind != "lufs":
        return ""
    found, wanted = (
        measure_loudness(x, sample_rate).lufs,
        LEVELS[kind] if target is None else target,
    )
    if not found < wanted - 0.2:
        return ""
    if found == -math.inf:
        return "silent, at any level"
    return f"stays at {found:.1f} LUFS: louder, its peaks would pass full scale"


def finish(trim: bool, level: str) -> dict[str, Any]:
    """The parameters for a sound's provenance; none for a sound that stays as it is.

    >>> finish(True, "none")
    {'trim': True}
    """
    return ({"trim": True} if trim else {}) | ({} if level == "none" else {"level": level})


def may_end(model: AudioGenerator) -> bool:
    """Whether the model makes one-shots, in clips of one length: they end where they end."""
    return model.latent.hop is None


def trimmed(x: Tensor, sample_rate: int) -> Tensor:
    """A sound (C, T) up to where it stays 60 dB below its largest sample, faded out there.

    At least 50 ms are left, and the last 20 ms go to silence; silence stays as it is.
    """
    loud = x.abs().amax(0)
    heard = torch.nonzero(loud > loud.max() * 10 ** (SILENCE_DB / 20))
    if not len(heard):
        return x
    fade = round(FADE * sample_rate)
    end = min(x.shape[1], max(int(heard[-1]) + 1 + fade, round(SHORTEST * sample_rate)))
    x, fade = x[:, :end].clone(), min(fade, end)
    steps = torch.arange(1, fade + 1, dtype=x.dtype) / fade
    x[:, end - fade :] *= 0.5 + 0.5 * torch.cos(math.pi * steps)
    return x


def parse_level(text: Any) -> tuple[str, float | None]:
    """The kind of a level, and its number if there is one.

    Raises:
        InputError: if it is none.

    >>> parse_level("lufs=-16"), parse_level("peak")
    (('lufs', -16.0), ('peak', None))
    """
    kind, equals, number = text.partition("=") if isinstance(text, str) else ("", "", "")
    if kind == "none" and not equals:
        return kind, None
    low, high = TARGETS.get(kind, (0.0, 0.0))
    try:
        target = float(number) if equals else None
    except ValueError:
        target = math.nan
    if kind not in LEVELS or (target is not None and not low <= target <= high):
        raise InputError(
            f"level is {text!r:.60}; it must be none, peak, lufs, peak=-60 to 0 (dBFS) or "
            "lufs=-60 to -5"
        )
    return kind, target

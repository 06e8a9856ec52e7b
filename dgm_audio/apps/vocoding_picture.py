"""Mel spectrograms one above the other: a recording, and what vocoders made of it.

All rows share the time axis, the bands of one `MelSpec`, and one level axis: dB below the loudest
point of the first row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from dgm_audio.apps.sheet import (
    _BACKGROUND,
    _CARD,
    _FREQUENCIES,
    _INK,
    _QUIET,
    _TEXT,
    RANGE_DB,
    _fit,
    _mel,
    _tick_step,
    _write,
)
from dgm_audio.errors import InputError
from dgm_audio.signal.mel import MelSpec

_WIDTH, _HEIGHT = 1200, 240
_GAP, _LEFT, _HEAD, _TITLE, _AXIS = 20, 62, 92, 40, 34
_CARD_HEIGHT = _TITLE + _HEIGHT + _AXIS


@dataclass(frozen=True)
class Row:
    """One spectrogram.

    Args:
        mel: natural log-mel (M, L), as `LogMel` gives it.
        title: left of the title line.
        note: right of it.
    """

    mel: Tensor
    title: str
    note: str = ""


def mel_picture(
    rows: Sequence[Row], spec: MelSpec, *, heading: str = "", subheading: str = ""
) -> Image.Image:
    """Draw the rows on one dark page.

    Args:
        rows: at least one, all of one shape; the first sets the levels.
        spec: of the mels.
        heading: large first line, such as the file's name.
        subheading: second line.

    Raises:
        InputError: if there are no rows, or their shapes differ or do not fit the spec.
    """
    shapes = {tuple(row.mel.shape) for row in rows}
    if len(shapes) != 1 or next(iter(shapes))[0] != spec.n_mels:
        raise InputError(
            f"the mels have shapes {sorted(shapes)}; all must be the same ({spec.n_mels}, L)"
        )
    size = (_WIDTH + _LEFT + 3 * _GAP, _HEAD + len(rows) * (_CARD_HEIGHT + _GAP))
    page = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(page)
    room = size[0] - 2 * _GAP
    _write(draw, (_GAP + 2, 16), _fit(heading, 30, room), 30, _TEXT)
    _write(draw, (_GAP + 2, 56), _fit(subheading, 17, room), 17, _QUIET)
    levels = [(20 / math.log(10) * row.mel.detach().float().cpu()).numpy() for row in rows]
    loudest, frames = float(levels[0].max()), levels[0].shape[1]
    for index, (row, level) in enumerate(zip(rows, levels, strict=True)):
        top = _HEAD + index * (_CARD_HEIGHT + _GAP)
        box = (_GAP, top, size[0] - _GAP - 1, top + _CARD_HEIGHT - 1)
        draw.rounded_rectangle(box, radius=10, fill=_CARD)
        plot = (_GAP + _LEFT, top + _TITLE)
        _write(draw, (plot[0], top + 10), row.title, 20, _TEXT)
        _write(draw, (plot[0] + _WIDTH, top + 14), row.note, 16, _QUIET, anchor="ra")
        page.paste(_shaded(level - loudest), plot)
        _axes(draw, plot, spec, frames * spec.hop / spec.sample_rate)
    return page


def _shaded(level: np.ndarray) -> Image.Image:
    """Picture of levels (M, L) in dB, 0 and above the brightest; every band and frame is a box."""
    shade = np.clip(level / RANGE_DB + 1, 0, 1)[::-1]
    places = np.linspace(0, 1, len(_INK))
    colours = np.stack([np.interp(shade, places, _INK[:, k]) for k in range(3)], axis=-1)
    picture = Image.fromarray(colours.round().astype(np.uint8))
    return picture.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)


def _axes(draw: ImageDraw.ImageDraw, plot: tuple[int, int], spec: MelSpec, seconds: float) -> None:
    """Frequencies (Hz) and times (s) around one row."""
    left, top = plot
    low, high = _mel(spec.f_min), _mel(spec.f_max)
    _write(draw, (left - 7, top + 6), "Hz", 13, _QUIET, anchor="rm")
    for hertz, label in _FREQUENCIES:
        share = (_mel(hertz) - low) / (high - low)
        if 0 <= share < 0.93:
            y = top + _HEIGHT * (1 - share)
            draw.line((left - 4, y, left - 1, y), fill=_QUIET)
            _write(draw, (left - 7, y), label, 13, _QUIET, anchor="rm")
    bottom, step = top + _HEIGHT, _tick_step(seconds)
    for index in range(int(seconds / step * 1.0001) + 1):
        x = left + min(index * step / seconds, 1) * (_WIDTH - 1)
        draw.line((x, bottom, x, bottom + 4), fill=_QUIET)
        unit = " s" if index == 0 else ""
        _write(draw, (x, bottom + 7), f"{index * step:g}{unit}", 13, _QUIET, anchor="ma")

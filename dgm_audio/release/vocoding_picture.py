"""Mel spectrograms one above the other: a recording, and what vocoders made of it.

All rows share the time axis, the bands of one `MelSpec`, and one level axis: dB below the loudest
point of the first row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dgm_audio import drawing
from dgm_audio.drawing import GAP, HEAD, QUIET, TEXT, write
from dgm_audio.errors import InputError
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.resynthesis import mel_error_db, mel_of, resynthesise
from dgm_audio.signal.mel import MelSpec
from dgm_audio.vocoded import mel_spec_of

PICTURE_SECONDS = 8
"""A picture shows so much of a recording, from its start."""
_WIDTH, _HEIGHT = 1200, 240
_LEFT, _TITLE, _AXIS = 62, 40, 34
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


def vocoded_picture(
    model: AudioGenerator, name: str, heading: str, x: Tensor, y: Tensor
) -> Image.Image:
    """The mels of a recording (C, T), of what Griffin-Lim makes of it, and of the model's (C, T).

    Of the first channel, and at most the first 8 s.
    """
    spec = mel_spec_of(model)
    count = PICTURE_SECONDS * spec.sample_rate
    x, y = x[:1, :count], y[:1, :count]
    sounds = [(name, y)]
    if not isinstance(model, GriffinLim):
        peer = GriffinLim(GriffinLimConfig(spec)).to(model.device)
        sounds = [("Griffin-Lim", torch.cat(list(resynthesise(peer, x)), dim=2)[:, 0]), *sounds]
    rows = [Row(mel_of(model, x)[0], "recording")]
    rows += [
        Row(mel_of(model, sound)[0], title, f"off by {mel_error_db(model, x, sound):.2f} dB")
        for title, sound in sounds
    ]
    facts = f"{spec.n_mels} bands, {spec.sample_rate} Hz, {x.shape[1] / spec.sample_rate:.2f} s"
    return mel_picture(rows, spec, heading=heading, subheading=facts)


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
    size = (_WIDTH + _LEFT + 3 * GAP, HEAD + len(rows) * (_CARD_HEIGHT + GAP))
    page, draw = drawing.page(size, heading, subheading)
    levels = [(20 / math.log(10) * row.mel.detach().float().cpu()).numpy() for row in rows]
    loudest, frames = float(levels[0].max()), levels[0].shape[1]
    for index, (row, level) in enumerate(zip(rows, levels, strict=True)):
        top = HEAD + index * (_CARD_HEIGHT + GAP)
        box = (GAP, top, size[0] - GAP - 1, top + _CARD_HEIGHT - 1)
        drawing.card(draw, box)
        plot = (GAP + _LEFT, top + _TITLE)
        write(draw, (plot[0], top + 10), row.title, 20, TEXT)
        write(draw, (plot[0] + _WIDTH, top + 14), row.note, 16, QUIET, anchor="ra")
        page.paste(_shaded(level - loudest), plot)
        drawing.frequency_axis(draw, plot, _HEIGHT, spec.f_min, spec.f_max)
        seconds = frames * spec.hop / spec.sample_rate
        drawing.time_axis(draw, (plot[0], plot[1] + _HEIGHT), _WIDTH, seconds)
    return page


def _shaded(level: np.ndarray) -> Image.Image:
    """Picture of levels (M, L) in dB, 0 and above the brightest; every band and frame is a box."""
    picture = Image.fromarray(drawing.coloured(drawing.shade_of(level)))
    return picture.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)

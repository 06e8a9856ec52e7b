"""Contact sheet: many sounds in one picture, a waveform and a log-mel spectrogram of each.

All tiles share one time axis, one amplitude axis (-1 to 1) and one level axis (dB below the loudest
point of the sheet), so that lengths and levels can be compared by eye.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.signal.mel import LogMel, MelSpec

MAX_TILES = 64
RANGE_DB = 80.0
"""Levels further below the loudest point of the sheet are drawn as silence."""

_BACKGROUND, _CARD, _GRID = (13, 15, 20), (23, 26, 34), (42, 46, 58)
_TEXT, _QUIET = (236, 238, 243), (150, 156, 170)
_WAVE, _BODY = (64, 132, 140), (120, 224, 220)
_PLOT_WIDTH, _WAVE_HEIGHT, _MEL_HEIGHT = 400, 88, 192
_PAD, _GUTTER, _GAP = 18, 40, 20
_TITLE_HEIGHT, _AXIS_HEIGHT, _HEAD_HEIGHT = 46, 30, 92
_CARD_WIDTH = _PAD + _GUTTER + _PLOT_WIDTH + _PAD
_CARD_HEIGHT = _TITLE_HEIGHT + _WAVE_HEIGHT + 8 + _MEL_HEIGHT + _AXIS_HEIGHT + 8

_FREQUENCIES = (
    *((100, "100"), (500, "500"), (1000, "1k")),
    *((2000, "2k"), (5000, "5k"), (10000, "10k")),
)
"""Labelled frequencies in Hz."""

_INK = np.array(
    [
        (0, 0, 4),
        (28, 16, 68),
        (79, 18, 123),
        (129, 37, 129),
        (181, 54, 122),
        (229, 80, 100),
        (251, 135, 97),
        (254, 194, 135),
        (252, 253, 191),
    ],
    dtype=np.float64,
)
"""Dark to light with even steps of lightness, so that the picture survives grey-scale printing."""


@dataclass(frozen=True)
class Tile:
    """One sound of the sheet.

    Args:
        audio: (C, T) in [-1, 1].
        title: left of the title line, such as the class.
        note: right of the title line, such as the duration.
    """

    audio: Tensor
    title: str
    note: str = ""


def contact_sheet(
    tiles: Sequence[Tile],
    sample_rate: int,
    *,
    heading: str = "",
    subheading: str = "",
    columns: int | None = None,
) -> Image.Image:
    """Draw all sounds on one dark page.

    Args:
        tiles: 1 to 64 sounds.
        sample_rate: in Hz, of all sounds.
        heading: large first line, such as the model's name.
        subheading: second line, such as seed and sample rate.
        columns: tiles per row; by default at most four.

    Returns:
        An RGB picture.

    Raises:
        InputError: if there are no tiles, too many, or an empty or non-finite sound.

    Example:
        >>> import torch
        >>> tone = torch.sin(torch.arange(4000) * 0.1)[None]
        >>> contact_sheet([Tile(tone, "tone", "0.25 s")], 16000).size
        (516, 484)
    """
    if not 1 <= len(tiles) <= MAX_TILES:
        raise InputError(f"a contact sheet holds 1 to {MAX_TILES} sounds, not {len(tiles)}")
    for tile in tiles:
        if tile.audio.ndim != 2 or 0 in tile.audio.shape or not tile.audio.isfinite().all():
            raise InputError(f"sound {tile.title!r} must be finite audio of shape (C, T)")
    columns = columns or min(4, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    size = (
        _GAP + columns * (_CARD_WIDTH + _GAP),
        _HEAD_HEIGHT + rows * (_CARD_HEIGHT + _GAP),
    )
    page = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(page)
    room = size[0] - 2 * _GAP
    _write(draw, (_GAP + 2, 16), _fit(heading, 30, room), 30, _TEXT)
    _write(draw, (_GAP + 2, 56), _fit(subheading, 17, room), 17, _QUIET)
    audio = [tile.audio.detach().float().cpu() for tile in tiles]
    longest = max(x.shape[1] for x in audio)
    log_mel = LogMel(_mel_spec(sample_rate, longest))
    spectra = [(20 / math.log(10) * log_mel(x.mean(0))).numpy() for x in audio]
    loudest = max(float(s.max()) for s in spectra)
    for index, (tile, x, spectrum) in enumerate(zip(tiles, audio, spectra, strict=True)):
        left = _GAP + index % columns * (_CARD_WIDTH + _GAP)
        top = _HEAD_HEIGHT + index // columns * (_CARD_HEIGHT + _GAP)
        _card(draw, left, top, tile)
        plot = left + _PAD + _GUTTER, top + _TITLE_HEIGHT
        page.paste(_waveform(x, longest), plot)
        below = plot[0], plot[1] + _WAVE_HEIGHT + 8
        page.paste(_picture(spectrum - loudest, x.shape[1] / longest), below)
        _axes(draw, plot, below, sample_rate, longest / sample_rate)
    return page


def _card(draw: ImageDraw.ImageDraw, left: int, top: int, tile: Tile) -> None:
    """Background and title line of one tile."""
    box = (left, top, left + _CARD_WIDTH - 1, top + _CARD_HEIGHT - 1)
    draw.rounded_rectangle(box, radius=10, fill=_CARD)
    right = left + _CARD_WIDTH - _PAD
    note = _font(16).getlength(tile.note)
    _write(draw, (right, top + 16), tile.note, 16, _QUIET, anchor="ra")
    start = left + _PAD + _GUTTER
    _write(draw, (start, top + 12), _fit(tile.title, 20, right - start - note - 12), 20, _TEXT)


def _waveform(x: Tensor, longest: int) -> Image.Image:
    """Range of the samples under each pixel column, its root mean square brighter on top."""
    canvas = np.full((_WAVE_HEIGHT, _PLOT_WIDTH, 3), _BACKGROUND, dtype=np.uint8)
    middle = (_WAVE_HEIGHT - 1) / 2
    canvas[round(middle)] = _GRID
    samples = x.numpy()
    edges = np.linspace(0, longest, _PLOT_WIDTH + 1).astype(int)
    rows = np.arange(_WAVE_HEIGHT)
    for column, (start, stop) in enumerate(pairwise(edges)):
        piece = samples[:, start : max(stop, start + 1)]
        if piece.size == 0:
            break
        energy = math.sqrt(float(np.square(piece, dtype=np.float64).mean()))
        for low, high, ink in ((piece.min(), piece.max(), _WAVE), (-energy, energy, _BODY)):
            first, last = (middle - np.clip((high, low), -1, 1) * middle).round()
            canvas[(rows >= first) & (rows <= last), column] = ink
    return Image.fromarray(canvas)


def _mel_spec(sample_rate: int, longest: int) -> MelSpec:
    """Windows of 23 ms, which show attack and pitch; about one frame per pixel column."""
    n_fft = 2 ** max(5, math.ceil(math.log2(sample_rate * 0.0232)))
    finest = 2 ** int(math.log2(max(longest / _PLOT_WIDTH, 1)))
    return MelSpec(
        sample_rate=sample_rate,
        n_fft=n_fft,
        hop=min(max(finest, n_fft // 32), n_fft // 4),
        n_mels=min(64, n_fft // 8),
        f_max=_top_frequency(sample_rate),
    )


def _picture(level: np.ndarray, share: float) -> Image.Image:
    """Picture of levels (M, frames) in dB, 0 the loudest; the sound fills `share` of the width."""
    shade = np.clip(level / RANGE_DB + 1, 0, 1)[::-1]
    scaled = Image.fromarray(shade.astype(np.float32))
    width = max(1, round(share * _PLOT_WIDTH))
    method = Image.Resampling.BILINEAR
    shade = np.asarray(scaled.resize((width, _MEL_HEIGHT), method))
    places = np.linspace(0, 1, len(_INK))
    colours = np.stack([np.interp(shade, places, _INK[:, k]) for k in range(3)], axis=-1)
    canvas = np.full((_MEL_HEIGHT, _PLOT_WIDTH, 3), _BACKGROUND, dtype=np.uint8)
    canvas[:, :width] = colours.round().astype(np.uint8)
    return Image.fromarray(canvas)


def _axes(
    draw: ImageDraw.ImageDraw,
    wave: tuple[int, int],
    mel: tuple[int, int],
    sample_rate: int,
    seconds: float,
) -> None:
    """Amplitude, frequency (Hz) and time (s) labels around one tile's plots."""
    for value, y in ((1, wave[1]), (0, wave[1] + _WAVE_HEIGHT / 2), (-1, mel[1] - 9)):
        _write(draw, (wave[0] - 7, y), f"{value}", 13, _QUIET, anchor="rm")
    top = _mel(_top_frequency(sample_rate))
    _write(draw, (mel[0] - 7, mel[1] + 6), "Hz", 13, _QUIET, anchor="rm")
    for hertz, label in _FREQUENCIES:
        if _mel(hertz) < 0.9 * top:
            y = mel[1] + _MEL_HEIGHT * (1 - _mel(hertz) / top)
            draw.line((mel[0] - 4, y, mel[0] - 1, y), fill=_QUIET)
            _write(draw, (mel[0] - 7, y), label, 13, _QUIET, anchor="rm")
    bottom, step = mel[1] + _MEL_HEIGHT, _tick_step(seconds)
    for index in range(int(seconds / step * 1.0001) + 1):
        x = mel[0] + min(index * step / seconds, 1) * (_PLOT_WIDTH - 1)
        draw.line((x, bottom, x, bottom + 4), fill=_QUIET)
        unit = " s" if index == 0 else ""
        _write(draw, (x, bottom + 7), f"{index * step:g}{unit}", 13, _QUIET, anchor="ma")


def _tick_step(seconds: float) -> float:
    """A round step (1, 2 or 5 times a power of ten) that makes 3 to 7 ticks.

    >>> [_tick_step(s) for s in (0.05, 1.486, 60)]
    [0.01, 0.5, 10.0]
    """
    step = 10.0 ** math.floor(math.log10(seconds))
    for factor in (0.1, 0.2, 0.5, 1.0):
        if seconds / (step * factor) <= 6:
            return float(f"{step * factor:g}")
    return step * 2


def _mel(hertz: float) -> float:
    """Slaney's mel scale, of which the filters of `LogMel` are even steps."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _top_frequency(sample_rate: int) -> float:
    return min(sample_rate / 2, 20000.0)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fit(text: str, size: int, width: float) -> str:
    """The text, shortened with dots until it fits `width` pixels."""
    font, short = _font(size), text
    while short and font.getlength(short if short == text else short + "...") > width:
        short = short[:-1]
    return text if short == text else short + "..."


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    ink: tuple[int, int, int],
    anchor: str = "la",
) -> None:
    draw.text(place, text, fill=ink, font=_font(size), anchor=anchor)

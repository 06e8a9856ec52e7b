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
from PIL import Image, ImageDraw
from torch import Tensor

from dgm_audio import drawing
from dgm_audio.drawing import (
    BACKGROUND,
    BRIGHT_LINE,
    GAP,
    GRID,
    HEAD,
    LINE,
    QUIET,
    TEXT,
    fit,
    write,
)
from dgm_audio.errors import InputError
from dgm_audio.signal.mel import LogMel, MelSpec

MAX_TILES = 64
_PLOT_WIDTH, _WAVE_HEIGHT, _MEL_HEIGHT = 400, 88, 192
_PAD, _GUTTER = 18, 40
_TITLE_HEIGHT, _AXIS_HEIGHT = 46, 30
_CARD_WIDTH = _PAD + _GUTTER + _PLOT_WIDTH + _PAD
_CARD_HEIGHT = _TITLE_HEIGHT + _WAVE_HEIGHT + 8 + _MEL_HEIGHT + _AXIS_HEIGHT + 8


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
        GAP + columns * (_CARD_WIDTH + GAP),
        HEAD + rows * (_CARD_HEIGHT + GAP),
    )
    page, draw = drawing.page(size, heading, subheading)
    audio = [tile.audio.detach().float().cpu() for tile in tiles]
    longest = max(x.shape[1] for x in audio)
    log_mel = LogMel(_mel_spec(sample_rate, longest))
    spectra = [_levels(log_mel, x) for x in audio]
    loudest = max(float(s.max()) for s in spectra)
    for index, (tile, x, spectrum) in enumerate(zip(tiles, audio, spectra, strict=True)):
        left = GAP + index % columns * (_CARD_WIDTH + GAP)
        top = HEAD + index // columns * (_CARD_HEIGHT + GAP)
        _card(draw, left, top, tile)
        plot = left + _PAD + _GUTTER, top + _TITLE_HEIGHT
        page.paste(_waveform(x, longest), plot)
        below = plot[0], plot[1] + _WAVE_HEIGHT + 8
        page.paste(_picture(spectrum - loudest, x.shape[1] / longest), below)
        _axes(draw, plot, below, sample_rate, longest / sample_rate)
    return page


def wide_picture(
    audio: Tensor, sample_rate: int, size: tuple[int, int] = (840, 150)
) -> Image.Image:
    """The log-mel spectrogram of one sound, with axes in Hz and seconds.

    Args:
        audio: (C, T) in [-1, 1]; channels are averaged.
        sample_rate: in Hz.
        size: of the plot in pixels, without its axes.

    Returns:
        An RGB picture; levels are dB below the loudest point.
    """
    left, below, (width, height) = _GUTTER + 6, _AXIS_HEIGHT - 4, size
    page = Image.new("RGB", (left + width + 12, 8 + height + below), BACKGROUND)
    page.paste(small_picture(audio, sample_rate, size), (left, 8))
    draw = ImageDraw.Draw(page)
    drawing.frequency_axis(draw, (left, 8), height, 0, _top_frequency(sample_rate))
    drawing.time_axis(draw, (left, 8 + height), width, audio.shape[1] / sample_rate)
    return page


def small_picture(
    audio: Tensor, sample_rate: int, size: tuple[int, int] = (320, 84)
) -> Image.Image:
    """The same without axes; the size is that of the picture."""
    log_mel = LogMel(_mel_spec(sample_rate, audio.shape[1], size[0]))
    spectrum = _levels(log_mel, audio.detach().float().cpu())
    return _picture(spectrum - spectrum.max(), 1.0, size)


def _levels(log_mel: LogMel, x: Tensor) -> np.ndarray:
    """Levels (M, frames) in dB of audio (C, T)."""
    return (20 / math.log(10) * log_mel(x.mean(0))).numpy()


def _card(draw: ImageDraw.ImageDraw, left: int, top: int, tile: Tile) -> None:
    """Background and title line of one tile."""
    box = (left, top, left + _CARD_WIDTH - 1, top + _CARD_HEIGHT - 1)
    drawing.card(draw, box)
    right = left + _CARD_WIDTH - _PAD
    note = drawing.font(16).getlength(tile.note)
    write(draw, (right, top + 16), tile.note, 16, QUIET, anchor="ra")
    start = left + _PAD + _GUTTER
    write(draw, (start, top + 12), fit(tile.title, 20, right - start - note - 12), 20, TEXT)


def _waveform(x: Tensor, longest: int) -> Image.Image:
    """Range of the samples under each pixel column, its root mean square brighter on top."""
    canvas = np.full((_WAVE_HEIGHT, _PLOT_WIDTH, 3), BACKGROUND, dtype=np.uint8)
    middle = (_WAVE_HEIGHT - 1) / 2
    canvas[round(middle)] = GRID
    samples = x.numpy()
    edges = np.linspace(0, longest, _PLOT_WIDTH + 1).astype(int)
    rows = np.arange(_WAVE_HEIGHT)
    for column, (start, stop) in enumerate(pairwise(edges)):
        piece = samples[:, start : max(stop, start + 1)]
        if piece.size == 0:
            break
        energy = math.sqrt(float(np.square(piece, dtype=np.float64).mean()))
        for low, high, ink in ((piece.min(), piece.max(), LINE), (-energy, energy, BRIGHT_LINE)):
            first, last = (middle - np.clip((high, low), -1, 1) * middle).round()
            canvas[(rows >= first) & (rows <= last), column] = ink
    return Image.fromarray(canvas)


def _mel_spec(sample_rate: int, longest: int, width: int = _PLOT_WIDTH) -> MelSpec:
    """Windows of 23 ms, which show attack and pitch; about one frame per pixel column."""
    n_fft = 2 ** max(5, math.ceil(math.log2(sample_rate * 0.0232)))
    finest = 2 ** int(math.log2(max(longest / width, 1)))
    return MelSpec(
        sample_rate=sample_rate,
        n_fft=n_fft,
        hop=min(max(finest, n_fft // 32), n_fft // 4),
        n_mels=min(64, n_fft // 8),
        f_max=_top_frequency(sample_rate),
    )


def _picture(
    level: np.ndarray, share: float, size: tuple[int, int] = (_PLOT_WIDTH, _MEL_HEIGHT)
) -> Image.Image:
    """Picture of levels (M, frames) in dB, 0 the loudest; the sound fills `share` of the width."""
    scaled = Image.fromarray(drawing.shade_of(level).astype(np.float32))
    width = max(1, round(share * size[0]))
    method = Image.Resampling.BILINEAR
    shade = np.asarray(scaled.resize((width, size[1]), method))
    canvas = np.full((size[1], size[0], 3), BACKGROUND, dtype=np.uint8)
    canvas[:, :width] = drawing.coloured(shade)
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
        write(draw, (wave[0] - 7, y), f"{value}", 13, QUIET, anchor="rm")
    drawing.frequency_axis(draw, mel, _MEL_HEIGHT, 0, _top_frequency(sample_rate))
    drawing.time_axis(draw, (mel[0], mel[1] + _MEL_HEIGHT), _PLOT_WIDTH, seconds)


def _top_frequency(sample_rate: int) -> float:
    return min(sample_rate / 2, 20000.0)

"""Dark pages with pictures of sounds: colours, text, axes.

Levels are drawn in dB below the loudest point, frequencies on Slaney's mel scale.
"""

from __future__ import annotations

import math
import unicodedata

import numpy as np
from PIL import Image, ImageDraw, ImageFont

RANGE_DB = 80.0
"""Levels further below the loudest point are drawn as silence."""

BACKGROUND, CARD, GRID = (13, 15, 20), (23, 26, 34), (42, 46, 58)
TEXT, QUIET = (236, 238, 243), (150, 156, 170)
LINE, BRIGHT_LINE = (64, 132, 140), (120, 224, 220)
GAP, HEAD = 20, 92
"""Pixels around and between cards, and above the first of them."""

INK = np.array(
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

_FREQUENCIES = (
    *((100, "100"), (500, "500"), (1000, "1k")),
    *((2000, "2k"), (5000, "5k"), (10000, "10k")),
)
"""Labelled frequencies in Hz."""
_LABEL_SIZE = 13
_TOP_ROOM = 17
"""Pixels below the top of a plot where its unit stands and no other label."""


def page(
    size: tuple[int, int], heading: str = "", subheading: str = ""
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty RGB page, a large first line and a second line on it, and what draws on it."""
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    room = size[0] - 2 * GAP
    write(draw, (GAP + 2, 16), fit(heading, 30, room), 30, TEXT)
    write(draw, (GAP + 2, 56), fit(subheading, 17, room), 17, QUIET)
    return image, draw


WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
"""Fonts that have Greek and Cyrillic letters, wherever they are installed."""


def card(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    """The background of a group of plots."""
    draw.rounded_rectangle(box, radius=10, fill=CARD)


def font(size: int, text: str = "") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all text; where it lacks letters of a text, a font of the machine's."""
    if any(sign.isalpha() and not sign.isascii() for sign in drawable(text)):
        for name in WIDE_FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    return ImageFont.load_default(size)


def drawable(text: str) -> str:
    """A text without the accents that Pillow's own font lacks.

    >>> drawable("Ça a été dit.")
    'Ca a ete dit.'
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def fit(text: str, size: int, width: float) -> str:
    """The text, shortened with dots until it fits `width` pixels."""
    text = drawable(text)
    face, short = font(size, text), text
    while short and face.getlength(short if short == text else short + "...") > width:
        short = short[:-1]
    return text if short == text else short + "..."


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    ink: tuple[int, int, int],
    anchor: str = "la",
) -> None:
    """Text at a place; `anchor` is Pillow's."""
    draw.text(place, drawable(text), fill=ink, font=font(size, text), anchor=anchor)


def shade_of(level: np.ndarray) -> np.ndarray:
    """Lightness in [0, 1] of levels (M, L) in dB, 0 and above the brightest; the first row last."""
    return np.clip(level / RANGE_DB + 1, 0, 1)[::-1]


def coloured(shade: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) of lightness (H, W)."""
    places = np.linspace(0, 1, len(INK))
    colours = np.stack([np.interp(shade, places, INK[:, k]) for k in range(3)], axis=-1)
    return colours.round().astype(np.uint8)


def mel(hertz: float) -> float:
    """Slaney's mel scale, of which the filters of `LogMel` are even steps."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def frequency_axis(
    draw: ImageDraw.ImageDraw, plot: tuple[int, int], height: int, low: float, high: float
) -> None:
    """Labels in Hz left of a plot, given by its upper left corner, from `low` to `high`."""
    left, top = plot
    write(draw, (left - 7, top + 6), "Hz", _LABEL_SIZE, QUIET, anchor="rm")
    for hertz, label in _FREQUENCIES:
        depth = height * (mel(high) - mel(hertz)) / (mel(high) - mel(low))
        if _TOP_ROOM <= depth <= height:
            y = top + depth
            draw.line((left - 4, y, left - 1, y), fill=QUIET)
            write(draw, (left - 7, y), label, _LABEL_SIZE, QUIET, anchor="rm")


def time_axis(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, end: float, unit: str = "s"
) -> None:
    """Labels from 0 to `end`, in seconds or another unit, below a plot's lower left corner."""
    (left, bottom), step = corner, tick_step(end)
    for index in range(int(end / step * 1.0001) + 1):
        x = left + min(index * step / end, 1) * (width - 1)
        draw.line((x, bottom, x, bottom + 4), fill=QUIET)
        label = f"{index * step:g}" + (f" {unit}" if index == 0 else "")
        write(draw, (x, bottom + 7), label, _LABEL_SIZE, QUIET, anchor="ma")


def value_axis(
    draw: ImageDraw.ImageDraw, plot: tuple[int, int], size: tuple[int, int], low: float, high: float
) -> None:
    """Labels left of a plot, and lines across it at round values.

    Args:
        draw: draws on the page.
        plot: upper left corner.
        size: of the plot (width, height).
        low: value at the lower edge.
        high: value at the upper edge, above `low`.
    """
    (left, top), (width, height), step = plot, size, tick_step(high - low)
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    for index in range(math.ceil(low / step), math.floor(high / step) + 1):
        y = top + (high - index * step) / (high - low) * (height - 1)
        draw.line((left, y, left + width - 1, y), fill=GRID)
        write(draw, (left - 7, y), f"{index * step:.{digits}f}", _LABEL_SIZE, QUIET, anchor="rm")


def tick_step(seconds: float) -> float:
    """A round step (1, 2 or 5 times a power of ten) that makes 3 to 7 ticks.

    >>> [tick_step(s) for s in (0.05, 1.486, 60)]
    [0.01, 0.5, 10.0]
    """
    step = 10.0 ** math.floor(math.log10(seconds))
    for factor in (0.1, 0.2, 0.5, 1.0):
        if seconds / (step * factor) <= 6:
            return float(f"{step * factor:g}")
    return step * 2

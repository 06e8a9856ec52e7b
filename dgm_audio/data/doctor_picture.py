"""The doctor's report as a picture: how long, how loud, which classes, what happens, examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from dgm_audio import drawing
from dgm_audio.data.doctor_report import Example, Report
from dgm_audio.data.report import treatment
from dgm_audio.drawing import BACKGROUND, GAP, GRID, QUIET, TEXT, font, write
from dgm_audio.io import shown
from dgm_audio.signal.mel import LogMel, MelSpec

_MAIN, _SOFT, _WARN = (120, 224, 220), (52, 104, 112), (251, 135, 97)
_GOOD = (126, 217, 140)

_WIDTH, _PAD, _HEAD = 1600, 20, 112
_PANEL_HEIGHT, _CLASS_HEIGHT, _TILE_HEIGHT = 290, 350, 210
_MOST_CLASSES = 20
_COLUMNS = 4
_VERDICTS = {"too little": _WARN, "variations": _WARN, "a sketch": (254, 210, 120)}

Box = tuple[int, int, int, int]


def draw_picture(report: Report) -> Image.Image:
    """An RGB picture of 1600 pixels width."""
    rows = math.ceil(len(report.examples) / _COLUMNS)
    height = _HEAD + _PANEL_HEIGHT + _CLASS_HEIGHT + 2 * GAP + rows * (_TILE_HEIGHT + GAP) + GAP
    page, draw = drawing.page((_WIDTH, height))
    _header(draw, report)
    top = _HEAD
    lengths, loudness = _columns(top, _PANEL_HEIGHT, 2)
    _lengths(draw, lengths, report)
    _loudness(draw, loudness, report)
    top += _PANEL_HEIGHT + GAP
    classes, treated = _columns(top, _CLASS_HEIGHT, 2)
    _classes(draw, classes, report)
    _treatment(draw, treated, report)
    top += _CLASS_HEIGHT + GAP
    for index, example in enumerate(report.examples):
        row_top = top + index // _COLUMNS * (_TILE_HEIGHT + GAP)
        box = _columns(row_top, _TILE_HEIGHT, _COLUMNS)[index % _COLUMNS]
        _tile(page, draw, box, example, report.config.sample_rate)
    return page


def _header(draw: ImageDraw.ImageDraw, report: Report) -> None:
    verdict = f"expect: {report.feasibility.title}"
    colour = _VERDICTS.get(report.feasibility.verdict, _GOOD)
    if report.refusal:
        verdict, colour = "training would not start", _WARN
    width = font(24).getlength(verdict) + 36
    badge = (_WIDTH - GAP - width, 22, _WIDTH - GAP, 64)
    draw.rounded_rectangle(badge, radius=21, outline=colour, width=2)
    write(draw, ((badge[0] + badge[2]) / 2, 43), verdict, 24, colour, "mm")
    write(draw, (GAP, 24), _fit(shown(report.folder), 32, badge[0] - 60), 32, TEXT)
    rates = ", ".join(f"{r} Hz" for r in list(report.count(lambda file: file.sample_rate))[:4])
    facts = [
        f"{len(report.readable)} of {len(report.files)} audio files",
        f"{report.minutes:.1f} min",
        f"{report.clips} clips of {report.config.seconds:.2f} s",
        f"{sum(report.distinct.values())} different sounds",
        rates or "no readable file",
    ]
    write(draw, (GAP, 72), "   |   ".join(facts), 19, QUIET)


def _lengths(draw: ImageDraw.ImageDraw, box: Box, report: Report) -> None:
    """Histogram over the logarithm of the duration, the clip's length marked."""
    seconds = np.array([file.seconds for file in report.readable] or [1.0])
    clip = report.config.seconds
    low = 10 ** math.floor(math.log10(min(seconds.min(), clip) * 0.999))
    high = 10 ** math.ceil(math.log10(max(seconds.max(), clip) * 1.001))
    edges = np.geomspace(low, high, 49)
    plot = _panel(draw, box, "Length of the files", "s, logarithmic")
    _histogram(draw, plot, np.histogram(seconds, edges)[0], edges > clip * 1.0001)
    decades = range(round(math.log10(low)), round(math.log10(high)) + 1)
    for tick in (factor * 10.0**decade for decade in decades for factor in (1, 2, 5)):
        if tick <= high:
            _tick(draw, plot, math.log(tick / low) / math.log(high / low), f"{tick:g}")
    place = plot[0] + (plot[2] - plot[0]) * math.log(clip / low) / math.log(high / low)
    draw.line((place, plot[1], place, plot[3]), fill=TEXT)
    write(draw, (place, plot[1] - 19), f"clip {clip:.2f} s", 15, TEXT, "ma")


def _loudness(draw: ImageDraw.ImageDraw, box: Box, report: Report) -> None:
    """Histogram of the integrated loudness; silence is counted in the title."""
    levels = np.array([file.lufs for file in report.readable])
    heard = levels[np.isfinite(levels)]
    silent = len(levels) - len(heard)
    unit = "LUFS" + (f", {silent} silent or below the gate" if silent else "")
    plot = _panel(draw, box, "Loudness of the files", unit)
    low, high = -70, max(0, 10 * math.ceil(heard.max(initial=0) / 10))
    edges = np.linspace(low, high, 49)
    _histogram(draw, plot, np.histogram(heard, edges)[0], np.zeros(49, dtype=bool))
    for tick in range(low, high + 1, 10):
        _tick(draw, plot, (tick - low) / (high - low), f"{tick}")


def _classes(draw: ImageDraw.ImageDraw, box: Box, report: Report) -> None:
    """One bar per class: different sounds, then the near copies of them among its clips."""
    clips: dict[str, int] = {}
    for file in report.readable:
        clips[file.label] = clips.get(file.label, 0) + file.clips
    ranked = sorted(clips.items(), key=lambda item: -item[1])
    more = len(ranked) - _MOST_CLASSES
    note = "different sounds | near copies" + (
        f" | {more} more classes not shown" if more > 0 else ""
    )
    plot = _panel(draw, box, "Clips of each class", note)
    rows = [
        (shown(label), report.distinct.get(label, 0), count)
        for label, count in ranked[:_MOST_CLASSES]
    ]
    _bars(draw, plot, rows, _MAIN)


def _treatment(draw: ImageDraw.ImageDraw, box: Box, report: Report) -> None:
    """How many files each step concerns, and how many cannot be read."""
    rows = [(words, count, count) for words, count in treatment(f.steps for f in report.readable)]
    broken = len(report.files) - len(report.readable)
    if broken:
        rows.insert(0, ("cannot be read", broken, broken))
    plot = _panel(draw, box, "What training does with the files", "number of files")
    _bars(draw, plot, rows, _SOFT)


def _tile(
    page: Image.Image, draw: ImageDraw.ImageDraw, box: Box, example: Example, rate: int
) -> None:
    """Waveform and log-mel spectrogram of one clip."""
    left, top, right, bottom = box
    drawing.card(draw, box)
    width, wave, mel = right - left - 2 * _PAD, 56, bottom - top - 42 - 56 - 16
    name = example.path.rsplit("/", 1)[-1]
    label = _fit(shown(example.label), 16, width / 2)
    write(draw, (right - _PAD, top + 13), label, 16, QUIET, "ra")
    room = width - font(16).getlength(label) - 12
    write(draw, (left + _PAD, top + 12), _fit(shown(name), 17, room), 17, TEXT)
    page.paste(_waveform(example.audio, width, wave), (left + _PAD, top + 42))
    page.paste(_spectrogram(example.audio, rate, width, mel), (left + _PAD, top + 42 + wave + 4))


def _waveform(audio: np.ndarray, width: int, height: int) -> Image.Image:
    canvas = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
    edges = np.linspace(0, audio.shape[1], width + 1).astype(int)
    middle, rows = (height - 1) / 2, np.arange(height)
    for column in range(width):
        piece = audio[:, edges[column] : max(edges[column + 1], edges[column] + 1)]
        first, last = middle - np.clip([piece.max(), piece.min()], -1, 1) * middle
        canvas[(rows >= math.floor(first)) & (rows <= math.ceil(last)), column] = _MAIN
    return Image.fromarray(canvas)


def _spectrogram(audio: np.ndarray, rate: int, width: int, height: int) -> Image.Image:
    n_fft = 2 ** max(5, round(math.log2(rate * 0.0232)))
    hop, highest = max(1, n_fft // 8), min(rate / 2, 16000.0)
    spec = MelSpec(rate, n_fft, hop, min(64, n_fft // 8), 0.0, highest)
    mel = LogMel(spec)(torch.from_numpy(audio).mean(dim=0)).numpy()
    level = (mel - mel.max()) * 20 / math.log(10)
    picture = Image.fromarray(drawing.shade_of(level).astype(np.float32))
    shade = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    return Image.fromarray(drawing.coloured(shade))


def _panel(draw: ImageDraw.ImageDraw, box: Box, title: str, note: str) -> Box:
    """Card with a title; returns the box of its plot."""
    drawing.card(draw, box)
    write(draw, (box[0] + _PAD, box[1] + 16), title, 20, TEXT)
    write(draw, (box[2] - _PAD, box[1] + 19), note, 16, QUIET, "ra")
    return box[0] + _PAD, box[1] + 70, box[2] - _PAD, box[3] - 40


def _histogram(
    draw: ImageDraw.ImageDraw, plot: Box, counts: np.ndarray, marked: np.ndarray
) -> None:
    """Bars over equal steps of the axis; those that begin at a marked edge are brighter."""
    left, top, right, bottom = plot
    step = (right - left) / len(counts)
    draw.line((left, bottom, right, bottom), fill=GRID)
    for index, count in enumerate(counts):
        if count:
            x, y = left + index * step, bottom - count / counts.max() * (bottom - top)
            ink = _WARN if marked[index] else _MAIN
            draw.rectangle((x, min(y, bottom - 2), x + step - 2, bottom), fill=ink)
    write(draw, (left, top - 19), f"most: {counts.max()} files", 15, QUIET)


def _bars(
    draw: ImageDraw.ImageDraw, plot: Box, rows: Sequence[tuple[str, int, int]], ink: tuple
) -> None:
    """Horizontal bars of (name, strong part, whole), sized to fill the plot."""
    left, top, right, bottom = plot[0], plot[1] - 16, plot[2], plot[3] + 28
    if not rows:
        return
    pitch = min(34.0, (bottom - top) / len(rows))
    size = max(10, min(17, int(pitch * 0.72)))
    names = [_fit(name, size, (right - left) * 0.52) for name, _, _ in rows]
    start = left + max(font(size).getlength(name) for name in names) + 14
    most = max(whole for _, _, whole in rows)
    scale = (right - start - font(size).getlength(f" {most} ({most})")) / max(1, most)
    for index, (name, (_, strong, whole)) in enumerate(zip(names, rows, strict=True)):
        y = top + (index + 0.5) * pitch
        write(draw, (start - 10, y), name, size, TEXT, "rm")
        for amount, colour in ((whole, _SOFT), (strong, ink)):
            if amount:
                half = pitch * 0.34
                draw.rectangle(
                    (start, y - half, start + max(2, amount * scale), y + half), fill=colour
                )
        words = f"{whole}" if strong == whole else f"{strong} + {whole - strong}"
        write(draw, (start + whole * scale + 8, y), words, size, QUIET, "lm")


def _tick(draw: ImageDraw.ImageDraw, plot: Box, share: float, label: str) -> None:
    if 0 <= share <= 1:
        x = plot[0] + share * (plot[2] - plot[0])
        draw.line((x, plot[3], x, plot[3] + 5), fill=QUIET)
        write(draw, (x, plot[3] + 9), label, 15, QUIET, "ma")


def _columns(top: int, height: int, count: int) -> list[Box]:
    """Boxes of equal width side by side."""
    width = (_WIDTH - GAP * (count + 1)) // count
    lefts = [GAP + index * (width + GAP) for index in range(count)]
    return [(left, top, left + width, top + height) for left in lefts]


def _fit(text: str, size: int, width: float) -> str:
    """The text, shortened in the middle until it fits `width` pixels."""
    face, keep = font(size), len(text)
    short = text
    while keep > 2 and face.getlength(short) > width:
        keep -= 1
        short = text[: keep // 2] + "..." + text[len(text) - (keep - keep // 2) :]
    return short

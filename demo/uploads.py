"""Visitors' recordings: read within limits, and encoded.

An uploaded file lies in a folder of the server; messages about it name the file only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_audio.apps import inversion
from dgm_audio.apps.recording import read_channels, read_for
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import AudioLimits, probe, shown
from dgm_audio.resynthesis import resynthesise

from .studio import Stop, Studio

FULL_LEVEL_OPTION = "“bring to full level”"
"""The page's name of the option that scales the peak of a recording to 0.95."""

_MAX_SECONDS = 3600
"""The largest `--max-seconds` of the demo."""

_CLIPPING_RUN = 3
"""This many consecutive samples at full scale count as clipping."""

_ONSET, _MAX_ONSET_SECONDS = 0.05, 0.03
"""A sound starts at this share of its peak; starts up to this many seconds are no delay."""


@dataclass(frozen=True)
class Upload:
    """An encoded recording.

    Args:
        clip: (1, C, T), in the model's rate, channels and length.
        z: its latent (1, D, L).
        condition: the full condition; what was not given was inferred.
        notes: how the recording was converted.
        name: of the file.
    """

    clip: Tensor
    z: Tensor
    condition: dict[str, Any]
    notes: tuple[str, ...]
    name: str


def read_upload(
    studio: Studio,
    model: AudioGenerator,
    path: str | Path,
    given: Mapping[str, Any],
    stop: Stop,
    peak: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> Upload:
    """Read a recording and encode it.

    Args:
        studio: sets the longest duration.
        model: with an encoder.
        path: of the file.
        given: conditions chosen on the page; the others are inferred.
        stop: checked regularly.
        peak: scale the largest sample to 0.95.
        report: receives status lines.

    Raises:
        AudioFileError: if the file cannot be read; the message names it without its folder.
        InputError: if it is too long, the model has no encoder, or a condition is not allowed.
        Stopped: if Stop was pressed.
    """
    inversion.encoder_of(model)
    inversion.class_choices(model, given)  # refuse wrong values before slow work
    path = Path(path)
    with _without_folder(path), studio.lock():
        check_seconds(path, studio.max_seconds)
        report("Reading the recording")
        clip, notes = read_for(model, path, peak=peak, louder=FULL_LEVEL_OPTION, repair=True)
    notes = (*_recording_notes(path, notes, clip), *_onset_notes(model, clip))

    def progress(done: int, total: int) -> None:
        stop.check()
        report(f"Classifying the recording: {done} of {total}")

    with studio.lock():
        beginning = clip[..., : model.audio.length]  # of a long recording
        condition = inversion.closest_condition(model, beginning, given, progress)
        stop.check()
        report("Encoding the recording")
        z = inversion.encode(model, clip, condition)
    return Upload(clip, z, condition, notes, shown(path.name))


def read_for_vocoder(
    studio: Studio, model: AudioGenerator, path: Path
) -> tuple[Tensor, tuple[str, ...]]:
    """Read a recording (C, T) with all its channels, and notes on its conversion.

    Raises:
        AudioFileError: if the file cannot be read; the message names it without its folder.
        InputError: if it is too long.
    """
    with _without_folder(path), studio.lock():
        check_seconds(path, studio.max_seconds)
        x, notes = read_channels(model, path, repair=True)
    return x, _recording_notes(path, notes, x)


def resynthesise_upload(
    studio: Studio,
    model: AudioGenerator,
    x: Tensor,
    given: Mapping[str, Any],
    report: Callable[[str], None],
) -> Tensor:
    """Resynthesise a recording (C, T) with a vocoder.

    Args:
        studio: holds the model.
        model: a vocoder.
        x: from `read_for_vocoder`.
        given: conditions chosen on the page.
        report: receives status lines; it may raise to stop.
    """
    rate, blocks, done = model.audio.sample_rate, [], 0
    with studio.lock():
        for block in resynthesise(model, x, given):
            blocks.append(block)
            done += block.shape[2]
            report(f"Resynthesising: {done / rate:.1f} of {x.shape[1] / rate:.1f} s")
    return torch.cat(blocks, dim=2)[:, 0]


def check_seconds(path: Path, limit: float) -> None:
    """Check the duration of a file, in seconds.

    Raises:
        AudioFileError: if it is no supported audio file.
        InputError: if it is longer than the limit.
    """
    seconds = probe(path, AudioLimits(max_seconds=math.inf)).seconds
    if seconds > limit:
        needed = math.ceil(seconds / 60) * 60
        more = f", or start the demo with --max-seconds {needed}" if needed <= _MAX_SECONDS else ""
        raise InputError(
            f"This file is {duration_text(seconds)} long; the limit is {duration_text(limit)}. "
            f"Trim it{more}."
        )


def duration_text(seconds: float) -> str:
    """A duration in words.

    >>> duration_text(250), duration_text(60), duration_text(60.04), duration_text(7200)
    ('4 min 10 s', '60 s', '60.04 s', '2 h 0 min')
    """
    if seconds < 61:
        return f"{seconds:.4g} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _recording_notes(path: Path, notes: tuple[str, ...], x: Tensor) -> tuple[str, ...]:
    """Notes on the conversion and on silence or clipping, without the file's name."""
    found = [note.removeprefix(f"{shown(path)}: ") for note in notes]
    found = [note.replace("; repaired", "; they were repaired") for note in found]
    if not x.any():
        return (*(note for note in found if not note.startswith("quiet")), "completely silent")
    full = (x.abs() >= 1).to(torch.int8)
    runs = full.unfold(-1, min(_CLIPPING_RUN, x.shape[-1]), 1).amin(-1)
    return (*found, "clipped in places") if runs.any() else tuple(found)


def _onset_notes(model: AudioGenerator, clip: Tensor) -> list[str]:
    """A note on leading silence, for models whose sounds start at once."""
    loud = clip.abs().amax((0, 1))
    start = int((loud > _ONSET * loud.max()).int().argmax()) / model.audio.sample_rate
    if model.latent.hop is not None or start < _MAX_ONSET_SECONDS:
        return []
    return [f"starts after {start:.2f} s of silence; trimming it may improve the reconstruction"]


@contextmanager
def _without_folder(path: Path) -> Iterator[None]:
    """Remove the folder from errors that name a file."""
    try:
        yield
    except (AudioFileError, InputError) as error:
        name = shown(path.name)
        text = str(error).replace(shown(path), name).replace(str(path), name)
        about = text.startswith(f"{name}: ")
        text = f"the file {name} {text.removeprefix(f'{name}: ')}" if about else text
        raise type(error)(text) from None

"""Somebody's recording: read within limits, and its latent found.

A visitor's file lies in a folder of the server; what is said of it names the file only.
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

LOUDER = "“bring to full level”"
"""What the page calls the option that brings the peak of a recording to 0.95."""

_MOST = 3600
"""Seconds that the demo can be started with."""

_CLIPPED = 3
"""So many samples in a row at full scale do not come by chance."""

_ONSET, _EARLY = 0.05, 0.03
"""A sound begins where it reaches this share of its peak; so many seconds are no delay."""


@dataclass(frozen=True)
class Upload:
    """A recording, and what a model makes of it.

    Args:
        clip: (1, C, T), as the model takes it.
        z: its latent (1, D, L).
        condition: in full; what was not given was found out.
        notes: what was done to the recording.
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
    tell: Callable[[str], None] = lambda line: None,
) -> Upload:
    """A recording and its latent.

    Args:
        studio: whose limit holds.
        model: with an encoder.
        path: of the file.
        given: conditions that were chosen; the others are found out.
        stop: asked between two pieces of work.
        peak: bring the largest sample to 0.95.
        tell: is told what is being done.

    Raises:
        AudioFileError: if the file cannot be read, named without its folder.
        InputError: if it is too long, the model has no encoder, or a condition is not allowed.
        Stopped: if Stop was pressed.
    """
    inversion.encoder_of(model)
    inversion.class_choices(model, given)  # wrong values before slow work
    path = Path(path)
    with _only_its_name(path), studio.at_work():
        check_seconds(path, studio.max_seconds)
        tell("Reading the recording")
        clip, notes = read_for(model, path, peak=peak, louder=LOUDER, repair=True)
    notes = (*_about(path, notes, clip), *_late(model, clip))

    def tried(done: int, total: int) -> None:
        stop.check()
        tell(f"Finding out the class: {done} of {total}")

    with studio.at_work():
        beginning = clip[..., : model.audio.length]  # of a long recording
        condition = inversion.closest_condition(model, beginning, given, tried)
        stop.check()
        tell("Finding the latent")
        z = inversion.encode(model, clip, condition)
    return Upload(clip, z, condition, notes, shown(path.name))


def read_sides(studio: Studio, model: AudioGenerator, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    """A recording (C, T) with all its channels, as a vocoder takes it, and what was done to it.

    Raises:
        AudioFileError: if the file cannot be read, named without its folder.
        InputError: if it is too long.
    """
    with _only_its_name(path), studio.at_work():
        check_seconds(path, studio.max_seconds)
        x, notes = read_channels(model, path, repair=True)
    return x, _about(path, notes, x)


def resynthesised(
    studio: Studio,
    model: AudioGenerator,
    x: Tensor,
    given: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Tensor:
    """What a vocoder makes of a recording (C, T).

    Args:
        studio: of the model.
        model: a vocoder.
        x: see `read_sides`.
        given: conditions that were chosen.
        tell: is told how far it is; it may stop by raising.
    """
    rate, blocks, done = model.audio.sample_rate, [], 0
    with studio.at_work():
        for block in resynthesise(model, x, given):
            blocks.append(block)
            done += block.shape[2]
            tell(f"Resynthesising: {done / rate:.1f} of {x.shape[1] / rate:.1f} s")
    return torch.cat(blocks, dim=2)[:, 0]


def check_seconds(path: Path, limit: float) -> None:
    """Whether a file is as long as is allowed, in seconds.

    Raises:
        AudioFileError: if it is no audio file that is allowed.
        InputError: if it is longer than the limit.
    """
    seconds = probe(path, AudioLimits(max_seconds=math.inf)).seconds
    if seconds > limit:
        needed = math.ceil(seconds / 60) * 60
        more = f", or start the demo with --max-seconds {needed}" if needed <= _MOST else ""
        raise InputError(
            f"This file is {spoken(seconds)} long; the limit is {spoken(limit)}. Trim it{more}."
        )


def spoken(seconds: float) -> str:
    """A duration in words.

    >>> spoken(250), spoken(60), spoken(60.04), spoken(7200)
    ('4 min 10 s', '60 s', '60.04 s', '2 h 0 min')
    """
    if seconds < 61:
        return f"{seconds:.4g} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _about(path: Path, notes: tuple[str, ...], x: Tensor) -> tuple[str, ...]:
    """What was done to a recording, and what is odd about it, without the file's name."""
    found = [note.removeprefix(f"{shown(path)}: ") for note in notes]
    found = [note.replace("; repaired", "; they were repaired") for note in found]
    if not x.any():
        return (*(note for note in found if not note.startswith("quiet")), "silent all along")
    full = (x.abs() >= 1).to(torch.int8)
    runs = full.unfold(-1, min(_CLIPPED, x.shape[-1]), 1).amin(-1)
    return (*found, "clipped here and there") if runs.any() else tuple(found)


def _late(model: AudioGenerator, clip: Tensor) -> list[str]:
    """A word on silence before a sound, to a model whose sounds begin at once."""
    loud = clip.abs().amax((0, 1))
    start = int((loud > _ONSET * loud.max()).int().argmax()) / model.audio.sample_rate
    if model.latent.hop is not None or start < _EARLY:
        return []
    return [f"begins after {start:.2f} s; trimmed it may come closer"]


@contextmanager
def _only_its_name(path: Path) -> Iterator[None]:
    """Errors that name a file do so without its folder."""
    try:
        yield
    except (AudioFileError, InputError) as error:
        name = shown(path.name)
        text = str(error).replace(shown(path), name).replace(str(path), name)
        about = text.startswith(f"{name}: ")
        text = f"the file {name} {text.removeprefix(f'{name}: ')}" if about else text
        raise type(error)(text) from None

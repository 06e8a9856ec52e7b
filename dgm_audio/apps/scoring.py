"""How well does a model expect a recording? In bits per sample: the fewer, the better.

Bits depend on how predictable a sound is at all, not only on whether it is of the model's kind: a
quiet file or a steady tone needs few under any model, noise many. So compare files at one level,
and sounds of one kind.

References:
    Nalisnick et al., "Do deep generative models know what they don't know?", 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_audio._audiofile.paths import named
from dgm_audio.apps.inversion import class_choices
from dgm_audio.apps.long_recording import in_blocks, open_recording
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.evaluation.likelihood import BATCH_SAMPLES, bits_of
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import shown

PART_SECONDS = 60
"""Longer recordings are scored in parts, each of which begins anew."""


@dataclass(frozen=True)
class Scored:
    """What a file costs.

    Args:
        path: of the file.
        bits: per sample.
        condition: under which.
        seconds: of the sound that was scored.
        notes: what was done to the file before, in words.
    """

    path: Path
    bits: float
    condition: Mapping[str, Any]
    seconds: float
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The path in one printable line."""
        return shown(self.path)


@dataclass(frozen=True)
class Skipped:
    """A file that was found and not scored, and why."""

    path: Path
    reason: str

    @property
    def name(self) -> str:
        """The path in one printable line."""
        return shown(self.path)


def find_files(places: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """The files among the places and the audio files below the folders, none twice.

    Returns:
        Files that are worth a try, and what else lies in the folders.

    Raises:
        AudioFileError: if a place does not exist.
        DataError: if a folder holds no audio file.
    """
    from dgm_audio.data.manifest import Manifest

    files: dict[Path, None] = {}
    skipped = []
    for place in places:
        with named(place):
            place.stat()
        if not place.is_dir():
            files[place] = None
            continue
        manifest = Manifest.from_folder(place)
        files |= dict.fromkeys(map(manifest.locate, manifest.entries))
        skipped += [Skipped(place / item.path, item.reason) for item in manifest.omitted]
    return list(files), skipped


def score_file(
    model: AudioGenerator,
    path: Path,
    given: Mapping[str, Any],
    *,
    peak: bool = True,
    length: int | None = None,
) -> Scored | Skipped:
    """Bits per sample of one file, under the class that expects it most where none is given.

    Args:
        model: with a likelihood.
        path: of the file; one that cannot be read is skipped.
        given: condition by name.
        peak: bring the largest sample to 0.95.
        length: samples to score from the start, at the model's rate; all by default.

    Raises:
        InputError: if the model has no likelihood, or a value is not allowed.
    """
    name = f"{shown(path)}: "
    try:
        recording, notes = open_recording(model.audio, path, peak=peak, louder="", most=length)
    except (AudioFileError, InputError) as error:
        return Skipped(path, str(error).removeprefix(name))
    choices = class_choices(model, given)
    try:
        total, samples = torch.zeros(len(choices), dtype=torch.float64), 0
        for part in in_blocks(recording, PART_SECONDS * model.audio.sample_rate):
            parts = _parts(choices, part.shape[2])
            total += torch.cat([_bits(model, part, some) for some in parts]) * part.shape[2]
            samples += part.shape[2]
    except AudioFileError as error:
        return Skipped(path, str(error).removeprefix(name))
    texts = [text.removeprefix(name) for text in notes]
    if samples > PART_SECONDS * model.audio.sample_rate:
        texts.append(f"scored in parts of {PART_SECONDS} s")
    bits = total / samples
    best = int(bits.argmin())
    return Scored(path, float(bits[best]), choices[best], recording.seconds, tuple(texts))


def _parts(choices: list[dict[str, Any]], length: int) -> Iterator[list[dict[str, Any]]]:
    """As many choices at a time as may be scored in one batch of sounds of this length."""
    size = max(1, BATCH_SAMPLES // length)
    for first in range(0, len(choices), size):
        yield choices[first : first + size]


def _bits(model: AudioGenerator, clip: Tensor, choices: list[dict[str, Any]]) -> Tensor:
    """Bits per sample (B,) of one sound (1, C, T) under each of the conditions."""
    condition = {key: [choice[key] for choice in choices] for key in choices[0]}
    return bits_of(model, clip.expand(len(choices), -1, -1), condition)

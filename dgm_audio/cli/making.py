"""What every command that makes sounds shares: checks before work, files, the report."""

from __future__ import annotations

import io
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from dgm_audio.apps.file_names import file_name
from dgm_audio.cli.console import emit, note, progress, table, watch
from dgm_audio.cli.options import Format, Json, Level, Out, Overwrite, check_level, suffix_of
from dgm_audio.errors import AudioFileError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.generator import AudioGenerator
    from dgm_audio.provenance import Provenance
    from dgm_audio.release.sheet import Tile


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where a command writes, and how it tells of it."""

    out: Out = Path("out")
    overwrite: Overwrite = False
    json: Json = False

    def path(self, *parts: str | int, suffix: str) -> Path:
        """A file in the folder, called as `file_name` says."""
        return self.out / file_name(*parts, suffix=suffix)

    def check(self, paths: Iterable[Path]) -> None:
        """As `check_outputs`."""
        check_outputs(paths, self.overwrite)


@dataclass(frozen=True, kw_only=True)
class SoundOutput(Output):
    """The same of a command that makes new sounds: also as what, and how loud."""

    format: Format = "wav16"
    level: Level = "none"

    def sound(self, *parts: str | int) -> Path:
        """A sound in the folder."""
        return self.path(*parts, suffix=suffix_of(self.format))

    def finish(self, trim: bool = False) -> dict[str, Any]:
        """The provenance's parameters for the end and the level of a sound.

        Raises:
            InputError: if the level is none.
        """
        from dgm_audio.apps.finishing import finish

        return finish(trim, check_level(self.level))


Writing = Annotated[Output, arg(name="")]
"""The field of a command: its options stand among the command's own."""
SoundWriting = Annotated[SoundOutput, arg(name="")]


@dataclass(frozen=True)
class Sound:
    """A sound to make: where to, how, and what to call it."""

    path: Path
    provenance: Provenance
    title: str


@dataclass(frozen=True)
class Made:
    """A sound that was made and written."""

    sound: Sound
    audio: Tensor
    seconds: float

    @property
    def peak_dbfs(self) -> float | None:
        """Level of the largest sample; None for silence."""
        peak = float(self.audio.abs().max())
        return 20 * math.log10(peak) if peak > 0 else None

    def row(self) -> tuple[str, ...]:
        """For people."""
        level = self.peak_dbfs
        peak = "silent" if level is None else f"peak {level:.1f} dBFS"
        return str(self.sound.path), self.sound.title, f"{self.seconds:.3f} s", peak

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "file": str(self.sound.path),
            "condition": self.sound.provenance.parameters["condition"],
            "seconds": self.seconds,
            "peak_dbfs": self.peak_dbfs,
        }


def check_outputs(paths: Iterable[Path], overwrite: bool) -> None:
    """Find out before any work whether all files can be written; nothing is made or changed.

    Raises:
        AudioFileError: if a file exists and may not be replaced.
        InputError: if a folder cannot be written to.
    """
    paths = list(paths)
    for folder in sorted({path.parent for path in paths}):
        check_folder(folder)
    taken = [path for path in paths if os.path.lexists(path)]
    if taken and not overwrite:
        more = f" (and {len(taken) - 1} more files)" if len(taken) > 1 else ""
        raise AudioFileError(f"{taken[0]}{more} exists already; replace it with --overwrite")
    for path in taken:
        if not path.is_file():
            raise InputError(f"{path} is no regular file, so it cannot be replaced")


def check_folder(folder: Path) -> None:
    """Find out whether files can be written to a folder that may not exist yet.

    Raises:
        InputError: if not.
    """
    try:
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror}") from None
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be written to: {existing} is a file")
    try:
        with tempfile.TemporaryFile(dir=existing):
            return
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror}") from None


def make(
    model: AudioGenerator,
    sounds: Sequence[Sound],
    beside: Mapping[str, Tensor] | None = None,
    *,
    output: SoundOutput,
) -> list[Made]:
    """Render the sounds one by one and write them with their provenance, all into one folder.

    What was done to a sound that went beyond full scale is said.

    Args:
        model: that makes the sounds.
        sounds: to make.
        beside: latents that are too long for the provenance itself, by the name of their file.
        output: format, and whether to replace existing files.
    """
    from dgm_audio.apps.finishing import short_of
    from dgm_audio.apps.latents import write_beside
    from dgm_audio.apps.render import render
    from dgm_audio.io import write_audio
    from dgm_audio.signal.full_scale import lowered_within

    rate, made = model.audio.sample_rate, []
    for path in write_beside(beside or {}, sounds[0].path.parent):
        note(f"{path} holds the latents that recall needs; keep it with the sounds")
    for sound in progress(sounds, "making"):
        with lowered_within() as lowered:
            audio = render(model, sound.provenance, sound.path.parent, watch)
        for told in (lowered.describe(), short_of(audio, rate, output.level)):
            if told:
                note(f"{sound.path}: {told}")
        write_audio(
            sound.path,
            audio,
            rate,
            format=output.format,
            overwrite=output.overwrite,
            provenance=sound.provenance,
        )
        made.append(Made(sound, audio, audio.shape[1] / rate))
    return made


def write_sheet(
    path: Path, tiles: Sequence[Tile], rate: int, heading: str, subheading: str, overwrite: bool
) -> None:
    """A contact sheet of the first 64 sounds, as PNG; all of the file or nothing."""
    from dgm_audio.release.sheet import MAX_TILES, contact_sheet

    if len(tiles) > MAX_TILES:
        note(f"{path} shows the first {MAX_TILES} of {len(tiles)} sounds")
    page = contact_sheet(tiles[:MAX_TILES], rate, heading=heading, subheading=subheading)
    write_picture(path, page, overwrite)


def write_picture(path: Path, page: Any, overwrite: bool, software: str = "dgm-audio") -> None:
    """A Pillow image as PNG that states what made it; all of the file or nothing."""
    from PIL.PngImagePlugin import PngInfo

    from dgm_audio._audiofile.paths import named, replacing

    content, facts = io.BytesIO(), PngInfo()
    facts.add_text("Software", software)
    page.save(content, "PNG", pnginfo=facts)
    with named(path), replacing(path, overwrite) as file:
        file.write(content.getbuffer())


def deliver(
    model: AudioGenerator,
    name: str,
    sounds: Sequence[Sound],
    sheet: Path,
    facts: str,
    output: SoundOutput,
    *,
    beside: Mapping[str, Tensor] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Make sounds and their contact sheet, and print what was made.

    Args:
        model: that makes the sounds.
        name: what to call it.
        sounds: to make, all into one folder.
        sheet: where the contact sheet goes.
        facts: what the sounds have in common, in words.
        output: where and as what to write, and how to tell of it.
        beside: latents that are too long for the provenance itself, by the name of their file.
        extra: more values for the JSON.

    Raises:
        DgmAudioError: if a file exists or cannot be written, before anything is made.
    """
    output.check([sheet, *(sound.path for sound in sounds)])
    rate = model.audio.sample_rate
    made = make(model, sounds, beside, output=output)
    write_sheet(sheet, tiles_of(made), rate, name, f"{facts}, {rate} Hz", output.overwrite)
    if output.json:
        result = {
            "model": name,
            "weights": model.weights_hash,
            "sample_rate": rate,
            **(extra or {}),
        }
        emit(result | {"sounds": [item.json() for item in made], "sheet": str(sheet)})
        return
    print(f"{name}: {len(made)} sound{'s' * (len(made) > 1)}, {facts}, {rate} Hz")
    print(table(item.row() for item in made))
    print(sheet)


def tiles_of(made: Sequence[Made]) -> list[Tile]:
    """One tile per sound: number, what it is, duration."""
    from dgm_audio.release.sheet import Tile

    return [
        Tile(item.audio, f"{index}  {item.sound.title}".rstrip(), f"{item.seconds:.2f} s")
        for index, item in enumerate(made)
    ]

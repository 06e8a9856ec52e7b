"""`dgm-audio doctor`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dgm_audio._standard_error import stderr
from dgm_audio.cli.console import note, print_rich
from dgm_audio.cli.making import check_outputs, write_picture
from dgm_audio.cli.options import ClipSeconds, Folder, Json, Overwrite, SampleRate
from dgm_audio.errors import DataError, InputError

SOFTWARE = "dgm-audio doctor"
"""The tag "Software" of its pictures, by which it knows its own."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examine recordings before training on them.

    Lists minutes, sample rates, channels, levels, silence, clipping, duplicates and classes, what
    training will do with each odd file, and how good a model can become. Prints tables and draws a
    picture.

    Example:
        dgm-audio doctor my-sounds
        dgm-audio doctor my-sounds --json --picture report.png --overwrite
    """

    folder: Folder
    sample_rate: SampleRate = None
    seconds: ClipSeconds = None
    picture: Annotated[
        Path,
        arg(
            metavar="PNG",
            help="Where the picture goes; an earlier one is replaced, another file is not.",
        ),
    ] = Path("doctor.png")
    overwrite: Overwrite = False
    json: Json = False

    def run(self) -> None:
        """Examine and report."""
        from dgm_audio.data.clip_config import ClipConfig
        from dgm_audio.data.doctor import examine
        from dgm_audio.data.doctor_picture import draw_picture
        from dgm_audio.data.doctor_table import draw_table
        from dgm_audio.data.own_folder import clip_config

        if self.picture.suffix.lower() != ".png":
            raise InputError(f"--picture is {str(self.picture)!r}; its name must end with .png")
        place = free_place(self.picture, self.overwrite)
        check_outputs([place], overwrite=True)
        try:
            config = clip_config(self.folder, self.sample_rate, self.seconds)
        except DataError:
            config = ClipConfig()  # nothing can be read: the report says why
        report = examine(self.folder, config, progress=stderr().isatty())
        write_picture(place, draw_picture(report), overwrite=True, software=SOFTWARE)
        if self.json:
            print(report.to_json())
        else:
            print_rich(draw_table(report))
            print("\n".join(what_suits(self.folder)))
        kept = (
            f" ({self.picture} is not a doctor's picture and stays)"
            if place != self.picture
            else ""
        )
        note(f"picture: {place}{kept}")


def what_suits(folder: Path) -> list[str]:
    """A line for every family: whether `train` accepts the folder for it, and why."""
    from dgm_audio.training.suitability import all_suitabilities

    try:
        found = all_suitabilities(folder)
    except DataError:
        return []  # nothing can be read: the report says why
    return [f"--family {one.family}: {'no' if one.refused else 'yes'}: {one.line}" for one in found]


def free_place(path: Path, overwrite: bool) -> Path:
    """Where the picture can go: doctor-2.png if doctor.png is a file that doctor did not write.

    An earlier picture of the doctor is replaced.
    """
    if overwrite or not os.path.lexists(path) or _is_own(path):
        return path
    others = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(place for place in others if not os.path.lexists(place) or _is_own(place))


def _is_own(path: Path) -> bool:
    from PIL import Image

    try:
        if not path.is_file():  # nor is a pipe waited for
            return False
        with Image.open(path, formats=["PNG"]) as picture:
            return picture.info.get("Software") == SOFTWARE
    except (OSError, ValueError, SyntaxError):
        return False

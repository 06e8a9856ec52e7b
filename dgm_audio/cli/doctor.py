"""`dgm-audio doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dgm_audio._standard_error import stderr
from dgm_audio.cli.console import note, print_rich
from dgm_audio.cli.making import check_outputs, write_picture
from dgm_audio.cli.options import Json, Overwrite
from dgm_audio.cli.train import ClipSeconds, Folder, Rate, clip_config
from dgm_audio.errors import DataError, InputError


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examine recordings before training on them.

    Tells minutes, rates, channels, levels, silence, clipping, duplicates and classes, what training
    will do with each odd file, and what to expect of a model. Prints a table and draws a picture.

    Example:
        dgm-audio doctor my-sounds
        dgm-audio doctor my-sounds --json --picture report.png --overwrite
    """

    folder: Folder
    sample_rate: Rate = None
    seconds: ClipSeconds = None
    picture: Annotated[Path, arg(metavar="PNG", help="Where the picture goes.")] = Path(
        "doctor.png"
    )
    overwrite: Overwrite = False
    json: Json = False

    def run(self) -> None:
        """Examine and report."""
        from dgm_audio.data.clip_config import ClipConfig
        from dgm_audio.data.doctor import examine

        if self.picture.suffix.lower() != ".png":
            raise InputError(f"--picture is {str(self.picture)!r}; its name must end with .png")
        check_outputs([self.picture], self.overwrite)
        try:
            config = clip_config(self.folder, self.sample_rate, self.seconds)
        except DataError:
            config = ClipConfig()  # nothing can be read: the report says why
        report = examine(self.folder, config, progress=stderr().isatty())
        write_picture(self.picture, report.picture(), self.overwrite)
        if self.json:
            print(report.to_json())
        else:
            print_rich(report.table())
        note(f"picture: {self.picture}")

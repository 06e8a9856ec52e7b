"""`dgm-audio transfer`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import UseAppendAction, arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.console import emit, note, table, watch
from dgm_audio.cli.options import (
    Device,
    Format,
    Json,
    Level,
    Overwrite,
    RequiredFile,
    check_level,
    load,
    suffix_of,
)
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.apps.long_recording import LongRecording
    from dgm_audio.apps.transfer import TransferStream

Biases = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        name="bias",
        metavar="AXIS=NUMBER",
        help="Move along an axis, 1 the strongest, by so many deviations, -10 to 10; repeat it.",
        help_behavior_hint="",
    ),
]
Scale = Annotated[float, arg(metavar="X", help="How far from the model's mean sound, 0 to 4.")]
NoFollow = Annotated[
    bool,
    arg(
        name="no-follow",
        help="Leave the loudness as the model makes it, not as that of the input.",
        help_behavior_hint="",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Play a recording through a model: what it hears, in its own sound.

    The recording is encoded, moved along the axes of the model's codes, and decoded, at the rate
    and with the channels of the model; --scale 0 is its mean sound, 2 an exaggeration. Loudness
    follows that of the recording. Of any length; the model must be one that streams.

    Example:
        dgm-audio transfer voice.wav --model runs/music/model
        dgm-audio transfer voice.wav --model runs/music/model --bias 1=+2 --bias 3=-1 --scale 1.2
    """

    file: Annotated[RequiredFile, arg(help="An audio file: WAV, FLAC, OGG, MP3 or AIFF.")]
    model: Annotated[
        str, arg(metavar="MODEL", help="A name from `dgm-audio list`, a model folder, hf:org/name.")
    ]
    bias: Biases = ()
    scale: Scale = 1.0
    no_follow: NoFollow = False
    device: Device = "cpu"
    out: Annotated[Path, arg(metavar="PATH", help="A file to write, or a folder.")] = Path("out")
    format: Format = "wav16"
    level: Level = "none"
    overwrite: Overwrite = False
    json: Json = False

    def run(self) -> None:
        """Read, make and write part by part."""
        bias, level = parse_biases(self.bias), check_level(self.level)
        from dgm_audio.apps.finishing import finish
        from dgm_audio.apps.long_recording import open_recording
        from dgm_audio.apps.transfer import TransferStream, comment_of

        model = load(self.model, self.device)
        follow = not self.no_follow
        through = TransferStream(model, bias=bias, scale=self.scale, follow=follow)
        name = naming.model_name(model, self.model)
        path = self._path(name)
        making.check_outputs([path], self.overwrite)
        recording, notes = open_recording(model.audio, self.file)
        note(*notes)
        comment = comment_of(
            model,
            name,
            self.file.name,
            bias=bias,
            scale=self.scale,
            follow=follow,
            **finish(False, level),
        )
        facts = self._write(path, recording, through, comment)
        if self.json:
            emit({"model": name, "weights": model.weights_hash, "source": str(self.file), **facts})
            return
        print(table([_row(facts)]))

    def _path(self, name: str) -> Path:
        """The file to write."""
        wanted, found = suffix_of(self.format), self.out.suffix.lower()
        if found == wanted:
            return self.out
        if found in (".wav", ".flac", ".ogg", ".mp3", ".aiff"):
            raise InputError(
                f"--out is {str(self.out)!r}; with --format {self.format} it must be a {wanted} "
                "file, or a folder"
            )
        return self.out / naming.file_name(name, self.file.stem, suffix=wanted)

    def _write(
        self, path: Path, recording: LongRecording, through: TransferStream, comment: str
    ) -> dict[str, Any]:
        """Make and write the sound; returns what is to be told of it."""
        from dgm_audio.apps.long_recording import Meter, writing_sound
        from dgm_audio.signal.full_scale import lowered_within

        rate, channels = recording.sample_rate, recording.channels
        heard, made, began = Meter(), Meter(), time.perf_counter()
        blocks = watch(through.whole(heard.watch(recording)), recording.length)
        options = {"format": self.format, "level": self.level, "overwrite": self.overwrite}
        with (
            lowered_within() as lowered,
            writing_sound(path, rate, channels, comment=comment, **options) as write,
        ):
            for block in made.watch(blocks):
                write(block)
        if told := lowered.describe():
            note(f"{path}: {told}")
        seconds = recording.seconds
        return {
            "file": str(path),
            "seconds": seconds,
            "rms_dbfs": made.rms_dbfs,
            "source_rms_dbfs": heard.rms_dbfs,
            "peak_dbfs": made.peak_dbfs,
            "lowered_db": through.lowered_db,
            "times_real_time": seconds / (time.perf_counter() - began),
        }


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    """For people."""
    level, before = _decibels(facts["rms_dbfs"]), _decibels(facts["source_rms_dbfs"])
    return (
        facts["file"],
        f"{facts['seconds']:.3f} s",
        f"loudness {level} RMS (recording {before})",
        f"peak {_decibels(facts['peak_dbfs'])}",
        f"made at {facts['times_real_time']:.1f} x real time",
    )


def _decibels(level: float | None) -> str:
    return "silent" if level is None else f"{level:.1f} dBFS"


def parse_biases(texts: Sequence[str]) -> dict[int, float]:
    """AXIS=NUMBER texts as a mapping.

    Raises:
        InputError: if a text is none, or an axis is given twice.

    >>> parse_biases(["1=+2", "3=-0.5"])
    {1: 2.0, 3: -0.5}
    """
    biases: dict[int, float] = {}
    for text in texts:
        axis, _, number = text.partition("=")
        try:
            index, value = int(axis), float(number)
        except ValueError:
            raise InputError(f"--bias is {text!r}; write AXIS=NUMBER, such as 1=+2") from None
        if index in biases:
            raise InputError(f"--bias gives axis {index} twice; one number is allowed")
        biases[index] = value
    return biases

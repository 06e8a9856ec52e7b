"""`dgm-audio vocode`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.console import emit, note, progress, table, watch
from dgm_audio.cli.options import (
    Conditions,
    Device,
    RequiredFiles,
    check_level,
    load,
    parse_conditions,
)
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator

DEFAULT_VOCODER = "vocoder-flow"
GRIFFIN_LIM = "griffin-lim"


@dataclass(frozen=True, kw_only=True)
class Vocode:
    """Resynthesise recordings through their mel spectrogram.

    What is lost is what the vocoder cannot guess: its listening test. Every channel is
    resynthesised by itself, at the rate of the model. Prints how far the sound is off in dB (mean
    difference of the log-mel levels). Recordings may be hours long: more than five minutes are
    resynthesised in pieces, which fade into each other. The model is any with a condition `mel`,
    or griffin-lim, which needs no training.

    Example:
        dgm-audio vocode speech.wav
        dgm-audio vocode speech.wav drums.flac --model griffin-lim --picture --out vocoded
    """

    files: Annotated[
        RequiredFiles, arg(help="Audio files: WAV, FLAC, OGG, MP3 or AIFF. (required)")
    ]
    model: Annotated[
        str | None,
        arg(
            metavar="MODEL",
            help="A vocoder from `dgm-audio list`, a model folder, hf:org/name or griffin-lim; by "
            f"default {DEFAULT_VOCODER} or, where it is missing, griffin-lim.",
            help_behavior_hint="",
        ),
    ] = None
    condition: Conditions = ()
    seed: Annotated[int, arg(metavar="K", help="Of the vocoder's noise.")] = 0
    temperature: Annotated[
        float | None,
        arg(
            metavar="T",
            help="Of the vocoder's noise; by default that at which it sounds best.",
            help_behavior_hint="",
        ),
    ] = None
    picture: Annotated[
        bool,
        arg(
            help="Draw the mels (PNG) of the first 8 s: of the recording, of Griffin-Lim and of "
            "the model.",
            help_behavior_hint="",
        ),
    ] = False
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Resynthesise file by file."""
        given = parse_conditions(self.condition)
        check_level(self.output.level)
        if not self.files:
            raise InputError("there is nothing to vocode; give at least one audio file")
        from dgm_audio.io import probe
        from dgm_audio.resynthesis import check_vocoder
        from dgm_audio.vocoded import own_temperature

        for file in self.files:
            probe(file)
        model = _vocoder(self.model, self.device)
        check_vocoder(model)
        temperature = own_temperature(model) if self.temperature is None else self.temperature
        name = naming.model_name(model, self.model or "")
        sounds, pictures = self._outputs(name)
        self.output.check([*sounds, *(pictures if self.picture else [])])
        places = list(zip(self.files, sounds, pictures, strict=True))
        made = [self._make(model, name, given, *place) for place in progress(places, "vocoding")]
        if self.output.json:
            emit(
                {
                    "model": name,
                    "weights": model.weights_hash,
                    "sample_rate": model.audio.sample_rate,
                    "seed": self.seed,
                    "temperature": temperature,
                    "sounds": made,
                }
            )
            return
        rate = f"{model.audio.sample_rate} Hz"
        print(f"{name}: seed {self.seed}, temperature {temperature:g}, {rate}")
        rows = [
            (
                item["file"],
                f"{item['seconds']:.3f} s",
                f"off by {item['error_db']:.2f} dB (log-mel)",
            )
            for item in made
        ]
        rows += [(item["picture"], "", "") for item in made if item["picture"]]
        print(table(rows))

    def _outputs(self, name: str) -> tuple[list[Path], list[Path]]:
        """Where sounds and pictures go; files of one name get numbers."""
        stems = [naming.slug(file.stem) for file in self.files]
        single = len(set(stems)) == len(stems)
        names = [(name, *([] if single else [i]), stem) for i, stem in enumerate(stems)]
        sounds = [self.output.sound(*parts) for parts in names]
        return sounds, [self.output.path(*parts, "mels", suffix=".png") for parts in names]

    def _make(
        self,
        model: AudioGenerator,
        name: str,
        given: dict[str, str],
        file: Path,
        path: Path,
        picture: Path,
    ) -> dict[str, Any]:
        """Resynthesise one file; returns what is to be told of it."""
        from dgm_audio.apps.long_recording import open_recording, writing_sound
        from dgm_audio.apps.long_vocoding import Vocoding
        from dgm_audio.release.vocoding_picture import PICTURE_SECONDS, vocoded_picture
        from dgm_audio.signal.full_scale import lowered_within

        recording, notes = open_recording(model.audio, file, channels=0)
        note(*notes)
        rate, channels = recording.sample_rate, recording.channels
        options = {"seed": self.seed, "temperature": self.temperature}  # None: the vocoder's own
        vocoding = Vocoding(model, given, kept=PICTURE_SECONDS * rate, **options)
        form: dict[str, Any] = {"format": self.output.format, "level": self.output.level}
        writing = writing_sound(path, rate, channels, overwrite=self.output.overwrite, **form)
        with lowered_within() as lowered, writing as write:
            for block in vocoding(recording, watch):
                write(block)
        if told := lowered.describe():
            note(f"{path}: {told}")
        if self.picture:
            page = vocoded_picture(model, name, file.name, vocoding.heard, vocoding.made)
            making.write_picture(picture, page, self.output.overwrite)
        return {
            "source": str(file),
            "file": str(path),
            "picture": str(picture) if self.picture else None,
            "channels": channels,
            "seconds": recording.seconds,
            "error_db": vocoding.error_db,
        }


def _vocoder(name: str | None, device: str) -> AudioGenerator:
    """The model that was asked for, or the default one, or Griffin-Lim in its place."""
    from dgm_audio.families.griffin_lim import GriffinLim
    from dgm_audio.runtime.device import choose_device
    from dgm_audio.shipped import list_models
    from dgm_audio.vocoded import STAND_IN

    if name is None and DEFAULT_VOCODER not in {model.name for model in list_models()}:
        note(f"there is no model {DEFAULT_VOCODER!r} here: {STAND_IN}")
        name = GRIFFIN_LIM
    if name == GRIFFIN_LIM:
        return GriffinLim().to(choose_device(device))
    return load(name or DEFAULT_VOCODER, device)

"""`dgm-audio speak`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.console import note
from dgm_audio.cli.options import DEFAULT_SPEAKER, Device, load
from dgm_audio.errors import InputError, UnknownModelError

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator

STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class Speak:
    """Say a text.

    Writes one WAV per text and a contact sheet (PNG). Without --seconds a sound is as long as its
    text takes. Texts may be pages long: more than ten seconds are said sentence by sentence. Each
    file carries its provenance: `dgm-audio recall` makes the same bytes again. `dgm-audio info`
    names the voices and languages of a model.

    Example:
        dgm-audio speak "Your call is important to us."
        dgm-audio speak "Press 2." --voice allison -n 4 --out prompts
        dgm-audio speak --file prompts.txt --voice allison:1,carlo:2 --pace 1.2
        fortune | dgm-audio speak - --join
    """

    text: Annotated[
        Positional[str | None],
        arg(metavar="TEXT", help="What to say; - reads standard input.", help_behavior_hint=""),
    ] = None
    file: Annotated[
        Path | None,
        arg(metavar="FILE", help="Say each line of a text file (UTF-8).", help_behavior_hint=""),
    ] = None
    join: Annotated[
        bool, arg(help="Say the lines one after another, as one sound.", help_behavior_hint="")
    ] = False
    model: Annotated[
        str, arg(metavar="MODEL", help="A name from `dgm-audio list`, a model folder, hf:org/name.")
    ] = DEFAULT_SPEAKER
    voice: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help="By default the first one; a mixture is NAME:WEIGHT,NAME:WEIGHT.",
            help_behavior_hint="",
        ),
    ] = None
    language: Annotated[
        str | None,
        arg(
            metavar="CODE", help="Such as en; by default that of the voice.", help_behavior_hint=""
        ),
    ] = None
    pace: Annotated[float, arg(metavar="P", help="1 is the usual one, 2 twice as fast.")] = 1.0
    transpose: Annotated[float, arg(metavar="N", help="Semitones, if the model has it.")] = 0.0
    seconds: Annotated[
        float | None,
        arg(metavar="S", help="By default what the text takes.", help_behavior_hint=""),
    ] = None
    n: Annotated[
        int, arg(aliases=["-n"], metavar="N", help="How many versions, of as many seeds.")
    ] = 1
    seed: Annotated[int, arg(metavar="K", help="Of the first version.")] = 0
    temperature: Annotated[
        float, arg(metavar="T", help="0 is the typical sound, 1 the model's own variety.")
    ] = 1.0
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Read, say and write the texts."""
        from dgm_audio.apps.long_text import write_texts
        from dgm_audio.generator import MAX_BATCH, MAX_SEED, check_integer

        count = check_integer("-n", self.n, 1, MAX_BATCH)
        seed = check_integer("--seed", self.seed, 0, MAX_SEED - count)
        self.output.finish()  # a wrong level is said before any work
        texts = self._texts()
        model = self._speaker()
        name = naming.model_name(model, self.model)
        beside: dict[str, str] = {}
        sounds = self._sounds(model, name, texts, range(seed, seed + count), beside)
        sheet = sounds[0].path.with_name(f"{sounds[0].path.stem}_sheet.png")
        self.output.check([sheet, *(sound.path for sound in sounds)])
        for path in write_texts(beside, self.output.out):
            note(f"{path} holds the text that recall needs; keep it with the sounds")
        facts = f"seed {seed}, temperature {self.temperature:g}"
        extra = {"seed": seed, "temperature": self.temperature, "texts": texts}
        making.deliver(model, name, sounds, sheet, facts, self.output, extra=extra)

    def _speaker(self) -> AudioGenerator:
        """The model that speaks.

        Raises:
            UnknownModelError: if there is none of this name; the message says where one comes from.
        """
        try:
            return load(self.model, self.device)
        except UnknownModelError as error:
            if self.model != DEFAULT_SPEAKER:
                raise
            raise UnknownModelError(
                "no model that speaks ships with this version; `python recipes/speech.py --out "
                "runs/speech` trains one in 86 minutes, and --model runs/speech speaks"
            ) from error

    def _texts(self) -> list[str]:
        """What to say."""
        if (self.text is None) == (self.file is None):
            raise InputError("give either a TEXT to say, or a --file with one")
        if self.text is not None and self.text != STDIN:
            return [self.text]
        where, text = _read(self.file)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise InputError(f"{where} has no text to say")
        return ["\n".join(lines)] if self.join else lines

    def _sounds(
        self,
        model: AudioGenerator,
        name: str,
        texts: list[str],
        seeds: range,
        beside: dict[str, str],
    ) -> list[making.Sound]:
        """A sound for each seed and text."""
        from dgm_audio.apps.render import provenance_for
        from dgm_audio.apps.speak import asked_conditions, condition_of, how_to_say

        asked = asked_conditions(self.voice, self.language, self.pace, self.transpose)
        common: dict[str, Any] = {**self.output.finish(), "temperature": float(self.temperature)}
        sounds = []
        for index, text in enumerate(texts):
            condition = condition_of(model, text, asked)
            call, how = how_to_say(model, condition, self.seconds, beside)
            voice = naming.label({"voice": condition.get("voice", "")})
            for seed in seeds:
                provenance = provenance_for(
                    model, name, call, **common, **how, seed=seed, index=index
                )
                path = self.output.sound(name, voice, f"seed{seed}", index, text)
                sounds.append(making.Sound(path, provenance, _one_line(text)))
        return sounds


def _read(file: Path | None) -> tuple[str, str]:
    """What to call a text file, or standard input, and its text.

    Raises:
        InputError: if it is too long, or no text in UTF-8.
        AudioFileError: if it cannot be read.
    """
    from dgm_audio._audiofile.paths import named, open_regular, shown
    from dgm_audio.apps.long_text import MAX_SIGNS

    most = 4 * MAX_SIGNS
    if file is None:
        where, content = "standard input", sys.stdin.buffer.read(most + 1)
    else:
        with named(file), open_regular(file) as opened:
            where, content = shown(file), opened.read(most + 1)
    if len(content) > most:
        raise InputError(f"{where} has more than {most} bytes, the most that is read of a text")
    try:
        return where, content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is no text in UTF-8: byte {error.start} is wrong") from None


def _one_line(text: str) -> str:
    """The beginning of a text, as a title."""
    return " ".join(text.split())[: naming.MOST_LETTERS]

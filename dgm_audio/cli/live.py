"""`dgm-audio live`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from dgm_audio.cli import making
from dgm_audio.cli.console import note, table
from dgm_audio.cli.options import Device, MaybeFormat, Overwrite, load
from dgm_audio.cli.sample import DRAWN_SEEDS
from dgm_audio.cli.transfer import Biases, NoFollow, Scale, parse_biases
from dgm_audio.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Live:
    """Play the microphone through a model, or the model's own music.

    A file can stand in for either side; then nothing waits for a clock. Ctrl-C ends it; then the
    load is told: how much of the time that a block lasts the model needed. A smaller block is
    heard sooner and costs more. Needs `pip install 'dgm_audio[live]'` unless both sides are files.

    Example:
        dgm-audio live runs/music/model --bias 1=+2
        dgm-audio live runs/music/model --sample --seed 7
        dgm-audio live runs/music/model --input voice.wav --output out.wav
        dgm-audio live --list
    """

    model: Annotated[
        Positional[str | None],
        arg(
            metavar="MODEL",
            help="A name from `dgm-audio list`, a model folder, or hf:org/name.",
            help_behavior_hint="",
        ),
    ] = None
    list: Annotated[bool, arg(help="List the audio devices.", help_behavior_hint="")] = False
    input: Annotated[
        str | None,
        arg(
            metavar="DEV|FILE",
            help="Number or name of a device, or an audio file; by default the usual microphone.",
            help_behavior_hint="",
        ),
    ] = None
    output: Annotated[
        str | None,
        arg(
            metavar="DEV|FILE",
            help="Number or name of a device, or a .wav or .flac file; by default the usual "
            "loudspeaker.",
            help_behavior_hint="",
        ),
    ] = None
    block: Annotated[
        int, arg(metavar="N", help="Samples at a time: a multiple of the model's hop.")
    ] = 2048
    bias: Biases = ()
    scale: Scale = 1.0
    no_follow: NoFollow = False
    seconds: Annotated[
        float | None,
        arg(metavar="S", help="When to stop; by default at the end.", help_behavior_hint=""),
    ] = None
    sample: Annotated[
        bool, arg(help="Play the model's own music, without an end.", help_behavior_hint="")
    ] = False
    seed: Annotated[
        int | None,
        arg(metavar="K", help="Of --sample; by default one is drawn.", help_behavior_hint=""),
    ] = None
    format: MaybeFormat = None
    device: Device = "cpu"
    overwrite: Overwrite = False

    def run(self) -> None:
        """Play until the end or Ctrl-C."""
        if self.list:
            from dgm_audio.apps.sound_devices import list_devices

            print(table(list_devices()))
            return
        bias, model = parse_biases(self.bias), self._checked()
        from dgm_audio.apps.live import Settings, as_file, play
        from dgm_audio.apps.sound_devices import sounddevice
        from dgm_audio.generator import MAX_SEED, check_integer

        target = as_file(self.output)
        if target is None or not (self.sample or as_file(self.input)):
            sounddevice()  # whether it is there is known before the model is loaded
        if target is not None:
            making.check_outputs([target], self.overwrite)
            if self.sample and self.seconds is None:
                raise InputError("--sample into a file has no end; say when to stop: --seconds")
        seed = None
        if self.sample:
            drawn = secrets.randbelow(DRAWN_SEEDS) if self.seed is None else self.seed
            seed = check_integer("--seed", drawn, 0, MAX_SEED)
            note(f"seed {seed}")
        settings = Settings(
            source=self.input,
            sink=self.output,
            block=self.block,
            seconds=self.seconds,
            seed=seed,
            bias=bias,
            scale=self.scale,
            follow=not self.no_follow,
            overwrite=self.overwrite,
            format=self.format,
        )
        load_of = play(load(model, self.device), settings, note)
        print(f"{target or 'played'}  {load_of.seconds:.3f} s  {load_of.told()}")

    def _checked(self) -> str:
        """The model, if the options fit together.

        Raises:
            InputError: if they do not.
        """
        if self.model is None:
            raise InputError("there is no MODEL; give one, or --list to see the audio devices")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise InputError(f"--seconds is {self.seconds:g}; it must be a number above 0")
        if self.sample and (self.input or self.bias or self.no_follow or self.scale != 1):
            raise InputError(
                "--sample takes no --input, --bias, --scale or --no-follow: there is no input"
            )
        if self.seed is not None and not self.sample:
            raise InputError("--seed is of --sample; nothing else here is drawn")
        return self.model

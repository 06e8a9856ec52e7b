"""`dgm-audio interpolate`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.console import note
from dgm_audio.cli.options import (
    DEFAULT_MODEL,
    Conditions,
    Device,
    FullLength,
    Model,
    Normalize,
    Seconds,
    load,
    note_guess,
    parse_conditions,
)
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.generator import AudioGenerator

_SEED = re.compile(r"(?P<seed>\d+)(:(?P<index>\d+))?")


@dataclass(frozen=True)
class End:
    """One end: an item of a seed, or a file."""

    text: str

    @property
    def seed(self) -> dict[str, int] | None:
        """Seed and item number; None for a file."""
        match = _SEED.fullmatch(self.text)
        return match and {"seed": int(match["seed"]), "index": int(match["index"] or 0)}

    @property
    def name(self) -> str:
        """As part of a file name."""
        if self.seed is None:
            return Path(self.text).stem
        return f"seed{self.text.replace(':', '-')}"


@dataclass(frozen=True, kw_only=True)
class Interpolate:
    """Morph from one sound to another in steps.

    Both ends are included. Each is a seed (7: its first sound), a seed with the number of a sound
    (7:3), or an audio file, which the model encodes; write ./7 for a file of that name. Each file
    has its own class, as `dgm-audio encode` names it, and a seed that of the other end, or the
    model's first, unless a class is given: it changes in the middle of the way. A pitch that is not
    given glides from that of one file to the other's.

    Example:
        dgm-audio interpolate drums-vae --from 1 --to 2 --steps 8 --condition class=snare
        dgm-audio interpolate drums-vae --from 7:3 --to kick.wav --out morph
    """

    model: Model = DEFAULT_MODEL
    start: Annotated[str, arg(name="from", metavar="A", help="Seed or audio file.")]
    end: Annotated[str, arg(name="to", metavar="B", help="Seed or audio file.")]
    steps: Annotated[int, arg(metavar="N", help="How many sounds, at least 2.")] = 8
    seconds: Seconds = None
    condition: Conditions = ()
    normalize: Normalize = "none"
    full_length: FullLength = False
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Make and write the steps."""
        given, ends = parse_conditions(self.condition), (End(self.start), End(self.end))
        from dgm_audio.apps.finishing import may_end
        from dgm_audio.apps.morph import blend
        from dgm_audio.apps.render import provenance_for
        from dgm_audio.generator import MAX_BATCH, check_integer

        count = check_integer("--steps", self.steps, 2, MAX_BATCH)
        model = load(self.model, self.device)
        name = naming.model_name(model, self.model)
        beside: dict[str, Tensor] = {}
        length, packed, (first, last) = self._ends(model, ends, given, beside)
        title = naming.label(first) if first == last else ""
        trim = self.seconds is None and not self.full_length and may_end(model)
        finish = self.output.finish(trim)
        way = f"{naming.slug(ends[0].name)[:25]}-to-{naming.slug(ends[1].name)[:25]}"
        sounds = []
        for index in range(count):
            condition = blend([first, last], index / (count - 1), 0, model.condition)
            provenance = provenance_for(
                model,
                name,
                "interpolate",
                **packed,
                steps=count,
                index=index,
                length=length,
                condition=condition,
                **finish,
            )
            path = self.output.sound(name, way, index, title)
            sounds.append(making.Sound(path, provenance, naming.label(condition)))
        sheet = self.output.path(name, way, title, "sheet", suffix=".png")
        facts = f"{ends[0].name} to {ends[1].name}"
        extra = {"from": self.start, "to": self.end, "condition": first, "condition_to": last}
        making.deliver(model, name, sounds, sheet, facts, self.output, beside=beside, extra=extra)

    def _ends(
        self,
        model: AudioGenerator,
        ends: tuple[End, End],
        given: dict[str, str],
        beside: dict[str, Tensor],
    ) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        """Length in samples, and both ends as parameters of the provenance and as conditions."""
        from dgm_audio.apps.inversion import class_choices, encode, fit_length, likely_conditions
        from dgm_audio.apps.latents import pack
        from dgm_audio.apps.render import usual_length

        clips = {end: self._read(model, end) for end in ends if end.seed is None}
        usual = class_choices(model, given)[0]
        length = usual_length(model, usual, self.seconds)
        if self.seconds is None and clips and model.latent.hop is not None:
            length = min(clip.shape[-1] for clip in clips.values())
        clips = {end: fit_length(clip, length) for end, clip in clips.items()}
        likely = {end: likely_conditions(model, clip, given) for end, clip in clips.items()}
        own = [likely[end][0][0] if end in likely else None for end in ends]
        usual = next((one for one in own if one), usual)
        packed: dict[str, Any] = {}
        conditions = [one or usual for one in own]
        for key, end, condition in zip(("from", "to"), ends, conditions, strict=True):
            if end.seed is not None:
                packed[key] = end.seed
                continue
            note_guess(likely[end], given, end.name if len(likely) > 1 else "")
            packed[key] = pack(encode(model, clips[end], condition), beside)
        return length, packed, conditions

    def _read(self, model: AudioGenerator, end: End) -> Tensor:
        from dgm_audio.apps.inversion import encoder_of
        from dgm_audio.apps.recording import read_for

        if not Path(end.text).exists():
            raise InputError(f"{end.text!r} is neither a seed (7 or 7:3) nor an audio file")
        encoder_of(model)
        peak = self.normalize == "peak"
        clip, notes = read_for(model, Path(end.text), peak=peak, louder="--normalize peak")
        note(*notes)
        return clip

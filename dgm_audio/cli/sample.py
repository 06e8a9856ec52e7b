"""`dgm-audio sample`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.options import (
    DEFAULT_MODEL,
    Conditions,
    Device,
    FullLength,
    Model,
    Seconds,
    load,
    parse_conditions,
)

DRAWN_SEEDS = 2**31
"""Seeds that are drawn for the user lie below this, so that they are easy to copy."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Make new sounds, and a picture of them.

    Writes one WAV per sound and a contact sheet (PNG). File names tell model, seed, number and
    class. Sound i of a seed is the same whatever -n is. Each file carries its provenance:
    `dgm-audio recall` makes the same bytes again. Without a condition every class has its turn.
    One-shots end where they have died away, unless --seconds or --full-length is given.

    Example:
        dgm-audio sample
        dgm-audio sample drums-vae -n 4 --seed 7 --condition class=kick --out kicks
    """

    model: Model = DEFAULT_MODEL
    n: Annotated[int, arg(aliases=["-n"], metavar="N", help="How many sounds.")] = 8
    seconds: Seconds = None
    seed: Annotated[
        int | None,
        arg(metavar="K", help="By default one is drawn, and printed.", help_behavior_hint=""),
    ] = None
    temperature: Annotated[
        float, arg(metavar="T", help="0 is the typical sound, 1 the model's own variety.")
    ] = 1.0
    condition: Conditions = ()
    full_length: FullLength = False
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Make and write the sounds."""
        conditions = parse_conditions(self.condition)
        from dgm_audio.apps.finishing import may_end
        from dgm_audio.apps.render import item_conditions, provenance_for, usual_length
        from dgm_audio.generator import MAX_BATCH, check_integer

        count = check_integer("-n", self.n, 1, MAX_BATCH)
        model = load(self.model, self.device)
        name = naming.model_name(model, self.model)
        seed = secrets.randbelow(DRAWN_SEEDS) if self.seed is None else self.seed
        trim = self.seconds is None and not self.full_length and may_end(model)
        common = {
            **self.output.finish(trim),
            "seed": seed,
            "temperature": float(self.temperature),
        }
        sounds = []
        for index, values in enumerate(item_conditions(model, conditions, count)):
            title = naming.label(values)
            length = usual_length(model, values, self.seconds)
            where = {"index": index, "condition": values, "length": length}
            provenance = provenance_for(model, name, "sample", **common, **where)
            path = self.output.sound(name, f"seed{seed}", index, title)
            sounds.append(making.Sound(path, provenance, title))
        asked = "-".join(conditions.values())
        sheet = self.output.path(name, f"seed{seed}", asked, "sheet", suffix=".png")
        facts = f"seed {seed}, temperature {self.temperature:g}"
        extra = {"seed": seed, "temperature": self.temperature}
        making.deliver(model, name, sounds, sheet, facts, self.output, extra=extra)
        if self.seed is None and not self.output.json:
            print(f"the seed was drawn; --seed {seed} makes the same sounds again")

"""`dgm-audio encode`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from dgm_audio.apps import naming
from dgm_audio.cli import making
from dgm_audio.cli.console import emit, note, table
from dgm_audio.cli.options import (
    Conditions,
    Device,
    Model,
    Normalize,
    RequiredFile,
    load,
    note_guess,
    parse_conditions,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Encode:
    """Find the latents of a recording, and reconstruct it.

    Writes the latents (.safetensors), the reconstruction (.wav) and a picture of both, and prints
    how far the reconstruction is off in dB (mean difference of the log-mel levels). A class that
    is not given is the likeliest or, without a likelihood, the one that reconstructs best; a pitch
    that is not given is listened for.

    Example:
        dgm-audio encode drums-vae kick.wav
        dgm-audio encode drums-vae kick.wav --condition class=kick --normalize peak --out codes
    """

    model: Model
    file: Annotated[RequiredFile, arg(help="An audio file: WAV, FLAC, OGG, MP3 or AIFF.")]
    condition: Conditions = ()
    normalize: Normalize = "none"
    device: Device = "auto"
    output: making.Writing

    def run(self) -> None:
        """Encode, decode, compare."""
        given = parse_conditions(self.condition)
        from dgm_audio.apps import inversion
        from dgm_audio.apps.latents import StoredLatents, pack, write_latents
        from dgm_audio.apps.recording import read_for
        from dgm_audio.apps.render import recipe_for
        from dgm_audio.apps.sheet import Tile

        model = load(self.model, self.device)
        inversion.encoder_of(model)
        name, rate = naming.model_name(model, self.model), model.audio.sample_rate
        stem = (name, self.file.stem)
        latents = self.output.path(*stem, suffix=".safetensors")
        path = self.output.path(*stem)
        sheet = self.output.path(*stem, "sheet", suffix=".png")
        self.output.check([latents, path, sheet])

        peak = self.normalize == "peak"
        clip, notes = read_for(model, self.file, peak=peak, louder="--normalize peak")
        note(*notes)
        condition = inversion.closest_condition(model, [clip], given)
        z, length = inversion.encode(model, clip, condition), clip.shape[-1]
        stored = StoredLatents(z, condition, length, model.weights_hash)
        write_latents(latents, stored, overwrite=self.output.overwrite)
        beside: dict[str, Tensor] = {}
        packed = pack(z, beside)
        recipe = recipe_for(
            model, name, "decode", latents=packed, length=length, condition=condition
        )
        sound = making.Sound(path, recipe, naming.label(condition))
        made = making.make(model, [sound], beside, overwrite=self.output.overwrite)[0]
        error = inversion.error_db(clip, made.audio[None], rate)
        duration = f"{made.seconds:.2f} s"
        tiles = [Tile(clip[0], self.file.stem, duration), Tile(made.audio, name, duration)]
        facts = f"{made.sound.title}, off by {error:.1f} dB".removeprefix(", ")
        making.write_sheet(sheet, tiles, rate, self.file.name, facts, self.output.overwrite)
        if self.output.json:
            emit(
                {
                    "model": name,
                    "weights": model.weights_hash,
                    "source": str(self.file),
                    "latents": str(latents),
                    "shape": list(z.shape),
                    "error_db": error,
                    **made.json(),
                    "sheet": str(sheet),
                }
            )
            return
        rows = [("latents", str(latents), f"{z.shape[1]} x {z.shape[2]} numbers")]
        rows.append(("reconstruction", str(path), f"off by {error:.2f} dB (log-mel)"))
        rows += [("picture", str(sheet), "")]
        rows += [(key, str(value), "") for key, value in condition.items()]
        note_guess(condition, given)
        print(table(rows))

"""`dgm-audio decode`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.options import (
    Conditions,
    Device,
    FullLength,
    Model,
    RequiredFile,
    Seconds,
    load,
    parse_conditions,
)
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.apps.latents import StoredLatents
    from dgm_audio.generator import AudioGenerator


@dataclass(frozen=True, kw_only=True)
class Decode:
    """Make the sounds of given latents.

    They come from `dgm-audio encode` or from a program of your own: numbers (B, D, L), (D, L) or
    (D,) in a .npy file, or in a .safetensors file as the one tensor "latents". Files of `encode`
    know their class and length; a given one replaces it. One-shots of no known length end where
    they have died away, unless --full-length is given.

    Example:
        dgm-audio decode drums-vae out/drums-vae_kick.safetensors --out again
        dgm-audio decode drums-vae mine.npy --condition class=snare --seconds 0.5
    """

    model: Model
    file: Annotated[RequiredFile, arg(help="Latents: .safetensors or .npy.")]
    seconds: Seconds = None
    condition: Conditions = ()
    full_length: FullLength = False
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Make and write the sounds."""
        given = parse_conditions(self.condition)
        self.output.finish()  # a wrong level is said before any work
        from dgm_audio.apps.finishing import may_end
        from dgm_audio.apps.latents import pack, read_latents
        from dgm_audio.apps.render import item_conditions, provenance_for

        stored = read_latents(self.file)
        model = load(self.model, self.device)
        name = naming.model_name(model, self.model)
        check_latents(model, self.file, stored)
        length = self._length(model, stored)
        given_length = self.full_length or not (self.seconds is stored.length is None)
        finish = self.output.finish(may_end(model) and not given_length)
        stem = self.file.stem.removeprefix(f"{naming.slug(name)}_")
        conditions = item_conditions(model, {**stored.condition, **given}, len(stored.z))
        beside: dict[str, Tensor] = {}
        sounds = []
        for index, condition in enumerate(conditions):
            title = naming.label(condition)
            packed = pack(stored.z[index : index + 1], beside)
            provenance = provenance_for(
                model, name, "decode", latents=packed, length=length, condition=condition, **finish
            )
            path = self.output.sound(name, stem, index, title)
            sounds.append(making.Sound(path, provenance, title))
        sheet = self.output.path(name, stem, "decoded", "sheet", suffix=".png")
        facts, extra = f"decoded from {self.file.name}", {"latents": str(self.file)}
        making.deliver(model, name, sounds, sheet, facts, self.output, beside=beside, extra=extra)

    def _length(self, model: AudioGenerator, stored: StoredLatents) -> int:
        if self.seconds is not None:
            return model.audio.resolve_length(self.seconds)
        if stored.length is not None:
            return model.audio.resolve_length(stored.length / model.audio.sample_rate)
        hop = model.latent.hop
        return model.audio.length if hop is None else stored.z.shape[2] * hop


def check_latents(model: AudioGenerator, path: Path, stored: StoredLatents) -> None:
    """Whether the latents are this model's.

    Raises:
        InputError: if their shape does not fit, or they were made with other weights.
    """
    _, channels, frames = stored.z.shape
    latent = model.latent
    if channels != latent.channels or (latent.hop is None and frames != 1):
        wanted = f"{latent.channels} x {'1' if latent.hop is None else 'L'}"
        raise InputError(f"{path}: latents are {channels} x {frames}; the model's are {wanted}")
    if stored.weights is not None and stored.weights != model.weights_hash:
        raise InputError(
            f"{path}: the latents were made with weights {stored.weights[:12]}...; "
            f"{model.name!r} has {(model.weights_hash or 'none')[:12]}..."
        )

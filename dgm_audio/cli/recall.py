"""`dgm-audio recall`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from dgm_audio.cli import making
from dgm_audio.cli.console import emit, note, watch
from dgm_audio.cli.options import RequiredFile, load
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator
    from dgm_audio.provenance import Provenance


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Make a sound again, byte for byte, from how it was made.

    How it was made, its provenance, is written in the file: model, weights, seed, settings. Works
    for every file that dgm-audio wrote, with the same version and the same model, on the CPU.
    Another processor or another version of PyTorch makes the same sound to 0.001 of its peak.
    The file itself is only read.

    Example:
        dgm-audio recall out/drums-vae_seed7_000_kick.wav --out again
        dgm-audio recall kick.wav --model runs/mine/model --out again
    """

    file: Annotated[RequiredFile, arg(help="A sound that dgm-audio made.")]
    model: Annotated[
        str | None,
        arg(
            metavar="MODEL",
            help="Where the model is; needed if it was given as a folder when the sound was made.",
            help_behavior_hint="",
        ),
    ] = None
    output: making.Writing

    def run(self) -> None:
        """Read the provenance, make the sound, compare."""
        from dgm_audio.apps.latents import files_beside
        from dgm_audio.apps.render import check_provenance, render
        from dgm_audio.io import probe, read_provenance, write_audio

        provenance, info = read_provenance(self.file), probe(self.file)
        path = self.output.out / self.file.with_suffix(f".{info.format}").name
        self.output.check([path])
        model = self._load(provenance)
        check_provenance(model, provenance)
        original = self.file.read_bytes()
        audio = render(model, provenance, self.file.parent, watch)
        write_audio(
            path,
            audio,
            model.audio.sample_rate,
            subtype=info.subtype,
            overwrite=self.output.overwrite,
            provenance=provenance,
        )
        for name in files_beside(provenance):
            if not (self.output.out / name).exists():
                shutil.copyfile(self.file.parent / name, self.output.out / name)
        same = path.read_bytes() == original
        device = provenance.parameters.get("device", "cpu")
        if not same:
            reason = "it was changed since, or made on another type of machine"
            if device != "cpu":
                reason = f"it was made on {device}, this is the CPU"
            note(f"{path}: the bytes are not those of {self.file}: {reason}")
        if self.output.json:
            emit({"file": str(path), "same_bytes": same, "model": provenance.model})
            return
        print(f"{path}{'  same bytes' if same else ''}")

    def _load(self, provenance: Provenance) -> AudioGenerator:
        """The model that made the sound; never from a path in the file, which may be anybody's."""
        from dgm_audio.shipped import list_models

        if self.model is not None:
            return load(self.model, "cpu")
        names = [model.name for model in list_models()]
        if provenance.model not in names and not provenance.model.startswith("hf:"):
            raise InputError(
                f"{self.file} was made by a model called {provenance.model!r}, which does not come "
                f"with this installation ({', '.join(names) or 'no model does'}); say where its "
                "folder is: --model PATH"
            )
        return load(provenance.model, "cpu")

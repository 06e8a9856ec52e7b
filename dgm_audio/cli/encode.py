"""`dgm-audio encode`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli import making
from dgm_audio.cli.console import emit, note, table, watch
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

    from dgm_audio.generator import AudioGenerator
    from dgm_audio.release.sheet import Tile


class Places(NamedTuple):
    """Where the files go."""

    latents: Path
    sound: Path
    sheet: Path


@dataclass(frozen=True)
class Found:
    """What there is to be told."""

    condition: dict[str, Any]
    shape: list[int]
    error_db: float
    seconds: float
    peak_dbfs: float | None
    tiles: list[Tile]

    def json(self) -> dict[str, Any]:
        """For machines."""
        keys = ("condition", "shape", "error_db", "seconds", "peak_dbfs")
        return {key: getattr(self, key) for key in keys}

    def rows(self, places: Places) -> list[tuple[str, str, str]]:
        """For people."""
        _, channels, frames = self.shape
        size = 4 * channels * frames / 2**20
        return [
            ("latents", str(places.latents), f"{channels} x {frames} numbers, {size:.2g} MiB"),
            ("reconstruction", str(places.sound), f"off by {self.error_db:.2f} dB (log-mel)"),
            ("picture", str(places.sheet), ""),
            *((key, str(value), "") for key, value in self.condition.items()),
        ]


@dataclass(frozen=True, kw_only=True)
class Encode:
    """Find the latents of a recording, and reconstruct it.

    Writes the latents (.safetensors), the reconstruction (.wav) and a picture of both, and prints
    how far the reconstruction is off in dB (mean difference of the log-mel levels). A model that
    streams takes recordings of any length, hours of them. A class that is not given is named by the
    likelihood or, without one, by a classifier that listens to the model's own sounds; a pitch that
    is not given is listened for.

    Example:
        dgm-audio encode drums-vae kick.wav
        dgm-audio encode drums-vae kick.wav --condition class=kick --normalize peak --out codes
    """

    model: Model
    file: Annotated[RequiredFile, arg(help="An audio file: WAV, FLAC, OGG, MP3 or AIFF.")]
    condition: Conditions = ()
    normalize: Normalize = "none"
    device: Device = "cpu"
    output: making.SoundWriting

    def run(self) -> None:
        """Encode, decode, compare."""
        given = parse_conditions(self.condition)
        from dgm_audio.apps.inversion import encoder_of
        from dgm_audio.capabilities import RunsLive

        self.output.finish()  # a wrong level is said before any work
        model = load(self.model, self.device)
        encoder_of(model)
        name = naming.model_name(model, self.model)
        stem = (name, self.file.stem)
        places = Places(
            self.output.path(*stem, suffix=".safetensors"),
            self.output.sound(*stem),
            self.output.path(*stem, "sheet", suffix=".png"),
        )
        self.output.check(places)
        encode = self._recording if isinstance(model, RunsLive) else self._clip
        found = encode(model, name, given, places)
        facts = f"{naming.label(found.condition)}, off by {found.error_db:.1f} dB"
        making.write_sheet(
            places.sheet,
            found.tiles,
            model.audio.sample_rate,
            self.file.name,
            facts.removeprefix(", "),
            self.output.overwrite,
        )
        if self.output.json:
            emit(
                {
                    "model": name,
                    "weights": model.weights_hash,
                    "source": str(self.file),
                    "latents": str(places.latents),
                    "file": str(places.sound),
                    "sheet": str(places.sheet),
                    **found.json(),
                }
            )
            return
        print(table(found.rows(places)))

    def _clip(
        self, model: AudioGenerator, name: str, given: dict[str, str], places: Places
    ) -> Found:
        """Of a model that takes whole clips."""
        from dgm_audio.apps import inversion
        from dgm_audio.apps.latents import StoredLatents, pack, write_latents
        from dgm_audio.apps.recording import read_for
        from dgm_audio.apps.render import provenance_for
        from dgm_audio.release.sheet import Tile

        peak = self.normalize == "peak"
        clip, notes = read_for(model, self.file, peak=peak, louder="--normalize peak")
        note(*notes)
        likely = inversion.likely_conditions(model, clip, given)
        note_guess(likely, given)
        condition = likely[0][0]
        z, length = inversion.encode(model, clip, condition), clip.shape[-1]
        stored = StoredLatents(z, condition, length, model.weights_hash)
        write_latents(places.latents, stored, overwrite=self.output.overwrite)
        beside: dict[str, Tensor] = {}
        provenance = provenance_for(
            model,
            name,
            "decode",
            latents=pack(z, beside),
            length=length,
            condition=condition,
            **self.output.finish(),
        )
        sound = making.Sound(places.sound, provenance, naming.label(condition))
        made = making.make(model, [sound], beside, output=self.output)[0]
        error = inversion.error_db(clip, made.audio[None], model.audio.sample_rate)
        duration = f"{made.seconds:.2f} s"
        tiles = [Tile(clip[0], self.file.stem, duration), Tile(made.audio, name, duration)]
        return Found(condition, list(z.shape), error, made.seconds, made.peak_dbfs, tiles)

    def _recording(
        self, model: AudioGenerator, name: str, given: dict[str, str], places: Places
    ) -> Found:
        """Of a model that streams: of any length, part by part."""
        from dgm_audio.apps.latents import pack_file
        from dgm_audio.apps.long_encoding import COMPARED, Difference, decoded, encode_recording
        from dgm_audio.apps.long_recording import Meter, open_recording, writing_sound
        from dgm_audio.apps.render import item_conditions, provenance_for
        from dgm_audio.release.sheet import Tile
        from dgm_audio.signal.full_scale import lowered_within

        condition, peak = item_conditions(model, given, 1)[0], self.normalize == "peak"
        recording, notes = open_recording(
            model.audio, self.file, peak=peak, louder="--normalize peak"
        )
        note(*notes)
        rate, length = recording.sample_rate, recording.length
        overwrite = self.output.overwrite
        frames = encode_recording(
            model,
            recording,
            places.latents,
            overwrite=overwrite,
            watch=lambda blocks: watch(blocks, length),
        )
        latents, finish = pack_file(places.latents), self.output.finish()
        provenance = provenance_for(
            model, name, "decode", latents=latents, length=length, condition=condition, **finish
        )
        note(
            f"{places.latents} holds the latents from which recall makes the sound; keep it with "
            "the sound"
        )
        difference, meter = Difference(rate), Meter()
        blocks = watch(difference.of(decoded(model, places.latents, length), recording), length)
        writing = writing_sound(
            places.sound,
            rate,
            recording.channels,
            format=self.output.format,
            level=self.output.level,
            overwrite=overwrite,
            provenance=provenance,
        )
        with lowered_within() as lowered, writing as write:
            for block in meter.watch(blocks):
                write(block)
        if told := lowered.describe():
            note(f"{places.sound}: {told}")
        seconds, shape = recording.seconds, [1, model.latent.channels, frames]
        shown = f"{seconds:.2f} s" if seconds <= COMPARED else f"the first {COMPARED} s"
        pairs = ((difference.heard, self.file.stem), (difference.made, name))
        tiles = [Tile(x[0], title, shown) for x, title in pairs if x is not None]
        return Found(condition, shape, difference.db, seconds, meter.peak_dbfs, tiles)

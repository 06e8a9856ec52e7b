"""`dgm-audio evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from dgm_audio.cli.console import emit, note, now_and_then, on_terminal
from dgm_audio.cli.options import DEFAULT_MODEL, Device, Json, Model, load
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.data import ClipConfig, Splits
    from dgm_audio.generator import AudioGenerator


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Compare a model's sounds with real test recordings.

    The recordings are test clips, which neither trained nor chose the model, and whole groups that
    training never met (kits, instruments, voices). Every figure comes with a 95 % bootstrap
    interval, and beside it those of a noise baseline and of real training clips; for a vocoder,
    those of Griffin-Lim and of the recordings themselves; for a model that speaks, how much of it a
    recogniser understands. A sentence under each table says what it means for a listener.
    Without --data the recordings are the data set that the model names; a folder that it was
    trained on is split as in training. What depends on the recordings only is kept in the cache.

    Example:
        dgm-audio evaluate drums-vae
        dgm-audio evaluate runs/mine/model --data my-sounds --json
    """

    model: Model = DEFAULT_MODEL
    data: Annotated[
        Path | None,
        arg(metavar="FOLDER", help="Real recordings to compare with.", help_behavior_hint=""),
    ] = None
    n: Annotated[
        int | None,
        arg(
            aliases=["-n"],
            metavar="N",
            help="Sounds to draw; by default 256, or as many as there are test clips if those "
            "are more. Of a vocoder: recordings of each part, by default 30; of a model that "
            "speaks: sentences, by default 60.",
            help_behavior_hint="",
        ),
    ] = None
    seed: Annotated[int, arg(metavar="K", help="Of everything random.")] = 0
    device: Device = "auto"
    json: Json = False

    def run(self) -> None:
        """Print the report."""
        from dgm_audio.evaluation import evaluate, table
        from dgm_audio.evaluation.sentences import text_field
        from dgm_audio.evaluation.speaking import evaluate_speech
        from dgm_audio.evaluation.vocoding import evaluate_vocoder
        from dgm_audio.vocoded import is_vocoder

        model = load(self.model, self.device)
        splits = reference_splits(model, self.data)
        note(*splits.notes)
        options = {"seed": self.seed, "n": self.n}
        progress = on_terminal() or now_and_then("evaluating: ")
        if is_vocoder(model):
            found = evaluate_vocoder(model, splits, progress=on_terminal(), **options)
            report, text = {**found.metrics(), "notes": found.notes}, str(found)
        elif text_field(model):
            found = evaluate_speech(model, splits, progress=progress, **options)
            report, text = {**found.metrics(), "notes": found.notes}, str(found)
        else:
            report = evaluate(model, splits, progress=progress, **options)
            text = "" if self.json else table(report)
        if self.json:
            emit(report)
        else:
            print(text)


def reference_splits(model: AudioGenerator, data: Path | None) -> Splits:
    """The real sounds to compare a model with, as clips of its rate, length and channels.

    Args:
        model: as `dgm_audio.load` gave it.
        data: a folder or CSV manifest; None takes the data set that the model's config names.

    Raises:
        InputError: if there is no data, and the model names none that can be had.
        DataError: if the data cannot be used.
    """
    from dgm_audio.capabilities import RunsLive
    from dgm_audio.data import ClipConfig, Manifest
    from dgm_audio.data.own_folder import folder_splits
    from dgm_audio.data.transcripts import with_transcripts
    from dgm_audio.text_field import Text
    from dgm_audio.vocoded import is_vocoder

    header = _header(model)
    record: dict[str, Any] = header.get("data") or {}
    audio = model.audio
    config = ClipConfig(sample_rate=audio.sample_rate, length=audio.length, channels=audio.channels)
    if is_vocoder(model):
        config = replace(config, normalize="none", trim_silence=False)  # it must follow the level
    if data is None:
        return _named_data(str(record.get("dataset", "")), config)
    manifest = Manifest.read(data)
    speaks = any(isinstance(field, Text) for _, field in model.condition)
    if speaks:
        manifest = with_transcripts(manifest).manifest
    known = manifest.hash == record.get("manifest_sha256")
    if not known:
        note(f"{data} is not what {model.name} was trained on: all of it is new to the model")
    seed = header.get("seed") if known else 0
    whole = isinstance(model, RunsLive)
    return folder_splits(data, config, whole, seed or 0, transcribed=speaks)


def _named_data(name: str, config: ClipConfig) -> Splits:
    """The splits of a data set that this package can fetch, as its recipe makes them."""
    from dgm_audio.data.sets.named import SETS, named_splits

    if name not in SETS:
        found = f"names the data set {name!r}" if name else "names no data set"
        raise InputError(f"the model's config {found}; say what to compare it with: --data FOLDER")
    return named_splits(name, config)


def _header(model: AudioGenerator) -> dict[str, Any]:
    from dgm_audio.model_folder import read_header

    return read_header(model.card_path.parent) if model.card_path else {}

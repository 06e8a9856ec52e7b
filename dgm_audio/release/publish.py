"""From a run's best model to a folder that can be shipped: measured card, picture, provenance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL.Image import Image
from PIL.Image import open as open_image
from torch import Tensor

from dgm_audio._renamed import old_names
from dgm_audio.capabilities import HasSteps, RunsLive
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.data.windows import recordings
from dgm_audio.errors import CheckpointError
from dgm_audio.evaluation import evaluate, table
from dgm_audio.evaluation.sampling import asked_for
from dgm_audio.evaluation.sentences import text_field
from dgm_audio.evaluation.speaking import evaluate_speech
from dgm_audio.evaluation.steps import StepsReport, evaluate_steps
from dgm_audio.evaluation.vocoding import evaluate_vocoder
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import CARD, CURVE, PICTURE, read_header
from dgm_audio.release.music_picture import music_picture
from dgm_audio.release.sheet import Tile, contact_sheet
from dgm_audio.release.speech_picture import speech_picture
from dgm_audio.release.vocoding_picture import vocoded_picture
from dgm_audio.resynthesis import resynthesise
from dgm_audio.vocoded import is_vocoder

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet, Splits

COLUMNS = 6
LONGEST = 2**16
"""Samples of the recording whose mel is drawn."""
CURVED = (
    "How the validation metric went during the training; the model is that of the marked point."
)
SAMPLED = "Upper rows: recordings it was not trained on. Lower rows: its own sounds, seed 0."
VOCODED = (
    "From above: the mel spectrogram of a recording of a voice that it was not trained on, of what "
    "Griffin-Lim makes of it, and of what the model makes of it, seed 0."
)
_EVALUATION = "## Evaluation\n\n```text\n{}\n```"
_DESCRIPTION = re.compile(
    r"---\n.*?\n---\n\n# [^\n]*\n\n(.*?)## Evaluation\n\n```text\n.*?\n```\n\n## Use\n.*", re.DOTALL
)
"""The description before the evaluation, in a card that `publish` wrote."""
SPOKEN = (
    "Mel spectrograms of sentences that it was not trained on: above as they were recorded, below "
    "as the model says them, seed 0."
)
PLAYED = (
    "From above: the mel spectrogram of a recording that it was not trained on, its "
    "reconstruction, another such recording played through the model, and a sample of its own, "
    "seed 0."
)


@dataclass(frozen=True)
class ModelEvaluation:
    """An evaluation report for a card.

    Args:
        text: the report as a table.
        metrics: its figures, with intervals under "ci".
    """

    text: str
    metrics: Mapping[str, Any]


def evaluate_model(model: AudioGenerator, splits: Splits) -> ModelEvaluation:
    """Evaluate a model as `dgm-audio evaluate` does, and by the steps of its solver if it has one.

    A vocoder is evaluated by resynthesis, a model that speaks by judges of speech.

    Args:
        model: any.
        splits: of its data.
    """
    if is_vocoder(model):
        found = evaluate_vocoder(model, splits)
        text, metrics = str(found), found.metrics()
    elif text_field(model):
        found = evaluate_speech(model, splits)
        text, metrics = str(found), found.metrics()
    else:
        report = evaluate(model, splits)
        figures = {key: value for key, value in report.items() if isinstance(value, float)}
        tables = ("ci", "per_class", "scale", "counts", "notes")
        text, metrics = table(report), figures | {key: report[key] for key in tables}
    if isinstance(model, HasSteps):
        steps = evaluate_steps(model, splits)
        text, metrics = f"{text}\n\n{steps}", metrics | steps.metrics()
    return ModelEvaluation(text, metrics)


def publish(
    folder: Path,
    to: Path,
    splits: Splits,
    evaluation: ModelEvaluation,
    *,
    summary: str,
    commands: Mapping[str, str],
    note: str = "",
    limits: str,
    dataset: str,
    licences: list[str],
    curve: Image | None = None,
) -> Path:
    """Write the model of a run with its card to a folder, or replace the one there.

    Args:
        folder: the run's model folder.
        to: where the published model goes; its name is the model's.
        splits: of its data; the picture shows test clips.
        evaluation: from `evaluate_model`.
        summary: first paragraph of the card.
        commands: what was run, by name ("train", "evaluate", ...); written into the card.
        note: a paragraph on the training, if there is more to say.
        limits: what the model cannot do.
        dataset: name of the data set, so that `dgm-audio evaluate` finds it again.
        licences: the Hub's identifiers of the data's licences.
        curve: the validation metric over the run (see `dgm_audio.release.curve`), for the card.

    Returns:
        `to`.
    """
    model, header = load_model(folder, "cpu"), read_header(folder)
    model.name = to.name
    picture, caption = picture_and_caption(model, splits)
    lines = [f"- {name}: `{command}`" for name, command in commands.items()]
    card = "\n\n".join(
        [
            summary,
            f"![Sounds of the model under real recordings]({PICTURE})",
            caption,
            "## Commands",
            "\n".join(lines),
            *([note] if note else []),
            *([] if curve is None else [f"![Validation metric over time]({CURVE})", CURVED]),
            "## Limits",
            limits,
            _EVALUATION.format(evaluation.text),
        ]
    )
    return save_model(
        model,
        to,
        recipe=header["recipe"],
        card=card,
        data=header["data"] | {"dataset": dataset, "license": licences},
        seed=header["seed"],
        metrics=evaluation.metrics,
        half=header["dtype"] == "float16",
        picture=picture,
        curve=curve,
    )


def renew(folder: Path, splits: Splits, evaluation: ModelEvaluation) -> None:
    """Put a new evaluation, and a new picture, into a folder that `publish` wrote.

    The weights and the rest of the card stay as they are.

    Args:
        folder: with the model and its card.
        splits: of its data; the picture shows test clips.
        evaluation: from `evaluate_model`.

    Raises:
        CheckpointError: if the card has no evaluation that could be replaced.
    """
    model, header = load_model(folder, "cpu"), read_header(folder)
    card = (folder / CARD).read_text(encoding="utf-8")
    found = _DESCRIPTION.fullmatch(card)
    if found is None:
        raise CheckpointError(f"{folder / CARD} has no evaluation that could be renewed")
    picture, _ = picture_and_caption(model, splits)
    curve = open_image(folder / CURVE) if (folder / CURVE).exists() else None
    save_model(
        model,
        folder,
        recipe=header["recipe"],
        card=f"{found[1]}{_EVALUATION.format(evaluation.text)}",
        data=header["data"],
        seed=header["seed"],
        metrics=evaluation.metrics,
        half=header["dtype"] == "float16",
        picture=picture,
        curve=curve,
    )


def rewrite_evaluation(folder: Path) -> bool:
    """Write a card's evaluation anew from its figures in `config.json`, as reports are worded now.

    Args:
        folder: with the model and its card.

    Returns:
        Whether that is possible: not of vocoders and speech, whose reports are not made of figures
        alone.
    """
    metrics, card = read_header(folder)["metrics"], folder / CARD
    if "notes" not in metrics:
        return False
    text = card.read_text(encoding="utf-8")
    start, _, rest = text.partition("## Evaluation\n")
    end = rest[rest.index("\n```\n\n## Use\n") + len("\n```") :]
    words = table(metrics)
    if "steps" in metrics:
        words = f"{words}\n\n{StepsReport.from_metrics(metrics)}"
    card.write_text(start + _EVALUATION.format(words) + end, encoding="utf-8")
    return True


def picture_and_caption(model: AudioGenerator, splits: Splits) -> tuple[Image, str]:
    """The picture of a card, and its caption."""
    if is_vocoder(model):
        return picture_of_mels(model, splits), VOCODED
    if text_field(model):
        return speech_picture(model, splits.test), SPOKEN
    if isinstance(model, RunsLive):
        return picture_of_music(model, splits), PLAYED
    return picture_beside_real(model, splits), SAMPLED


def picture_beside_real(model: AudioGenerator, splits: Splits) -> Image:
    """Two rows of real test clips over two rows of the model's, alike in class and pitch."""
    clips, rng = splits.test, np.random.default_rng(0)
    rows = []
    for name in clips.classes:
        own = np.flatnonzero(clips.labels == clips.classes.index(name))
        rows += [int(rng.choice(own))] if len(own) else []
    rows = rows[: 2 * COLUMNS]
    labels, pitches = torch.from_numpy(clips.labels[rows]), torch.from_numpy(clips.pitches[rows])
    with torch.no_grad():
        condition = asked_for(model, clips.classes, labels, pitches)
        made = model.sample(len(rows), condition=condition, seed=0)
    notes = ["" if pitch.isnan() else f", {pitch:g}" for pitch in pitches]
    tiles = [
        Tile(x, clips.classes[label], part + note)
        for part, audio in (("real", clips.tensor(rows)), (model.family, made))
        for x, label, note in zip(audio, labels, notes, strict=True)
    ]
    return contact_sheet(tiles, model.audio.sample_rate, columns=COLUMNS)


def picture_of_mels(model: AudioGenerator, splits: Splits) -> Image:
    """Mel spectrograms of a recording of an unseen (else a test) voice and of its resynthesis."""
    voices = splits.unseen if len(splits.unseen) else splits.test
    file, sound = max(recordings(voices), key=lambda found: min(found[1].shape[1], LONGEST))
    x = torch.from_numpy(sound)[:1, :LONGEST]
    y = torch.cat(list(resynthesise(model, x)), dim=2)[:, 0]
    return vocoded_picture(model, model.family, file, x, y)


def picture_of_music(model: AudioGenerator, splits: Splits) -> Image:
    """A test recording, and one of an unseen group, or else another test one, played."""
    others = splits.unseen if len(splits.unseen) else splits.test.subset([0])
    return music_picture(model, _middle(splits.test), _middle(others))


def _middle(clips: ClipSet) -> Tensor:
    """The clip (C, T) in the middle of the order, without the zeros behind it."""
    row = len(clips) // 2
    return clips.tensor([row])[0, :, : int(clips.lengths[row])]


__getattr__ = old_names(__name__)

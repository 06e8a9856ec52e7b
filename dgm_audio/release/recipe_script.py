"""What the recipe scripts share: their options, and all that is alike once the data are split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgm_audio.data import ClipSet, Splits
from dgm_audio.evaluation import validation_metric
from dgm_audio.release.curve import run_curve
from dgm_audio.release.publish import evaluate_model, publish
from dgm_audio.release.sheet import MAX_TILES, Tile, contact_sheet
from dgm_audio.shipped import load
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.schedule import Budget


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(TrainConfig):
    """What every recipe can be told; each has a run folder, family and budget of its own.

    Args:
        data: folder with the unpacked data set; by default it is fetched with apt.
        train: train; with --no-train the model that the run in `out` has kept is taken as it is.
        sheets: only draw a contact sheet of each class into `out`, to check the labels.
        publish: also write the model with its card to this folder.
        note: what the card says of the training beside the command.

    Raises:
        ConfigError: if the budget or the steps are not allowed.
    """

    data: Path | None = None
    train: bool = True
    sheets: bool = False
    publish: Path | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """A mistyped budget is an error before the data are fetched."""
        Budget.parse(self.training.budget, self.steps)

    def command(self, script: str) -> str:
        """The command line that trains such a model again, for its card.

        >>> options = RecipeOptions(out=Path("runs/drums"), family="vae", budget="75m")
        >>> options.command("recipes/drums.py")
        'python recipes/drums.py --family vae --budget 75m'
        """
        given = {"family": self.family, "steps": self.steps, "rate": self.rate, "start": self.start}
        given |= {} if self.steps else {"budget": self.budget}
        flags = (f"--{key} {value}" for key, value in given.items() if value is not None)
        return " ".join(["python", script, *flags])


def label_sheets(clips: ClipSet, out: Path, words: Callable[[int], tuple[str, str]]) -> None:
    """Draw the first 64 clips of each class into `out`, to check the labels.

    Args:
        clips: labelled.
        out: folder of the pictures, which are called labels-CLASS.png.
        words: title and note of a clip by its index.
    """
    out.mkdir(parents=True, exist_ok=True)
    for label, name in enumerate(clips.classes):
        rows = np.flatnonzero(clips.labels == label)[:MAX_TILES].tolist()
        tiles = [Tile(clips.tensor([row])[0], *words(row)) for row in rows]
        path = out / f"labels-{name}.png"
        contact_sheet(tiles, clips.sample_rate, heading=name, columns=8).save(path)
        print(path)


def train_and_publish(
    options: RecipeOptions,
    splits: Splits,
    *,
    script: str,
    summary: str,
    limits: str,
    dataset: str,
    licences: list[str],
    benchmark: str | None = None,
) -> None:
    """Train, evaluate, print the report and, where a folder is given for it, publish the model.

    Args:
        options: of the recipe.
        splits: clips to train on and to evaluate with.
        script: path of the recipe, for the command in the card.
        summary: first paragraph of the card.
        limits: what the model cannot do.
        dataset: name of the data set, so that `dgm-audio evaluate` finds it again.
        licences: the Hub's identifiers of the data's licences.
        benchmark: path of a script that times the model, for the card.

    Raises:
        DgmAudioError: if the data, the options or the run folder do not allow it.
        SystemExit: 130 or 143 after Ctrl-C or SIGTERM; the state is saved.
    """
    folder = options.out / "model"
    if options.train:
        folder = fit(splits, options.training, validation_metric(splits))
    evaluation = evaluate_model(load(str(folder), device="cpu"), splits)
    print(evaluation.text)
    if options.publish is None:
        return
    name = options.publish.name
    commands = {"train": options.command(script), "evaluate": f"dgm-audio evaluate {name}"}
    if benchmark is not None:
        commands["time"] = f"python {benchmark} {name}"
    publish(
        folder,
        options.publish,
        splits,
        evaluation,
        summary=summary,
        commands=commands,
        note=options.note,
        limits=limits,
        dataset=dataset,
        licences=licences,
        curve=run_curve(options.out),
    )
    print(f"published to {options.publish}")

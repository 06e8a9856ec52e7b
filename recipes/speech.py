"""Spoken syllables, from Debian's Mandarin voice to a playable model.

    python recipes/speech.py --family autoregressive --budget 45m --out runs/speech-wavenet

Gets the recordings (8 MB, or takes --data), labels them by the syllable's initial, keeps a tenth of
the syllables out with all their tones, trains, evaluates, and with --publish writes the model
folder that ships with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from dgm_audio.apps.publish import publish
from dgm_audio.apps.sheet import Tile, contact_sheet
from dgm_audio.data import load_clips
from dgm_audio.data.gcin import (
    CLIPS,
    NAME,
    download_syllables,
    syllable_manifest,
    syllable_splits,
)
from dgm_audio.data.named import set_folder
from dgm_audio.evaluation import evaluate, held_out_judge, table
from dgm_audio.registry import load
from dgm_audio.training.run import TrainConfig, fit

SUMMARY = (
    "Mandarin syllables of up to 0.4 s at 16 kHz in one female voice. The class is the initial "
    "(`m`, `sh`, `zh`; `vowel` for none); final and tone are drawn. Trained on recordings of Chu "
    "Lo (羅竺) by ChionMeilin (徵音梅林), CC-BY-3.0, resampled, trimmed and brought to one level."
)
LIMITS = (
    "Five minutes of one voice: it speaks no words and has no other speaker, and neither final nor "
    "tone can be asked for. The recordings stop after a quarter of a second, in the midst of the "
    "final, and so do the model's sounds: `mai` and `mao` may be heard as `ma`. Judged by figures "
    "and pictures, not by listeners."
)
HUB_LICENCES = ["cc-by-3.0"]


@dataclass(frozen=True)
class Speech:
    """Train a model of spoken syllables.

    Args:
        out: run folder.
        data: folder with the unpacked package; by default it is fetched with apt.
        family: of the model.
        budget: wall time of the training.
        steps: optimizer steps instead of a budget.
        rate: peak learning rate; by default the family's, or 3e-4 from a trained start.
        start: trained model to go on from.
        seed: of everything random.
        resume: go on with the run in `out`.
        train: train; with --no-train the model that the run in `out` has kept is taken as it is.
        sheets: only draw a contact sheet of each class into `out`, to check the labels.
        publish: also write the model with its card to this folder.
        note: what the card says of the training beside the command.
    """

    out: Path = Path("runs/speech")
    data: Path | None = None
    family: str = "autoregressive"
    budget: str = "45m"
    steps: int | None = None
    rate: float | None = None
    start: str | None = None
    seed: int = 0
    resume: bool = False
    train: bool = True
    sheets: bool = False
    publish: Path | None = None
    note: str = ""


def main(args: Speech) -> None:
    """The recipe, top to bottom."""
    folder = args.data or download_syllables(set_folder(NAME))
    clips = load_clips(syllable_manifest(folder), CLIPS).unique()
    splits = syllable_splits(clips)
    print(
        f"{len(clips)} clips of {len(set(clips.groups))} syllables, {len(clips.classes)} initials: "
        f"{len(splits.train)} to train on, {len(splits.heldout)} held out "
        f"({len(set(splits.heldout.groups))} syllables)"
    )

    if args.sheets:
        args.out.mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(clips.classes):
            rows = [row for row, label in enumerate(clips.labels) if label == index][:64]
            tiles = [Tile(clips.tensor([row])[0], clips.groups[row], f"clip {row}") for row in rows]
            path = args.out / f"labels-{name}.png"
            contact_sheet(tiles, clips.sample_rate, heading=name, columns=8).save(path)
            print(path)
        return

    config = TrainConfig(
        out=args.out,
        family=args.family,
        budget=args.budget,
        steps=args.steps,
        rate=args.rate,
        start=args.start,
        seed=args.seed,
        resume=args.resume,
    )
    folder = args.out / "model"
    if args.train:
        folder = fit(splits, config, held_out_judge(splits))
    model = load(str(folder), device="cpu")
    report = evaluate(model, splits)
    print(table(report))
    if args.publish:
        given = {"family": args.family, "steps": args.steps, "rate": args.rate, "start": args.start}
        given |= {} if args.steps else {"budget": args.budget}
        flags = " ".join(f"--{key} {value}" for key, value in given.items() if value is not None)
        commands = {
            "train": f"python recipes/speech.py {flags}",
            "evaluate": f"dgm-audio evaluate {args.publish.name}",
        }
        publish(
            folder,
            args.publish,
            splits,
            report,
            summary=SUMMARY,
            commands=commands,
            note=args.note,
            limits=LIMITS,
            dataset=NAME,
            licences=HUB_LICENCES,
        )
        print(f"published to {args.publish}")


if __name__ == "__main__":
    main(tyro.cli(Speech))

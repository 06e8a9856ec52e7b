"""One's own recordings, from a folder to a playable model; the readable form of `dgm-audio train`.

    python recipes/own_recordings.py my-sounds --budget 20m --out runs/mine
    python recipes/own_recordings.py my-music --family vae-stream --budget 2h --out runs/music

Any folder of audio files will do; sub-folders become classes. Look at `dgm-audio doctor my-sounds`
first: it says what will become of each file. The family vae-stream takes long recordings whole, at
their own rate and in stereo; ten minutes of sound will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dgm_audio.data.own_folder import clip_config, folder_splits
from dgm_audio.evaluation import validation_metric
from dgm_audio.registry import get_task
from dgm_audio.release.sheet import Tile, contact_sheet
from dgm_audio.release.verdict import give_verdict
from dgm_audio.shipped import load
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.schedule import Budget
from dgm_audio.training.suitability import check_count, suitability


@dataclass(frozen=True, kw_only=True)
class OwnRecordings(TrainConfig):
    """Train a model on a folder of recordings.

    Args:
        folder: with audio files; sub-folders become classes.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    out: Path = Path("runs/mine")
    family: str = "vae"


def main(args: OwnRecordings) -> None:
    """The recipe, top to bottom."""
    settings = args.training
    Budget.parse(settings.budget, settings.steps)  # before the files are read: it may take minutes
    task = get_task(settings.family)
    suits = suitability(settings.family, args.folder)
    suits.check()

    # The clip length follows the recordings: most of them fit, at most 1.5 s. A family that learns
    # from whole recordings takes them as they are, in parts of 3 to 20 s; one that learns to speak
    # takes whole utterances of up to 12 s, where the folder says what is said in them.
    whole, spoken = task.whole, task.transcribed
    config = clip_config(args.folder, None, None, task.highest_rate, whole, spoken)
    splits = folder_splits(args.folder, config, whole, settings.seed, transcribed=spoken)
    check_count(splits)
    print(
        f"{len(splits.train)} clips to train on, {len(splits.validation)} for validation, "
        f"{len(splits.test)} for test",
        suits.line,
        *splits.notes,
        sep="\n",
    )
    folder = fit(splits, settings, validation_metric(splits))

    verdict = give_verdict(args.out, splits.train)
    if not verdict.vocoder:
        model = load(str(folder), device="cpu")
        tiles = [Tile(x, f"new sound {index}") for index, x in enumerate(model.sample(12, seed=0))]
        contact_sheet(tiles, model.audio.sample_rate).save(args.out / "samples.png")
        print(f"{args.out / 'samples.png'} shows twelve new sounds")
    print(*verdict.lines(), sep="\n")


if __name__ == "__main__":
    main(tyro.cli(OwnRecordings))

"""One's own recordings, from a folder to a playable model; the readable form of `dgm-audio train`.

    python recipes/own_recordings.py my-sounds --budget 20m --out runs/mine

Any folder of audio files will do; sub-folders become classes. Look at `dgm-audio doctor my-sounds`
first: it says what will become of each file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dgm_audio.apps.sheet import Tile, contact_sheet
from dgm_audio.data import load_clips, split_clips
from dgm_audio.data.suggest import suggest_clip_config
from dgm_audio.evaluation import held_out_judge
from dgm_audio.registry import load
from dgm_audio.training.run import TrainConfig, fit
from dgm_audio.training.task import get_task


@dataclass(frozen=True)
class OwnRecordings:
    """Train a model on a folder of recordings.

    Args:
        folder: with audio files; sub-folders become classes.
        out: run folder.
        family: of the model.
        budget: wall time of the training.
        seed: of everything random.
        resume: go on with the run in `out`.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    out: Path = Path("runs/mine")
    family: str = "vae"
    budget: str = "20m"
    seed: int = 0
    resume: bool = False


def main(args: OwnRecordings) -> None:
    """The recipe, top to bottom."""
    # The clip length follows the recordings: most of them fit, at most 1.5 s.
    config = suggest_clip_config(args.folder, get_task(args.family).highest_rate)
    clips = load_clips(args.folder, config)
    splits = split_clips(clips, heldout=0.15, seed=args.seed)
    print(f"{len(splits.train)} clips to train on, {len(splits.heldout)} held out")

    settings = TrainConfig(
        out=args.out, family=args.family, budget=args.budget, seed=args.seed, resume=args.resume
    )
    folder = fit(splits, settings, held_out_judge(splits))

    model = load(str(folder), device="cpu")
    tiles = [Tile(x, f"new sound {index}") for index, x in enumerate(model.sample(12, seed=0))]
    contact_sheet(tiles, model.audio.sample_rate).save(args.out / "samples.png")
    print(f"{args.out / 'samples.png'} shows twelve new sounds")
    print(f"to hear more: dgm-audio sample {folder} -n 8 --out sounds")


if __name__ == "__main__":
    main(tyro.cli(OwnRecordings))

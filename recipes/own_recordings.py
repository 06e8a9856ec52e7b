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

from dgm_audio.apps.sheet import Tile, contact_sheet
from dgm_audio.apps.verdict import give_verdict
from dgm_audio.data import Manifest, load_clips, split_clips
from dgm_audio.data.recording_splits import split_recordings
from dgm_audio.data.suggest import suggest_clip_config, suggest_recording_config
from dgm_audio.data.windows import load_as_recorded
from dgm_audio.evaluation import validation_metric
from dgm_audio.registry import load
from dgm_audio.training.run import TrainConfig, fit
from dgm_audio.training.schedule import Budget
from dgm_audio.training.suitability import check_count, suitability
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
        precision: float32, bfloat16, or auto for bfloat16 where the device is fast in it.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    out: Path = Path("runs/mine")
    family: str = "vae"
    budget: str = "20m"
    seed: int = 0
    resume: bool = False
    precision: str = "auto"


def main(args: OwnRecordings) -> None:
    """The recipe, top to bottom."""
    Budget.parse(args.budget)  # before the files are read, which may take minutes
    task = get_task(args.family)
    suits = suitability(args.family, args.folder)
    suits.check()
    if task.whole:
        # Long recordings are kept as they are, in parts of 3 to 20 s; whole files are held out.
        config = suggest_recording_config(args.folder, task.highest_rate)
        clips = load_as_recorded(Manifest.read(args.folder), config)
        splits = split_recordings(clips, heldout=0.15, seed=args.seed)
    else:
        # The clip length follows the recordings: most of them fit, at most 1.5 s.
        config = suggest_clip_config(args.folder, task.highest_rate)
        splits = split_clips(load_clips(args.folder, config), heldout=0.15, seed=args.seed)
    check_count(splits)
    print(
        f"{len(splits.train)} clips to train on, {len(splits.validation)} for validation, "
        f"{len(splits.test)} for test",
        suits.line,
        *splits.notes,
        sep="\n",
    )

    settings = TrainConfig(
        out=args.out,
        family=args.family,
        budget=args.budget,
        seed=args.seed,
        resume=args.resume,
        precision=args.precision,
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

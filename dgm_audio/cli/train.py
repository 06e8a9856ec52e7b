"""`dgm-audio train`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from dgm_audio.cli.making import check_folder
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.data import ClipConfig, Splits

HELDOUT = 0.15
"""Share of the recordings that judge the model instead of training it."""

Folder = Annotated[
    Positional[Path],
    arg(metavar="FOLDER", help="Audio files; sub-folders are classes. Or a CSV manifest."),
]
Rate = Annotated[
    int | None,
    arg(metavar="HZ", help="By default what most recordings have.", help_behavior_hint=""),
]
ClipSeconds = Annotated[
    float | None,
    arg(
        metavar="S",
        help="Length of a clip; by default what fits most files, at most 1.5; 3 to 20 of "
        "recordings that are taken whole.",
        help_behavior_hint="",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a model on your own recordings.

    Looks at the files, makes clips of them (`dgm-audio doctor FOLDER` says beforehand what becomes
    of each), trains for the budget, and keeps the model that is best on held-out recordings in
    OUT/model. Ctrl-C saves; the same command with --resume goes on.

    --family vae-stream takes long recordings whole, in stereo, with their pauses and levels.

    Example:
        dgm-audio train my-sounds --budget 20m --out runs/mine
        dgm-audio train my-sounds --budget 20m --out runs/mine --resume
        dgm-audio train my-music --family vae-stream --budget 2h --out runs/music
    """

    folder: Folder
    family: Annotated[str, arg(help="Kind of model.")] = "vae"
    budget: Annotated[str, arg(metavar="TIME", help="Wall time, such as 90s, 20m or 1h30m.")] = (
        "20m"
    )
    steps: Annotated[
        int | None,
        arg(metavar="N", help="Optimizer steps instead of a budget.", help_behavior_hint=""),
    ] = None
    batch: Annotated[
        int | None,
        arg(metavar="N", help="Clips per step; by default the family's.", help_behavior_hint=""),
    ] = None
    out: Annotated[
        Path | None,
        arg(
            metavar="RUN",
            help="Run folder; by default runs/ and the name of FOLDER.",
            help_behavior_hint="",
        ),
    ] = None
    start: Annotated[
        str | None,
        arg(
            metavar="MODEL",
            help="Go on from a trained model of the same family, clip length and rate.",
            help_behavior_hint="",
        ),
    ] = None
    seed: Annotated[int, arg(metavar="K", help="Of everything random.")] = 0
    resume: Annotated[bool, arg(help="Go on with the run in RUN.", help_behavior_hint="")] = False
    sample_rate: Rate = None
    seconds: ClipSeconds = None
    device: Annotated[
        Literal["auto", "cpu", "cuda"], arg(help="auto takes a CUDA GPU if there is one.")
    ] = "auto"

    def run(self) -> None:
        """Train, then say how to play the result."""
        from dgm_audio.evaluation import held_out_judge
        from dgm_audio.training.judgements import judgements
        from dgm_audio.training.run import TrainConfig, fit
        from dgm_audio.training.schedule import Budget
        from dgm_audio.training.task import get_task

        budget = Budget.parse(self.budget, self.steps)
        if self.batch is not None and self.batch < 1:
            raise InputError(f"--batch is {self.batch}; it must be at least 1")
        out = self.out or Path("runs") / self.folder.absolute().with_suffix("").name
        chief = os.environ.get("RANK", "0") == "0"
        if chief:
            check_run(out, self.resume)
        task = get_task(self.family)
        config = clip_config(
            self.folder, self.sample_rate, self.seconds, task.highest_rate, task.whole
        )
        splits = folder_splits(self.folder, config, task.whole, self.seed, progress=chief)
        if chief:
            print(
                f"{len(splits.train)} clips of {config.seconds:.3f} s at {config.sample_rate} Hz "
                f"to train on, {len(splits.heldout)} held out"
            )
            for text in splits.notes:
                print(text)
        settings = TrainConfig(
            out=out,
            family=self.family,
            budget=self.budget,
            steps=self.steps,
            batch=self.batch,
            start=self.start,
            seed=self.seed,
            resume=self.resume,
            device=self.device,
            evaluations=judgements(budget, task.whole),
        )
        model = fit(splits, settings, held_out_judge(splits))
        if chief:
            print(f"play it: dgm-audio sample {model} -n 8 --out sounds")


def check_run(out: Path, resume: bool) -> None:
    """Find out before the data are read whether the run folder can be used.

    Raises:
        InputError: if it cannot be written to, or there is nothing to resume.
        TrainingError: if it holds a run that is not to be resumed, or is in use.
    """
    from dgm_audio.training.run_folder import RunFolder

    check_folder(out)
    if out.exists():
        RunFolder(out, resume).close()
    elif resume:
        raise InputError(f"{out} does not exist, so there is no run to resume")


def folder_splits(
    folder: Path, config: ClipConfig, whole: bool, seed: int, *, progress: bool = True
) -> Splits:
    """What training learns from and is judged by: sounds cut out of the files, or all of them.

    Args:
        folder: of audio files, or a CSV manifest.
        config: as `clip_config` gives it.
        whole: the recordings are taken whole (see `Task.whole`).
        seed: of the split.
        progress: show what becomes of the files.

    Raises:
        DataError: if the data cannot be used.
    """
    from dataclasses import replace

    from dgm_audio.data import Manifest, load_clips, split_clips
    from dgm_audio.data.layout import layout_notes
    from dgm_audio.data.recording_splits import split_recordings
    from dgm_audio.data.trainable import FEW_CLIPS, check_enough
    from dgm_audio.data.windows import load_as_recorded

    manifest = Manifest.read(folder)
    if whole:
        clips = load_as_recorded(manifest, config, progress=progress)
        return split_recordings(clips, heldout=HELDOUT, seed=seed)
    clips = load_clips(manifest, config, progress=progress)
    check_enough(manifest, clips.report.files)
    splits = split_clips(clips, heldout=HELDOUT if len(clips) >= FEW_CLIPS else 0.0, seed=seed)
    few = f"only {len(clips)} clips: none is held out; expect them back, and morphs between them"
    notes = [*layout_notes(manifest), *splits.notes, *([few] if len(clips) < FEW_CLIPS else [])]
    return replace(splits, notes=tuple(notes))


def clip_config(
    folder: Path,
    sample_rate: int | None,
    seconds: float | None,
    highest_rate: int | None = None,
    whole: bool = False,
) -> ClipConfig:
    """How training makes clips of a folder: as its files suggest, or as asked for.

    A suggested rate is at most `highest_rate`; `whole` is `Task.whole`.

    Raises:
        DataError: if the folder holds no audio that can be read.
        InputError: if the clip length is not allowed.
        ConfigError: if the rate or the length is out of range.
    """
    from dataclasses import replace

    from dgm_audio.data.suggest import suggest_clip_config, suggest_recording_config

    config = (suggest_recording_config if whole else suggest_clip_config)(folder, highest_rate)
    if sample_rate is None and seconds is None:
        return config
    if seconds is not None and not 0 < seconds <= 3600:
        raise InputError(f"--seconds is {seconds}; it must be above 0 and at most 3600")
    rate = sample_rate or config.sample_rate
    length = round((seconds or config.seconds) * rate)
    return replace(config, sample_rate=rate, length=length)

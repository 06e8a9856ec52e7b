"""`dgm-audio train`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from dgm_audio.cli.console import note
from dgm_audio.cli.making import check_folder
from dgm_audio.cli.resuming import command_that_goes_on, settings_of
from dgm_audio.errors import InputError, TrainingError

if TYPE_CHECKING:
    from dgm_audio.data import ClipConfig, ClipSet, Splits

HELDOUT = 0.15
"""Share of the recordings that are held out: half of them choose the model, half report on it."""

FAMILIES = (
    *("autoregressive", "flow", "flow-vocoder", "gan", "gan-waveform", "vae", "vae-stream"),
)
"""What can be trained; known here so that the help need not import the models."""

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
    of each), trains for the budget, and keeps the model that is best on validation recordings
    in RUN/model. At the end it says how good the model is, in RUN/verdict.json and RUN/curve.png,
    too; the exit code is 1 if the model is silent or only noise at full scale.

    Ctrl-C and SIGTERM save, and say the command that goes on. With --resume every setting is that
    of the run in RUN; --budget or --steps may be given again to enlarge it.

    --family vae-stream takes long recordings whole, in stereo, with their pauses and levels.

    Example:
        dgm-audio train my-sounds --budget 20m --out runs/mine
        dgm-audio train my-sounds --out runs/mine --resume
        dgm-audio train my-sounds --out runs/mine --resume --budget 1h
        dgm-audio train my-music --family vae-stream --budget 2h --out runs/music
    """

    folder: Folder
    family: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help=f"Kind of model: {', '.join(FAMILIES)}; by default vae.",
            help_behavior_hint="",
        ),
    ] = None
    budget: Annotated[
        str | None,
        arg(
            metavar="TIME",
            help="Wall time, such as 90s, 20m or 1h30m; by default 20m.",
            help_behavior_hint="",
        ),
    ] = None
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
    seed: Annotated[
        int | None,
        arg(metavar="K", help="Of everything random; by default 0.", help_behavior_hint=""),
    ] = None
    resume: Annotated[bool, arg(help="Go on with the run in RUN.", help_behavior_hint="")] = False
    sample_rate: Rate = None
    seconds: ClipSeconds = None
    device: Annotated[
        Literal["auto", "cpu", "cuda"], arg(help="auto takes a CUDA GPU if there is one.")
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"] | None,
        arg(
            metavar="{auto,float32,bfloat16}",
            help="Of the networks; auto takes bfloat16 where the device is fast in it; by default "
            "auto.",
            help_behavior_hint="",
        ),
    ] = None

    def run(self) -> None:
        """Train, then say how good the result is.

        Raises:
            TrainingError: if the model is silent, or noise at full scale.
        """
        from dgm_audio.evaluation import validation_metric
        from dgm_audio.training.run import TrainConfig, fit
        from dgm_audio.training.schedule import Budget
        from dgm_audio.training.suitability import check_count, suitability
        from dgm_audio.training.task import get_task

        if self.budget is not None:
            Budget.parse(self.budget)
        if self.batch is not None and self.batch < 1:
            raise InputError(f"--batch is {self.batch}; it must be at least 1")
        out = self.out or Path("runs") / self.folder.absolute().with_suffix("").name
        chief = os.environ.get("RANK", "0") == "0"
        settings = settings_of(self, out)
        Budget.parse(settings.budget, settings.steps)
        task = get_task(settings.family)
        if chief:
            check_run(out, self.resume)
        suits = suitability(settings.family, self.folder, settings.seconds)
        suits.check()
        config = clip_config(
            self.folder, settings.sample_rate, settings.seconds, task.highest_rate, task.whole
        )
        splits = folder_splits(self.folder, config, task.whole, settings.seed, progress=chief)
        check_count(splits)
        if chief:
            print(
                f"{len(splits.train)} clips of {config.seconds:.3f} s at {config.sample_rate} Hz "
                f"to train on, {len(splits.validation)} for validation, {len(splits.test)} for test"
            )
            for text in (suits.line, *splits.notes):
                print(text)
        training = TrainConfig(
            out=out,
            family=settings.family,
            budget=settings.budget,
            steps=settings.steps,
            batch=settings.batch,
            start=settings.start,
            seed=settings.seed,
            resume=self.resume,
            device=self.device,
            precision=settings.precision,
        )
        try:
            fit(splits, training, validation_metric(splits))
        except SystemExit:
            if chief:
                note(*stopped(out), f"go on: {command_that_goes_on(self.folder, out, self.device)}")
            raise
        if chief:
            conclude(out, splits.validation if len(splits.validation) else splits.train)


def stopped(out: Path) -> list[str]:
    """The verdict so far, short: a run that is told to stop has no time to listen."""
    from dgm_audio.apps.verdict import read_verdict, write_verdict

    verdict = read_verdict(out)
    write_verdict(verdict)
    return verdict.figures() if verdict.best else []


def conclude(out: Path, clips: ClipSet) -> None:
    """Print what came of a run.

    Raises:
        TrainingError: if nobody can want the model.
    """
    from dgm_audio.apps.verdict import CURVE, give_verdict

    verdict = give_verdict(out, clips)
    note(f"picture: {out / CURVE}")
    print("\n".join(verdict.lines()))
    if verdict.unusable:
        raise TrainingError(f"the model in {out} is of no use: {verdict.unusable}")


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

    Of so few clips that too few would be left to train on, none is held out.

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
    from dgm_audio.data.feasibility import LEAST_CLIPS
    from dgm_audio.data.layout import layout_notes
    from dgm_audio.data.recording_splits import split_recordings
    from dgm_audio.data.trainable import check_enough
    from dgm_audio.data.windows import load_as_recorded

    manifest = Manifest.read(folder)
    if whole:
        clips = load_as_recorded(manifest, config, progress=progress)
        return split_recordings(clips, heldout=HELDOUT, seed=seed)
    clips = load_clips(manifest, config, progress=progress)
    check_enough(manifest, clips.report.files)
    splits = split_clips(clips, heldout=HELDOUT, seed=seed)
    if len(splits.train) < LEAST_CLIPS:
        splits = split_clips(clips, heldout=0, seed=seed)
    return replace(splits, notes=(*layout_notes(manifest), *splits.notes))


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

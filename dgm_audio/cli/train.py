"""`dgm-audio train`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from dgm_audio.cli.console import note
from dgm_audio.cli.making import check_folder
from dgm_audio.cli.options import ClipSeconds, Folder, SampleRate
from dgm_audio.cli.resuming import command_that_goes_on, resumed
from dgm_audio.errors import InputError, TrainingError
from dgm_audio.training.config import TrainConfig

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

OWN_NAME = Path("runs/FOLDER")
"""Stands for runs/ and the name of the folder."""
FAMILIES = ("autoregressive", "flow", "flow-matching", "flow-vocoder", "gan", "vae", "vae-stream")
"""What can be trained without plugins; known here so that the help imports nothing."""


@dataclass(frozen=True, kw_only=True)
class Train(TrainConfig):
    """Train a model on your own recordings.

    Looks at the files, makes clips of them (`dgm-audio doctor FOLDER` says beforehand what becomes
    of each), trains for the budget, and keeps the model that is best on validation recordings
    in RUN/model. At the end it says how good the model is, in RUN/verdict.json and RUN/curve.png,
    too; the exit code is 1 if the model is silent or only noise at full scale.

    Ctrl-C and SIGTERM save, and say the command that goes on. With --resume every setting is that
    of the run in RUN; --budget or --steps may be given again to enlarge it.

    --family vae-stream takes long recordings whole, in stereo, with their pauses and levels.

    --family flow-matching learns to speak where it is known what is said: by name.txt beside
    name.wav, by LJSpeech's metadata.csv and wavs/, or by the column text of a CSV manifest.

    Example:
        dgm-audio train my-sounds --budget 20m --out runs/mine
        dgm-audio train my-sounds --family flow-matching --start drums-vae --budget 5m
        dgm-audio train my-sounds --out runs/mine --resume
        dgm-audio train my-sounds --out runs/mine --resume --budget 1h
        dgm-audio train my-music --family vae-stream --budget 2h --out runs/music
    """

    folder: Folder
    out: Annotated[
        Path,
        arg(
            metavar="RUN",
            help="Run folder; by default runs/ and the name of FOLDER.",
            help_behavior_hint="",
        ),
    ] = OWN_NAME
    family: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help=f"Kind of model: {', '.join(FAMILIES)}, or that of a plugin; by default vae.",
            help_behavior_hint="",
        ),
    ] = None
    sample_rate: SampleRate = None
    seconds: ClipSeconds = None

    def run(self) -> None:
        """Train, then say how good the result is.

        Raises:
            TrainingError: if the model is silent, or noise at full scale.
        """
        from dgm_audio.data.own_folder import clip_config, folder_splits
        from dgm_audio.evaluation import validation_metric
        from dgm_audio.registry import get_task
        from dgm_audio.shipped import load
        from dgm_audio.training.run import fit
        from dgm_audio.training.schedule import Budget
        from dgm_audio.training.suitability import check_count, suitability

        if self.budget is not None:
            Budget.parse(self.budget)
        self.check("--")
        name = self.folder.absolute().with_suffix("").name
        out = self.out if self.out != OWN_NAME else Path("runs") / name
        chief = os.environ.get("RANK", "0") == "0"
        given = resumed(self, out)
        settings = replace(given.training, out=out)
        Budget.parse(settings.budget, settings.steps)
        task = get_task(settings.family)
        if chief:
            check_run(out, self.resume)
        suits = suitability(settings.family, self.folder, given.seconds)
        suits.check()
        rate, seconds = given.sample_rate, given.seconds
        if settings.start and not (rate and seconds):
            wanted = task.clips_of(load(settings.start, device="cpu"))
            rate, seconds = rate or wanted[0], seconds or wanted[1]
        config = clip_config(
            self.folder,
            rate,
            seconds,
            task.highest_rate,
            task.whole,
            task.transcribed,
        )
        splits = folder_splits(
            self.folder,
            config,
            task.whole,
            settings.seed,
            transcribed=task.transcribed,
            progress=chief,
        )
        check_count(splits)
        if chief:
            print(
                f"{len(splits.train)} clips of {config.seconds:.3f} s at {config.sample_rate} Hz "
                f"to train on, {len(splits.validation)} for validation, {len(splits.test)} for test"
            )
            for text in (suits.line, *splits.notes):
                print(text)
        try:
            fit(splits, settings, validation_metric(splits))
        except SystemExit:
            if chief:
                note(*stopped(out), f"go on: {command_that_goes_on(self.folder, out, self.device)}")
            raise
        if chief:
            conclude(out, splits.validation if len(splits.validation) else splits.train)


def stopped(out: Path) -> list[str]:
    """The verdict so far, short: a run that is told to stop has no time to listen."""
    from dgm_audio.release.verdict import read_verdict, write_verdict

    verdict = read_verdict(out)
    write_verdict(verdict)
    return verdict.figures() if verdict.best else []


def conclude(out: Path, clips: ClipSet) -> None:
    """Print what came of a run.

    Raises:
        TrainingError: if nobody can want the model.
    """
    from dgm_audio.release.verdict import CURVE, give_verdict

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

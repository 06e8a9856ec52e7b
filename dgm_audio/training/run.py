"""`fit`: from split clips and settings to a model folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from dgm_audio._version import __version__
from dgm_audio.checkpoint import save_model
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import TrainingError
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import read_header
from dgm_audio.objective import Task
from dgm_audio.registry import get_task
from dgm_audio.runtime.device import choose_device
from dgm_audio.shipped import load
from dgm_audio.training.baselines import METRIC, baselines, metric_name
from dgm_audio.training.collapse import alarm_for, note_diversity
from dgm_audio.training.config import Resolved, TrainConfig
from dgm_audio.training.evaluations import USUAL, Pace, Scalable, evaluation_count
from dgm_audio.training.loop import Loop
from dgm_audio.training.monitor import Monitor
from dgm_audio.training.precision import in_bfloat16, say_bfloat16
from dgm_audio.training.ranks import is_lost_rank, leave, lost_rank, ranks_on
from dgm_audio.training.run_folder import STATE, RunFolder
from dgm_audio.training.schedule import Budget
from dgm_audio.training.state import Progress

Metric = Callable[[AudioGenerator], float]
"""Validation metric of a model, lower is better (see `dgm_audio.evaluation.validation_metric`)."""


def fit(splits: Splits, config: TrainConfig, metric: Metric) -> Path:
    """Train a model on clips.

    Args:
        splits: clips to train on, and those of validation; the others are only counted here.
        config: how to train.
        metric: chooses the model that is kept; one with a method `diversity` (see
            `dgm_audio.training.collapse`) also ends the run of a GAN that collapses.

    Returns:
        The folder of the best model.

    Raises:
        DgmAudioError: if the data, the settings or the run folder do not allow it.
        TrainingError: if the losses stay non-finite, the generator collapses to few sounds, or
            another rank dies.
        SystemExit: 130 or 143 after Ctrl-C or SIGTERM; the state is saved, and a line on standard
            error says at which step.
    """
    return _fit(splits, config.training, metric)


def _fit(splits: Splits, config: Resolved, metric: Metric) -> Path:
    budget = Budget.parse(config.budget, config.steps)
    device = choose_device(config.device)
    fabric = ranks_on(device)
    fabric.launch()
    torch.manual_seed(config.seed)
    mixed = fabric.broadcast(in_bfloat16(config.precision, device))
    kind = get_task(config.family)
    given = config.start or kind.contains
    begins_with = load(given, device="cpu") if given else None
    task = kind(splits.train, mixed, begins_with)
    goes_on = begins_with is not None and begins_with.family == task.objective.generator.family
    start = begins_with if goes_on else None  # or else it is a part of the new model
    batch = config.batch or task.batch
    run = RunFolder(config.out, config.resume) if fabric.is_global_zero else None
    shown = splits.validation if len(splits.validation) else splits.train
    evaluations = config.evaluations or _evaluations(task, splits, batch, budget, metric)
    pace = Pace(budget, metric, evaluations)
    name = metric_name(metric, task.objective.generator)
    monitor = Monitor(run, pace, shown, name) if run else None

    diversity = alarm_for(task, metric) if run else None

    def evaluate(model: AudioGenerator, at: Progress) -> float:
        value = metric(model)
        if diversity:
            adversarial = pace.share(at) >= task.objective.adversarial_start
            note_diversity(at, diversity(model), adversarial)
        if monitor:
            monitor.evaluated(model, at, value)
        return value

    def report(at: Progress, share: float, losses: dict[str, float]) -> None:
        if monitor is None:
            return
        monitor.step(at, share, losses)
        if not monitor.compared:
            began = time.monotonic()
            model = task.objective.generator
            monitor.compare(at, baselines(metric, model, start, config.start))
            at.judging += time.monotonic() - began

    def keep(model: AudioGenerator, at: Progress) -> None:
        save_model(
            model,
            config.out / "model",
            recipe=_recipe(config, budget, at, begins_with, goes_on),
            data=data_record(splits),
            seed=config.seed,
            metrics={METRIC: at.best},
            half=config.half,
        )

    loop = Loop(
        fabric=fabric,
        task=task,
        clips=splits.train,
        run=run,
        pace=pace,
        batch=min(batch, len(splits.train)),
        rate=config.rate or (3e-4 if start else task.rate),
        seed=config.seed,
        mixed=mixed,
        evaluate=evaluate,
        keep=keep,
        report=report,
    )
    try:
        settings = asdict(config) | {"out": str(config.out), "data": data_record(splits)}
        settings |= {"sample_rate": splits.train.sample_rate, "length": splits.train.audio.shape[2]}
        settings["evaluations"] = pace.most
        if run:
            run.begin(settings)
        if config.resume:
            loop.load(config.out / STATE)
            _check_metric(loop.at, name, config.out)
            # of a larger budget a smaller share is used, and the rest has evaluations, too
            so_far = int(pace.share(loop.at) * pace.most + 1e-9)
            loop.at.evaluations = min(loop.at.evaluations, so_far)
        loop.at.metric = name
        if run and loop.mixed:
            say_bfloat16()
        if monitor:
            monitor.begin(loop.at, config.resume)
        loop.fit()
    except SystemExit:
        if run and run.has_state:
            print(f"stopped: {run.saved(budget)}; --resume goes on", file=sys.stderr)
        raise
    except torch.cuda.OutOfMemoryError as error:
        raise TrainingError(
            f"the GPU's memory is full with {loop.batch} clips per step; try "
            + (f"--batch {loop.batch // 2}" if loop.batch > 1 else "shorter clips (--seconds)")
        ) from error
    except RuntimeError as error:
        if fabric.world_size > 1 and is_lost_rank(error):
            raise TrainingError(lost_rank()) from error
        raise
    finally:
        if monitor:
            monitor.close()
        if run:
            run.close()
    leave(fabric)
    return config.out / "model"


def _evaluations(task: Task, splits: Splits, batch: int, budget: Budget, metric: Metric) -> int:
    """The default number of evaluations."""
    if not isinstance(metric, Scalable):
        return USUAL
    length = splits.train.audio.shape[2]
    evaluated = metric.sounds(task.objective.generator) * length
    return evaluation_count(budget, evaluated, batch * (task.crop or length))


def _check_metric(at: Progress, metric: str, out: Path) -> None:
    """Refuse to compare values of two metrics: an earlier best would stay, or never be kept.

    Raises:
        TrainingError: if the best model so far was chosen by another metric.
    """
    if at.best is not None and at.metric != metric:
        raise TrainingError(
            f"the best model in {out} was chosen by the {at.metric or 'metric of an older version'}"
            f", and models are now compared by the {metric}: train into another folder, which "
            f"--start {out / 'model'} lets begin with it"
        )


def _recipe(
    config: Resolved,
    budget: Budget,
    at: Progress,
    start: AudioGenerator | None,
    goes_on: bool,
) -> dict[str, object]:
    """A checkpoint's record of its training: settings without paths, budget spent, its start's."""
    settings = asdict(config)
    for place in ("out", "resume", "device", "start"):
        del settings[place]
    if start is not None and start.card_path is not None:
        header = read_header(start.card_path.parent)
        known = {"weights_sha256": start.weights_hash, "recipe": header["recipe"]}
        settings["start" if goes_on else "contains"] = known
    return settings | {
        "version": __version__,
        "budget": str(budget),
        "step": at.step,
        "seconds": round(at.seconds, 1),
    }


def data_record(splits: Splits) -> dict[str, object]:
    """A checkpoint's record of its data: counts, licences, classes, hashes."""
    clips: ClipSet = splits.train
    entries = clips.manifest.entries
    return {
        "manifest_sha256": clips.manifest.hash,
        "content_sha256": clips.manifest_hash,
        "clips": {
            "train": len(np.unique(splits.train.audio.rows)),  # some may be heard more often
            "validation": len(splits.validation),
            "test": len(splits.test),
            "unseen": len(splits.unseen),
        },
        "classes": list(clips.classes),
        "licences": sorted({entry.licence for entry in entries}),
        "sources": sorted({entry.source for entry in entries}),
    }

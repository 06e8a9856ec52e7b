"""What came of a training run, in plain words: its figures, what is wrong, what to do next.

    figures     the validation metric of the first, the best and the last model, of a baseline that
                has learned nothing, and of the model that training started from
    sounds      a few of the kept model's own, which may be silent, or noise at full scale
    files       RUN/curve.png and RUN/verdict.json

The figures are those of the log (see `dgm_audio.training.baselines`); nothing is computed again.
"""

from __future__ import annotations

import io
import json
import math
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dgm_audio.evaluation.sentences import text_field
from dgm_audio.generator import AudioGenerator
from dgm_audio.release.curve import (
    Evaluation,
    Measure,
    read_evaluations,
    read_measure,
    run_curve,
)
from dgm_audio.shipped import load
from dgm_audio.training.run_folder import LOG, write_atomically
from dgm_audio.vocoded import is_vocoder, own_temperature

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CURVE, FILE = "curve.png", "verdict.json"
HEARD, LONGEST = 8, 4.0
"""Sounds of the kept model that are checked, and the longest that each may be, in seconds."""
_BASELINE = "baseline: has learned nothing"
_MEANING = (
    "The best model is kept; the further it lies below the baseline, the more it has learned of "
    "the recordings."
)
SILENT = 1e-3
"""Peak, -60 dBFS, below which a sound is silent."""
CLIPPED, AT_FULL_SCALE = 0.999, 0.02
"""A sample from here on is at full scale; a larger share of them is no music, but noise."""


@dataclass(frozen=True)
class Heard:
    """Levels of a model's sounds: medians over a few.

    Args:
        peak: largest absolute sample, 0 to 1.
        full_scale: share of the samples at full scale, beyond what the recordings have.
    """

    peak: float
    full_scale: float

    @property
    def fault(self) -> str:
        """In words, what makes such a model unusable; empty if nothing does."""
        if self.peak < SILENT:
            return f"it is silent: its sounds peak at {_decibels(self.peak)} dBFS"
        if self.full_scale > AT_FULL_SCALE:
            share = f"{100 * self.full_scale:.0f} % of the samples"
            return f"it is noise at full scale: {share} of its sounds are clipped"
        return ""


@dataclass(frozen=True)
class Verdict:
    """How good the model of a run is.

    Args:
        run: its folder.
        metric: name of the validation metric; lower is better.
        first: evaluation of the run.
        best: evaluation, whose model is kept.
        last: evaluation.
        floor: name and metric of a baseline that has learned nothing, or None if unknown.
        start: name and metric of the model that training started from, or None without one.
        heard: levels of the kept model's sounds, or None if they were not checked.
        vocoder: the model makes sound of mel spectrograms.
    """

    run: Path
    metric: str
    first: Evaluation | None = None
    best: Evaluation | None = None
    last: Evaluation | None = None
    floor: tuple[str, float] | None = None
    start: tuple[str, float] | None = None
    heard: Heard | None = None
    vocoder: bool = False

    @property
    def unusable(self) -> str:
        """Why nobody can want the model; empty if it makes sound."""
        if self.best is None:
            return "no model was kept: none has been evaluated, or no figure was finite"
        return self.heard.fault if self.heard else ""

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is wrong with the model, in words; none with a good one."""
        found = [self.unusable] if self.unusable else []
        if self.best is None:
            return tuple(found)
        metric = self.best.metric
        if self.floor and metric >= self.floor[1]:
            name, value = self.floor
            found.append(f"it is no better than {name}: {metric:.4g}, and {name} has {value:.4g}")
        if self.start and metric >= self.start[1]:
            name, value = self.start
            found.append(
                f"it is no better than the model it started from: {metric:.4g}, and {name} has "
                f"{value:.4g}"
            )
        if self.first and self.last and self.best == self.first != self.last:
            found.append(
                f"it has not improved since its first evaluation, at step {self.best.step}"
            )
        return tuple(found)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do next."""
        if not self.faults:
            return (f"play it: {self.command}",)
        better = "more minutes (--resume --budget), more sounds, or another --family"
        if self.start and self.best and self.best.metric >= self.start[1]:
            better = f"keep {self.start[0]}; or {better}"
        listen = () if self.unusable else (f"listen to it all the same: {self.command}",)
        return (f"what may help: {better}", *listen)

    @property
    def command(self) -> str:
        """The command that lets one hear the model."""
        model = shlex.quote(str(self.run / "model"))
        if self.vocoder:
            return f"dgm-audio vocode FILE --model {model} --out sounds"
        return f"dgm-audio sample {model} -n 8 --out sounds"

    def figures(self) -> list[str]:
        """The figures as lines of text."""
        rows = [("first", self.first), ("best", self.best), ("last", self.last)]
        lines = [f"{self.metric}, lower is better:"]
        lines += [_row(name, one.metric, _when(one)) for name, one in rows if one]
        for mark, what in ((self.floor, _BASELINE), (self.start, "where training started")):
            if mark:
                lines.append(_row(mark[0], mark[1], what))
        return [*lines, _MEANING] if self.floor else lines

    def lines(self) -> list[str]:
        """The whole verdict as text."""
        lines = self.figures() if self.best else []
        rank = "of no use" if self.unusable else "poor"
        lines += [f"the model is {rank}: {fault}" for fault in self.faults]
        return [*lines, *self.advice]

    def as_json(self) -> str:
        """The same for machines; figures that are not finite are null."""
        told = asdict(self) | {
            "run": str(self.run),
            "lower_is_better": True,
            "faults": self.faults,
            "unusable": bool(self.unusable),
        }
        return json.dumps(_finite(told), indent=2, allow_nan=False) + "\n"


def read_verdict(run: Path) -> Verdict:
    """What a run's log says of it, without listening.

    Raises:
        TrainingError: if the log is damaged.
    """
    log = run / LOG
    found = read_evaluations(log) if log.is_file() else []
    measure = read_measure(log) if log.is_file() else Measure()
    finite = [one for one in found if math.isfinite(one.metric)]
    return Verdict(
        run,
        measure.name,
        first=found[0] if found else None,
        best=min(reversed(finite), key=lambda one: one.metric, default=None),
        last=found[-1] if found else None,
        floor=measure.floor,
        start=measure.start,
    )


def give_verdict(run: Path, clips: ClipSet) -> Verdict:
    """Listen to the model that a run has kept, and write the verdict and the curve into the run.

    Args:
        run: its folder; what an earlier part of the run left there is replaced.
        clips: recordings, some of which a vocoder resynthesises; the others' loudness is compared.

    Raises:
        TrainingError: if the log is damaged, or the folder cannot be written to.
        CheckpointError: if the model is damaged.
    """
    verdict = read_verdict(run)
    if verdict.best:
        model = load(run / "model", device="cpu")
        verdict = replace(verdict, heard=listen(model, clips), vocoder=is_vocoder(model))
    write_verdict(verdict)
    return verdict


def write_verdict(verdict: Verdict) -> None:
    """Write `verdict.json` and, if there is a figure to draw, `curve.png` into the run.

    Raises:
        TrainingError: if the log is damaged, or the folder cannot be written to.
    """
    write_atomically(verdict.run / FILE, verdict.as_json().encode())
    picture = run_curve(verdict.run)
    if picture is not None:
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        write_atomically(verdict.run / CURVE, buffer.getvalue())


@torch.no_grad()
def listen(model: AudioGenerator, clips: ClipSet) -> Heard:
    """What a few sounds of a model are like, against as many recordings."""
    real = clips.tensor(range(min(HEARD, len(clips)))).to(model.device)
    if is_vocoder(model):
        z = model.noise(len(real), length=real.shape[2], seed=0, temperature=own_temperature(model))
        made = model.decode(z, {"mel": model.mel(real)})  # type: ignore[operator]
    else:
        made = model.sample(HEARD, seconds=_seconds(model, clips), seed=0)
    beyond = _full_scale(made) - _full_scale(real)
    peaks = made.nan_to_num().abs().amax((1, 2))
    return Heard(float(peaks.median()), max(0.0, beyond))


def _seconds(model: AudioGenerator, clips: ClipSet) -> float | None:
    """Of a sound to listen to; a model of one length, or of texts, decides by itself."""
    if model.latent.hop is None or text_field(model):
        return None
    return min(LONGEST, clips.audio.shape[2] / clips.sample_rate)


def _full_scale(x: Tensor) -> float:
    """Median over sounds (N, C, T) of the share of their samples that are at full scale."""
    return float((x.abs() >= CLIPPED).double().mean((1, 2)).median())


def _row(name: str, metric: float, what: str) -> str:
    return f"  {name:<18}{metric:>10.4g}  {what}".rstrip()


def _when(one: Evaluation) -> str:
    minutes = one.seconds / 60
    return f"at step {one.step}, after " + (
        f"{minutes:.1f} min" if minutes >= 2 else f"{one.seconds:.0f} s"
    )


def _decibels(peak: float) -> str:
    return f"{20 * math.log10(peak):.0f}" if peak > 0 else "-inf"


def _finite(told: Any) -> Any:
    """Numbers that JSON cannot say become None."""
    if isinstance(told, dict):
        return {key: _finite(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_finite(value) for value in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told

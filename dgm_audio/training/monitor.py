"""What a run tells: a progress bar or lines, the log, TensorBoard with sounds and pictures."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from dgm_audio._standard_error import stderr
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.mel import LogMel, MelSpec
from dgm_audio.training.baselines import NAME
from dgm_audio.training.judgements import PICTURES, Pace
from dgm_audio.training.run_folder import RunFolder
from dgm_audio.training.state import Progress
from dgm_audio.vocoded import is_vocoder

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

LOG_SECONDS = 10.0
LINE_SECONDS = 60.0
SOUNDS = 12


class Monitor:
    """Reports to the terminal (standard error), `log.jsonl`, and TensorBoard if it is installed.

    Args:
        run: the run folder.
        pace: of the run: its budget, and how long sounds and pictures may take.
        metric: name of the validation metric.
        clips: of which a vocoder resynthesises the first ones; other models sample.
    """

    def __init__(self, run: RunFolder, pace: Pace, clips: ClipSet, metric: str) -> None:
        self.run, self.pace, self.budget, self.clips = run, pace, pace.budget, clips
        self.metric = metric
        self.sample_rate = clips.sample_rate
        self.bar = (
            tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {postfix}", file=stderr())
            if stderr().isatty()
            else None
        )
        self._writer = _tensorboard(run)
        self._logged = self._printed = time.monotonic()
        self._since = 0, 0.0
        self._sums: dict[str, list[float]] = {}
        self._metric: float | None = None
        self._shown: int | None = None
        self.compared = run.logs(NAME)

    def begin(self, at: Progress, resumed: bool) -> None:
        """Called before the first step: steps per second, and the bar, count from here."""
        self._since = at.step, at.seconds
        share = self.budget.progress(at.step, at.seconds)
        if resumed:
            best = "no model evaluated yet"
            if at.best is not None:
                best = f"best so far: {self.metric} {at.best:.4g} at step {at.best_step}"
            text = f"goes on at step {at.step}, {100 * share:.0f} % of {self.budget}; {best}"
            if share >= 1:
                text = f"{self.budget} are used up at step {at.step}: only a larger one goes on"
            tqdm.write(text, file=stderr())
        if self.bar is not None:
            self.bar.n = self.bar.initial = round(100 * share, 1)
            self.bar.refresh()

    def step(self, at: Progress, share: float, losses: dict[str, float]) -> None:
        """Called after every step; writes at intervals, with means since the last time."""
        for key, value in losses.items():
            self._sums.setdefault(key, []).append(value)
        now = time.monotonic()
        if now - self._logged < LOG_SECONDS and share < 1:
            return
        self._logged = now
        means = {key: round(float(np.mean(values)), 5) for key, values in self._sums.items()}
        self._sums.clear()
        self.run.log({"step": at.step, "seconds": round(at.seconds, 1), "share": share} | means)
        if self._writer:
            for key, value in means.items():
                self._writer.add_scalar(f"loss/{key}", value, at.step)
        self._say(at, share, now)

    def compare(self, at: Progress, found: dict[str, str | float]) -> None:
        """Called once, before the first evaluation: what the run is measured against."""
        self.compared = True
        self.run.log({"step": at.step, "seconds": round(at.seconds, 1)} | found)

    def judged(self, model: AudioGenerator, at: Progress, metric: float) -> None:
        """Called after every evaluation of a snapshot, which the loop logs."""
        self._metric = metric
        if self._writer is None:
            return
        self._writer.add_scalar("validation/metric", metric, at.step)
        if at.diversity is not None:
            self._writer.add_scalar("validation/diversity", at.diversity, at.step)
        if self._shown is None:
            self._shown = self._affordable(model)
        if self._shown == 0:
            return
        x = self._sounds(model, self._shown).cpu()
        self._writer.add_images("samples", self._pictures(x), at.step)
        gap = torch.zeros(x.shape[1], self.sample_rate // 10)
        line = torch.cat([part for sound in x for part in (sound, gap)], dim=1)
        self._writer.add_audio("samples", line.mean(0, keepdim=True), at.step, self.sample_rate)

    def _affordable(self, model: AudioGenerator) -> int:
        """How many sounds there is time for at every judgement, measured on a short one."""
        if self.pace.seconds is None or is_vocoder(model):
            return SOUNDS
        part, took = 0.1 * self.clips.audio.shape[2] / self.sample_rate, []
        for _ in range(2):  # the first one may have to compile something
            began = time.monotonic()
            model.sample(1, seconds=part, seed=0)
            took.append(time.monotonic() - began)
        each = 10 * min(took)
        count = min(SOUNDS, int(PICTURES * self.pace.seconds / each))
        if count == 0:
            print(
                f"no sounds for TensorBoard: one takes about {each:.1f} s, too long for "
                f"{self.budget}",
                file=sys.stderr,
            )
        return count

    def _sounds(self, model: AudioGenerator, count: int) -> torch.Tensor:
        """So many sounds (N, C, T) of the model."""
        if not is_vocoder(model):
            return model.sample(count, seed=0)
        real = self.clips.tensor(range(min(count, len(self.clips)))).to(model.device)
        z = model.noise(len(real), length=real.shape[2], seed=0, temperature=0.8)
        with torch.no_grad():
            return model.decode(z, {"mel": model.mel(real)})  # type: ignore[operator]

    def _pictures(self, x: torch.Tensor) -> torch.Tensor:
        """Log-mel pictures (N, 1, M, frames) of sounds (N, C, T), black at -80 dB."""
        spec = MelSpec(self.sample_rate, n_mels=96, f_max=self.sample_rate / 2)
        decibels = 20 / math.log(10) * LogMel(spec)(x.mean(1, keepdim=True))
        return (1 + (decibels - decibels.amax()) / 80).clamp(0, 1).flip(2)

    def close(self) -> None:
        """Finish the bar and flush TensorBoard."""
        if self.bar is not None:
            self.bar.close()
        if self._writer:
            self._writer.close()

    def _say(self, at: Progress, share: float, now: float) -> None:
        step, seconds = self._since
        rate = (at.step - step) / max(at.seconds - seconds, 1e-6)
        left = at.seconds * (1 - share) / max(share, 1e-6)
        text = f"step {at.step}, {rate:.2f} steps/s, {left / 60:.1f} min left"
        if self._metric is not None:
            best = self._metric if at.best is None else at.best
            text += f", {self.metric} {self._metric:.4g} (best {best:.4g})"
        if at.skipped:
            text += f", {at.skipped} steps skipped"
        if self.bar is not None:
            self.bar.n = round(100 * share, 1)
            self.bar.set_postfix_str(text)
        elif now - self._printed > LINE_SECONDS or share >= 1:
            self._printed = now
            print(f"{100 * share:5.1f} % of {self.budget}: {text}", file=sys.stderr, flush=True)


def _tensorboard(run: RunFolder) -> Any:
    """A writer into RUN/tensorboard, or None (said once) if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print(
            "TensorBoard is not installed (pip install 'dgm_audio[train]'): "
            "logging to log.jsonl only",
            file=sys.stderr,
        )
        return None
    return SummaryWriter(str(run.path / "tensorboard"))

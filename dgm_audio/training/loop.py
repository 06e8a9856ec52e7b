"""The training loop: one for all families, on Lightning Fabric.

Everything random in step n is drawn from (seed, n, rank), and what changes over time is a function
of the used share of the budget: a stopped run that is resumed goes on as if it had never stopped
(bit-equal on the CPU, when the budget is given in steps).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from dgm_audio.errors import TrainingError
from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Task
from dgm_audio.training.baselines import METRIC
from dgm_audio.training.batch import draw_batch
from dgm_audio.training.collapse import stop_if_collapsed
from dgm_audio.training.judgements import Pace
from dgm_audio.training.order import batch_rows, step_seed
from dgm_audio.training.precision import Undo, say_float32
from dgm_audio.training.run_folder import RunFolder, load_state
from dgm_audio.training.schedule import ema_decay
from dgm_audio.training.state import (
    Progress,
    gathered,
    modules_of,
    optimised_modules,
    own_tensors,
    restore,
)
from dgm_audio.training.steps import (
    PENALTY_EVERY,
    OptimisedModule,
    adversarial_step,
    likelihood_step,
    set_rate,
)

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

SAVE_SECONDS = 30.0
CRITIC_RATE = 3.0
"""The discriminator learns so many times as fast as the generator: it sees few steps."""
MAX_SKIPPED = 5
"""So many steps without a finite gradient in a row, and the run goes back to its last state."""


@dataclass
class Loop:
    """Trains a task on clips until the budget is used or somebody asks it to stop.

    Args:
        fabric: launched.
        task: the family's.
        clips: the training clips.
        run: the run folder, on rank 0; None on the others.
        pace: the budget, and when the snapshot is judged.
        batch: clips per step over all ranks.
        rate: learning rate of the generator.
        seed: of everything random.
        mixed: bfloat16 networks, as long as that gives finite steps.
        judge: (snapshot, progress) -> validation metric, lower is better; it also reports it.
        keep: writes the snapshot as the best model.
        tell: reports (progress, share of the budget, losses); called at every step.
    """

    fabric: Fabric
    task: Task
    clips: ClipSet
    run: RunFolder | None
    pace: Pace
    batch: int
    rate: float
    seed: int
    mixed: bool
    judge: Callable[[AudioGenerator, Progress], float]
    keep: Callable[[AudioGenerator, Progress], None]
    tell: Callable[[Progress, float, dict[str, float]], None]
    at: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Set up the optimisers, the average of the weights and the signal handlers."""
        self.generator = self.task.objective.generator
        self.decay = 0.0
        self.optimised = self._optimised(self.task.objective, (0.9, 0.99))
        # a copy, so made only now that the generator is on its device
        self.average = AveragedModel(self.generator, avg_fn=self._average, use_buffers=False)
        critic = self.task.discriminator
        self.critic = None if critic is None else self._optimised(critic, (0.5, 0.99))
        self.stop_signal: int | None = None
        self._saved_at = time.monotonic()
        self._skipped_in_row = 0
        # numbers are found much faster than names, which matters with many clips
        self._groups = np.unique(self.clips.groups, return_inverse=True)[1]

    def _optimised(self, module: torch.nn.Module, betas: tuple[float, float]) -> OptimisedModule:
        optimizer = torch.optim.AdamW(module.parameters(), self.rate, betas, weight_decay=0.01)
        wrapped, optimizer = self.fabric.setup(module, optimizer)
        return OptimisedModule(wrapped, optimizer)

    def _average(self, average: Tensor, current: Tensor, _count: Any) -> Tensor:
        return torch.lerp(current, average, self.decay)

    # --- running -------------------------------------------------------------------------------

    def fit(self) -> None:
        """Run to the end of the budget.

        Raises:
            SystemExit: 130 or 143 after Ctrl-C or SIGTERM; the state is saved first.
            TrainingError: if losses stay non-finite, the generator collapses, or a state cannot
                be written.
        """
        previous = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            self._run_steps()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: Any) -> None:
        if self.stop_signal is not None:  # the second one does not wait
            raise SystemExit(128 + number)
        self.stop_signal = number

    def _run_steps(self) -> None:
        self.save()
        self._started = time.monotonic() - self.at.seconds
        if self.run is not None:
            self.pace.begin(self.at, self.task, self.average.module, self.clips)
        share = self._share()
        while share < 1:
            losses = self._step(share)
            self.at.step += 1
            self.at.seconds = time.monotonic() - self._started
            share = self._share()
            self.tell(self.at, share, losses)
            if self._due(share):
                self._evaluate(share)
            stop = self._agreed_stop()
            if stop or time.monotonic() - self._saved_at > SAVE_SECONDS or share >= 1:
                self.save()
            if stop:
                raise SystemExit(128 + stop)

    def _share(self) -> float:
        """The used share of the budget, the same on all ranks."""
        return float(self.fabric.broadcast(self.pace.share(self.at)))

    def _agreed_stop(self) -> int:
        """The signal that any rank got, or 0."""
        number = torch.tensor(float(self.stop_signal or 0))
        return int(cast(Tensor, self.fabric.all_reduce(number, reduce_op="max")))

    def _step(self, share: float) -> dict[str, float]:
        """One step: done whole, once more in float32 if bfloat16 spoiled it, or not at all."""
        undo = Undo(self.task.objective, self.critic)
        losses, rows = self._attempt(share)
        if losses["skipped"] and self.mixed:
            undo()
            self._compute_in(mixed=False)
            losses, rows = self._attempt(share)
            self.at.float32 = not losses["skipped"]
            if not self.at.float32:  # bfloat16 is not to blame
                self._compute_in(mixed=True)
            elif self.run is not None:
                say_float32(self.at.step + 1)
        if losses["skipped"]:
            undo()
        self._after_step(losses, share, rows)
        return losses

    def _compute_in(self, mixed: bool) -> None:
        self.mixed = self.task.objective.mixed = mixed

    def _attempt(self, share: float) -> tuple[dict[str, float], np.ndarray]:
        """A step, and the rows of its batch; what is random follows from seed, step and rank."""
        at, ranks, rank = self.at, self.fabric.world_size, self.fabric.global_rank
        torch.manual_seed(step_seed(self.seed, at.step, rank))
        rows = batch_rows(len(self.clips), self.batch, at.step, self.seed)[rank::ranks]
        batch = draw_batch(self.task, self.clips, rows, self._groups, self.fabric.device)
        objective = self.task.objective
        objective.rows = batch.rows
        rate = self.rate * self.task.rate_factor(share) * 0.5**at.rollbacks
        set_rate(self.optimised, rate)
        self.optimised.module.train()
        given = batch.x, batch.labels, share
        adversarial = objective.adversarial_start <= share < objective.adversarial_end
        if self.critic is None or not adversarial:
            return likelihood_step(self.fabric, self.optimised, *given, batch.pitch), batch.rows
        set_rate(self.critic, CRITIC_RATE * rate)
        penalised = self.task.penalised and at.step % PENALTY_EVERY == 0
        both, how = (self.optimised, self.critic), (self.mixed, penalised, batch.pitch)
        return adversarial_step(self.fabric, *both, *given, *how), batch.rows

    def _after_step(self, losses: dict[str, float], share: float, rows: np.ndarray) -> None:
        if losses["skipped"]:
            self.at.skipped += 1
            self._skipped_in_row += 1
            if self._skipped_in_row >= MAX_SKIPPED:
                self._roll_back(rows)
            return
        self._skipped_in_row = 0
        self.decay = ema_decay(self.at.step, share, self.task.horizon)
        self.average.update_parameters(self.generator)

    def _roll_back(self, rows: np.ndarray) -> None:
        files = ", ".join(sorted({self.clips.files[row] for row in rows})[:5])
        known = self.run.state_path if self.run is not None and self.run.has_state else None
        state = self.fabric.broadcast(known)  # the first rank's: all go back, or none does
        if state is None or self.at.rollbacks >= 2:
            raise TrainingError(
                f"losses were not finite for {MAX_SKIPPED} steps in a row up to step "
                f"{self.at.step}; the last batch held {files}"
            )
        last, self._skipped_in_row = self.at, 0
        self.load(state)
        self.at.rollbacks, self.at.float32 = last.rollbacks + 1, last.float32
        self.tell(self.at, self._share(), {"rolled_back_from": float(last.step)})

    # --- judging -------------------------------------------------------------------------------

    def _due(self, share: float) -> bool:
        """Whether to judge now; the first rank knows what it costs."""
        planned = self.pace.planned(self.at, share)
        return planned and self.fabric.broadcast(self.pace.affordable(self.at, share))

    def _evaluate(self, share: float) -> None:
        """Settle the averaged model, judge it, keep it if it is the best."""
        began, first = time.monotonic(), self.at.evaluations == 0
        average = cast(AudioGenerator, self.average.module.eval())
        self.task.settle(average, self.clips)
        # The objective's own prior and other settled buffers follow the average's.
        for (_, ours), (_, theirs) in zip(
            self.generator.named_buffers(), average.named_buffers(), strict=True
        ):
            ours.copy_(theirs)
        snapshot = self.task.snapshot(average, self.clips)
        self.at.evaluations = int(share * self.pace.most + 1e-9)
        found = {"step": self.at.step, "seconds": round(self.at.seconds, 1)}
        if self.run is not None:
            metric = self.judge(snapshot, self.at)
            if np.isfinite(metric) and (self.at.best is None or metric <= self.at.best):
                self.at.best, self.at.best_step = metric, self.at.step
                self.keep(snapshot, self.at)
            found |= {METRIC: metric}
            found |= {} if self.at.diversity is None else {"diversity": self.at.diversity}
        now = time.monotonic()
        self.at.seconds = now - self._started
        found |= self.pace.judged(self.at, now - began, first)
        if self.run is not None:
            self.run.log(found)
        self.save()  # a run that is killed later has been judged here
        self.fabric.barrier()
        stop_if_collapsed(self.fabric, self.at, self.run)

    # --- state ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write everything that resuming needs (rank 0)."""
        self._saved_at = time.monotonic()
        if self.run is not None:
            self.run.save_state(gathered(*self._state()), vars(self.at))

    def load(self, path: Path) -> None:
        """Take up a saved state; every rank reads it.

        Raises:
            TrainingError: if it is damaged or belongs to another model.
        """
        tensors, numbers = load_state(path)
        try:
            at = Progress(**numbers)
            remembered = any(key.startswith("generator_optimizer/") for key in tensors)
            if at.step > at.skipped and not remembered:
                raise ValueError("generator_optimizer is missing")
            restore(tensors, *self._state())
        except (TypeError, ValueError) as error:
            raise TrainingError(f"{path} does not fit this run: {error}; start anew") from error
        self.at = at
        if at.float32:
            self._compute_in(mixed=False)

    def _state(
        self,
    ) -> tuple[dict[str, torch.nn.Module], dict[str, OptimisedModule], dict[str, Tensor]]:
        """The arguments of `gathered` and `restore`."""
        optimised = optimised_modules(self.optimised, self.critic)
        return modules_of(self.task, self.average), optimised, own_tensors(self.task.objective)

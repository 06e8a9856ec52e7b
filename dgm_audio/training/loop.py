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
from dgm_audio.training.augment import SPEED, augment
from dgm_audio.training.collapse import stop_if_collapsed
from dgm_audio.training.order import batch_rows, partnered, step_seed
from dgm_audio.training.run_folder import RunFolder, load_state
from dgm_audio.training.schedule import Budget, ema_decay
from dgm_audio.training.state import Progress, gathered, restore
from dgm_audio.training.steps import PENALTY_EVERY, Player, adversarial_step, likelihood_step
from dgm_audio.training.task import Task

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
        budget: when to stop.
        batch: clips per step over all ranks.
        rate: learning rate of the generator.
        seed: of everything random.
        evaluations: how often the snapshot is judged over the budget.
        mixed: bfloat16 networks.
        judge: (snapshot, progress) -> held-out metric, lower is better; it is also told to report.
        keep: writes the snapshot as the best model.
        tell: reports (progress, share of the budget, losses); called at every step.
    """

    fabric: Fabric
    task: Task
    clips: ClipSet
    run: RunFolder | None
    budget: Budget
    batch: int
    rate: float
    seed: int
    evaluations: int
    mixed: bool
    judge: Callable[[AudioGenerator, Progress], float]
    keep: Callable[[AudioGenerator, Progress], None]
    tell: Callable[[Progress, float, dict[str, float]], None]
    at: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Set up the players, the average of the weights and the signal handlers."""
        self.generator = self.task.objective.generator
        self.decay = 0.0
        self.player = self._player(self.task.objective, (0.9, 0.99))
        # a copy, so made only now that the generator is on its device
        self.average = AveragedModel(self.generator, avg_fn=self._average, use_buffers=False)
        critic = self.task.discriminator
        self.critic = None if critic is None else self._player(critic, (0.5, 0.99))
        self.stop_signal: int | None = None
        self._saved_at = time.monotonic()
        self._skipped_in_row = 0
        # numbers are found much faster than names, which matters with many clips
        self._groups = np.unique(self.clips.groups, return_inverse=True)[1]

    def _player(self, module: torch.nn.Module, betas: tuple[float, float]) -> Player:
        optimizer = torch.optim.AdamW(module.parameters(), self.rate, betas, weight_decay=0.01)
        wrapped, optimizer = self.fabric.setup(module, optimizer)
        return Player(wrapped, optimizer)

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
        started = time.monotonic() - self.at.seconds
        share = self.budget.progress(self.at.step, self.at.seconds)
        while share < 1:
            losses = self._step(share)
            self.at.step += 1
            self.at.seconds = time.monotonic() - started
            share = self._share()
            self.tell(self.at, share, losses)
            if share >= (self.at.evaluations + 1) / self.evaluations:
                self._evaluate(share)
            stop = self._agreed_stop()
            if stop or time.monotonic() - self._saved_at > SAVE_SECONDS or share >= 1:
                self.save()
            if stop:
                raise SystemExit(128 + stop)

    def _share(self) -> float:
        """The used share of the budget, the same on all ranks."""
        share = self.budget.progress(self.at.step, self.at.seconds)
        return float(self.fabric.broadcast(share)) if self.fabric.world_size > 1 else share

    def _agreed_stop(self) -> int:
        """The signal that any rank got, or 0."""
        number = self.stop_signal or 0
        if self.fabric.world_size > 1:
            numbers = self.fabric.all_reduce(torch.tensor(float(number)), reduce_op="max")
            number = int(cast(Tensor, numbers))
        return number

    def _step(self, share: float) -> dict[str, float]:
        ranks, rank = self.fabric.world_size, self.fabric.global_rank
        torch.manual_seed(step_seed(self.seed, self.at.step, rank))
        rows = batch_rows(len(self.clips), self.batch, self.at.step, self.seed)[rank::ranks]
        pitch = None
        if "pitch" in self.clips.condition_spec.fields:
            rows = partnered(rows, self._groups, torch.initial_seed())
            pitch = torch.as_tensor(self.clips.pitches[rows]).to(self.fabric.device)
        x = augment(
            self.task.sounds(self.clips, rows, torch.initial_seed()),
            torch.default_generator,
            SPEED if pitch is None else 0.0,
        ).to(self.fabric.device)
        labels = torch.as_tensor(self.clips.labels[rows]).to(self.fabric.device)
        self.task.objective.rows = rows
        rate = self.rate * self.task.rate_factor(share) * 0.5**self.at.rollbacks
        _set_rate(self.player, rate)
        if self.critic is not None:
            _set_rate(self.critic, CRITIC_RATE * rate)
        self.player.module.train()
        objective = self.task.objective
        played = objective.adversarial_start <= share < objective.adversarial_end
        if self.critic is None or not played:
            losses = likelihood_step(self.fabric, self.player, x, labels, share, pitch)
        else:
            penalised = self.task.penalised and self.at.step % PENALTY_EVERY == 0
            losses = adversarial_step(
                self.fabric,
                self.player,
                self.critic,
                x,
                labels,
                share,
                self.mixed,
                penalised,
                pitch,
            )
        self._after_step(losses, share, rows)
        return losses

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
        if self.run is None or not self.run.has_state or self.at.rollbacks >= 2:
            raise TrainingError(
                f"losses were not finite for {MAX_SKIPPED} steps in a row up to step "
                f"{self.at.step}; the last batch held {files}"
            )
        step, rollbacks = self.at.step, self.at.rollbacks + 1
        self.load(self.run.state_path)
        self.at.rollbacks, self._skipped_in_row = rollbacks, 0
        self.tell(self.at, self._share(), {"rolled_back_from": float(step)})

    # --- judging -------------------------------------------------------------------------------

    def _evaluate(self, share: float) -> None:
        """Settle the averaged model, judge it, keep it if it is the best."""
        average = cast(AudioGenerator, self.average.module.eval())
        self.task.settle(average, self.clips)
        # The objective's own prior and other settled buffers follow the average's.
        for (_, ours), (_, theirs) in zip(
            self.generator.named_buffers(), average.named_buffers(), strict=True
        ):
            ours.copy_(theirs)
        snapshot = self.task.snapshot(average, self.clips)
        self.at.evaluations = int(share * self.evaluations + 1e-9)
        if self.run is not None:
            metric = self.judge(snapshot, self.at)
            if np.isfinite(metric) and (self.at.best is None or metric <= self.at.best):
                self.at.best, self.at.best_step = metric, self.at.step
                self.keep(snapshot, self.at)
        self.save()  # a run that is killed later has been judged here
        self.fabric.barrier()
        stop_if_collapsed(self.fabric, self.at, self.run)

    # --- state ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write everything that resuming needs (rank 0)."""
        self._saved_at = time.monotonic()
        if self.run is not None:
            tensors = gathered(self._modules(), self._players(), self._own_tensors())
            self.run.save_state(tensors, vars(self.at))

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
            restore(tensors, self._modules(), self._players(), self._own_tensors())
        except (TypeError, ValueError) as error:
            raise TrainingError(f"{path} does not fit this run: {error}; start anew") from error
        self.at = at

    def _own_tensors(self) -> dict[str, Tensor]:
        """What the objective remembers, and learns, beside its generator."""
        objective = self.task.objective
        learned = {key: value.data for key, value in objective.named_parameters(recurse=False)}
        return learned | dict(objective.named_buffers(recurse=False))

    def _modules(self) -> dict[str, torch.nn.Module]:
        modules = {"generator": self.generator, "average": self.average}
        if self.task.discriminator is not None:
            modules["discriminator"] = self.task.discriminator
        return modules

    def _players(self) -> dict[str, Player]:
        players = {"generator_optimizer": self.player}
        return players if self.critic is None else players | {"critic_optimizer": self.critic}


def _set_rate(player: Player, rate: float) -> None:
    for group in player.optimizer.param_groups:
        group["lr"] = rate

"""Budgets of training, and the average of the weights: fractions of the budget, no step counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dgm_audio._renamed import old_names
from dgm_audio.errors import ConfigError

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """How long to train: seconds of wall time, or optimizer steps.

    Exactly one of the two is set.
    """

    seconds: float | None = None
    steps: int | None = None

    @classmethod
    def parse(cls, text: str, steps: int | None = None) -> Budget:
        """From words such as "90s", "20m", "1.5h", "1h30m"; `steps` takes precedence.

        Raises:
            ConfigError: if the text is no positive duration, or steps is below 1.

        >>> Budget.parse("1h30m").seconds
        5400.0
        """
        if steps is not None:
            if steps < 1:
                raise ConfigError(f"steps is {steps}; it must be at least 1")
            return cls(steps=steps)
        parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
        seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
        if "".join(a + b for a, b in parts) != text or not 1 <= seconds <= 1e7:
            raise ConfigError(f"budget is {text!r}; write a duration such as 90s, 20m or 1h30m")
        return cls(seconds=seconds)

    def progress(self, step: int, seconds: float, reserve: float = 0.0) -> float:
        """Share of the budget that is used after `step` steps and `seconds` seconds, 0 to 1.

        Args:
            step: number of steps.
            seconds: since the beginning.
            reserve: seconds of a budget of time that are wanted for its end; at most half of it is.
        """
        if self.steps:
            return min(1.0, step / self.steps)
        whole = self.seconds or 1
        return min(1.0, seconds / (whole - min(reserve, whole / 2)))

    def __str__(self) -> str:
        if self.steps:
            return f"{self.steps} steps"
        minutes = (self.seconds or 0) / 60
        return f"{minutes:g} min" if minutes >= 1 else f"{self.seconds:g} s"


def ema_decay(step: int, progress: float, horizon: float = 0.02) -> float:
    """Decay of the weight average whose memory is `horizon` of the budget, shorter at the start."""
    expected = step / max(progress, 1e-6)
    return min(1 - 1 / max(2.0, horizon * expected), (step + 1) / (step + 10))


__getattr__ = old_names(__name__)

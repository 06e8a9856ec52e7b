"""How to train: one dataclass for Python, the command line and the recipe scripts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from tyro.conf import arg

from dgm_audio.errors import InputError

MAX_RATE = 1.0
"""Of the learning rate; none of the optimisers here survives more."""


def _setting(metavar: str | None, help: str) -> Any:
    return arg(metavar=metavar, help=help, help_behavior_hint="")


@dataclass(frozen=True)
class TrainConfig:
    """How to train; everything that is not here follows from the data and the budget.

    A setting that is None was not given: a run that is resumed has its own, a new one the usual.

    Args:
        out: the run folder; the model is written to its sub-folder `model`.
        family: of the model; by default vae.
        budget: wall time such as 90s, 20m or 1h30m; by default 20m.
        steps: optimizer steps instead of a budget.
        batch: clips per step; by default the family's.
        rate: peak learning rate; by default the family's, or 3e-4 from a trained start.
        start: name or path of a trained model to go on from; it skips the phases of a new one.
        seed: of everything random; by default 0.
        resume: go on with the run in `out`.
        device: auto, cpu or cuda.
        precision: float32, bfloat16, or auto for bfloat16 where the device is fast in it.
        evaluations: how often at most the model is evaluated on validation clips; it never takes
            more than a tenth of a budget of time (see `dgm_audio.training.evaluations`); by default
            20 times, or less often in a short budget of steps.
        half: store the weights in half precision.
    """

    out: Annotated[Path, _setting("RUN", "Run folder.")]
    family: Annotated[str | None, _setting("NAME", "Kind of model; by default vae.")] = None
    budget: Annotated[
        str | None, _setting("TIME", "Wall time, such as 90s, 20m or 1h30m; by default 20m.")
    ] = None
    steps: Annotated[int | None, _setting("N", "Optimizer steps instead of a budget.")] = None
    batch: Annotated[int | None, _setting("N", "Clips per step; by default the family's.")] = None
    rate: Annotated[
        float | None,
        _setting("R", "Peak learning rate; by default the family's, or 3e-4 from a start."),
    ] = None
    start: Annotated[
        str | None,
        _setting("MODEL", "Go on from a trained model of the same family, clip length and rate."),
    ] = None
    seed: Annotated[int | None, _setting("K", "Of everything random; by default 0.")] = None
    resume: Annotated[bool, _setting(None, "Go on with the run in RUN.")] = False
    device: Annotated[
        Literal["auto", "cpu", "cuda"], arg(help="auto takes a CUDA GPU if there is one.")
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"] | None,
        _setting(
            "{auto,float32,bfloat16}",
            "Of the networks; auto takes bfloat16 where the device is fast in it; by default auto.",
        ),
    ] = None
    evaluations: Annotated[
        int | None,
        _setting("N", "Most evaluations of the model on validation clips; by default 20."),
    ] = None
    half: Annotated[bool, arg(help="Store the weights in half precision.")] = True

    def check(self, prefix: str = "") -> None:
        """Whether the numbers are allowed; the budget has a check of its own.

        Args:
            prefix: of a name in the message, such as that of a flag.

        Raises:
            InputError: if one is not.
        """
        for name, least in (("batch", 1), ("evaluations", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{prefix}{name} is {value}; it must be at least {least}")
        if self.rate is not None and not 0 < self.rate <= MAX_RATE:
            found = f"{prefix}rate is {self.rate:g}"
            raise InputError(f"{found}; it must be above 0 and at most {MAX_RATE:g}")

    @property
    def training(self) -> Resolved:
        """These settings without those of a subclass, with defaults where none is given.

        Raises:
            InputError: if a number is not allowed.
        """
        self.check()
        own = {item.name: getattr(self, item.name) for item in fields(TrainConfig)}
        return Resolved(**{key: value for key, value in own.items() if value is not None})


@dataclass(frozen=True)
class Resolved(TrainConfig):
    """Settings of which none is left open: the usual ones of a new run."""

    family: str = "vae"
    budget: str = "20m"
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


Config = TypeVar("Config", bound=TrainConfig)


def filled_up(config: Config, settings: dict[str, Any]) -> Config:
    """A config with settings from others where it has none of its own."""
    return replace(
        config, **{key: value for key, value in settings.items() if getattr(config, key) is None}
    )

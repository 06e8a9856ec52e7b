"""What a resumed run need not be told again, and the command that goes on with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.cli.train import Train

FIXED = ("family", "batch", "start", "seed", "sample_rate", "seconds")
FREE = ("budget", "steps", "precision")
"""Flags that a resumed run must not change, and those that it may."""


@dataclass(frozen=True)
class Settings:
    """The settings of a run: given, remembered or by default."""

    family: str = "vae"
    budget: str = "20m"
    steps: int | None = None
    batch: int | None = None
    start: str | None = None
    seed: int = 0
    sample_rate: int | None = None
    seconds: float | None = None
    precision: str = "auto"


def settings_of(command: Train, out: Path) -> Settings:
    """What is given on the command line, filled up with what the run in `out` was begun with.

    Args:
        command: the command line; a setting that is not given is None.
        out: the run folder; it is looked at only to resume.

    Raises:
        InputError: if a run that is resumed was begun with another value of a setting, or has come
            further than the budget.
        TrainingError: if the run folder is damaged.
    """
    given = {key: getattr(command, key) for key in (*FIXED, *FREE)}
    given = {key: value for key, value in given.items() if value is not None}
    if not command.resume or not (out / "run.json").is_file():
        return Settings(**given)
    begun = _begun_with(out)
    for key in FIXED:
        if key in given and begun.get(key, given[key]) != given[key]:
            raise InputError(
                f"{_flag(key)} is {given[key]}, but the run in {out} was begun with "
                f"{begun[key] if begun[key] is not None else 'none'}; leave it out, or train into "
                "another folder"
            )
    settings = Settings(**{**begun, **given})
    if "budget" in given and "steps" not in given:
        settings = replace(settings, steps=None)
    if (settings.budget, settings.steps) != (begun.get("budget"), begun.get("steps")):
        _check_enlarged(settings, out)
    return settings


def command_that_goes_on(folder: Path, out: Path, device: str) -> str:
    """What to type to go on with a run, quoted for the shell."""
    words = ["dgm-audio", "train", str(folder), "--out", str(out), "--resume"]
    return shlex.join(words + ([] if device == "auto" else ["--device", device]))


def _begun_with(out: Path) -> dict[str, Any]:
    """The settings in a run folder, by the names that the command line has for them."""
    from dgm_audio.training.run_folder import remembered

    begun = remembered(out)
    length = begun.pop("length", None)
    if length is not None:
        begun["seconds"] = length / begun["sample_rate"]
    return {key: value for key, value in begun.items() if key in (*FIXED, *FREE)}


def _check_enlarged(settings: Settings, out: Path) -> None:
    """Refuse a budget that the run has used already."""
    from dgm_audio.training.run_folder import STATE, saved_progress
    from dgm_audio.training.schedule import Budget

    budget = Budget.parse(settings.budget, settings.steps)
    if not (out / STATE).is_file():
        return
    at = saved_progress(out / STATE)
    if budget.progress(at["step"], at["seconds"]) >= 1:
        raise InputError(
            f"the run in {out} has made {at['step']} steps in {at['seconds'] / 60:.1f} min, which "
            f"uses up {budget}; give it more, or leave --budget and --steps out"
        )


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")

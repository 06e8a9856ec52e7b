"""What a resumed run need not be told again, and the command that goes on with it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from dgm_audio.errors import InputError
from dgm_audio.training.config import Config, Resolved, filled_up

FIXED = ("family", "batch", "rate", "start", "seed", "sample_rate", "seconds")
FREE = ("budget", "steps", "precision", "evaluations")
"""Flags that a resumed run must not change, and those that it may."""


def resumed(command: Config, out: Path) -> Config:
    """A command, filled up with what the run in `out` was begun with if it is resumed.

    Args:
        command: a setting that is not given is None.
        out: the run folder; it is looked at only to resume.

    Raises:
        InputError: if a run that is resumed was begun with another value of a setting, or has come
            further than the budget.
        TrainingError: if the run folder is damaged.
    """
    if not command.resume or not (out / "run.json").is_file():
        return command
    begun = _begun_with(out)
    was = begun.get("budget"), begun.get("steps")
    given = {key for key in (*FIXED, *FREE) if getattr(command, key) is not None}
    for key in FIXED:
        value = getattr(command, key)
        if key in given and begun.get(key, value) != value:
            raise InputError(
                f"{_flag(key)} is {value}, but the run in {out} was begun with "
                f"{begun[key] if begun[key] is not None else 'none'}; leave it out, or train into "
                "another folder"
            )
    if "budget" in given:
        begun.pop("steps", None)
    settings = filled_up(command, begun)
    if (settings.training.budget, settings.training.steps) != was:
        _check_enlarged(settings.training, out)
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


def _check_enlarged(settings: Resolved, out: Path) -> None:
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

"""The folder of a training run: settings, log, resumable state, the best model so far.

    RUN/run.json            the resolved settings
    RUN/log.jsonl           one line per report
    RUN/state.safetensors   everything that resuming needs; replaced atomically
    RUN/model/              the best model by the validation metric, ready to load

The state is tensors in a safetensors file with numbers in its header: nothing is ever unpickled.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dgm_audio.atomic import replacing
from dgm_audio.errors import TrainingError
from dgm_audio.training.schedule import Budget

STATE = "state.safetensors"
SETTINGS = "run.json"
LOG = "log.jsonl"
MAX_HEADER = 2**26
"""Most bytes of a state's header that are read, whatever size it claims."""
KEPT = ("family", "start", "seed", "batch")
"""Settings that a resumed run must have kept; budget and steps may well be others."""
REMEMBERED = (*KEPT, "sample_rate", "length", "precision", "budget", "steps")
"""Settings that need not be given again."""


class RunFolder:
    """A run folder that this process alone writes to.

    Args:
        path: the folder; made if it is missing.
        resume: go on with the run that it holds; without it the folder must hold none.

    Raises:
        TrainingError: if another process trains there, or the folder holds a run and `resume` is
            not set, or the other way round.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._lock = open(path / "run.lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise TrainingError(f"{path} is in use by another training run") from None
        if self.has_state != resume:
            self.close()
            if resume:
                raise TrainingError(f"{path} holds no run to resume; start one without --resume")
            raise TrainingError(
                f"{path} already holds a run; go on with it (--resume) or choose another --out"
            )

    @property
    def state_path(self) -> Path:
        """Where the resumable state lies."""
        return self.path / STATE

    @property
    def model_path(self) -> Path:
        """Where the best model lies."""
        return self.path / "model"

    @property
    def has_state(self) -> bool:
        """Whether there is something to resume."""
        return self.state_path.is_file()

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.close()

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one line to the log."""
        with open(self.path / LOG, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def logs(self, key: str) -> bool:
        """Whether any line of the log has this key."""
        path = self.path / LOG
        return path.is_file() and f'"{key}":' in path.read_text(encoding="utf-8")

    def saved(self, budget: Budget) -> str:
        """A sentence on the folder: the progress of the run, and its best model."""
        at = saved_progress(self.state_path)
        share = 100 * budget.progress(at["step"], at["seconds"])
        words = f"step {at['step']}, {share:.0f} % of {budget}, is saved in {self.path}"
        if at["best"] is None:
            return f"{words}; there is no model yet, since none has been evaluated"
        return f"{words}, the best model so far, of step {at['best_step']}, in {self.model_path}"

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Write the resolved settings; a resumed run must have the same settings and data.

        Raises:
            TrainingError: if the earlier part of the run was on other data, or of another family,
                start, seed or batch.
        """
        path, key = self.path / SETTINGS, "content_sha256"
        if self.has_state and path.is_file():
            earlier = json.loads(path.read_text(encoding="utf-8"))
            was, now = earlier["data"][key], settings["data"][key]
            if was != now:
                raise TrainingError(
                    f"the run in {self.path} was on other data (content {was[:12]}, now "
                    f"{now[:12]}); train into another folder"
                )
            changed = [name for name in KEPT if earlier[name] != settings[name]]
            if changed:
                changes = [f"{name} {earlier[name]}, now {settings[name]}" for name in changed]
                raise TrainingError(
                    f"the run in {self.path} was begun with {'; '.join(changes)}: resume it with "
                    "what it was begun with, or train into another folder"
                )
        write_atomically(path, (json.dumps(settings, indent=2) + "\n").encode())

    def save_state(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Replace the state atomically: a kill at any moment leaves the old or the new one.

        Raises:
            TrainingError: if it cannot be written; the earlier state stands.
        """
        copies = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        write_atomically(self.state_path, save(copies, {"numbers": json.dumps(numbers)}))


def saved_progress(path: Path) -> dict[str, Any]:
    """The numbers of a saved state: where the run stood. Its tensors are not read.

    Raises:
        TrainingError: if the file is damaged.
    """
    try:
        with open(path, "rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(size, MAX_HEADER)))
        return json.loads(header["__metadata__"]["numbers"])
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise TrainingError(f"{path} is damaged ({error}); start anew") from error


def remembered(path: Path) -> dict[str, Any]:
    """The settings in a run folder, as far as it has them: `REMEMBERED`.

    Raises:
        TrainingError: if its settings cannot be read.
    """
    try:
        settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        return {key: settings[key] for key in REMEMBERED if key in settings}
    except (ValueError, TypeError, OSError) as error:
        raise TrainingError(f"{path / SETTINGS} cannot be read ({error})") from error


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and numbers of a saved state.

    Raises:
        TrainingError: if the file is damaged.
    """
    try:
        blob = path.read_bytes()  # at once, so that a replacement meanwhile cannot mix two states
        size = int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8 : 8 + size])
        # Copies: arithmetic on memory of odd alignment rounds differently.
        tensors = {key: value.clone() for key, value in load(blob).items()}
        return tensors, json.loads(header["__metadata__"]["numbers"])
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise TrainingError(f"{path} is damaged ({error}); start anew") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write all of a file or nothing (see `dgm_audio.atomic`).

    Raises:
        TrainingError: if the disk refuses; `path` is untouched then.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error

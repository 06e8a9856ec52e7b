"""Progress of long work in stages: a bar for each on standard error, or words for a listener."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from dgm_audio._standard_error import stderr

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"


class Stages:
    """Which stage it is, and how far it has come.

    Args:
        say: takes "stage: done of total" whenever that changes.
        bar: is moved along, too.
    """

    def __init__(self, say: Callable[[str], None] | None = None, bar: tqdm | None = None) -> None:
        self._say, self._bar = say, bar
        self._name, self._total, self._done = "", 1, 0

    def begin(self, name: str, total: int = 1) -> None:
        """A stage of so many steps begins."""
        self._name, self._total, self._done = name, max(1, total), 0
        if self._bar is not None:
            self._bar.set_description_str(name, refresh=False)
            self._bar.reset(self._total)
        self._tell()

    def step(self, count: int = 1) -> None:
        """So many steps more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        self._tell()

    def _tell(self) -> None:
        if self._say is not None:
            self._say(f"{self._name}: {self._done} of {self._total}")


@contextmanager
def stages(progress: bool | Callable[[str], None]) -> Iterator[Stages]:
    """A bar if that is wanted, nothing if not; or else what to call with a line."""
    if callable(progress):
        yield Stages(progress)
    elif not progress:
        yield Stages()
    else:
        with tqdm(total=1, bar_format=_BAR, leave=False, file=stderr(), disable=None) as bar:
            yield Stages(bar=bar)

"""Rows of a table of speeds, whose repeats take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from machine import QUIET, Load, Peaks

REPEATS = 5
"""Quiet ones that are wanted of every row."""

COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("", "name", "<30", ""),
    ("batch", "batch", ">6", ""),
    ("threads", "threads", ">8", ""),
    ("samples/s", "samples_per_second", ">11", ","),
    ("slowest", "slowest", ">11", ","),
    ("fastest", "fastest", ">11", ","),
    ("x real time", "times_real_time", ">12", ".3f"),
    ("x eager", "ratio_to_eager", ">9", ".1f"),
    ("x WaveRNN", "ratio_to_torchaudio_wavernn", ">10", ".1f"),
    ("GFLOP/s", "gflops", ">8", ".1f"),
    ("limit", "limit", ">11", ","),
    ("share", "share_of_limit", ">7", ".0%"),
    ("by", "limited_by", ">8", ""),
    ("others", "others_busy_cores", ">7", ".2f"),
)
"""Title, key of `Row.line`, place and format."""


class Repeat(NamedTuple):
    """One measurement.

    Attributes:
        speed: samples per second.
        core_speed: samples per second of CPU time.
        others: cores that other work kept busy meanwhile.
    """

    speed: float
    core_speed: float
    others: float


@dataclass
class Row:
    """A line of the table.

    Args:
        name: what runs.
        batch: streams at a time.
        threads: of the CPU; 0 on a GPU.
        weights: numbers in the matrices of a step: a sample takes twice as many FLOPs.
        packed_bytes: of these numbers, as they lie in memory.
        weight_bytes: that a step reads of them.
        advance: makes so many samples per stream.
        unit: a number of samples that it can make.
    """

    name: str
    batch: int
    threads: int
    weights: int
    packed_bytes: int
    weight_bytes: int
    advance: Callable[[int], object]
    unit: int
    steps: int = 0
    first_call: float = 0.0
    """Seconds."""
    repeats: list[Repeat] = field(default_factory=list)

    @property
    def is_quiet(self) -> bool:
        """Whether enough repeats were quiet."""
        return sum(repeat.others <= QUIET for repeat in self.repeats) >= REPEATS

    @property
    def counted(self) -> list[Repeat]:
        """The quiet repeats if there are enough, else all."""
        return [one for one in self.repeats if one.others <= QUIET or not self.is_quiet]

    @property
    def speed(self) -> float:
        """Samples per second, median."""
        return statistics.median(repeat.speed for repeat in self.counted)

    @property
    def core_speed(self) -> float:
        """Samples per second of CPU time, median: other work that takes turns does not count."""
        return statistics.median(repeat.core_speed for repeat in self.counted)

    @property
    def others(self) -> float:
        """Cores that other work kept busy, median over all repeats."""
        return statistics.median(repeat.others for repeat in self.repeats)

    def prepare(self, seconds: float) -> None:
        """Compile, warm up, and find how many steps take about so many seconds."""
        with cpu_threads(self.threads):
            self.first_call = self._time(self.unit)
            self.steps = self.unit
            while (taken := self._time(self.steps)) < seconds / 4:
                self.steps *= 2
            self.steps = self.unit * max(1, round(self.steps * seconds / taken / self.unit))

    def repeat(self) -> None:
        """Measure once more."""
        with cpu_threads(self.threads), Load() as load:
            taken = self._time(self.steps)
        samples = self.batch * self.steps
        self.repeats.append(Repeat(samples / taken, samples / load.core_seconds, load.others))

    @torch.inference_mode()
    def _time(self, steps: int) -> float:
        start = time.perf_counter()
        self.advance(steps)
        if not self.threads:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def limit(self, peaks: Peaks) -> tuple[float, str] | None:
        """Samples per second that the CPU allows, and by what; None on a GPU."""
        if not self.threads:
            return None
        reads = self.batch * peaks.bandwidth[self.packed_bytes] / self.weight_bytes
        limits = ((peaks.flops / (2 * self.weights), "FMA"), (reads, "weights"))
        slowest, name = min(limits)
        return self.threads * slowest, name

    def line(self, peaks: Peaks, rate: int, eager: float, wavernn: float) -> dict[str, Any]:
        """What is known of it, given two speeds to compare with and a sample rate in Hz."""
        limit, name = self.limit(peaks) or (None, None)
        return {
            "name": self.name,
            "batch": self.batch,
            "threads": self.threads,
            "samples_per_second": round(self.speed),
            "samples_per_core_second": round(self.core_speed),
            "slowest": round(min(repeat.speed for repeat in self.counted)),
            "fastest": round(max(repeat.speed for repeat in self.counted)),
            "times_real_time": round(self.speed / rate, 3),
            "ratio_to_eager": round(self.speed / eager, 2),
            "ratio_to_torchaudio_wavernn": round(self.speed / wavernn, 2),
            "weights": self.weights,
            "packed_bytes": self.packed_bytes,
            "weight_bytes_per_step": self.weight_bytes,
            "gflops": round(2 * self.weights * self.speed / 1e9, 2),
            "limit": round(limit) if limit else None,
            "limited_by": name,
            "share_of_limit": round(self.speed / limit, 3) if limit else None,
            "others_busy_cores": round(self.others, 2),
            "quiet": self.is_quiet,
            "repeats": len(self.repeats),
            "first_call_seconds": round(self.first_call, 2),
        }


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let PyTorch use so many threads (0: as before), and put back what there was."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measure(rows: list[Row], deadline: float) -> Peaks:
    """Repeats of all rows and of the peaks, in turns.

    Each row is measured until it has enough quiet repeats or the time (of `time.monotonic`) is up,
    but once at least.
    """
    peaks = Peaks()
    sizes = {row.packed_bytes for row in rows if row.threads}
    while left := [row for row in rows if not row.is_quiet]:
        peaks.measure(sizes)
        for row in left:
            if row.repeats and time.monotonic() > deadline:
                return peaks
            row.repeat()
    return peaks


def print_table(lines: list[dict[str, Any]]) -> None:
    """One line for each row; a star marks those that other work disturbed."""
    print("".join(f"{title:{place}}" for title, _, place, _ in COLUMNS))
    for line in lines:
        cells = [
            f"{'-':{place}}" if line[key] is None else f"{line[key]:{place}{layout}}"
            for _, key, place, layout in COLUMNS
        ]
        print("".join(cells) + ("" if line["quiet"] else " *"))

"""The faults that must be survived, and the tests that hold each of them, as one table.

    python -m tests.faults                     run the tests and print the table
    python -m tests.faults --list              the table without running them
    python -m tests.faults tests/checkpoint    only the tests there

A test says by `@pytest.mark.fault(19)` which fault it holds, and by the fixture `figure` what it
measured. Every fault ends in a typed error of one line, exit code 2, no traceback, no partial
output, and no earlier file lost, unless its text says what happens instead.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent

FAULTS = {
    1: "an audio file that is empty or has no frames",
    2: "text, a picture or HTML named .wav",
    3: "a truncated WAV, FLAC or MP3: skipped and listed in a data set, alone an error",
    4: "a FLAC or OGG bomb: refused before allocation, below 300 MB",
    5: "a header that lies: only real frames are read",
    6: "a rate of 1 or 2^31-1, 1024 channels",
    7: "NaN, Inf, 1e30 as samples: an error in training, repaired with a warning on the web",
    8: "silence, DC, full-scale clipping: accepted and told; losses stay finite",
    9: "shorter than a segment, one sample: padded by a stated rule, never dropped",
    10: "other containers (MAT4, PAF, IMA-ADPCM ...): refused unopened",
    11: "odd paths (Unicode, newline, link loop, FIFO, device, unreadable): listed, no hang",
    12: "ten minutes of OGG are written",
    13: "truncated or bit-flipped weights: the file is named",
    14: "weights that are extra, missing, NaN, of a wrong shape or type: the first five are named",
    15: "a pickle: never executed; how to convert is said",
    16: "a newer format or an unknown family: the version or plugin that is needed is named",
    17: "a config with a typo, a wrong or huge value, 50 MB, deep nesting: the key is named",
    18: "a Hub name while offline: told within 5 s",
    19: "killed while a checkpoint is written, 100 times: the newest complete one loads",
    20: "a full disk at a save: what was there stands, no temporary file stays",
    21: "SIGTERM or Ctrl-C: saved at the next step, exit 143 or 130; a second one stops at once",
    22: "a run that was stopped and resumed: bit-equal to one that was not, on 1 and 2 ranks",
    23: "NaN loss or gradient: skipped, rolled back, then an error; none reaches a checkpoint",
    24: "a data worker dies: told with the file, no hang",
    25: "one rank dies: all end within the timeout; a restart resumes",
    26: "resumed on another number of ranks",
    27: "the GPU's memory is full: a batch size is suggested; generation goes on in parts, told",
    28: "two runs in one folder: the second is refused",
    29: "latents, lengths, seeds, batches out of range: refused, memory estimated before",
    30: "unknown command, missing path, closed pipe, no terminal, other locale: clear text, 2 or 1",
    31: "hostile requests to the web demo: refused, the next good one is served",
    32: "64 users on a queue of 32, leaving, Stop, reload: busy for the rest, each their own sound",
    33: "the demo's temporary folder gone or full, a model replaced: it recovers",
    34: "no ffmpeg, GPU, network or writable home: the demo starts and asks nobody outside",
}
_MARK = re.compile(r"pytest\.mark\.fault\(([\d, ]+)\)")


def marked() -> set[int]:
    """The numbers of all faults that some test is marked with."""
    found: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for numbers in _MARK.findall(path.read_text("utf-8")):
            found |= {int(number) for number in numbers.split(",")}
    return found


class Table:
    """A pytest plugin that keeps what became of every marked test, and its figures."""

    def __init__(self) -> None:
        self.outcomes: dict[int, dict[str, Counter[str]]] = defaultdict(
            lambda: defaultdict(Counter)
        )
        self.figures: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """List what will run, or, with --collect-only, all there is to be listed."""
        for item in session.items:
            self._note(item.nodeid, item.user_properties, "listed")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one outcome per test: that of its call, or of a set-up that did not succeed."""
        if report.when == "call" or not report.passed:
            self._note(report.nodeid, report.user_properties, report.outcome)

    def _note(self, nodeid: str, properties: Iterable[tuple[str, Any]], outcome: str) -> None:
        test = nodeid.partition("[")[0]
        for name, value in properties:
            if name == "fault":
                self.outcomes[value][test][outcome] += 1
            elif name == "figure" and value not in self.figures[test]:
                self.figures[test].append(value)

    def held(self, number: int) -> bool:
        """Whether a test of the fault passed, or is only listed, and none failed."""
        count = sum(self.outcomes.get(number, {}).values(), Counter())
        return not count["failed"] and (count["passed"] > 0 or set(count) == {"listed"})

    def __str__(self) -> str:
        lines = []
        for number, text in FAULTS.items():
            lines.append(f"{number:2}  {text}")
            for test, outcomes in sorted(self.outcomes.get(number, {}).items()):
                shown = {key: n for key, n in outcomes.items() if key != "listed"} or outcomes
                told = ", ".join(f"{n} {key}" for key, n in sorted(shown.items()))
                figures = "".join(f"; {figure}" for figure in self.figures[test])
                lines.append(f"      {test}: {told}{figures}")
        tests = [outcomes for found in self.outcomes.values() for outcomes in found.values()]
        verb = "are held" if any(set(outcomes) - {"listed"} for outcomes in tests) else "have tests"
        return "\n".join([*lines, f"{sum(map(self.held, FAULTS))} of {len(FAULTS)} faults {verb}"])


def main(arguments: Sequence[str]) -> int:
    """Run, or list, the marked tests; print the table."""
    listed = "--list" in arguments
    rest = [argument for argument in arguments if argument != "--list"]
    table = Table()
    options = ["-m", "fault", *(["--collect-only", "-q", "-q"] if listed else [])]
    code = pytest.main([*options, *rest], plugins=[table])
    print(table)
    return int(code) or int(not rest and not all(map(table.held, FAULTS)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The doctor's report as a table for the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dgm_audio.data.doctor_report import Report
from dgm_audio.data.feasibility import THIN_CLASS
from dgm_audio.data.report import treatment
from dgm_audio.io import shown

_MOST_ROWS = 30
_MOST_NAMES = 3
_MOST_ERRORS = 10
_OF_CLASSES = (
    "Near copies count once as different sounds; of a class with fewer than "
    f"{THIN_CLASS} a model plays little but the originals."
)
_COLOURS = {"too little": "red", "variations": "yellow", "a sketch": "yellow"}


def draw_table(report: Report) -> Group:
    """Overview, classes, treatment, issues, duplicates, verdict; each only if there is any."""
    parts: list[Any] = [_overview(report)]
    if len(report.count(lambda file: file.label)) > 1:
        parts.append(_classes(report))
    parts += [_list("Transcripts", report.transcripts)]
    parts += [_list("What training does", _treatment(report))]
    parts += [_list("Look at", chain(report.layout, _issues(report)))]
    parts += [
        _list("Not read", _errors(report)),
        _list("Copies", _copies(report)),
        _verdict(report),
    ]
    return Group(*(part for part in parts if part is not None))


def _overview(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title = Text(shown(report.folder), style="bold")
    table.title_justify = "left"
    table.add_column(style="dim")
    table.add_column()
    files = report.readable
    table.add_row("files", f"{len(report.files)} audio, {len(report.ignored)} other")
    table.add_row("sound", f"{report.minutes:.1f} min -> {report.clips} clips of "
                  f"{report.config.seconds:.3f} s at {report.config.sample_rate} Hz")  # fmt: skip
    if files:
        table.add_row("lengths", _spread([file.seconds for file in files], "s", "longest"))
        levels = [file.lufs for file in files if np.isfinite(file.lufs)]
        table.add_row("loudness", _spread(levels, "LUFS", "loudest") if levels else "silence only")
        table.add_row("sample rates", _tally(report.count(lambda file: f"{file.sample_rate} Hz")))
        table.add_row("channels", _tally(report.count(lambda file: file.channels)))
        table.add_row("formats", _tally(report.count(lambda file: file.format)))
        table.add_row("clips start", _tally(report.count(lambda file: file.report.start)))
        groups = len(report.count(lambda file: file.group))
        table.add_row("groups", f"{groups} (folders, kits or sessions)")
    return table


def _classes(report: Report) -> Group:
    table = Table(title="\nClasses", title_justify="left", box=None, header_style="dim")
    for name in ("class", "files", "clips", "different", "minutes"):
        table.add_column(name, justify="left" if name == "class" else "right")
    counts = report.count(lambda file: file.label)
    for label, files in list(counts.items())[:_MOST_ROWS]:
        mine = [file for file in report.readable if file.label == label]
        clips, minutes = sum(f.clips for f in mine), sum(f.seconds for f in mine) / 60
        different = report.distinct.get(label, 0)
        table.add_row(Text(shown(label)), str(files), str(clips), str(different), f"{minutes:.1f}")
    if len(counts) > _MOST_ROWS:
        table.add_row(f"... {len(counts) - _MOST_ROWS} more classes")
    return Group(table, Text(_OF_CLASSES, style="dim"))


def _treatment(report: Report) -> Iterable[str]:
    return (f"{count} {words}" for words, count in treatment(f.steps for f in report.readable))


def _issues(report: Report) -> Iterable[str]:
    """One line per kind of issue, with a few files."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for file in report.readable:
        for issue in file.issues:
            kind, _, amount = issue.partition(" (")
            kinds[kind].append(shown(file.path) + (f" ({amount}" if amount else ""))
    ranked = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return (f"{kind}, {_files(len(names))}: {_some(names)}" for kind, names in ranked)


def _errors(report: Report) -> Iterable[str]:
    broken = [file for file in report.files if file.error]
    for file in broken[:_MOST_ERRORS]:
        yield f"{shown(file.path)}: {file.error}"
    if len(broken) > _MOST_ERRORS:
        yield f"... and {len(broken) - _MOST_ERRORS} more"
    for reason, count in Counter(reason for _, reason in report.ignored).most_common(_MOST_ERRORS):
        yield f"{reason}, {_files(count)}"


def _copies(report: Report) -> Iterable[str]:
    for name, sets, advice in (
        ("hold exactly the same sound", report.exact, "keep one of each"),
        ("sound the same: near copies", report.near, "they count once"),
        (
            "are takes of one instrument by name",
            report.takes,
            "never divided between training, validation and test",
        ),
    ):
        if sets:
            files = sum(len(one) for one in sets)
            example = _some([shown(path) for path in sets[0]])
            yield f"{files} files in {len(sets)} sets {name} ({advice}), as {example}"


def _verdict(report: Report) -> Panel:
    expected = report.feasibility
    lines, colour, title = (
        [*expected.lines],
        _COLOURS.get(expected.verdict, "green"),
        expected.title,
    )
    if report.refusal:
        lines, colour, title = [report.refusal], "red", "training would not start"
    return Panel(Text("\n".join(lines)), title=f"What to expect: {title}", border_style=colour,
                 title_align="left")  # fmt: skip


def _list(title: str, lines: Iterable[str]) -> Group | None:
    found = list(lines)
    if not found:
        return None
    return Group(Text(f"\n{title}", style="italic"), *(Text(f"  {line}") for line in found))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _spread(values: list[float], unit: str, most: str) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    middle_90 = f"median {middle:.2f} {unit}, 90 % from {low:.2f} to {high:.2f} {unit}"
    return f"{middle_90}, the {most} {max(values):.2f} {unit}"


def _tally(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{value} x {name}" for name, value in counts.items())

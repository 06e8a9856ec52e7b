"""The house: which room may import which, drawn and checked.

    python -m tests.floors

Rooms are the folders and files of `dgm_audio`, floor by floor. A room may import what lies below or
beside it, but nothing above, and no imports may make a circle. Those inside functions and for types
alone count as well.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import dgm_audio

PACKAGE = Path(dgm_audio.__file__).parent

FLOORS = """
__main__
cli
release
apps
evaluation
training
testing _conformance
shipped
checkpoint hub
registry
resynthesis
vocoded
families
objective
data
streaming fingerprint model_card inversion
generator
capabilities interpolation model_folder _checks
specs config
fields frames text text_field
nn
io provenance _audiofile
signal drawing
runtime
cache_folder _budget atomic
_renamed _standard_error errors _version
"""
"""From the roof down; the rooms of a line are one floor, but may import each other one way."""


def imported(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("dgm_audio.")}


def modules(package: Path = PACKAGE) -> dict[str, set[str]]:
    """{module: modules that it imports}, without the name of the package."""
    files = {}
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        if name != "__init__" and not name.startswith("_demo"):
            files[name.removesuffix(".__init__")] = path

    def module(name: str) -> str:
        """The module of `a.b.c`, which may name something in `a.b`."""
        parts = name.split(".")[1:]
        while parts and ".".join(parts) not in files:
            parts.pop()
        return ".".join(parts)

    return {
        name: {module(one) for one in imported(path)} - {"", name} for name, path in files.items()
    }


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach themselves, each with those on the way; once per set."""
    found, done = {}, set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            circle = way[way.index(name) :]
            found.setdefault(frozenset(circle), circle)
        elif name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, [*way, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return list(found.values())


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Imports of a room on a floor above, as lines; rooms that are on no floor."""
    floor = {room: n for n, line in enumerate(FLOORS.split("\n")) for room in line.split()}
    lines = [f"{name} is on no floor" for name in graph if name.split(".")[0] not in floor]
    for name, others in graph.items():
        for other in others:
            here, there = name.split(".")[0], other.split(".")[0]
            if floor.get(there, 99) < floor.get(here, -1):
                lines.append(f"{name} -> {other} goes up")
    return sorted(lines)


def main() -> int:
    """Draw the house; 1 if an arrow goes up or round."""
    graph = modules()
    rooms: dict[str, set[str]] = {}
    for name, others in graph.items():
        rooms.setdefault(name.split(".")[0], set()).update(other.split(".")[0] for other in others)
    for line in FLOORS.strip().split("\n"):
        for room in line.split():
            print(f"{room:16} -> {' '.join(sorted(rooms.get(room, set()) - {room})) or '.'}")
    wrong = upward(graph) + [" -> ".join([*one, one[0]]) for one in circles(graph)]
    print(*(wrong or ["no circle, no arrow upwards"]), sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

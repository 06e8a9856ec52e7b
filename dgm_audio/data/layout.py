"""What becomes of the folders of a data set, where that may be another thing than was meant."""

from __future__ import annotations

from collections import Counter, defaultdict

from dgm_audio.data.manifest import UNLABELLED, Manifest
from dgm_audio.io import shown

_NAMED = 5


def layout_notes(manifest: Manifest) -> tuple[str, ...]:
    """One line for each thing that a look at the folders may not tell; none for a list of files.

    Example:
        >>> from pathlib import Path
        >>> from dgm_audio.data.manifest import Entry
        >>> files = [Entry(f"{label}/a.wav", label, label) for label in ("Kick", "kick")]
        >>> for line in layout_notes(Manifest(Path(), (*files, Entry("c.wav")), scanned=True)):
        ...     print(line)
        1 file lies beside the folders of classes; it makes the class 'sound'
        Kick and kick are different classes; give their folders one name if they are not
        3 classes have a single file, so nothing of it can be held out: Kick, kick, sound
    """
    if not manifest.scanned or not manifest.entries:
        return ()
    counts = Counter(entry.label for entry in manifest.entries)
    lines = (_loose(manifest), *_alike(counts), _nested(manifest), _single(counts))
    return tuple(line for line in lines if line)


def _loose(manifest: Manifest) -> str:
    loose = sum(entry.group == "." for entry in manifest.entries)
    if loose in (0, len(manifest)):
        return ""
    lie, make = ("lies", "it makes") if loose == 1 else ("lie", "they make")
    return f"{_files(loose)} {lie} beside the folders of classes; {make} the class {UNLABELLED!r}"


def _alike(counts: Counter[str]) -> list[str]:
    """Classes whose names differ in case, blanks or dashes only."""
    names: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        names["".join(label.casefold().replace("-", "_").replace("_", " ").split())].append(label)
    return [
        f"{' and '.join(map(shown, alike))} are different classes; "
        "give their folders one name if they are not"
        for alike in names.values()
        if len(alike) > 1
    ]


def _nested(manifest: Manifest) -> str:
    deep = [entry.group for entry in manifest.entries if "/" in entry.group]
    if not deep:
        return ""
    return (
        f"{_files(len(deep))} in folders within those of classes count to the class, such as "
        f"{shown(deep[0])} to {shown(deep[0].partition('/')[0])}"
    )


def _single(counts: Counter[str]) -> str:
    single = sorted(label for label, count in counts.items() if count == 1)
    if not single or len(counts) == 1:
        return ""
    names = ", ".join(map(shown, single[:_NAMED])) + (", ..." if len(single) > _NAMED else "")
    have = "class has" if len(single) == 1 else "classes have"
    return f"{len(single)} {have} a single file, so nothing of it can be held out: {names}"


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"

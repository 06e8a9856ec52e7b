"""What lies in a folder: which files are audio, and why everything else is left out.

Nothing is opened. Links to folders are followed, without loops; within one class every folder and
file is taken once, however many links lead to it.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from dgm_audio._audiofile.converting import EXTRA
from dgm_audio.io import AUDIO_SUFFIXES, CONVERTIBLE, FOREIGN, shown

_KINDS = 6
_NOTES = (".mid", ".midi")
_EXTRA = f"pip install 'dgm_audio[{EXTRA}]'"


class Found(NamedTuple):
    """Something in the folder.

    Attributes:
        path: relative to the folder, with forward slashes.
        reason: why it is left out; empty for an audio file.
        bad: audio was probably lost by that.
    """

    path: str
    reason: str = ""
    bad: bool = False


def label_of(path: str) -> str:
    """The first sub-folder of a path, empty without one; Unicode is composed, as people type it.

    >>> label_of("kick/kit 1/a.wav"), label_of("a.wav"), len(label_of("a\u0308/b.wav"))
    ('kick', '', 1)
    """
    folder, inside, _ = path.partition("/")
    return unicodedata.normalize("NFC", folder) if inside else ""


def scan(root: Path) -> Iterator[Found]:
    """Everything below a folder, in a stable order: files before folders, folders before links."""
    here = os.path.realpath(root)
    seen: dict[tuple[str, str], str] = {}  # (class, real path) -> where it was found first

    def again(path: str, label: str, place: str) -> str:
        """Where the class has this file or folder already; empty if it has not."""
        first = seen.setdefault((label, os.path.realpath(place)), path)
        return "" if first == path else first

    def walk(folder: str, prefix: str) -> Iterator[Found]:
        try:
            with os.scandir(folder) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            yield Found(prefix[:-1] or ".", f"folder cannot be listed: {error.strerror}", True)
            return
        folders = [item for item in items if _is_folder(item)]
        for item in items:
            if item not in folders:
                found = Found(prefix + item.name, *_judge(item.path))
                twice = not found.reason and again(found.path, label_of(found.path), item.path)
                yield found._replace(reason=f"the same file as {shown(twice)}") if twice else found
        for item in sorted(folders, key=lambda item: item.is_symlink()):
            path = prefix + item.name
            if item.name.startswith("."):
                yield Found(path, "hidden folder")
            elif _holds(os.path.realpath(item.path), here):
                yield Found(path, "link to a folder that it lies in, not followed")
            elif first := again(path, label_of(path + "/"), item.path):
                yield Found(path, f"the same folder as {shown(first)}")
            else:
                yield from walk(item.path, path + "/")

    yield from walk(os.fspath(root), "")


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _holds(folder: str, inner: str) -> bool:
    return os.path.commonpath([folder, inner]) == folder


def _judge(path: str) -> tuple[str, bool]:
    """Reason for leaving a file out, or "", and whether audio is probably lost by that."""
    name = os.path.basename(path)
    suffix = _suffix(name)
    if name.startswith("."):
        return "hidden file", False
    if suffix in CONVERTIBLE and not reads_more():
        return f"{suffix} is read with an extra; {_EXTRA}, or convert it to WAV or FLAC", True
    if suffix in FOREIGN and suffix not in _NOTES:
        return f"{suffix} is not read; convert it to WAV or FLAC", True
    if suffix not in AUDIO_SUFFIXES and suffix not in CONVERTIBLE:
        return f"not audio by its suffix ({shown(suffix) or 'none'})", False
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"cannot be opened: {error.strerror}", True
    return ("", False) if stat.S_ISREG(mode) else ("not a regular file, never opened", False)


@cache
def reads_more() -> bool:
    """Whether the extra that reads phones' recordings is installed."""
    return find_spec("av") is not None


def inventory(found: Iterable[Found]) -> str:
    """What a folder without audio holds instead, in words, with what to do about it.

    >>> inventory([Found("a.caf", ".caf is not read", True), Found(".b", "hidden file")])
    '1 file of .caf (convert it, as `ffmpeg -i a.caf a.wav` does); 1 x hidden file'
    >>> inventory([])
    'it is empty'
    """
    items = list(found)
    foreign = Counter(_suffix(item.path) for item in items if _is_foreign(item))
    others = Counter(item.reason for item in items if not _is_foreign(item))
    parts = []
    for suffix, count in foreign.most_common():
        each, files = ("them", "files") if count > 1 else ("it", "file")
        advice = f"convert {each}, as `ffmpeg -i a{suffix} a.wav` does"
        advice += f", or {_EXTRA}" if suffix in CONVERTIBLE else ""
        parts.append(f"{count} {files} of {suffix} ({advice})")
    parts += [f"{count} x {reason}" for reason, count in others.most_common(_KINDS)]
    rest = others.total() - sum(count for _, count in others.most_common(_KINDS))
    return "; ".join([*parts, *([f"{rest} more"] if rest else [])]) or "it is empty"


def _is_foreign(item: Found) -> bool:
    return item.bad and _suffix(item.path) in CONVERTIBLE.keys() | FOREIGN.keys()


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def counted(reasons: Iterable[tuple[str, str]], most: int = 5) -> str:
    """Why files cannot be read, alike reasons counted together: "12 as a.wav: is cut off".

    >>> counted([("a", "cut after 3"), ("b", "cut after 4"), ("c", "no audio")])
    '2 as a: cut after 3; 1 as c: no audio'
    """
    kinds: dict[str, list[str]] = {}
    for path, reason in reasons:
        kinds.setdefault(re.sub(r"\d+", "#", reason), []).append(f"{shown(path)}: {reason}")
    ranked = sorted(kinds.values(), key=len, reverse=True)
    parts = [f"{len(files)} as {files[0]}" for files in ranked[:most]]
    rest = sum(map(len, ranked[most:]))
    return "; ".join([*parts, *([f"{rest} for other reasons"] if rest else [])])

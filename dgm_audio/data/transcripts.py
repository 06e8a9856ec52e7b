"""What is said in one's own recordings: `with_transcripts`.

    a CSV manifest         its columns text, language and voice
    LJSpeech's layout      metadata.csv (id|text|normalised text), wavs/ID.wav
    text beside the sound  name.txt beside name.wav

Nothing else of a data set has transcripts, and `with_transcripts` gives it back as it is.

References:
    Ito and Johnson, "The LJ Speech Dataset", 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dgm_audio.data.manifest import UNLABELLED, Entry, Manifest, Omission
from dgm_audio.data.utterances import word_count, wording
from dgm_audio.errors import DataError, InputError
from dgm_audio.io import shown
from dgm_audio.text import words

METADATA, SOUNDS = "metadata.csv", "wavs"
LANGUAGE = "en"
"""Of transcripts that do not say theirs."""

_NAMED = 3


class Transcripts(NamedTuple):
    """A data set with what is said in it.

    Args:
        manifest: the files with a transcript that can be read, the voice as their class; or what
            was given, if there is no transcript at all.
        notes: what was found and what is left out, one line each.
    """

    manifest: Manifest
    notes: tuple[str, ...] = ()


def with_transcripts(manifest: Manifest) -> Transcripts:
    """Find the transcripts of a data set.

    Files without one, and those whose text has signs that cannot be read, are left out and named.
    A voice that is not given is the class, or else the name of the folder.

    Raises:
        DataError: if there are transcripts, but none of them can be read.

    Example:
        >>> found = with_transcripts(Manifest(Path(), (Entry("a.wav", text="Hello!"),)))
        >>> found.notes[0]
        'transcripts of 1 of 1 files: 1 word'
        >>> found.manifest.entries[0].language
        'en'
    """
    entries = manifest.entries if manifest.transcribed else _transcribed(manifest)
    if not any(entry.text for entry in entries):
        return Transcripts(manifest)
    silent = [entry.path for entry in entries if not entry.text]
    said = [_complete(manifest, entry) for entry in entries if entry.text]
    problems = {entry.path: problem for entry in said if (problem := _problem(entry))}
    good = tuple(entry for entry in said if entry.path not in problems)
    if not good:
        raise DataError(
            f"none of the {len(said)} transcripts in {shown(str(manifest.root))} can be read, such "
            f"as {_such_as(problems)}"
        )
    left_out = [Omission(path, "has no transcript") for path in silent]
    left_out += [Omission(path, f"transcript: {problem}") for path, problem in problems.items()]
    found = Manifest(
        manifest.root,
        good,
        omitted=(*manifest.omitted, *left_out),
        label_name="voice",
        scanned=manifest.scanned,
    )
    return Transcripts(found, tuple(_notes(entries, good, silent, problems)))


def _notes(
    entries: Sequence[Entry], good: Sequence[Entry], silent: list[str], problems: Mapping[str, str]
) -> Iterable[str]:
    total = sum(word_count(entry.text, entry.language) for entry in good)
    yield f"transcripts of {len(good)} of {len(entries)} files: {_counted(total, 'word')}"
    if silent:
        yield f"{_counted(len(silent), 'file')} without a transcript left out: {_some(silent)}"
    if problems:
        counted = _counted(len(problems), "transcript")
        yield f"{counted} that cannot be read left out, such as {_such_as(problems)}"
    if not any(entry.language for entry in entries):
        yield (
            "the transcripts are taken for English; a CSV manifest with the columns path, text and "
            "language says otherwise"
        )


def _complete(manifest: Manifest, entry: Entry) -> Entry:
    """With a language and a voice; the wording is the group, so that it stays on one side."""
    is_class = entry.label not in (UNLABELLED, SOUNDS)
    voice = entry.voice or (entry.label if is_class else manifest.root.absolute().name)
    language = entry.language or LANGUAGE
    group = wording(entry.text, language)
    return replace(entry, label=voice, group=group, language=language, voice=voice)


def _problem(entry: Entry) -> str:
    try:
        words(entry.text, entry.language)
    except InputError as error:
        return str(error)
    return ""


def _transcribed(manifest: Manifest) -> list[Entry]:
    """The entries with their texts, of the layout that has any."""
    listed = _listed_texts(manifest.root)
    found = [
        replace(entry, text=listed.get(entry.path.rpartition(".")[0], ""))
        for entry in manifest.entries
    ]
    if any(entry.text for entry in found):
        return found
    return [replace(entry, text=_text_beside(manifest.locate(entry))) for entry in manifest.entries]


def _listed_texts(root: Path) -> dict[str, str]:
    """Path without suffix -> text, of LJSpeech's list; empty if there is none."""
    try:
        lines = (root / METADATA).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return {}
    found = {}
    for name, *texts in (line.split("|") for line in lines):
        text = next((text for text in reversed(texts[:2]) if text.strip()), "")
        found |= dict.fromkeys((f"{SOUNDS}/{name}", name), _joined(text))
    return found


def _text_beside(path: Path) -> str:
    """What `name.txt` says; empty if there is none that can be read."""
    file = path.with_suffix(".txt")
    try:
        return _joined(file.read_text(encoding="utf-8-sig")) if file.is_file() else ""
    except (OSError, ValueError):
        return ""


def _joined(text: str) -> str:
    return " ".join(text.split())


def _some(paths: Sequence[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(map(shown, paths[:_NAMED])) + (f" and {more} more" if more > 0 else "")


def _such_as(problems: Mapping[str, str]) -> str:
    path, problem = next(iter(problems.items()))
    return f"{shown(path)}: {problem}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)

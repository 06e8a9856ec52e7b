"""The data doctor: what is in a folder, what training will do with it, and what to expect.

Every file goes through the very code that makes clips for training, so that what the doctor says of
a file is what will happen to it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from dgm_audio.data import takes
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import check_damage, each_file
from dgm_audio.data.copies import same_sounds
from dgm_audio.data.doctor_file import Examined, Finding, examine_file
from dgm_audio.data.doctor_report import Example, Report
from dgm_audio.data.feasibility import estimate
from dgm_audio.data.layout import layout_notes
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.source import Source
from dgm_audio.data.trainable import check_enough
from dgm_audio.data.transcripts import with_transcripts
from dgm_audio.errors import DataError

EXAMPLES = 8


def examine(
    folder: Path | str | Manifest, config: ClipConfig | None = None, *, progress: bool = False
) -> Report:
    """Examine a folder (or a CSV manifest, or a `Manifest`) as training would read it.

    Nothing is written, and nothing raises because of a damaged file.

    Args:
        folder: what to examine.
        config: how training would make clips.
        progress: show a progress bar on the standard error stream.

    Raises:
        DataError: if the folder does not exist or holds no audio file at all.
    """
    config, manifest = config or ClipConfig(), Manifest.read(folder)
    found = each_file(
        lambda entry: examine_file(manifest, entry, config),
        manifest,
        doing="examining",
        progress=progress,
    )
    examined = [item for item in found if isinstance(item, Examined)]
    findings = tuple(i.finding if isinstance(i, Examined) else i for i in found)
    near, related, distinct = _alike(examined, config.sample_rate)
    return Report(
        folder=str(manifest.root if isinstance(folder, Manifest) else folder),
        config=config,
        files=findings,
        ignored=tuple((item.path, item.reason) for item in manifest.omitted),
        exact=_sets((item.content, item.finding.path) for item in examined),
        near=near,
        takes=related,
        distinct=distinct,
        feasibility=estimate(distinct, sum(f.clips for f in findings), config.length),
        layout=layout_notes(manifest),
        transcripts=_transcripts(manifest, findings),
        refusal=_refusal(manifest, config, findings),
        examples=_examples(manifest, config, findings),
    )


def _transcripts(manifest: Manifest, files: Sequence[Finding]) -> tuple[str, ...]:
    """What is said in the files, if it is known of any."""
    try:
        spoken, notes = with_transcripts(manifest)
    except DataError as error:
        return (str(error),)
    if not spoken.transcribed:
        return ()
    said = {entry.path for entry in spoken.entries}
    minutes = sum(file.seconds for file in files if file.path in said and not file.error) / 60
    return (f"{minutes:.1f} min are transcribed", *notes)


def _alike(
    examined: Sequence[Examined], sample_rate: int
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...], dict[str, int]]:
    """Files of the same sound, files that a split keeps together, different sounds per class."""
    owners = [item.finding for item in examined for _ in item.prints]
    if not owners:
        return (), (), {}
    paths, labels = [file.path for file in owners], [file.label for file in owners]
    prints = np.concatenate([item.prints for item in examined])
    sounds = same_sounds(prints, sample_rate, [file.sample_rate for file in owners])
    coarse = np.concatenate([item.takes for item in examined])
    named = takes.link(coarse, [file.group for file in owners], labels, paths)
    groups = takes.joined(named, sounds)
    distinct = Counter(label for _, label in set(zip(sounds.tolist(), labels, strict=True)))
    same, kept = (_sets(zip(found.tolist(), paths, strict=True)) for found in (sounds, groups))
    return same, kept, dict(sorted(distinct.items()))


def _sets(pairs: Iterable[tuple[Any, str]]) -> tuple[tuple[str, ...], ...]:
    """Different paths that share a key, the largest sets first."""
    members: dict[Any, dict[str, None]] = defaultdict(dict)
    for key, path in pairs:
        members[key][path] = None
    sets = [tuple(paths) for paths in members.values() if len(paths) > 1]
    return tuple(sorted(sets, key=len, reverse=True))


def _refusal(manifest: Manifest, config: ClipConfig, files: Sequence[Finding]) -> str:
    try:
        check_damage(manifest, config, {file.path: file.error for file in files})
        check_enough(manifest, (file.report for file in files))
    except DataError as error:
        return str(error)
    return ""


def _examples(
    manifest: Manifest, config: ClipConfig, files: Sequence[Finding]
) -> tuple[Example, ...]:
    """First clips of up to 8 sounding files, the classes in turn, spread over each class."""
    by_label: dict[str, list[Finding]] = defaultdict(list)
    for file in files:
        if file.lufs > -math.inf:
            by_label[file.label].append(file)
    spread = []
    for label in sorted(by_label):
        places = np.linspace(0, len(by_label[label]), math.ceil(EXAMPLES / len(by_label)) + 3)
        spread.append([by_label[label][k] for k in dict.fromkeys(places[1:-1].astype(int))])
    turns = chain.from_iterable(zip_longest(*spread))
    chosen = islice((file for file in turns if file is not None), EXAMPLES)
    paths = {entry.path: manifest.locate(entry) for entry in manifest.entries}
    return tuple(
        Example(file.path, file.label, next(Source(paths[file.path], config).clips()).audio)
        for file in chosen
    )

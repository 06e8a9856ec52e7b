"""From files of any kind to clips of equal length: `load_clips`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from dgm_audio import cache_folder
from dgm_audio._standard_error import say_once, stderr
from dgm_audio.data import cache
from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet, pitch_array
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.report import FileReport, LoadReport
from dgm_audio.data.scan import counted
from dgm_audio.data.source import LIMITS, Source, blocks, reason
from dgm_audio.errors import AudioFileError, DataError, DgmAudioError
from dgm_audio.io import probe, shown

__all__ = ["ClipArray", "ClipConfig", "ClipSet", "load_clips"]

T = TypeVar("T")

_THREADS = 4
_NAMED = 5


def load_clips(
    source: Path | str | Manifest,
    config: ClipConfig | None = None,
    *,
    cache_dir: Path | str | None = None,
    progress: bool = True,
    reader: type[Source] = Source,
) -> ClipSet:
    """Turn a data set into clips of one length, rate and number of channels.

    The clips are kept in a cache under the content of the files and the configuration, so that the
    second start reads nothing but file names, sizes and times.

    Args:
        source: a folder (its first sub-folders are the classes), a CSV manifest, or a `Manifest`.
        config: how files become clips.
        cache_dir: where to keep the clips; by default `dgm_audio.cache_folder.default_cache_dir()`.
        progress: show progress and the summary on the standard error stream. What became of each
            file is in `ClipSet.report` in any case.
        reader: which parts of a file become clips; `dgm_audio.data.windows` has another one.

    Returns:
        The clips in the order of the manifest.

    Raises:
        DataError: if there is no audio, if more files are damaged than `ClipConfig.allowed_bad`, or
            if a file has NaN, infinite or absurd samples.
    """
    config = config or ClipConfig()
    manifest = Manifest.read(source)
    folder = Path(cache_dir) if cache_dir is not None else cache_folder.default_cache_dir()
    paths = [manifest.locate(entry) for entry in manifest.entries]
    hashes = cache.file_hashes(paths, folder, manifest.root)
    content = [
        (entry.path, hashes.get(path)) for entry, path in zip(manifest.entries, paths, strict=True)
    ]
    text = json.dumps([*reader.rules, cache.FORMAT, asdict(config), content])
    place = folder / "clips" / hashlib.sha256(text.encode()).hexdigest()[:24]
    index = cache.read_index(place)
    cached = index is not None
    if index is None:
        if place.exists():
            print(f"the cached clips in {place} are damaged; made again", file=sys.stderr)
            shutil.rmtree(place, ignore_errors=True)
        try:
            index = _build(manifest, config, place, progress, reader)
        except cache.FullError as error:
            if cache_dir is not None:
                raise
            place = cache_folder.spare_folder() / "clips" / place.name
            say_once(f"{error}; until then they are kept in {place.parent}")
            index = cache.read_index(place) or _build(manifest, config, place, progress, reader)
    else:
        check_share(manifest, config, {item["path"]: item["error"] for item in index["files"]})
    clips = _clip_set(manifest, config, place, index, cached)
    if progress:
        print("\n".join(clips.report.lines()), file=sys.stderr)
        print(f"  clips {'found' if cached else 'kept'} in {place}", file=sys.stderr)
    return clips


def _build(
    manifest: Manifest, config: ClipConfig, place: Path, progress: bool, reader: type[Source]
) -> dict[str, Any]:
    """Read every file and fill the cache folder; returns the index."""
    with cache.building(place) as scratch:
        with cache.ClipWriter(scratch, (config.channels, config.length)) as writer:

            def read(entry: Entry) -> dict[str, Any]:
                return _read_file(manifest.locate(entry), entry.path, config, writer, reader)

            files = each_file(read, manifest, doing="reading", progress=progress)
        check_damage(manifest, config, {item["path"]: item["error"] for item in files})
        index = {"rows": writer.count, "files": files}
        cache.write_json(scratch / "index.json", index)
    return index


def each_file(
    work: Callable[[Entry], T], manifest: Manifest, *, doing: str, progress: bool
) -> list[T]:
    """What `work` returns for every entry, in their order; done in a few threads.

    Args:
        work: on one entry.
        manifest: whose entries.
        doing: what is being done, for the bar.
        progress: show a bar on the standard error stream, if that is a terminal.

    Raises:
        DataError: if the work fails in a way that nobody expected; it names the file.
    """

    def named(entry: Entry) -> T:
        try:
            return work(entry)
        except (DgmAudioError, OSError):
            raise
        except Exception as error:
            problem = " ".join(f"{type(error).__name__} {error}".split())[:200]
            raise DataError(f"{doing} {shown(entry.path)} failed: {problem}") from error

    pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1))
    try:
        results = pool.map(named, manifest.entries)
        total, hidden = len(manifest), None if progress else True  # None: only on a terminal
        return list(tqdm(results, doing, total, file=stderr(), unit="file", disable=hidden))
    finally:
        pool.shutdown(cancel_futures=True)


def _read_file(
    path: Path, name: str, config: ClipConfig, writer: cache.ClipWriter, reader: type[Source]
) -> dict[str, Any]:
    """What the index keeps of one file; clips go to the writer as they come, in any order."""
    try:
        source = reader(path, config)
        clips = [(writer.append(clip.audio), clip.valid) for clip in source.clips()]
    except AudioFileError as error:
        return {"path": name, "error": reason(error, path), "rows": [], "lengths": []}
    rows, lengths = zip(*clips, strict=True)
    return {
        "path": name,
        "error": "",
        "rows": rows,
        "lengths": lengths,
        "content": source.content,
        "seconds": source.info.seconds,
        "steps": source.steps,
    }


def check_damage(manifest: Manifest, config: ClipConfig, errors: dict[str, str]) -> None:
    """Decide whether a data set with these errors (path -> reason or "") may be used.

    Raises:
        DataError: if a file has samples that are not finite, if too many files are damaged, or if
            none is left.
    """
    poisoned = [e for e in manifest.entries if errors[e.path] and _has_bad_samples(manifest, e)]
    if poisoned:
        names = ", ".join(shown(entry.path) for entry in poisoned[:_NAMED])
        raise DataError(
            f"{len(poisoned)} of {len(manifest)} files have NaN, infinite or absurd samples, which "
            f"no training survives; repair or remove them: {names}"
        )
    check_share(manifest, config, errors)


def check_share(manifest: Manifest, config: ClipConfig, errors: dict[str, str]) -> None:
    """The part of `check_damage` that opens no file.

    Raises:
        DataError: if too many files are damaged, or if none is left.
    """
    bad = {path: reason for path, reason in errors.items() if reason}
    lost = bad | {item.path: item.reason for item in manifest.omitted if item.bad}
    total = len(manifest) + len(lost) - len(bad)
    allowed = min(config.allowed_bad(total, manifest.scanned), total - 1)
    if len(bad) == len(manifest) or len(lost) > allowed:
        raise DataError(
            f"{len(lost)} of {total} files cannot be read; allowed are {allowed} "
            f"({allowed / total:.0%}); repair, convert or remove them: {counted(lost.items())}"
        )


def _has_bad_samples(manifest: Manifest, entry: Entry) -> bool:
    """Whether a file that failed is whole but for the values of its samples."""
    path = manifest.locate(entry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for _ in blocks(path, probe(path, LIMITS), bad_samples="repair"):
                pass
        except AudioFileError:
            return False
    return True


def _clip_set(
    manifest: Manifest, config: ClipConfig, place: Path, index: dict[str, Any], cached: bool
) -> ClipSet:
    """The clips of an index, in the order of the manifest."""
    entries = dict(zip((entry.path for entry in manifest.entries), manifest.entries, strict=True))
    rows = [
        (item, row, size)
        for item in index["files"]
        for row, size in zip(item["rows"], item["lengths"], strict=True)
    ]
    owners = [entries[item["path"]] for item, _, _ in rows]
    places = {name: number for number, name in enumerate(manifest.classes)}
    return ClipSet(
        audio=ClipArray(place / "audio.npy", np.array([row for _, row, _ in rows])),
        lengths=np.array([size for _, _, size in rows], dtype=np.int64),
        labels=np.array([places[entry.label] for entry in owners], dtype=np.int64),
        pitches=pitch_array(owners),
        classes=manifest.classes,
        groups=tuple(entry.group for entry in owners),
        files=tuple(entry.path for entry in owners),
        content=tuple(item["content"] for item, _, _ in rows),
        sample_rate=config.sample_rate,
        manifest=manifest,
        report=_report(manifest, index, cached),
    )


def _report(manifest: Manifest, index: dict[str, Any], cached: bool) -> LoadReport:
    read = [
        FileReport(item["path"], skipped=item["error"], bad=True)
        if item["error"]
        else FileReport(item["path"], len(item["rows"]), item["seconds"], item["steps"])
        for item in index["files"]
    ]
    left_out = [FileReport(o.path, skipped=o.reason, bad=o.bad) for o in manifest.omitted]
    return LoadReport((*read, *left_out), cached)

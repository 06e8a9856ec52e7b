"""Whole recordings as clips: `load_windows` cuts them evenly and leaves nothing out.

`load_clips` looks for sounds: a clip begins at an onset, and what lies between is left out. Models
that follow their input rather than make it up, as vocoders do, learn from all of a recording, its
pauses and its level included.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dgm_audio.data import cache, shape
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import _THREADS, _clip_set, check_damage, reason
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.source import Source, _Segment
from dgm_audio.errors import AudioFileError

_FORMAT = 1
"""Raised whenever the rules that cut windows change."""


def edges(total: int, length: int) -> list[int]:
    """Where a sound of `total` samples is cut, ends included: as few even parts as fit `length`.

    >>> edges(100, 100), edges(101, 100), edges(1000, 300)
    ([0, 100], [0, 50, 101], [0, 250, 500, 750, 1000])
    """
    parts = max(1, -(-total // length))
    return [total * part // parts for part in range(parts + 1)]


class WindowSource(Source):
    """A file that gives all of its samples: whole if it fits a clip, else in even parts."""

    @property
    def is_sliced(self) -> bool:
        """Whether the file is longer than a clip."""
        return self.total > self.config.length

    def _survey(self) -> _Segment | None:
        """First reading, without the search for onsets."""
        held = None
        for held in self._segments(measure=True):
            self._mixed_peak = max(self._mixed_peak, float(np.abs(held.sound).max()))
        return held if held is not None and held.start == 0 else None

    def _slices(self) -> Iterator[np.ndarray]:
        spans = list(pairwise(edges(self.total, self.config.length)))
        for segment in self._again():
            shift = segment.margin - segment.start
            for start, stop in spans:
                if segment.start <= start < segment.stop:
                    yield segment.sound[:, start + shift : stop + shift]

    def _shape(self, sound: np.ndarray, goes_on: bool = False) -> shape.Shaped:
        return super()._shape(sound)  # no fade-out: the parts are to join again


def load_windows(
    manifest: Manifest,
    config: ClipConfig,
    *,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> ClipSet:
    """As `load_clips`, but every sample of every file is in one clip.

    Args:
        manifest: which files.
        config: rate, length and channels; `long_files` has no meaning here. To keep pauses and
            levels as they are, let `trim_silence` be False and `normalize` "none".
        cache_dir: where to keep the clips; by default `cache.default_cache_dir()`.
        progress: as in `load_clips`.

    Raises:
        DataError: as `load_clips` does.
    """
    folder = cache_dir or cache.default_cache_dir()
    paths = [manifest.locate(entry) for entry in manifest.entries]
    hashes = cache.file_hashes(paths, folder, manifest.root)
    content = [
        (entry.path, hashes.get(path)) for entry, path in zip(manifest.entries, paths, strict=True)
    ]
    text = json.dumps(["windows", _FORMAT, cache.FORMAT, asdict(config), content])
    place = folder / "clips" / hashlib.sha256(text.encode()).hexdigest()[:24]
    index = cache.read_index(place)
    cached = index is not None
    if index is None:
        index = _build(manifest, config, place, progress)
    clips = _clip_set(manifest, config, place, index, cached)
    if progress:
        print("\n".join(clips.report.lines()), file=sys.stderr)
        print(f"  clips {'found' if cached else 'kept'} in {place}", file=sys.stderr)
    return clips


def recordings(clips: ClipSet, shortest: float = 0.0) -> Iterator[tuple[str, np.ndarray]]:
    """(file, sound (C, T)) of every file whose parts are in `clips`, its parts joined again.

    Equal to the file at the clips' rate and channels, but for parts that were lowered to stay
    within full scale.

    Args:
        clips: as `load_windows` gives them; one file is held in memory at a time.
        shortest: files of less than so many seconds are passed over.

    >>> clips = ClipSet.from_arrays(np.zeros((2, 1, 8)), 8000)
    >>> [(file, sound.shape) for file, sound in recordings(clips)]
    [('0.wav', (1, 8)), ('1.wav', (1, 8))]
    """
    rows: dict[str, list[int]] = {}
    for row, file in enumerate(clips.files):
        rows.setdefault(file, []).append(row)
    for file, mine in rows.items():
        if clips.lengths[mine].sum() >= shortest * clips.sample_rate:
            parts = (clips.audio[row][:, : clips.lengths[row]] for row in mine)
            yield file, np.concatenate(list(parts), axis=1)


def _build(manifest: Manifest, config: ClipConfig, place: Path, progress: bool) -> dict[str, Any]:
    """Read every file and fill the cache folder; returns the index."""
    shutil.rmtree(place, ignore_errors=True)  # damaged, if it is there at all
    with cache.building(place) as scratch:
        with cache.ClipWriter(scratch, (config.channels, config.length)) as writer:

            def read(entry: Entry) -> dict[str, Any]:
                return _read(manifest.locate(entry), entry.path, config, writer)

            pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1))
            try:
                found, hidden = pool.map(read, manifest.entries), None if progress else True
                total = len(manifest)
                files = list(tqdm(found, total=total, desc="reading", unit="file", disable=hidden))
            finally:
                pool.shutdown(cancel_futures=True)
        check_damage(manifest, config, {item["path"]: item["error"] for item in files})
        index = {"rows": writer.count, "files": files}
        cache.write_json(scratch / "index.json", index)
    return index


def _read(path: Path, name: str, config: ClipConfig, writer: cache.ClipWriter) -> dict[str, Any]:
    """What the index keeps of one file."""
    try:
        source = WindowSource(path, config)
        rows, lengths = [], []
        for clip in source.clips():
            rows.append(writer.append(clip.audio))
            lengths.append(clip.valid)
    except AudioFileError as error:
        return {"path": name, "error": reason(error), "rows": [], "lengths": []}
    return {
        "path": name,
        "error": "",
        "rows": rows,
        "lengths": lengths,
        "content": source.content,
        "seconds": source.info.seconds,
        "steps": source.steps,
    }

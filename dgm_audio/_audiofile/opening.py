"""Files that were looked at, open for decoding."""

from __future__ import annotations

import io
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Generic, TypeVar

import soundfile

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.containers import identify
from dgm_audio._audiofile.content import Content
from dgm_audio._audiofile.converting import Converted, convert
from dgm_audio._audiofile.limits import AudioInfo, AudioLimits, check_limits
from dgm_audio._audiofile.paths import label, named, open_regular
from dgm_audio.errors import InputError

_SETTLED = 2.0
"""Seconds after which a change of a file shows in its times."""

T = TypeVar("T")


class _Recent(Generic[T]):
    """What was found out about the files that were opened last.

    A long file is read in many parts, and is looked at, or decoded, once.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], T]) -> T:
        """The value of a key; a key of None is not remembered."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        value = find()
        if key is not None:
            with self._lock:
                self._known[key] = value
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
        return value


_contents: _Recent[Content] = _Recent(256)
_converted: _Recent[Converted] = _Recent(8)


@contextmanager
def looked_at(path: str | Path | BinaryIO) -> Iterator[tuple[Bytes, Content, Hashable]]:
    """The bytes of a file, what they hold, and a key by which it is known again, or None.

    Raises:
        AudioFileError: if it is no audio file that is allowed.
        InputError: if it is a file object that cannot be read or cannot seek.
    """
    if not isinstance(path, str | Path):
        _check_file(path)
        with named(path):
            data = Bytes(path, path.seek(0, io.SEEK_END))
            yield data, identify(data, Path(label(path)).suffix.lower()), None
        return
    with named(path), open_regular(path) as file:
        state = os.fstat(file.fileno())
        key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        settled = time.time() - max(state.st_mtime, state.st_ctime) > _SETTLED
        data, suffix = Bytes(file, state.st_size), Path(path).suffix.lower()
        content = _contents.get(key if settled else None, lambda: identify(data, suffix))
        yield data, content, key if settled else None


@contextmanager
def opened(
    path: str | Path | BinaryIO, limits: AudioLimits
) -> Iterator[tuple[soundfile.SoundFile, AudioInfo]]:
    """A checked file, open for decoding, and what its header states.

    Raises:
        AudioFileError: if it is not allowed, damaged, or outside the limits.
        InputError: if it is a file object that cannot be read or cannot seek.
    """
    with looked_at(path) as (data, content, key):
        if content.convert:
            held = _converted.get(key, lambda: convert(data, content, limits))
            view, codec = held.view(), held.subtype
        else:
            view, codec = data.view(content.start, content.stop, content.prefix), ""
        with soundfile.SoundFile(view) as sound:
            info = AudioInfo(
                path=Path(path) if isinstance(path, str | Path) else Path(label(path)),
                format=content.kind,
                subtype=codec or sound.subtype,
                sample_rate=sound.samplerate,
                channels=sound.channels,
                frames=min(sound.frames, content.frames or sound.frames),
            )
            check_limits(info, data.size, limits)
            yield sound, info


def _check_file(file: Any) -> None:
    if isinstance(file, io.TextIOBase) or file.closed or not file.readable():
        raise InputError(f"{label(file)}: is not open for reading bytes")
    if not file.seekable():
        raise InputError(
            f"{label(file)}: cannot seek, as a pipe cannot; read it into an io.BytesIO first"
        )

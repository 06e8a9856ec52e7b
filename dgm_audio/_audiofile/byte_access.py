"""Random access to the bytes of a file, and views of a part of it that a decoder may open."""

from __future__ import annotations

import io
from collections.abc import Iterator
from threading import Lock
from typing import Any, BinaryIO

_BLOCK = 1 << 20
TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
"""Beginnings of what players write behind a sound."""


class Bytes:
    """The bytes of a binary file that can seek.

    Args:
        file: stays open; several threads may read through one instance.
        size: in bytes.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file, self._lock = file, Lock()

    def at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from an offset."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(count)

    def find(self, pattern: bytes, start: int) -> Iterator[int]:
        """Offsets of a pattern from `start` on."""
        more = len(pattern) - 1
        for offset in range(start, self.size, _BLOCK):
            block = self.at(offset, _BLOCK + more)
            place = block.find(pattern)
            while place >= 0:
                yield offset + place
                place = block.find(pattern, place + 1)

    def zeros_from(self, offset: int) -> int:
        """How many zeros there are from an offset on."""
        for start in range(offset, self.size, _BLOCK):
            block = self.at(start, _BLOCK)
            if rest := block.lstrip(b"\0"):
                return start + len(block) - len(rest) - offset
        return max(0, self.size - offset)

    def content_end(self) -> int:
        """The size without the zeros at the end."""
        stop = self.size
        while stop > 0:
            start = max(0, stop - _BLOCK)
            if kept := self.at(start, stop - start).rstrip(b"\0"):
                return start + len(kept)
            stop = start
        return 0

    def is_spent(self, offset: int) -> bool:
        """Whether no sound can follow: nothing, a few bytes, zeros, or a tag of players."""
        rest = self.at(offset, 16)
        return (
            len(rest) < 8
            or rest.startswith(TAGS)
            or offset + self.zeros_from(offset) >= self.size - 7
        )

    def after_tags(self, offset: int = 0) -> int:
        """Offset of what follows all ID3v2 tags, and the zeros that may pad them."""
        while (head := self.at(offset, 10))[:3] == b"ID3" and len(head) == 10:
            length = 0
            for byte in head[6:]:
                length = length << 7 | byte & 0x7F
            offset += 10 + length + (10 if head[5] & 0x10 else 0)
            offset += self.zeros_from(offset)
        return offset

    def view(self, start: int, stop: int, prefix: bytes = b"") -> BinaryIO:
        """Some other first bytes, then those from `start` to `stop`, as a file."""
        return io.BufferedReader(_View(self, start, stop, prefix), 1 << 16)


class _View(io.RawIOBase):
    def __init__(self, source: Bytes, start: int, stop: int, prefix: bytes) -> None:
        self._source, self._prefix, self._place = source, prefix, 0
        self._shift = start - len(prefix)
        self._size = max(0, stop - self._shift)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(22, "Invalid argument")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        count = max(0, min(len(buffer), self._size - self._place))
        if self._place < len(self._prefix):
            data = self._prefix[self._place : self._place + count]
        else:
            data = self._source.at(self._place + self._shift, count)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

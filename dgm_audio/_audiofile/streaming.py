"""Writing of sounds that need not fit into memory: blocks into a file as they come."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile

from dgm_audio._audiofile import wav
from dgm_audio._audiofile.paths import named, replacing, shown
from dgm_audio._audiofile.writing import Format, check_rate, choose_format, encodable, tags_of

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.provenance import Provenance


@contextmanager
def writing_audio(
    path: str | Path,
    sample_rate: int,
    channels: int,
    *,
    format: str | None = None,
    overwrite: bool = False,
    comment: str = "",
    provenance: Provenance | None = None,
) -> Iterator[Callable[[Tensor | np.ndarray], None]]:
    """Write a file as its sound comes: gives a function that takes blocks (1, C, t) or (C, t).

    The file appears when all is written, or not at all. What is written cannot be lowered any more
    when a louder block comes, so let a limiter see the blocks first; samples beyond full scale are
    cut, and a warning at the end says how many were.

    Args:
        path: ends with .wav, .flac or .ogg.
        sample_rate: in Hz.
        channels: C.
        format: see `write_audio`.
        overwrite: replace an existing file.
        comment: ASCII text to store in it.
        provenance: how the sound was made; takes the place of the comment.

    Raises:
        AudioFileError: if the file exists or cannot be written, or a WAV would pass 4 GiB.
        InputError: if an argument is not allowed.
    """
    path = Path(path)
    form, cut = choose_format(path, format), 0
    tags = tags_of(provenance) or ({"ICMT": comment} if comment else {})
    check_rate(form.kind, sample_rate)
    encoder = _wav_encoder if form.kind == "wav" else _encoder
    with named(path), replacing(path, overwrite) as file:
        with encoder(file, form, sample_rate, channels, tags) as encode:

            def write(block: Tensor | np.ndarray) -> None:
                nonlocal cut
                samples = _samples(block)
                cut += int((np.abs(samples) > 1).sum()) if form.subtype != "FLOAT" else 0
                encode(samples)

            yield write
    if cut:
        warnings.warn(f"{shown(path)}: {cut} samples beyond full scale were cut", stacklevel=3)


Encode = Callable[[np.ndarray], Any]


@contextmanager
def _wav_encoder(
    file: BinaryIO, form: Format, rate: int, channels: int, tags: dict[str, str]
) -> Iterator[Encode]:
    frames = 0

    def header() -> bytes:
        return wav.header(form.subtype, rate, channels, frames, tags)

    def encode(samples: np.ndarray) -> None:
        nonlocal frames
        frames += len(samples)
        header()  # raises as soon as the file would be too long
        file.write(wav.samples(samples, form.subtype))

    file.write(header())
    yield encode
    file.write(b"\0" * (file.tell() % 2))
    file.seek(0)
    file.write(header())


@contextmanager
def _encoder(
    file: BinaryIO, form: Format, rate: int, channels: int, tags: dict[str, str]
) -> Iterator[Encode]:
    """FLAC and OGG."""
    target: Any = _Target(file)
    with soundfile.SoundFile(
        target, "w", rate, channels, form.subtype, format=form.kind.upper()
    ) as sound:
        if tags:
            sound.comment = tags["ICMT"]

        def encode(samples: np.ndarray) -> None:
            for start in range(0, len(samples), 1 << 16):
                sound.write(encodable(samples[start : start + (1 << 16)], form.subtype))
                target.check()

        yield encode
    target.check()


class _Target:
    """A file for libsndfile, through which an exception cannot pass: what failed is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None
        self.tell, self.read = file.tell, file.read

    def write(self, data: bytes) -> int:
        return self._kept(self._file.write, data) or len(data)

    def seek(self, *place: int) -> int:  # writes what is in the buffer
        return self._kept(self._file.seek, *place)

    def _kept(self, call: Callable[..., int], *given: Any) -> int:
        try:
            return call(*given)
        except OSError as error:
            self._error = self._error or error
            return 0

    def check(self) -> None:
        if self._error is not None:
            raise self._error


def _samples(block: Tensor | np.ndarray) -> np.ndarray:
    """(1, C, t) or (C, t) -> (t, C)."""
    array = block if isinstance(block, np.ndarray) else block.detach().float().cpu().numpy()
    return (array[0] if array.ndim == 3 else array).T

"""Recordings of any length to latents and back, in memory that does not grow with them.

For models that run live: what they make of a recording block by block is, bit for bit, what they
make of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.decoding import one_thread
from dgm_audio.apps.inversion import error_db
from dgm_audio.apps.latents import StoredLatents, read_pieces, writing_latents
from dgm_audio.apps.long_recording import LongRecording, in_blocks
from dgm_audio.apps.transfer import streaming
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.full_scale import Limiter

FRAMES = 128
"""Codes that are found, or decoded, at a time."""
COMPARED = 30
"""Seconds whose levels are compared at a time."""


def encode_recording(
    model: AudioGenerator,
    recording: LongRecording,
    path: Path,
    *,
    overwrite: bool = False,
    watch: Callable[[Iterable[Tensor]], Iterable[Tensor]] = lambda parts: parts,
) -> int:
    """Write the latents of a recording, and return how many frames they have.

    Args:
        model: one that runs live.
        recording: at its rate and with its channels.
        path: of the file (.safetensors), which takes 4 bytes a number.
        overwrite: replace an existing file.
        watch: passes on the blocks of the recording.

    Raises:
        InputError: if the model does not run live.
        AudioFileError: if a file cannot be read or written.
    """
    stream = streaming(model).stream()
    hop = stream.hop
    frames = -(-recording.length // hop)
    nothing = recording.silence(0).new_zeros(1, model.latent.channels, 0)
    known = StoredLatents(nothing, {}, recording.length, model.weights_hash)
    with one_thread(), writing_latents(path, known, frames, overwrite=overwrite) as write:
        for block in watch(in_blocks(recording, FRAMES * hop)):
            write(stream.encode(F.pad(block, (0, -block.shape[2] % hop))).cpu())
        write(stream.encode(recording.silence(stream.latency)).cpu())
    return frames


def decoded(model: AudioGenerator, path: Path, length: int) -> Iterator[Tensor]:
    """The sound, in blocks (1, C, t), of the latents in such a file: what `model.decode` gives."""
    stream = streaming(model).stream()
    blocks = (stream.decode(z).cpu() for z in read_pieces(path, FRAMES))
    for block in Limiter(model.audio.sample_rate).whole(blocks):
        block = block[:, :, :length]
        length -= block.shape[2]
        if block.shape[2]:
            yield block


class Difference:
    """How far one sound is off from another that passes by, in dB (see `error_db`).

    Args:
        sample_rate: in Hz.

    Attributes:
        made: the first 30 s of the sound (1, C, t).
        heard: those of the other.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate, self._sum, self._samples = sample_rate, 0.0, 0
        self.made: Tensor | None = None
        self.heard: Tensor | None = None

    @property
    def db(self) -> float:
        """The mean of pieces of 30 s, by their length."""
        return self._sum / self._samples

    def of(self, made: Iterable[Tensor], heard: Iterable[Tensor]) -> Iterator[Tensor]:
        """The first sound, in other blocks (1, C, t), once it is compared."""
        size = COMPARED * self._rate
        pairs = zip(in_blocks(made, size), in_blocks(heard, size), strict=True)
        for y, x in pairs:
            self._sum += error_db(x, y, self._rate) * x.shape[2]
            self._samples += x.shape[2]
            if self.made is None:
                self.made, self.heard = y, x
            yield y

"""Sound through a model while it is heard: a source, a process, a sink, and how busy they are.

The process runs in a thread of its own, so no callback of a device ever waits for the model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from threading import Event, Thread

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.long_recording import in_blocks, open_recording
from dgm_audio.apps.realtime_load import Load
from dgm_audio.apps.sound_devices import Loudspeaker, Microphone, find_device
from dgm_audio.apps.transfer import TransferStream, streaming
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import writing_audio
from dgm_audio.signal.full_scale import STEP, Limiter

MOST_HOPS = 64
"""In a block."""

Process = Callable[[Tensor], Tensor]
Source = Iterable[Tensor] | Microphone
Sink = Callable[[Tensor], None]


@dataclass(frozen=True)
class Settings:
    """What is to be played.

    Args:
        source: a file, or the name or number of a device; None is the usual microphone.
        sink: the same, or the usual loudspeaker; a file must be a .wav or .flac.
        block: samples at a time, a multiple of the model's hop.
        seconds: when to stop; None is at the end of the source.
        seed: play the model's own music, of this seed, instead of a source.
        bias: as `transfer` takes it, like the next two.
        scale: see there.
        follow: see there.
        overwrite: replace an existing file.
        format: of a file (see `dgm_audio.io.write_audio`); by default as its suffix says.
    """

    source: str | Path | None = None
    sink: str | Path | None = None
    block: int = 2048
    seconds: float | None = None
    seed: int | None = None
    bias: Mapping[int, float] = field(default_factory=dict)
    scale: float = 1.0
    follow: bool = True
    overwrite: bool = False
    format: str | None = None


class Live:
    """source -> process -> sink, in a thread, until the source ends or Ctrl-C is pressed.

    Args:
        process: makes a block of a block.
        seconds: that a block lasts.

    Attributes:
        load: of the process so far.
        stopping: set as soon as everything shall end.

    Example:
        >>> heard, live = [], Live(lambda block: 2 * block, seconds=0.01)
        >>> live.run(iter([torch.ones(1), torch.zeros(1)]), heard.append)
        >>> heard, live.load.blocks
        ([tensor([2.]), tensor([0.])], 2)
    """

    def __init__(self, process: Process, seconds: float) -> None:
        self.load, self.stopping = Load(seconds), Event()
        self._process = process
        self._failure: BaseException | None = None

    def run(
        self, source: Iterable[Tensor], sink: Sink, finish: Callable[[], None] | None = None
    ) -> None:
        """Play all of the source; `finish` is called after its last block.

        Raises:
            Exception: that of source, process or sink.
        """
        thread = Thread(target=self._work, args=(source, sink, finish), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.1)
        except KeyboardInterrupt:
            pass  # the usual way to end; what was made so far is kept
        finally:
            self.stopping.set()
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(
        self, source: Iterable[Tensor], sink: Sink, finish: Callable[[], None] | None
    ) -> None:
        try:
            for block in source:
                if self.stopping.is_set():
                    return
                began = time.perf_counter()
                made = self._process(block)
                self.load.add(time.perf_counter() - began)
                sink(made)
            if finish is not None:
                finish()
        except BaseException as error:  # raised again by run
            self._failure = error


def play(model: AudioGenerator, settings: Settings, say: Callable[[str], None]) -> Load:
    """Play a source through the model, or its own music.

    Args:
        model: one that streams.
        settings: what, from where, to where.
        say: takes lines for the user: what is done to a file, and the latency.

    Raises:
        InputError: if the model does not stream, a setting is not allowed, or a device is missing.
        AudioFileError: if a file cannot be read or written.
    """
    hop = streaming(model).stream().hop
    rate, block = model.audio.sample_rate, check_block(hop, settings.block)
    process, late, lowered = _process(model, settings)
    live = Live(process, block / rate)
    with ExitStack() as stack:
        source, length = _source(model, settings, hop, live.stopping, late, say)
        sink = _sink(model, settings, live.stopping, stack, isinstance(source, Microphone))
        _process(model, settings)[0](_silence(model, settings, hop))  # the first call is a slow one
        devices = [side for side in (source, sink) if isinstance(side, Microphone | Loudspeaker)]
        for device in devices:
            stack.enter_context(device)
        say(_latency(late, block, rate, sum(device.latency_ms for device in devices)))
        most = None if settings.seconds is None else math.ceil(settings.seconds * rate / block)
        finish = sink.finish if isinstance(sink, Loudspeaker) else None
        take = sink if finish or length is None else _cut(sink, length)
        live.run(islice(source, most), take, finish)
    live.load.lowered_db = lowered.lowered_db
    if isinstance(source, Microphone):
        live.load.lost += source.missed
    if isinstance(sink, Loudspeaker):
        live.load.gaps, live.load.lost = sink.missed, live.load.lost + sink.dropped
    return live.load


def check_block(hop: int, block: int) -> int:
    """The samples of a block.

    Raises:
        InputError: if they are not whole hops of the model, or too many.
    """
    if block % hop or not 1 <= block // hop <= MOST_HOPS:
        raise InputError(
            f"block is {block}; it must be a multiple of the model's hop, "
            f"such as {hop}, {2 * hop} or {4 * hop}, up to {MOST_HOPS * hop}"
        )
    return block


def music(model: AudioGenerator, seed: int, frames: int) -> Iterator[Tensor]:
    """Latents (1, D, frames) without an end, those that `model.sample(seed=seed)` begins with."""
    draw = model._noise_source(1, seed, 1.0)
    while True:
        yield draw(frames)


def as_file(text: str | Path | None) -> Path | None:
    """The path, if the text is one of an audio file and not a device."""
    if text is None or (isinstance(text, str) and text.isdecimal()):
        return None
    path = Path(text)
    known = path.suffix.lower() in (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
    return path if known or path.is_file() else None


def _process(
    model: AudioGenerator, settings: Settings
) -> tuple[Process, int, Limiter | TransferStream]:
    """What makes a block of a block, by how many samples it is late, and what lowers it."""
    if settings.seed is not None:
        stream, limiter = streaming(model).stream(), Limiter(model.audio.sample_rate)
        process = lambda z: _steady(limiter(stream.decode(z)), z.shape[2] * stream.hop)  # noqa: E731
        return process, STEP, limiter
    through = TransferStream(
        model, bias=settings.bias, scale=settings.scale, follow=settings.follow
    )
    return lambda block: _steady(through(block), block.shape[2]), through.latency, through


def _steady(made: Tensor, size: int) -> Tensor:
    """A whole block, on the CPU: the first ones are shorter, so silence comes before."""
    made = made.cpu()
    return F.pad(made, (size - made.shape[2], 0))


def _silence(model: AudioGenerator, settings: Settings, hop: int) -> Tensor:
    """Something for the process."""
    if settings.seed is not None:
        return torch.zeros(1, model.latent.channels, settings.block // hop)
    return torch.zeros(1, model.audio.channels, MOST_HOPS * hop)


def _source(
    model: AudioGenerator,
    settings: Settings,
    hop: int,
    stopping: Event,
    late: int,
    say: Callable[[str], None],
) -> tuple[Source, int | None]:
    """Where blocks come from, and how many samples come out of them if they end."""
    audio, block = model.audio, settings.block
    if settings.seed is not None:
        return music(model, settings.seed, block // hop), None
    path = as_file(settings.source)
    if path is None:
        wanted = None if settings.source is None else str(settings.source)
        device = find_device("input", wanted, audio.sample_rate, audio.channels)
        say(f"input: {device.name}, {device.channels} channel(s)")
        return Microphone(device, audio.sample_rate, block, stopping, audio.channels), None
    recording, notes = open_recording(audio, path)
    for note in notes:
        say(note)
    rest = torch.zeros(1, audio.channels, late)
    blocks = in_blocks(chain(recording, [rest]), block)
    return (F.pad(part, (0, -part.shape[2] % block)) for part in blocks), recording.length + late


def _cut(sink: Sink, length: int) -> Sink:
    """A sink that takes so many samples, and drops the rest of the last block."""
    left = length

    def take(block: Tensor) -> None:
        nonlocal left
        sink(block[:, :, :left])
        left -= min(left, block.shape[2])

    return take


def _sink(
    model: AudioGenerator, settings: Settings, stopping: Event, stack: ExitStack, live: bool
) -> Sink | Loudspeaker:
    """Where blocks go to."""
    audio, path = model.audio, as_file(settings.sink)
    if path is None:
        wanted = None if settings.sink is None else str(settings.sink)
        device = find_device("output", wanted, audio.sample_rate, audio.channels)
        return Loudspeaker(device, audio.sample_rate, settings.block, stopping, live)
    if path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"the output is {str(path)!r}; it must be .wav or .flac, or a device")
    options = {"format": settings.format, "overwrite": settings.overwrite}
    writing = writing_audio(path, audio.sample_rate, audio.channels, **options)
    return stack.enter_context(writing)


def _latency(late: int, block: int, rate: int, devices: float) -> str:
    parts = [1000 * block / rate, 1000 * late / rate, devices]
    return (
        f"latency {sum(parts):.0f} ms: block {parts[0]:.0f}, model {parts[1]:.0f}, "
        f"devices {parts[2]:.0f}"
    )

"""Microphones and loudspeakers, through `sounddevice`, which is optional.

Their callbacks only copy: a block that finds no place is lost, a block that is not there yet is a
gap of silence, and both are counted.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError

HELD = 4
"""Blocks that wait at most, on each side."""
USUAL_RATES = (8000, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000)
_WAIT = 0.1
_FILES = "or give files: --input FILE --output FILE.wav"

Kind = Literal["input", "output"]


def sounddevice() -> Any:
    """The module.

    Raises:
        InputError: if it, or the library below it, is missing.
    """
    try:
        import sounddevice as module
    except ImportError:
        raise InputError(
            f"sounddevice is not installed; pip install 'dgm_audio[live]', {_FILES}"
        ) from None
    except OSError as error:
        raise InputError(
            f"sounddevice cannot be used here ({error}); install PortAudio (on Debian "
            f"libportaudio2), {_FILES}"
        ) from None
    return module


def list_devices() -> list[tuple[str, ...]]:
    """Number, name, inputs, outputs and usual rate of each device, with a heading.

    Raises:
        InputError: if there is none.
    """
    sd = sounddevice()
    devices = list(sd.query_devices())
    if not devices:
        raise InputError(f"there is no audio device here; connect one, {_FILES}")
    heading = ("DEVICE", "NAME", "IN", "OUT", "RATE")
    return [heading] + [
        (
            str(number),
            item["name"],
            str(item["max_input_channels"]),
            str(item["max_output_channels"]),
            f"{item['default_samplerate']:.0f} Hz",
        )
        for number, item in enumerate(devices)
    ]


@dataclass(frozen=True)
class Device:
    """One side of the sound, checked.

    Args:
        index: its number.
        name: for people.
        channels: that are used of it.
    """

    index: int
    name: str
    channels: int


def find_device(kind: Kind, wanted: str | None, sample_rate: int, channels: int) -> Device:
    """A device that takes this rate, with as many of the channels as it has.

    Args:
        kind: "input" or "output".
        wanted: its number, or a part of its name; None is the system's own choice.
        sample_rate: in Hz.
        channels: at most.

    Raises:
        InputError: if there is no such device, or it takes other rates only.
    """
    sd = sounddevice()
    name = int(wanted) if wanted is not None and wanted.isdecimal() else wanted
    try:
        info = sd.query_devices(name, kind)
    except (ValueError, sd.PortAudioError) as error:
        which = "usual" if wanted is None else repr(wanted)
        reason = " ".join(str(error).split())
        raise InputError(
            f"there is no {which} {kind} device here ({reason}); --list shows all, {_FILES}"
        ) from None
    used = min(channels, info[f"max_{kind}_channels"])
    device = Device(info["index"], info["name"], used)
    if not _takes(sd, kind, device, sample_rate):
        rates = [str(rate) for rate in USUAL_RATES if _takes(sd, kind, device, rate)]
        raise InputError(
            f"{kind} device {device.name!r} does not take the model's {sample_rate} Hz; it takes "
            f"{', '.join(rates) or 'none of the usual rates'} (Hz); choose another: --list"
        )
    return device


def _takes(sd: Any, kind: Kind, device: Device, rate: int) -> bool:
    check = sd.check_input_settings if kind == "input" else sd.check_output_settings
    try:
        check(device=device.index, channels=device.channels, dtype="float32", samplerate=rate)
    except (ValueError, sd.PortAudioError):
        return False
    return True


class _Side:
    """What a microphone and a loudspeaker share: the queue, and the stream while it runs."""

    def __init__(self, device: Device, sample_rate: int, block: int, stopping: Event) -> None:
        self.device, self.missed = device, 0
        self._rate, self._block, self._stopping = sample_rate, block, stopping
        self._queue: queue.Queue[np.ndarray] = queue.Queue(HELD)
        self._stream: Any = None

    @property
    def latency_ms(self) -> float:
        """What the device adds, as it says."""
        return 1000 * float(self._stream.latency)

    def _open(self, stream: Any, callback: Any) -> Any:
        return stream(
            samplerate=self._rate,
            blocksize=self._block,
            device=self.device.index,
            channels=self.device.channels,
            dtype="float32",
            callback=callback,
        )

    def _alive(self) -> None:
        if not self._stream.active:
            raise InputError(f"device {self.device.name!r} has stopped; is it still connected?")

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class Microphone(_Side):
    """Blocks (1, C, block) as they are heard, once it is entered.

    Args:
        device: from `find_device`.
        sample_rate: in Hz.
        block: samples at a time.
        stopping: ends the blocks when it is set.
        channels: C; one channel is repeated, others are averaged.

    Attributes:
        missed: blocks that were lost because nobody took them in time.
    """

    def __init__(
        self, device: Device, sample_rate: int, block: int, stopping: Event, channels: int
    ) -> None:
        super().__init__(device, sample_rate, block, stopping)
        self._channels = channels

    def __enter__(self) -> Microphone:
        self._stream = self._open(sounddevice().InputStream, self._heard)
        self._stream.start()
        return self

    def __iter__(self) -> Iterator[Tensor]:
        while not self._stopping.is_set():
            try:
                block = self._queue.get(timeout=_WAIT)
            except queue.Empty:
                self._alive()
                continue
            yield with_channels(torch.from_numpy(block.T)[None], self._channels).clamp(-1, 1)

    def _heard(self, block: np.ndarray, *_: Any) -> None:
        try:
            self._queue.put_nowait(block.copy())
        except queue.Full:
            self.missed += 1


class Loudspeaker(_Side):
    """Plays the blocks (1, C, block) that it is given, once it is entered.

    Args:
        device: from `find_device`.
        sample_rate: in Hz.
        block: samples at a time.
        stopping: nobody waits any more when it is set.
        live: drop a block that finds no place, so that no delay grows; else wait.

    Attributes:
        missed: blocks of silence that were played because nothing had come in time.
        dropped: blocks that found no place.
    """

    def __init__(
        self, device: Device, sample_rate: int, block: int, stopping: Event, live: bool
    ) -> None:
        super().__init__(device, sample_rate, block, stopping)
        self._live, self._begun, self._ended, self.dropped = live, False, False, 0

    def __enter__(self) -> Loudspeaker:
        self._stream = self._open(sounddevice().OutputStream, self._play)
        self._stream.start()
        return self

    def __call__(self, block: Tensor) -> None:
        """Hand over the next block."""
        samples = with_channels(block, self.device.channels)[0].T.cpu().numpy()
        while not self._stopping.is_set():
            try:
                self._queue.put(samples, block=not self._live, timeout=_WAIT)
            except queue.Full:
                self._alive()
                if self._live:
                    self.dropped += 1
                    return
                continue
            self._begun = True
            return

    def finish(self) -> None:
        """Wait until all is played."""
        self._ended = True
        while not (self._queue.empty() or self._stopping.wait(_WAIT)):
            self._alive()

    def _play(self, block: np.ndarray, *_: Any) -> None:
        try:
            block[:] = self._queue.get_nowait()
        except queue.Empty:
            block.fill(0)
            self.missed += self._begun and not self._ended


def with_channels(x: Tensor, channels: int) -> Tensor:
    """(1, C', T) -> (1, C, T): as it is, or the mean in every channel."""
    return x if x.shape[1] == channels else x.mean(1, keepdim=True).repeat(1, channels, 1)

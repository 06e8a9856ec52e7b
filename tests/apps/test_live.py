"""Live: source -> process -> sink, with devices that are made of threads."""

import sys
import time
from threading import Event, Thread
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from small_stream import HOP, LATENT, RATE, burst, small_stream

from dgm_audio.apps.live import Live, Load, Settings, as_file, play
from dgm_audio.apps.sound_devices import (
    HELD,
    Device,
    Loudspeaker,
    Microphone,
    find_device,
    list_devices,
)
from dgm_audio.apps.transfer import transfer
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.signal.full_scale import STEP

BLOCK = 2 * HOP


class FakeStream:
    """Calls its callback every millisecond or so, as a device does."""

    latency = 0.01

    def __init__(self, *, samplerate, blocksize, device, channels, dtype, callback):
        assert samplerate == RATE and dtype == "float32"
        self.shape, self.callback, self.active = (blocksize, channels), callback, False

    def start(self):
        self.active = True
        self.thread = Thread(target=self._turn, daemon=True)
        self.thread.start()

    def close(self):
        self.active = False
        self.thread.join()

    def _turn(self):
        while self.active:
            block = self.next()
            self.callback(block, len(block), None, None)
            self.after(block)
            time.sleep(0.001)


class FakeSound(ModuleType):
    """What is used of sounddevice."""

    class PortAudioError(Exception):
        pass

    def __init__(self, rates=(RATE, 44100)):
        super().__init__("sounddevice")
        self.rates, self.played, self.said = rates, [], np.full((BLOCK, 1), 0.1, np.float32)
        self.devices = [
            {"index": 0, "name": "box", "max_input_channels": 1, "max_output_channels": 0},
            {"index": 1, "name": "horn", "max_input_channels": 0, "max_output_channels": 6},
        ]
        for device in self.devices:
            device["default_samplerate"] = float(rates[0])
        sound = self

        class InputStream(FakeStream):
            def next(self):
                return sound.said

            def after(self, block):
                pass

        class OutputStream(FakeStream):
            def next(self):
                return np.full(self.shape, np.nan, np.float32)

            def after(self, block):
                sound.played.append(block)

        self.InputStream, self.OutputStream = InputStream, OutputStream

    def query_devices(self, device=None, kind=None):
        if kind is None:
            return self.devices
        able = [item for item in self.devices if item[f"max_{kind}_channels"]]
        found = [item for item in able if device in (None, item["index"], item["name"])]
        if not found:
            raise ValueError(f"No {kind} device matching {device!r}")
        return found[0]

    def check_input_settings(self, *, device, channels, dtype, samplerate):
        assert channels <= 2
        if samplerate not in self.rates:
            raise self.PortAudioError("Invalid sample rate")

    check_output_settings = check_input_settings


@pytest.fixture
def sound(monkeypatch):
    module = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


@pytest.fixture(scope="module")
def model():
    return small_stream()


@pytest.fixture
def voice(tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, burst()[0].T.numpy(), RATE, subtype="FLOAT")
    return path


def test_a_file_goes_through_as_transfer_makes_it_only_later(model, voice, tmp_path):
    said, out = [], tmp_path / "out.wav"
    settings = Settings(source=voice, sink=out, block=BLOCK, bias={1: 1.0}, scale=0.5)
    load = play(model, settings, said.append)
    made, rate = soundfile.read(out, dtype="float32", always_2d=True)
    late = model.delay * HOP + 128
    whole = transfer(model, burst(), bias={1: 1.0}, scale=0.5)[0].T.numpy()
    assert rate == RATE and load.blocks * BLOCK >= len(made) == len(whole) + late
    np.testing.assert_allclose(made[late : late + len(whole)], whole, atol=1e-4)
    assert not made[:late].any()
    (line,) = said
    block, model_ms = 1000 * BLOCK / RATE, 1000 * late / RATE
    parts = f"block {block:.0f}, model {model_ms:.0f}, devices 0"
    assert line == f"latency {block + model_ms:.0f} ms: {parts}"


def test_blocks_of_any_size_write_the_same_bytes(model, tmp_path, voice):
    found = set()
    for hops in (1, 2, 3, 16):
        out = tmp_path / f"{hops}.wav"
        play(model, Settings(source=voice, sink=out, block=hops * HOP), lambda line: None)
        found.add(out.read_bytes())
    assert len(found) == 1


def test_seconds_end_it_and_the_models_own_music_is_that_of_the_seed(model, tmp_path):
    out = tmp_path / "out.wav"
    load = play(model, Settings(sink=out, block=BLOCK, seconds=1.0, seed=7), lambda line: None)
    made, _ = soundfile.read(out, dtype="float32", always_2d=True)
    assert load.seconds == pytest.approx(16 * BLOCK / RATE) and len(made) == 16 * BLOCK
    wanted = model.sample(seed=7, seconds=16 * BLOCK / RATE)[0].T.numpy()
    np.testing.assert_allclose(made[STEP:], wanted[:-STEP], atol=1e-4)  # late by the limiter
    assert not made[:STEP].any()


def test_a_microphone_is_heard_through_a_loudspeaker(model, sound):
    said = []
    load = play(model, Settings(block=BLOCK, seconds=1.0), said.append)
    assert load.blocks == 16
    assert said[0] == "input: box, 1 channel(s)" and said[1].endswith("devices 20")
    played = np.concatenate(sound.played)
    assert played.shape[1] == 2 and np.isfinite(played).all() and np.abs(played).max() > 0.01


def test_a_file_is_played_to_the_end(model, sound, voice):
    load = play(model, Settings(source=voice, block=BLOCK), lambda line: None)
    assert load.lost == 0
    played = np.concatenate([block for block in sound.played if block.any()])
    whole = transfer(model, burst())[0].T.numpy()
    starts = [int(np.argmax(np.abs(x).max(1) > 0.01)) for x in (whole, played)]
    whole, played = whole[starts[0] :], played[starts[1] :]
    assert len(whole) > 0.5 * RATE and np.abs(played[: len(whole)] - whole).max() < 1e-4


def test_what_comes_too_fast_is_lost_and_counted(sound):
    microphone = Microphone(Device(0, "box", 1), RATE, BLOCK, Event(), channels=2)
    with microphone:
        deadline = time.monotonic() + 10
        while microphone.missed < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        (block,) = [block for block, _ in zip(microphone, range(1), strict=False)]
    assert microphone.missed >= 3 and block.shape == (1, 2, BLOCK)
    assert torch.equal(block, torch.full((1, 2, BLOCK), 0.1))


def test_gaps_are_silent_and_counted_between_first_and_last_block(sound):
    speaker = Loudspeaker(Device(1, "horn", 2), RATE, BLOCK, Event(), live=True)
    ones = torch.ones(1, 2, BLOCK)
    out = np.full((BLOCK, 2), np.nan, np.float32)
    speaker._play(out)
    assert not out.any() and speaker.missed == 0  # nothing has begun
    speaker._stream = SimpleNamespace(active=True)
    for _ in range(HELD + 2):
        speaker(ones)
    assert speaker.dropped == 2
    for _ in range(HELD):
        speaker._play(out)
        assert (out == 1).all()
    speaker._play(out)
    assert not out.any() and speaker.missed == 1
    speaker.finish()
    speaker._play(out)
    assert speaker.missed == 1


def test_a_device_that_went_away_ends_it(sound):
    microphone = Microphone(Device(0, "box", 1), RATE, BLOCK, Event(), channels=1)
    microphone._stream = SimpleNamespace(active=False)
    with pytest.raises(InputError, match="'box' has stopped"):
        next(iter(microphone))


def test_devices_are_found_by_number_and_name(sound):
    assert find_device("input", "0", RATE, 2) == Device(0, "box", 1)
    assert find_device("output", "horn", RATE, 2) == Device(1, "horn", 2)
    rows = list_devices()
    assert rows[1:] == [("0", "box", "1", "0", "8000 Hz"), ("1", "horn", "0", "6", "8000 Hz")]
    with pytest.raises(InputError, match=r"no 'drum' input device .* --list"):
        find_device("input", "drum", RATE, 2)
    with pytest.raises(InputError, match="not take the model's 22050 Hz; it takes 8000, 44100"):
        find_device("input", None, 22050, 2)
    sound.devices = []
    with pytest.raises(InputError, match="no audio device here"):
        list_devices()
    with pytest.raises(InputError, match="no usual output device"):
        find_device("output", None, RATE, 2)


def test_the_load_counts_late_blocks():
    load = Load(0.1)
    for seconds in (0.05, 0.2, 0.05):
        load.add(seconds)
    assert load.seconds == pytest.approx(0.3)
    wanted = "load 100% of real time, worst block 200%; 1 of 3 blocks late, 0 gaps, 0 lost"
    assert load.told() == wanted


def test_failures_of_every_part_come_back():
    def fail(*_):
        raise AudioFileError("broken")

    def source():
        yield torch.zeros(1)
        fail()

    for parts in ((fail, [1], print), (abs, source(), abs), (abs, [1], fail)):
        process, blocks, sink = parts
        with pytest.raises(AudioFileError, match="broken"):
            Live(process, 1.0).run(blocks, sink)


def test_ctrl_c_ends_it_and_keeps_what_was_made(monkeypatch):
    def endless():
        while True:
            yield torch.zeros(1)

    heard, begun = [], Event()
    join = Thread.join

    def interrupted(self, timeout=None):
        join(self, timeout)
        if timeout is not None:
            begun.set()
            raise KeyboardInterrupt

    monkeypatch.setattr(Thread, "join", interrupted)
    live = Live(abs, 1.0)
    live.run(endless(), lambda block: (heard.append(block), time.sleep(0.001)))
    assert begun.is_set() and live.stopping.is_set()
    assert len(heard) == live.load.blocks > 0


@pytest.mark.parametrize("block", [0, -HOP, HOP + 1, 65 * HOP])
def test_blocks_are_whole_hops(model, block, tmp_path):
    with pytest.raises(InputError, match=r"block is .* such as 256, 512 or 1024, up to 16384"):
        play(model, Settings(sink=tmp_path / "x.wav", block=block, seed=1), print)


def test_what_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3").write_text("")
    (tmp_path / "take").write_text("")
    found = [as_file(text) for text in ("a.wav", "b.FLAC", "take", "3", "USB mic", None)]
    assert [path and path.name for path in found] == ["a.wav", "b.FLAC", "take", None, None, None]
    with pytest.raises(InputError, match=r"'x.ogg'; it must be .wav or .flac"):
        play(small_stream(), Settings(sink="x.ogg", seed=1, block=BLOCK), print)


def test_latents_are_those_of_the_model(model):
    from dgm_audio.apps.live import music

    z = torch.cat([z for z, _ in zip(music(model, 5, 2), range(3), strict=False)], 2)
    assert z.shape == (1, LATENT, 6)
    assert torch.equal(z, model.noise(1, length=6 * HOP, seed=5))

"""Sound after Opus lies where it lay, sounds like it, and is as small as was asked for."""

import numpy as np
import pytest
import torch

from dgm_audio.errors import InputError
from dgm_audio.evaluation import opus
from dgm_audio.evaluation.opus import hindrance, through_opus


def melody(rate, seconds=4.0, channels=2, seed=0):
    """Decaying tones with partials at random times, a little different in each channel."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    sound = np.zeros((channels, len(t)))
    for _ in range(int(6 * seconds)):
        pitch, start = rng.uniform(100, 900), rng.uniform(0, seconds)
        envelope = np.where(t > start, np.exp(-(t - start) * 5), 0)
        for k in range(1, 5):
            if k * pitch < rate / 2:
                tone = np.sin(2 * np.pi * k * pitch * t) * envelope / k
                sound += rng.uniform(0.5, 1, (channels, 1)) * tone
    return torch.from_numpy(0.5 * sound / np.abs(sound).max()).float()


def lag_and_correlation(x, y):
    """By how many samples y is late, and how alike they are there."""
    a, b = (np.fft.rfft(part.numpy(), 2 * len(part)) for part in (x, y))
    cross = np.fft.irfft(a.conj() * b)
    lag = int(cross.argmax())
    return (lag + len(x)) % (2 * len(x)) - len(x), float(cross[lag] / (x.norm() * y.norm()))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_sound_stays_where_it_was(rate):
    x = melody(rate, 2.0, channels=1)
    y = through_opus(x, rate, 32).audio
    assert y.shape == x.shape
    lag, alike = lag_and_correlation(x[0], y[0])
    assert abs(lag) <= max(1, rate // 16000)  # the codec turns phases a little
    assert alike > 0.9


@pytest.mark.parametrize("kbps", [16, 64])
def test_the_file_is_as_large_as_was_asked_for(kbps):
    x = melody(44100, 8.0)
    found = 8e-3 * through_opus(x, 44100, kbps).size / 8
    assert found == pytest.approx(kbps, rel=0.25)  # the rate varies with the sound


def test_more_bits_are_nearer_to_the_sound():
    x = melody(44100)
    gaps = [float((through_opus(x, 44100, kbps).audio - x).norm()) for kbps in (16, 48, 192)]
    assert gaps[0] > 1.5 * gaps[1] > 2 * gaps[2]


def test_a_minute_is_written_in_blocks(monkeypatch):
    x, sizes = melody(8000, 10.0, channels=1).repeat(1, 7), []
    write = opus.soundfile.SoundFile.write
    monkeypatch.setattr(
        opus.soundfile.SoundFile,
        "write",
        lambda self, data: sizes.append(len(data)) or write(self, data),
    )
    assert through_opus(x, 8000, 16).audio.shape == x.shape
    assert max(sizes) == 1 << 16 and sum(sizes) == x.shape[1]


def test_what_cannot_be_coded_is_said(monkeypatch):
    with pytest.raises(InputError, match=r"\(3,\); expected \(C, T\)"):
        through_opus(torch.zeros(3), 44100, 16)
    with pytest.raises(InputError, match="16 kbit/s for 4 channels; Opus takes 6 to 256"):
        through_opus(torch.zeros(4, 100), 44100, 16)
    assert "256" in hindrance(1, 300) and not hindrance(2, 16)
    monkeypatch.setattr(opus.soundfile, "available_subtypes", lambda _: {})
    assert hindrance(2, 16).endswith("has no Opus")

"""Recordings as a model takes them: nothing changes without a word."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from dgm_audio.apps.recording import read_channels, read_for
from dgm_audio.errors import AudioFileError
from dgm_audio.specs import AudioSpec

RATE, LENGTH = 16000, 8000
MODEL = SimpleNamespace(audio=AudioSpec(RATE, 1, LENGTH, LENGTH))


def write(path, x, rate=RATE):
    soundfile.write(path, np.asarray(x, np.float32).T, rate, subtype="FLOAT")
    return path


def test_a_fitting_file_is_taken_as_it_is(tmp_path):
    x = np.random.default_rng(0).uniform(-0.9, 0.9, (1, 4000))
    clip, notes = read_for(MODEL, write(tmp_path / "x.wav", x))
    assert notes == ()
    np.testing.assert_array_equal(clip[0].numpy(), x.astype(np.float32))


@pytest.mark.parametrize(
    ("gain", "channels", "rate", "seconds", "peak", "words"),
    [
        (0.9, 2, RATE, 0.2, False, ["2 to 1 channel"]),
        (0.9, 1, 8000, 0.2, False, ["from 8000 to 16000 Hz"]),
        (0.9, 1, RATE, 2.0, False, ["cut from 2.000 s", "0.500 s"]),
        (3.0, 1, RATE, 0.2, False, ["lowered from a peak of"]),
        (0.1, 1, RATE, 0.2, False, ["quiet, with a peak of 0.1; 'louder' may come closer"]),
        (0.1, 1, RATE, 0.2, True, ["to 0.95"]),
        (0.0, 1, RATE, 0.2, True, ["quiet"]),
    ],
)
def test_every_change_is_told(tmp_path, gain, channels, rate, seconds, peak, words):
    time = np.arange(int(seconds * rate)) / rate
    x = np.repeat(gain * np.sin(2 * np.pi * 500 * time)[None], channels, 0)
    clip, notes = read_for(MODEL, write(tmp_path / "x.wav", x, rate), peak=peak, louder="'louder'")
    assert clip.shape[:2] == (1, 1) and clip.shape[2] <= LENGTH
    assert float(clip.abs().max()) <= 1
    text = "; ".join(notes)
    assert all(word in text for word in words), text
    assert text.count("x.wav") == len(notes) == 1
    if peak and gain:
        assert float(clip.abs().max()) == pytest.approx(0.95, abs=1e-3)


def test_the_library_does_not_speak_of_options_of_the_command_line(tmp_path):
    _, notes = read_for(MODEL, write(tmp_path / "x.wav", np.full((1, 400), 0.1)))
    assert len(notes) == 1 and notes[0].endswith("x.wav: quiet, with a peak of 0.1")


@pytest.mark.parametrize("read", [read_for, read_channels])
def test_samples_that_are_no_numbers_are_refused_or_repaired_with_a_word(tmp_path, read):
    x = np.full((1, 400), 0.5)
    x[0, [3, 5]] = np.nan, np.inf
    path = write(tmp_path / "x.wav", x)
    with pytest.raises(AudioFileError, match="2 samples that are NaN"):
        read(MODEL, path)
    sound, notes = read(MODEL, path, repair=True)
    assert sound.isfinite().all() and float(sound.abs().max()) == 1
    assert notes[0].endswith(
        "x.wav: has 2 samples that are NaN, infinite or beyond +-100; repaired"
    )
    assert notes[0].count("x.wav") == len(notes) == 1


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(AudioFileError, match=r"x\.wav"):
        read_for(MODEL, tmp_path / "x.wav")


def test_a_vocoder_gets_every_channel_at_its_own_level(tmp_path):
    x = np.stack([np.linspace(-0.1, 0.1, 400), np.linspace(0.01, 0, 400)])
    sound, notes = read_channels(MODEL, write(tmp_path / "x.wav", x))
    np.testing.assert_array_equal(sound.numpy(), x.astype(np.float32))
    assert [note.partition("x.wav: ")[2] for note in notes] == ["2 channels, each by itself"]


def test_what_a_vocoder_gets_fits_it_and_every_change_is_told(tmp_path):
    x = 2 * np.sin(np.arange(8000))[None]  # a second
    sound, notes = read_channels(MODEL, write(tmp_path / "x.wav", x, 8000))
    assert sound.shape == (1, LENGTH) and float(sound.abs().max()) == 1
    words = ["resampled from 8000", "cut from 1.000 s", "lowered from a peak of 2"]
    assert all(word in note for word, note in zip(words, notes, strict=True))

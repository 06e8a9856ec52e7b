import numpy as np
import pytest

from dgm_audio.data import ClipConfig, Manifest
from dgm_audio.data.suggest import suggest_clip_config, suggest_recording_config
from dgm_audio.errors import DataError


@pytest.fixture
def recorded(record, folder):
    """A folder of silent files: (rate, channels, seconds) of each."""

    def write(*files):
        for number, (rate, channels, seconds) in enumerate(files):
            record(f"{number}.wav", np.zeros((round(seconds * rate), channels)), rate)
        return folder

    return write


@pytest.mark.parametrize(
    ("files", "rate"),
    [
        ([(48000, 1, 30)], 48000),
        ([(44100, 1, 20), (48000, 1, 10)], 44100),
        ([(44100, 1, 14), (48000, 1, 16)], 48000),
        ([(96000, 1, 25)], 48000),
        ([(8000, 1, 20), (48000, 1, 10)], 8000),
        ([(7000, 1, 30)], 8000),
    ],
)
def test_the_rate_is_that_of_most_of_the_sound(recorded, files, rate):
    folder = recorded(*files)
    assert suggest_recording_config(folder).sample_rate == rate
    assert suggest_recording_config(folder, highest_rate=16000).sample_rate == min(rate, 16000)


@pytest.mark.parametrize(
    ("files", "channels"),
    [
        ([(8000, 1, 30)], 1),
        ([(8000, 2, 30)], 2),
        ([(8000, 1, 20), (8000, 2, 10)], 1),
        ([(8000, 1, 10), (8000, 2, 20)], 2),
        ([(8000, 6, 30)], 2),
    ],
)
def test_it_is_stereo_if_most_of_the_sound_is(recorded, files, channels):
    assert suggest_recording_config(recorded(*files)).channels == channels


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(0.5, 3.0), (3, 3.0), (5, 5.0), (10, 10.0), (20, 20.0), (60, 20.0)]
)
def test_a_clip_is_a_sixtieth_of_all_within_bounds(recorded, minutes, seconds):
    config = suggest_recording_config(recorded((8000, 1, 60 * minutes)))
    assert seconds - 1024 / 8000 < config.seconds <= seconds
    assert config.length % 1024 == 0
    expected = ClipConfig(8000, config.length, normalize="none", trim_silence=False)
    assert config == expected  # pauses and levels stay


def test_too_little_sound_is_one_line(recorded):
    folder = recorded((8000, 1, 1.5), (8000, 1, 1.0))
    for source in (folder, Manifest.from_folder(folder)):
        with pytest.raises(DataError, match=r"data holds 2\.5 s of sound; .* at least 24 s"):
            suggest_recording_config(source)


@pytest.mark.parametrize("suggest", [suggest_clip_config, suggest_recording_config])
def test_a_folder_without_sound_is_one_line(folder, suggest):
    folder.mkdir()
    with pytest.raises(DataError, match="holds no audio file"):
        suggest(folder)
    (folder / "a.wav").write_text("no sound")
    with pytest.raises(DataError, match="holds no audio file that can be read"):
        suggest(folder)

from __future__ import annotations

import re

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import load_clips
from dgm_audio.errors import ConfigError

from .sounds import RATE, hit, small_set, tone


@pytest.mark.fault(8, 9)
def test_a_folder_nobody_prepared(record, folder, config, store, capsys) -> None:
    """Mixed rates and channels, silence, DC, clipping, one sample, a long file, and no audio."""
    small_set(record)
    record("kick/stereo.wav", np.stack([hit(5, rate=48000), hit(6, rate=48000)], 1), 48000)
    record("kick/low.wav", hit(7, rate=4000), 4000)
    record("kick/silent.wav", np.zeros(500))
    record("kick/offset.wav", 0.5 * hit(8) + 0.2)
    record("kick/clipped.wav", np.clip(20 * hit(9), -1, 1))
    record("kick/one.wav", np.array([0.5]))
    record("snare/long.wav", np.tile(np.concatenate([hit(30), np.zeros(2400)]), 10))
    (folder / "kick" / "text.wav").write_text("this is no sound")
    (folder / "readme.txt").write_text("notes")
    found = load_clips(folder, config, cache_dir=store)
    reports = {file.path: file for file in found.report.files}
    assert found.audio.shape == (24, 1, 2000)
    assert found.classes == ("kick", "snare") and found.counts == {"kick": 10, "snare": 14}
    assert "is no audio file" in reports["kick/text.wav"].skipped and reports["kick/text.wav"].bad
    assert "suffix" in reports["readme.txt"].skipped and not reports["readme.txt"].bad
    assert reports["kick/stereo.wav"].steps.keys() >= {"resampled", "mixed", "padded"}
    assert "silent" in reports["kick/silent.wav"].steps
    assert reports["kick/offset.wav"].steps["offset"] == pytest.approx(0.2, abs=0.02)
    assert "clipped" in reports["kick/clipped.wav"].steps
    assert reports["snare/long.wav"].clips == 10
    one = found.files.index("kick/one.wav")
    assert found.lengths[one] == 1 and np.abs(found.audio[one][:, 1:]).max() == 0
    assert np.isfinite(found.audio[:]).all() and np.abs(found.audio[:]).max() <= 1
    said = capsys.readouterr().err
    assert "15 files" in said and "24 clips" in said and "text.wav" in said


def test_clips_are_in_the_order_of_the_manifest(record, folder, config, store) -> None:
    for index in range(40):
        record(f"{index:02}.wav", tone(200 + 50 * index, 0.2))
    found = load_clips(folder, config, cache_dir=store, progress=False)
    assert list(found.files) == [f"{index:02}.wav" for index in range(40)]
    for index in range(40):
        spectrum = np.abs(np.fft.rfft(found.audio[index, 0, :1600]))
        assert np.argmax(spectrum) * RATE / 1600 == pytest.approx(200 + 50 * index, abs=6)


def test_valid_lengths_end_where_the_zeros_begin(record, folder, config, store) -> None:
    small_set(record)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    for audio, length in zip(found.audio, found.lengths, strict=True):
        assert np.abs(audio[:, length:]).max(initial=0) == 0
        assert np.abs(audio[:, length - 20 : length]).max() > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 0},
        {"sample_rate": 44100.0},
        {"length": 2**30},
        {"channels": 3},
        {"channels": True},
        {"normalize": "loud"},
        {"long_files": "tail"},
        {"max_bad_share": 1.5},
        {"max_bad_share": float("nan")},
    ],
)
def test_a_wrong_config_names_the_field(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=re.escape(name)):
        ClipConfig(**wrong)

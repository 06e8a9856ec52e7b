"""Sounds that are none, constant, one sample long or ten minutes."""

import numpy as np
import pytest
import soundfile
import torch
from hostile_audio import RATE, refused

from dgm_audio.errors import InputError
from dgm_audio.io import probe, read_audio, write_audio
from dgm_audio.signal.mel import LogMel, MelSpec

# 7. Samples that are no sound.


@pytest.mark.fault(7)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 101.0])
def test_bad_samples(tmp_path, bad):
    path = tmp_path / "a.wav"
    x = np.full((1000, 1), 0.25)
    x[500] = bad
    soundfile.write(path, x, RATE, subtype="FLOAT")
    assert "has 1 samples that are NaN, infinite or beyond +-100" in refused(path)
    with pytest.warns(UserWarning, match="repaired"):
        audio, _ = read_audio(path, bad_samples="repair")
    with pytest.raises(InputError, match="allowed are 'error' and 'repair'"):
        read_audio(path, bad_samples="ignore")
    expected = 0.0 if np.isnan(bad) else np.sign(bad)
    assert float(audio[0, 500]) == expected
    assert float(audio[0, 499]) == 0.25


# 8. Silence, DC, clipping.


@pytest.mark.fault(8)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_sound_is_accepted_and_its_features_are_finite(tmp_path, level):
    path = write_audio(tmp_path / "a.wav", torch.full((1, 4000), level), RATE, subtype="FLOAT")
    audio, _ = read_audio(path)
    audio.requires_grad_()
    mel = LogMel(MelSpec(RATE))(audio)
    mel.sum().backward()
    assert bool(mel.isfinite().all()) and bool(audio.grad.isfinite().all())


# 9. Very short.


@pytest.mark.fault(9)
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_one_sample(tmp_path, kind):
    path = write_audio(tmp_path / f"a.{kind}", torch.tensor([0.5]), RATE)
    audio, _ = read_audio(path)
    assert audio.shape == (1, 1)
    assert read_audio(path, sample_rate=48000)[0].shape == (1, 2)


# 12. Long OGG.


@pytest.mark.fault(12)
def test_ten_minutes_of_ogg(tmp_path):
    """One write of 60 s or more of Vorbis crashes libsndfile; ours goes in blocks."""
    rng = np.random.default_rng(0)
    rate, frames = 16_000, 16_000 * 600
    x = np.tile(rng.standard_normal(16_000).astype(np.float32) * 0.1, 600)
    path = write_audio(tmp_path / "a.ogg", x, rate)
    assert probe(path).frames == frames
    assert read_audio(path, start=frames - 10)[0].shape == (1, 10)

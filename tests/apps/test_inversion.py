"""Recordings as a model takes them: nothing changes without a word, the class is found."""

from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import torch
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.apps.inversion import (
    closest_condition,
    encode,
    encoder_of,
    error_db,
    fit_length,
    read_for,
)
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec

RATE, LENGTH = 16000, 8000
HERTZ = {"low": 200, "middle": 1000, "high": 4000}


@dataclass(frozen=True)
class TonesConfig:
    pass


class Tones(AudioGenerator):
    """The class is the pitch of a tone, the code its level: a wrong class is plainly wrong."""

    family = "tones"
    config_class = TonesConfig

    def __init__(self):
        super().__init__()
        self.audio = AudioSpec(RATE, 1, LENGTH, LENGTH)
        self.latent = LatentSpec(1)
        self.condition = ConditionSpec({"class": Classes(tuple(HERTZ))})
        self.register_buffer("time", torch.arange(LENGTH) / RATE)

    def _decode(self, z, condition, length):
        hertz = torch.tensor(list(HERTZ.values()))[condition["class"]]
        tone = torch.sin(2 * torch.pi * hertz[:, None] * self.time)
        return (z[:, 0].sigmoid() * tone)[:, None, :length]

    def encode(self, x, condition=None):
        peak = self._check_audio(x).abs().amax((1, 2)).clamp(1e-3, 1 - 1e-3)
        return torch.logit(peak)[:, None, None]


class Mute(Tones):
    encode = None  # type: ignore[assignment]


@pytest.fixture
def tones():
    return Tones().eval()


def write(path, x, rate=RATE):
    soundfile.write(path, np.asarray(x, np.float32).T, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("name", HERTZ)
def test_the_class_that_reconstructs_best_is_found(tones, name):
    clip = 0.7 * tones.decode(torch.full((1, 1, 1), 3.0), {"class": name})
    assert closest_condition(tones, [clip], {}) == {"class": name}
    assert closest_condition(tones, [clip], {"class": "low"}) == {"class": "low"}


def test_with_a_likelihood_the_likeliest_class_is_found():
    """An invertible model reconstructs under every class: only the likelihood tells them apart."""
    flow = ToyFlow(ToyFlowConfig(hop=1))
    with torch.no_grad():
        flow.bias.copy_(torch.tensor([[-0.5], [0.5]]))
    for name in flow.config.classes:
        clip = flow.sample(1, seconds=64 / 8000, condition={"class": name}, seed=0)
        assert closest_condition(flow, [clip], {})["class"] == name


def test_of_two_sounds_the_closest_class_in_sum_and_without_any_the_first(tones):
    loud, quiet = (
        g * tones.decode(torch.full((1, 1, 1), 3.0), {"class": c})
        for g, c in ((0.9, "high"), (1e-3, "low"))
    )
    assert closest_condition(tones, [loud, quiet], {})["class"] == "high"
    assert closest_condition(tones, [], {}) == {"class": "low"}


def test_a_wrong_condition_is_an_error(tones):
    with pytest.raises(InputError, match="'kick'"):
        closest_condition(tones, [], {"class": "kick"})


def test_the_error_in_db_is_zero_for_equal_and_the_gain_for_scaled_noise():
    x = 0.5 * torch.randn(1, 1, RATE).clamp(-2, 2)
    assert error_db(x, x, RATE) == 0
    assert error_db(x, x / 10, RATE) == pytest.approx(20, abs=0.5)  # above the floor of -80 dB
    assert error_db(x, x / 2, RATE) == pytest.approx(6.02, abs=0.05)


def test_a_fitting_file_is_taken_as_it_is(tones, tmp_path):
    x = np.random.default_rng(0).uniform(-0.9, 0.9, (1, 4000))
    clip, notes = read_for(tones, write(tmp_path / "x.wav", x))
    assert notes == ()
    np.testing.assert_array_equal(clip[0].numpy(), x.astype(np.float32))


@pytest.mark.parametrize(
    ("gain", "channels", "rate", "seconds", "peak", "words"),
    [
        (0.9, 2, RATE, 0.2, False, ["2 to 1 channel"]),
        (0.9, 1, 8000, 0.2, False, ["from 8000 to 16000 Hz"]),
        (0.9, 1, RATE, 2.0, False, ["cut from 2.000 s", "0.500 s"]),
        (3.0, 1, RATE, 0.2, False, ["lowered from a peak of"]),
        (0.1, 1, RATE, 0.2, False, ["--normalize peak"]),
        (0.1, 1, RATE, 0.2, True, ["to 0.95"]),
        (0.0, 1, RATE, 0.2, True, ["quiet"]),
    ],
)
def test_every_change_is_told(tones, tmp_path, gain, channels, rate, seconds, peak, words):
    time = np.arange(int(seconds * rate)) / rate
    x = np.repeat(gain * np.sin(2 * np.pi * 500 * time)[None], channels, 0)
    clip, notes = read_for(tones, write(tmp_path / "x.wav", x, rate), peak=peak)
    assert clip.shape[:2] == (1, 1) and clip.shape[2] <= LENGTH
    assert float(clip.abs().max()) <= 1
    text = "; ".join(notes)
    assert all(word in text for word in words), text
    assert text.count("x.wav") == len(notes) == 1
    if peak and gain:
        assert float(clip.abs().max()) == pytest.approx(0.95, abs=1e-3)


def test_what_is_no_audio_is_refused(tones, tmp_path):
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(AudioFileError, match=r"x\.wav"):
        read_for(tones, tmp_path / "x.wav")


def test_a_model_without_an_encoder_says_so():
    with pytest.raises(InputError, match="'tones' have no encoder"):
        encoder_of(Mute())


def test_encode_inverts_a_flow():
    flow = ToyFlow(ToyFlowConfig())
    x = 0.5 * torch.rand(1, 1, 32)
    with torch.no_grad():
        back = flow.decode(encode(flow, x, {"class": "high"}), {"class": "high"})
    torch.testing.assert_close(back, x, atol=1e-4, rtol=0)


def test_fit_length_cuts_and_pads():
    x = torch.ones(1, 1, 4)
    assert fit_length(x, 2).tolist() == [[[1, 1]]]
    assert fit_length(x, 6).tolist() == [[[1, 1, 1, 1, 0, 0]]]

"""From recordings to latents: the class is found, the error is in dB."""

from dataclasses import dataclass

import pytest
import torch
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.apps.inversion import (
    closest_condition,
    encode,
    encoder_of,
    error_db,
    fit_length,
    heard_pitch,
    likely_conditions,
)
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.pitch import frequency
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec, Scalar

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


@pytest.mark.parametrize("name", HERTZ)
def test_the_class_is_that_of_the_models_own_sounds(tones, name):
    clip = 0.07 * tones.decode(torch.full((1, 1, 1), 3.0), {"class": name})
    likely = likely_conditions(tones, clip, {})
    assert likely[0][0] == closest_condition(tones, clip, {}) == {"class": name}
    assert [odds for _, odds in likely] == sorted((odds for _, odds in likely), reverse=True)
    assert likely[0][1] > 0.5 and sum(odds for _, odds in likely) == pytest.approx(1)
    assert likely_conditions(tones, clip, {"class": "low"}) == [({"class": "low"}, 1.0)]


class Alike(Tones):
    """Its code makes up for a wrong class, as that of a trained model does: all reconstruct."""

    def _decode(self, z, condition, length):
        hertz = torch.tensor(list(HERTZ.values()))[condition["class"]] * 2 ** z[:, 0, 0].sinh()
        return (0.5 * torch.sin(2 * torch.pi * hertz[:, None] * self.time))[:, None, :length]

    def encode(self, x, condition=None):
        label = self.condition.parse(condition, 1)["class"]
        found = torch.fft.rfft(x[:, 0]).abs().argmax(1) * RATE / x.shape[2]
        octaves = torch.log2(found / torch.tensor(list(HERTZ.values()))[label])
        return torch.asinh(octaves)[:, None, None]


def test_what_every_class_reconstructs_is_named_by_its_sound():
    model = Alike().eval()
    for name in HERTZ:
        clip = model.decode(torch.full((1, 1, 1), 0.1), {"class": name})
        errors = [
            error_db(clip, model.decode(encode(model, clip, {"class": one}), {"class": one}), RATE)
            for one in HERTZ
        ]
        assert max(errors) - min(errors) < 1  # so the old rule, the least error, tells nothing
        assert closest_condition(model, clip, {}) == {"class": name}


def test_the_classifier_is_fitted_once_per_model_and_may_be_stopped(tones):
    clip, told = tones.decode(torch.zeros(1, 1, 1)), []
    closest_condition(tones, clip, {}, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 96) and told[-1][0] == 88
    closest_condition(tones, clip, {}, lambda done, total: told.append("again"))
    assert "again" not in told

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        closest_condition(Tones().eval(), clip, {}, stop)


def test_with_a_likelihood_the_likeliest_class_is_found():
    """An invertible model reconstructs under every class: only the likelihood tells them apart."""
    flow = ToyFlow(ToyFlowConfig(hop=1))
    with torch.no_grad():
        flow.bias.copy_(torch.tensor([[-0.5], [0.5]]))
    for name in flow.config.classes:
        clip = flow.sample(1, seconds=64 / 8000, condition={"class": name}, seed=0)
        assert closest_condition(flow, clip, {})["class"] == name


def test_a_wrong_condition_is_an_error(tones):
    with pytest.raises(InputError, match="'kick'"):
        closest_condition(tones, torch.zeros(1, 1, LENGTH), {"class": "kick"})


def test_the_error_in_db_is_zero_for_equal_and_the_gain_for_scaled_noise():
    x = 0.5 * torch.randn(1, 1, RATE).clamp(-2, 2)
    assert error_db(x, x, RATE) == 0
    assert error_db(x, x / 10, RATE) == pytest.approx(20, abs=0.5)  # above the floor of -80 dB
    assert error_db(x, x / 2, RATE) == pytest.approx(6.02, abs=0.05)


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


class Notes(Tones):
    """Two kinds of notes, of which one has odd harmonics only."""

    def __init__(self):
        super().__init__()
        kinds = Classes(("reed", "string"))
        self.condition = ConditionSpec(
            {"instrument": kinds, "pitch": Scalar(40, 80, "MIDI number", 60.0)}
        )

    def _decode(self, z, condition, length):
        phase = 2 * torch.pi * frequency(condition["pitch"])[:, None] * self.time
        even = condition["instrument"][:, None]
        x = sum((even if k % 2 == 0 else 1) * torch.sin(k * phase) / k for k in (1, 2, 3, 4))
        return 0.4 * (z[:, 0].sigmoid() * x.float())[:, None, :length]


def test_the_pitch_of_a_note_is_heard_unless_it_is_given():
    model, code = Notes(), torch.full((1, 1, 1), 3.0)
    clip = model.decode(code, {"instrument": "string", "pitch": 47.3})
    found = closest_condition(model, clip, {})
    assert found["instrument"] == "string" and found["pitch"] == pytest.approx(47.3, abs=0.15)
    assert closest_condition(model, clip, {"pitch": 50})["pitch"] == 50
    assert heard_pitch(model, torch.zeros(1, 1, LENGTH), {}) == {}
    assert heard_pitch(Tones(), clip, {}) == {}


def test_notes_of_one_kind_are_told_at_their_own_pitches():
    model, code = Notes(), torch.full((1, 1, 1), 3.0)
    for at in (45.0, 72.0):
        clip = model.decode(code, {"instrument": "reed", "pitch": at})
        found = closest_condition(model, clip, {})
        assert found["instrument"] == "reed" and found["pitch"] == pytest.approx(at, abs=0.15)

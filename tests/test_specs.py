import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.errors import InputError
from dgm_audio.signal.mel import LogMel, MelSpec
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, Frames, LatentSpec, Scalar

DRUMS = ConditionSpec(
    {
        "class": Classes(("kick", "snare", "hat")),
        "gain": Scalar(-60.0, 0.0, "dB", -6.0),
    }
)


def test_seconds_round_to_samples() -> None:
    audio = AudioSpec(44100, length=1000, max_length=44100)
    assert audio.resolve_length(None) == 1000
    assert audio.resolve_length(0.5) == 22050
    assert audio.resolve_length(1) == 44100
    assert audio.resolve_length(np.float32(0.25)) == 11025
    assert audio.seconds == pytest.approx(1000 / 44100)


@given(st.integers(1, 10**7), st.integers(1000, 384000))
def test_every_number_of_samples_survives_as_seconds(length: int, rate: int) -> None:
    assert AudioSpec(rate).resolve_length(length / rate) == length
    assert AudioSpec(rate, max_length=length).resolve_length(length / rate) == length


@pytest.mark.parametrize(
    "seconds", [0, -1, 1.1, 1e9, 1e-9, math.nan, math.inf, -math.inf, "1", True]
)
def test_seconds_outside_the_range_are_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="seconds is"):
        AudioSpec(44100, max_length=44100).resolve_length(seconds)


@given(st.integers(1, 10**6), st.integers(1, 4096))
def test_latent_frames_cover_the_clip(length: int, hop: int) -> None:
    frames = LatentSpec(4, hop).frames(length)
    assert (frames - 1) * hop < length <= frames * hop
    assert LatentSpec(4).frames(length) == 1


@pytest.mark.parametrize("name", ["Hat", " hat ", "HAT\n", "hat"])
def test_a_class_is_understood_in_any_case_and_with_blanks_around_it(name: str) -> None:
    assert DRUMS.parse({"class": name}, 1)["class"].tolist() == [2]


def test_a_near_spelling_of_two_classes_is_none_of_them() -> None:
    notes = Classes(("c", "C", "low_c"))
    assert notes.parse("note", ["C", "c", "Low-C"], 3).tolist() == [1, 0, 2]
    with pytest.raises(InputError, match="'note' is ' c'; allowed are c, C, low_c"):
        notes.parse("note", " c", 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hat", [2, 2]),
        (1, [1, 1]),
        ("1", [1, 1]),
        (["kick", 2], [0, 2]),
        (("snare",), [1, 1]),
        (torch.tensor([2, 0]), [2, 0]),
        (torch.tensor(2), [2, 2]),
        (np.array([1]), [1, 1]),
        (np.int64(2), [2, 2]),
        (None, [0, 1]),
    ],
)
def test_classes_by_name_index_list_and_tensor(value: object, expected: list[int]) -> None:
    labels = DRUMS.parse({"class": value}, 2)["class"]
    assert labels.tolist() == expected and labels.dtype == torch.long


@pytest.mark.parametrize(
    "value", ["tom", "", -1, 3, "3", 0.0, True, [0, 0, 0], torch.eye(2).long(), b"kick", {"a": 1}]
)
def test_wrong_classes_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="condition 'class'"):
        DRUMS.parse({"class": value}, 2)


def test_scalars_have_a_range_and_a_default() -> None:
    assert DRUMS.parse(None, 2)["gain"].tolist() == [-6.0, -6.0]
    assert DRUMS.parse({"gain": [-60, 0]}, 2)["gain"].tolist() == [-60.0, 0.0]
    for value in (0.1, -61, math.nan, "loud", [0, None], [0, 0, 0], torch.zeros(2, 2)):
        with pytest.raises(InputError, match="condition 'gain'"):
            DRUMS.parse({"gain": value}, 2)


def test_frames_are_required_and_checked() -> None:
    spec = ConditionSpec({"mel": Frames(80, 256)})
    frames = torch.randn(80, 5)
    assert spec.parse({"mel": frames}, 3)["mel"].shape == (3, 80, 5)
    assert spec.parse({"mel": frames.numpy()}, 1)["mel"].shape == (1, 80, 5)
    with pytest.raises(InputError, match=r"needs frames of shape \(2, 80, L\)"):
        spec.parse(None, 2)
    wrong = [torch.randn(81, 5), torch.randn(3, 80, 5), frames * math.nan, frames.long(), [[0.0]]]
    for value in wrong:
        with pytest.raises(InputError, match="condition 'mel'"):
            spec.parse({"mel": value}, 2)


def test_unknown_names_and_other_types_list_what_there_is() -> None:
    with pytest.raises(InputError, match="'clas' is unknown; this model has: class, gain"):
        DRUMS.parse({"clas": "kick"}, 1)
    with pytest.raises(InputError, match="no conditions"):
        ConditionSpec().parse({"class": "kick"}, 1)
    with pytest.raises(InputError, match="condition is a str"):
        DRUMS.parse("kick", 1)  # type: ignore[arg-type]


def test_fields_keep_their_order_whatever_the_caller_s() -> None:
    assert list(DRUMS.parse({"gain": 0, "class": 0}, 1)) == ["class", "gain"]
    assert DRUMS and not ConditionSpec()


MEL = MelSpec(16000)


def spoken() -> torch.Tensor:
    """Log-mels of a quiet noise that comes and goes, from the floor to -20 dB or so."""
    rng = torch.Generator().manual_seed(0)
    rise = torch.linspace(0, 1, 16000).square()
    return LogMel(MEL)(0.1 * rise * torch.randn(1, 16000, generator=rng))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda mel: 20 / math.log(10) * mel, "-100 to .* -13.82 and 5.792; if they are decibels"),
        (lambda mel: 10 / math.log(10) * mel, "-50 to .*; if they are decibels, multiply"),
        (lambda mel: 2 * mel, "-23.03 to .*; if they are logarithms of power, halve"),
        (lambda mel: mel.exp(), "values from 1e-05 to .*; if they are magnitudes, take"),
        (lambda mel: 1e4 * mel.exp(), "values from 0.1 to .*; if they are magnitudes, take"),
        (lambda mel: mel + 15, "values from 3.487 to"),
        (lambda mel: mel + 10, "values from -1.513 to .*; is the sound within"),
        (lambda mel: mel * math.nan, "has NaN or infinite values"),
        (lambda mel: mel / 0, "has NaN or infinite values"),
    ],
)
def test_a_mel_on_another_scale_is_refused_with_the_likely_mistake(mistake, message) -> None:
    spec = ConditionSpec({"mel": Frames.of_mel(MEL)})
    with pytest.raises(InputError, match="condition 'mel' .*" + message) as error:
        spec.parse({"mel": mistake(spoken())}, 1)
    assert "\n" not in str(error.value)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([8000, 16000, 44100]), st.sampled_from([64, 256, 2048]), st.integers(0, 9))
def test_no_sound_has_a_mel_out_of_range(rate: int, n_fft: int, seed: int) -> None:
    mel = MelSpec(rate, n_fft, n_fft // 4, n_mels=8, f_max=rate / 2)
    t, rng = torch.arange(4 * n_fft), torch.Generator().manual_seed(seed)
    hertz = float(torch.rand((), generator=rng)) * rate / 2
    for x in (torch.sin(2 * torch.pi * hertz / rate * t), 0.0 * t, (-1.0) ** t, t % 2 * 2 - 1.0):
        frames = LogMel(mel)(x[None])
        assert torch.equal(Frames.of_mel(mel).parse("mel", frames, 1), frames)
        assert float(frames.max()) < mel.range[1] - math.log(5), "20 dB of room, or nearly"


def test_frames_of_another_kind_have_no_range() -> None:
    anything = 1e5 * torch.ones(1, 2, 3)
    assert torch.equal(Frames(2, 4).parse("codes", anything, 1), anything)

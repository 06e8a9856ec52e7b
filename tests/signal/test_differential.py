"""Differential mu-law: idempotent, bounded in error, quieter than plain mu-law at low tones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.errors import InputError
from dgm_audio.signal.differential import DifferentialMuLaw


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([3, 15, 255, 1023]), st.sampled_from([0.0, 0.5, 0.85, 0.97]), st.integers())
def test_encoding_what_was_decoded_changes_nothing(levels, emphasis, seed):
    codec = DifferentialMuLaw(levels, emphasis)
    x = (1.4 * noise(2, 200, seed=seed % 2**32)).clamp(-1, 1)  # much of it at full scale
    once = codec.decode(codec.encode(x))
    assert torch.equal(codec.decode(codec.encode(once)), once)
    assert float(once.abs().max()) <= 1


def test_the_error_is_at_most_half_a_step_and_does_not_add_up():
    codec = DifferentialMuLaw()
    x = noise(1, 48000)
    largest = float(codec.values().diff().max())
    error = (codec.decode(codec.encode(x)) - x).abs()
    assert float(error.max()) <= largest / 2 + 1e-6
    assert float(error[:, -1000:].mean()) == pytest.approx(float(error[:, :1000].mean()), rel=0.2)


def test_a_low_tone_keeps_ten_decibels_more_than_with_plain_mu_law():
    x = 0.9 * torch.sin(2 * torch.pi * 60 * torch.arange(16000) / 16000)
    errors = [
        float((codec.decode(codec.encode(x)) - x).square().mean())
        for codec in (DifferentialMuLaw(emphasis=0.0), DifferentialMuLaw())
    ]
    assert errors[1] < errors[0] / 10


def test_silence_is_one_symbol_and_stays_silent():
    codec = DifferentialMuLaw()
    symbols = codec.encode(torch.zeros(1, 100))
    assert symbols.unique().tolist() == [codec.silence]
    assert not codec.decode(symbols).any()
    tail = codec.decode(torch.cat([torch.tensor([200]), symbols[0]]))
    assert 0 < float(tail[-1].abs()) < 1e-6 < float(tail[0])


def test_without_emphasis_it_is_a_quantiser_of_single_samples():
    codec = DifferentialMuLaw(15, 0.0)
    assert torch.equal(codec.decode(torch.arange(15)), codec.values())
    assert torch.equal(codec.values().flip(0), -codec.values())


@pytest.mark.parametrize("levels", [2, 256, 1, 4097])
def test_an_even_or_absurd_number_of_levels_is_refused(levels):
    with pytest.raises(InputError, match=f"levels is {levels}"):
        DifferentialMuLaw(levels)


def test_emphasis_of_one_is_refused():
    with pytest.raises(InputError, match="emphasis is 1"):
        DifferentialMuLaw(255, 1.0)

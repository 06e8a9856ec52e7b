"""Mu-law: inverts, is monotone, and equals torchaudio's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchaudio.functional import mu_law_decoding, mu_law_encoding

from dgm_audio.errors import InputError
from dgm_audio.signal.companding import compress, expand, mu_law_decode, mu_law_encode

GRID = torch.linspace(-1, 1, 4001)


@pytest.mark.parametrize("mu", [1.0, 15.0, 255.0, 65535.0])
def test_expand_inverts_compress(mu):
    x = GRID.double()
    torch.testing.assert_close(expand(compress(x, mu), mu), x, rtol=1e-12, atol=1e-15)
    assert bool((compress(x, mu).diff() > 0).all())


def test_compress_is_the_formula():
    assert float(compress(torch.tensor(0.1))) == pytest.approx(0.5909, abs=1e-4)
    torch.testing.assert_close(compress(-GRID), -compress(GRID))


@pytest.mark.parametrize("levels", [2, 16, 256, 1024])
def test_codes_equal_torchaudios(levels):
    codes = mu_law_encode(GRID, levels)
    assert torch.equal(codes, mu_law_encoding(GRID, levels))
    torch.testing.assert_close(mu_law_decode(codes, levels), mu_law_decoding(codes, levels))


@pytest.mark.parametrize("levels", [2, 3, 256, 65536])
def test_every_code_comes_back(levels):
    codes = torch.arange(levels)
    decoded = mu_law_decode(codes, levels)
    assert torch.equal(mu_law_encode(decoded, levels), codes)
    assert (float(decoded[0]), float(decoded[-1])) == pytest.approx((-1, 1))


@given(x=st.floats(-1, 1), levels=st.sampled_from([16, 256, 4096]))
def test_error_is_at_most_half_a_step_of_the_compressed_scale(x, levels):
    value = torch.tensor([x], dtype=torch.float64)
    again = mu_law_decode(mu_law_encode(value, levels), levels).double()
    error = compress(again, levels - 1) - compress(value, levels - 1)
    assert float(error.abs()) <= 1 / (levels - 1) + 1e-5


def test_8_bits_give_30_db_at_any_level():
    """That is what mu-law is for: the error follows the signal's level."""
    tone = torch.sin(torch.arange(10_000) * 0.1)
    for level in (1.0, 0.3, 0.1, 0.03):
        x = level * tone
        error = mu_law_decode(mu_law_encode(x)) - x
        assert 10 * torch.log10(x.square().mean() / error.square().mean()) > 30


def test_out_of_range():
    assert mu_law_encode(torch.tensor([-5.0, 5.0])).tolist() == [0, 255]
    for codes in (torch.tensor([256]), torch.tensor([-1]), torch.tensor([0.5])):
        with pytest.raises(InputError, match="integers from 0 to 255"):
            mu_law_decode(codes)
    with pytest.raises(InputError, match="floating-point"):
        mu_law_encode(torch.tensor([1]))
    with pytest.raises(InputError, match="at least 2"):
        mu_law_encode(GRID, 1)
    assert mu_law_decode(torch.zeros(0, dtype=torch.long)).shape == (0,)

"""Numbers that keep few bits, and tables that lie far from every border of rounding."""

import math

import pytest
import torch

from dgm_audio.signal.lapped import cosine_iv
from dgm_audio.signal.portable import TABLE_BITS, hann, to_bits, turns


def test_bits_are_kept_to_nearest():
    x = torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).exp()
    kept = to_bits(x, 12)
    assert float((kept / x - 1).abs().max()) <= 2.0**-12
    mantissa, _ = kept.frexp()
    assert torch.equal(mantissa * 2**12, (mantissa * 2**12).round())
    assert torch.equal(to_bits(-x, 12), -kept)
    assert torch.equal(to_bits(kept, 12), kept)


def test_zero_infinity_and_nan_stay():
    special = torch.tensor([0.0, math.inf, -math.inf, math.nan], dtype=torch.float64)
    torch.testing.assert_close(to_bits(special, 12), special, equal_nan=True, rtol=0, atol=0)


def test_what_differs_in_the_last_bits_is_one_number_and_gradients_pass():
    x = torch.rand(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    assert torch.equal(to_bits(x * (1 + 1e-14), 12), to_bits(x, 12))
    assert torch.equal(to_bits(x, 12), to_bits(x.detach(), 12))
    to_bits(x, 12).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


@pytest.mark.parametrize("count", [1024, 2048, 4096])
def test_tables_are_cosines_that_no_last_bit_moves(count):
    """Eight units of the last place from a border, in the sizes of the shipped flow."""
    angle = 2 * math.pi / count * torch.arange(count, dtype=torch.float64)
    for table, exact in zip(turns(count), (angle.cos(), angle.sin()), strict=True):
        torch.testing.assert_close(table, exact, rtol=0, atol=2.0**-TABLE_BITS)
        scaled = exact * 2.0**TABLE_BITS
        border = ((scaled - scaled.floor()) - 0.5).abs().min()
        assert float(border) > 8 * 2.0 ** (TABLE_BITS - 53)


def test_a_hann_window_is_torchs():
    expected = torch.hann_window(1024, dtype=torch.float64)
    torch.testing.assert_close(hann(1024), expected, rtol=0, atol=2.0**-TABLE_BITS)


def test_tables_made_in_inference_mode_may_take_part_in_gradients():
    with torch.inference_mode():
        table = cosine_iv(37)
    x = torch.ones(37, dtype=torch.float64, requires_grad=True)
    (x @ table).sum().backward()
    torch.testing.assert_close(x.grad, table.sum(1))

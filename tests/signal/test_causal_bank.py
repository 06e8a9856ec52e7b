"""The live synthesis against the transposed filters of the bank that it stands for."""

import pytest
import torch
from torch.nn import functional as F

from dgm_audio.signal.causal_bank import CausalBank
from dgm_audio.signal.pqmf import PQMF


@pytest.mark.parametrize("bands", [4, 64])
def test_it_is_the_synthesis_of_the_filter_bank_and_half_a_filter_late(bands):
    rng = torch.Generator().manual_seed(0)
    y = torch.randn(2, 30, bands, generator=rng)
    bank = CausalBank(bands)
    late = bank(F.pad(y, (0, 0, bank.past, bank.past))).flatten(1)
    sound = PQMF(bands).synthesis(F.pad(y, (0, 0, 8, 8)).mT)[:, 0]
    torch.testing.assert_close(late[:, : sound.shape[1]], sound, atol=2e-5, rtol=0)
    assert float(sound.square().mean()) > 0.1


def test_white_bands_make_white_noise_of_the_same_power():
    bank = CausalBank(64)
    x = bank(torch.randn(400, 64, generator=torch.Generator().manual_seed(0))).flatten()
    assert float(x.square().mean()) == pytest.approx(1, abs=0.05)
    assert abs(float((x[1:] * x[:-1]).mean())) < 0.05


def test_its_gradient_is_its_transpose():
    bank = CausalBank(4)
    seen = torch.randn(1, 20, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: bank(y).double(), seen, eps=1e-2, atol=1e-3)


@pytest.mark.parametrize("bands", [4, 10, 64])
@torch.no_grad()
def test_compiled_and_in_torch_are_the_same(bands):
    bank = CausalBank(bands)
    seen = torch.randn(2, 3, bank.past + 5, bands, generator=torch.Generator().manual_seed(0))
    expected = bank.in_torch(seen @ bank.cosines, bank.taps)
    torch.testing.assert_close(bank(seen), expected, atol=1e-5, rtol=0)
    assert torch.equal(bank(seen[0, 0]), bank(seen)[0, 0])

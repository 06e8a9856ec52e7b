"""Directions are those along which sounds change the most; moves are moves by deviations."""

import math

import pytest
import torch
from small_stream import small_stream
from torch import nn
from toys import ToyChain, ToyChainConfig, ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

import dgm_audio
from dgm_audio.apps.directions import find_directions
from dgm_audio.errors import InputError
from dgm_audio.evaluation.spectra import log_mel
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec

SECOND = torch.tensor([0.6, 0.0, -0.8, 0.0])
FIRST = torch.tensor([0.8, 0.0, 0.6, 0.0])


class Level(AudioGenerator):
    """Noise that is 6 dB louder per deviation along FIRST, and 2 dB in its second half, softer in
    its first, along SECOND; nothing else is heard of z. Class "loud" is 20 dB louder."""

    family, config_class = "level", int

    def __init__(self):
        super().__init__()
        self.audio, self.latent = AudioSpec(8000, 1, 4096, 4096), LatentSpec(4)
        self.condition = ConditionSpec({"class": Classes(("soft", "loud"))})
        rng = torch.Generator().manual_seed(0)
        self.sound = nn.Parameter(0.01 * torch.randn(4096, generator=rng))

    def _decode(self, z, condition, length):
        whole, half = z[:, :, 0] @ FIRST, z[:, :, 0] @ SECOND
        level = 6 * whole + 20 * condition["class"]
        late = (torch.arange(4096) - 2047.5).sign()
        gain = 10 ** ((level[:, None] + 2 * half[:, None] * late) / 20)
        return (self.sound * gain)[:, None, :length].clamp(-1, 1)


@pytest.fixture(scope="module")
def level():
    return Level()


def test_the_strongest_direction_is_found_and_so_is_its_strength(level):
    """But for the ridge, and draws by chance."""
    found = find_directions(level, 4, draws=128)
    assert found.count == 4 and found.strength == sorted(found.strength, reverse=True)
    assert float(found.axes[0] @ FIRST) > 0.99  # plus is louder
    assert abs(float(found.axes[1] @ SECOND)) > 0.97
    assert found.strength[0] == pytest.approx(6, rel=0.05)
    assert found.strength[1] == pytest.approx(2, rel=0.1)
    assert max(found.strength[2:]) < 0.15


def test_what_classes_differ_in_is_left_out(level):
    plain = find_directions(level, 2, draws=64, condition={"class": "soft"})
    mixed = find_directions(level, 2, draws=64)
    assert mixed.strength == pytest.approx(plain.strength, rel=0.15)


def test_directions_are_orthonormal_and_the_same_again(level):
    seen = []
    found = find_directions(level, 8, draws=32, progress=lambda *counts: seen.append(counts))
    assert found.count == 4  # as many as there are latents
    torch.testing.assert_close(found.axes @ found.axes.T, torch.eye(4), atol=1e-5, rtol=0)
    assert seen == [(16, 32), (32, 32)]
    assert find_directions(level, 8, draws=32).axes.equal(found.axes)
    assert not find_directions(level, 8, draws=32, seed=1).axes.equal(found.axes)


def test_moves_add_up(level):
    found, z = find_directions(level, 3, draws=32), level.noise(2, seed=3)
    assert found.move(z, [0, 0.0, 0]) is z and found.move(z, []) is z
    expected = z + (2 * found.axes[0] - 0.5 * found.axes[2])[:, None]
    torch.testing.assert_close(found.move(z, [2, 0, -0.5]), expected)
    torch.testing.assert_close(found.move(found.move(z, [3]), [-3]), z)


@pytest.mark.parametrize(
    "wrong", [[math.nan], [math.inf], [10.1], ["1"], [None], [True], [[1]], [0] * 4, [10**400]]
)
def test_wrong_amounts(level, wrong):
    found = find_directions(level, 3, draws=16)
    with pytest.raises(InputError, match="amount") as error:
        found.move(level.noise(1, seed=0), wrong)
    assert len(str(error.value)) < 200


def test_latents_of_another_model_are_refused(level):
    found = find_directions(level, 3, draws=16)
    for wrong in (torch.zeros(1, 5, 1), torch.zeros(4), None):
        with pytest.raises(InputError, match=r"expected a tensor \(B, 4, L\)"):
            found.move(wrong, [1])


def test_streams_move_along_the_axes_of_their_codes():
    model = small_stream()
    torch.nn.init.normal_(model.prior.said.weight)
    found = find_directions(model)
    assert found.count == model.informative == len(found.strength)
    share = model.spread.square() / model.spread.square().sum()
    assert found.strength == pytest.approx(share[: found.count].tolist())
    z = model.noise(1, length=2560, seed=1)
    assert found.move(z, [0] * found.count) is z
    moved = found.move(z, [0, 1.5])
    with torch.no_grad():
        along = model.axes_of(model.codes(moved)) - model.axes_of(model.codes(z))
    expected = torch.tensor([0, 1.5, 0])[:, None].expand(-1, 10)
    torch.testing.assert_close(along[0], expected, atol=1e-3, rtol=0)


def test_white_noise_has_no_directions():
    with pytest.raises(InputError, match="new noise for every 4 samples: no direction"):
        find_directions(ToyFlow(ToyFlowConfig()))
    with pytest.raises(InputError, match="new noise for each sample: no direction"):
        find_directions(ToyChain(ToyChainConfig()))


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"draws": 8}, {"seed": -1}, {"condition": {"class": "kick"}}]
)
def test_wrong_arguments(level, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        find_directions(level, **wrong)


def test_a_model_with_few_latents_has_few_directions():
    assert find_directions(ToyFactor(ToyFactorConfig(length=400)), draws=16).count == 3


@torch.no_grad()
def test_drums_change_more_along_the_first_direction_than_along_others():
    """Twice as much as along random ones of the same length; see the printed ratio."""
    model = dgm_audio.load("drums-vae", device="cpu")
    found = find_directions(model, draws=96)
    z, condition = model.noise(12, seed=99), {"class": list(range(12))}
    rng = torch.Generator().manual_seed(0)
    random = torch.nn.functional.normalize(torch.randn(3, 64, generator=rng), dim=1)
    plain = model.decode(z, condition)

    def change(moved):
        x = torch.cat([plain, model.decode(moved, condition)])
        levels = log_mel(x, model.audio.sample_rate, bands=80, window=1024, hop=512)
        return float((levels[12:] - levels[:12]).square().mean().sqrt())

    along = sum(change(found.move(z, [amount])) for amount in (-2, 2)) / 2
    others = sum(change(z + 2 * one[:, None]) for one in random) / len(random)
    print(f"{along:.2f} dB against {others:.2f} dB: {along / others:.2f}")
    assert along / others > 1.5

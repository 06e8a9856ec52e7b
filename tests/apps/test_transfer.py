"""Transfer: the codes that were asked for, where the sound lay, block by block or at once."""

import pytest
import torch
import torch.nn.functional as F
from small_stream import HOP, LATENT, RATE, burst, small_stream
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.apps import transfer as module
from dgm_audio.apps.transfer import TransferStream, transfer
from dgm_audio.errors import InputError
from dgm_audio.nn.causal import History
from dgm_audio.signal.full_scale import Limiter


@pytest.fixture(scope="module")
def model():
    return small_stream()


def expected(model, x, scale, moved):
    """By the definition, at once."""
    with torch.no_grad():
        mean, _ = model.posterior(model.padded(x))
        coordinates = model.axes_of(mean) * scale + torch.tensor(moved)[:, None]
        decoded = model.decode_with_history(model.code_of(coordinates), History())
        return torch.cat(list(Limiter(RATE).whole([decoded])), 2)[:, :, : x.shape[2]]


@pytest.mark.parametrize(
    ("scale", "bias", "moved"),
    [(1.0, {}, [0.0, 0.0, 0.0]), (0.5, {2: -1.5}, [0.0, -1.5, 0.0]), (0, {1: 2}, [2.0, 0.0, 0.0])],
)
def test_it_is_the_formula_and_lies_where_the_sound_lay(model, scale, bias, moved, monkeypatch):
    monkeypatch.setattr(module, "FRAMES", 5)
    x = burst(0.7)[:, :, : 20 * HOP + 77]
    made = transfer(model, x, bias=bias, scale=scale, follow=False)
    assert made.shape == x.shape
    torch.testing.assert_close(made, expected(model, x, scale, moved), atol=5e-5, rtol=0)


def test_blocks_of_a_stream_give_the_whole(model):
    x = burst()[:, :, : 30 * HOP]
    whole = transfer(model, x, bias={1: 1})
    through = TransferStream(model, bias={1: 1})
    parts = [through(block) for block in x.split([HOP, 5 * HOP, 24 * HOP], 2)]
    made = torch.cat(parts, 2)
    assert made.shape[2] == x.shape[2] - through.latency
    assert torch.equal(made, whole[:, :, : made.shape[2]])


def test_loudness_follows_in_time(model):
    x = burst(start=0.4, level=0.05)
    made = transfer(model, x)
    onset = int(0.4 * RATE)
    assert float(made[:, :, : onset - 128].abs().max()) == 0
    before, after = made[:, :, onset : onset + 400], made[:, :, onset + 400 :]
    found = [10 * float(part.square().mean().log10()) for part in (before, after, x[:, :, onset:])]
    assert found[1] == pytest.approx(found[2], abs=1) and found[0] == pytest.approx(found[2], abs=4)
    free = transfer(model, x, follow=False)
    assert float(free[:, :, : onset - 128].abs().max()) > 1e-3


@pytest.mark.parametrize("length", [1, HOP, HOP + 1, 3 * HOP])
def test_any_length(model, length):
    x = burst(start=0)[:, :, :length]
    assert transfer(model, x).shape == x.shape


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bias": {LATENT + 1: 1.0}}, "axis 4; this model has axes 1 to 3"),
        ({"bias": {0: 1.0}}, "axis 0;"),
        ({"bias": {"1": 1.0}}, "axis '1'"),
        ({"bias": {1: 10.5}}, "bias of axis 1 is 10.5; .* from -10 to 10"),
        ({"bias": {1: float("nan")}}, "bias of axis 1 is nan"),
        ({"scale": -0.1}, "scale is -0.1; .* from 0 to 4"),
        ({"scale": True}, "scale is True"),
    ],
)
def test_wrong_options_are_named(model, options, words):
    with pytest.raises(InputError, match=words):
        transfer(model, burst(), **options)


def test_wrong_audio_and_models_are_named(model):
    with pytest.raises(InputError, match="expected \\(B, 2, T\\)"):
        transfer(model, torch.zeros(1, 1, 100))
    with pytest.raises(InputError, match="not finite numbers in"):
        transfer(model, 2 * torch.ones(1, 2, 100))
    with pytest.raises(InputError, match=r"toy-flow.*whole clips.*music-vae"):
        transfer(ToyFlow(ToyFlowConfig()), torch.zeros(1, 1, 100))
    with pytest.raises(InputError, match=f"multiple of {HOP}"):
        TransferStream(model)(F.pad(burst(), (0, 1)))

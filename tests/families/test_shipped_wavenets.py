"""The shipped WaveNets: exact both ways, better than a Markov chain; int16 weights cost little."""

import pytest
import torch

from dgm_audio.evaluation.markov import MarkovChain
from dgm_audio.shipped import list_models, load

SHIPPED = [info.name for info in list_models() if info.family == "autoregressive"]
SECONDS = 0.25


@pytest.fixture(scope="module", params=SHIPPED)
def model(request):
    return load(request.param, device="cpu")


@pytest.fixture(scope="module")
def sounds(model):
    """Twenty sounds of the model, half of them under noise that it never heard."""
    x = model.sample(20, seconds=SECONDS, seed=0)
    noise = torch.rand(x[::2].shape, generator=torch.Generator().manual_seed(0)) - 0.5
    x[::2] = 0.5 * x[::2] + 0.2 * noise
    return x


def test_the_shipped_ones_are_those():
    assert SHIPPED == ["drums-wavenet", "speech-wavenet"]


def test_decoding_what_was_encoded_gives_the_same_bits(model, sounds):
    assert torch.equal(model.decode(model.encode(sounds)), model.quantise(sounds))


def test_a_markov_chain_fitted_to_its_own_sounds_knows_them_less_well(model):
    x = model.sample(40, seconds=SECONDS, seed=1)
    with torch.no_grad():
        bits = -float(model.log_prob(x).sum()) / 0.6931 / x.numel()
    symbols = list(model.symbols(x).numpy())
    chain = MarkovChain(model.audio.levels).fit(symbols)
    assert bits < 0.9 * sum(chain.bits(s) for s in symbols) / x.numel()


def test_int16_weights_move_bits_per_sample_by_less_than_half_a_percent(model, sounds):
    symbols = model.symbols(sounds)
    values = model._check_condition(None, len(sounds))
    bits = {}
    try:
        for weights in ("float32", "int16"):
            model.cpu_weights = weights
            walk = model._walk(values, *symbols.shape)
            parts = [advance(symbols=symbols[:, part]).masses.log2() for part, advance in walk]
            bits[weights] = -float(torch.cat(parts, 1).mean())
    finally:
        del model.cpu_weights
    assert bits["int16"] == pytest.approx(bits["float32"], rel=0.005)

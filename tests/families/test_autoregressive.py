"""WaveNet: causal, normalised, exactly invertible; and its samples have its distribution."""

import itertools
import math

import pytest
import torch

from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.autoregressive.distribution import (
    guarded,
    latents_of_tails,
    log_probability,
    pick,
    tail_of_symbol,
    tails_of_latents,
)
from dgm_audio.families.autoregressive.lpc_prior import (
    LPCPrior,
    edges_of,
    first_bias,
    log_masses,
    negative_log_likelihood,
)
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.reference import ReferenceSampler
from dgm_audio.signal.differential import DifferentialMuLaw
from dgm_audio.signal.mel import MelSpec

SIZES = {"width": 16, "skip": 16, "cycles": 2, "depth": 3, "frame": 8}


def wavenet(seed=0, **settings) -> WaveNet:
    """A small model with weights large enough that every part matters."""
    torch.manual_seed(seed)
    model = WaveNet(WaveNetConfig(**(SIZES | settings))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def sound(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 0.5


@pytest.mark.parametrize("output", ["categorical", "logistics"])
def test_no_symbol_depends_on_itself_or_on_what_follows(output):
    """Zero Jacobian of every output with respect to the inputs that come after it."""
    model = wavenet(output=output, levels=15, components=3)
    codes = torch.randint(0, 15, (1, 24, 6))
    bias = model.conditioner({}, torch.zeros(1, dtype=torch.long), 3)
    inputs = model.network.embed(codes).detach().requires_grad_(True)
    model.network.embed = lambda _: inputs
    head = model.network(codes, bias, 8)
    for t in (0, 7, 15):
        (gradient,) = torch.autograd.grad(head[0, t].sum(), inputs, retain_graph=True)
        assert bool(gradient[0, t].any())  # input t is symbol t - 1
        assert not gradient[0, t + 1 :].any()


def test_all_at_once_and_step_by_step_agree():
    model = wavenet(classes=("a", "b"))
    symbols = model.symbols(sound(2, 1, 200))
    condition = {"class": torch.tensor([0, 1])}
    parallel = model.log_masses(model.step_inputs(symbols), condition, slice(0, 200)).softmax(-1)
    sampler = ReferenceSampler(model, 2)
    bias = model.conditioner(condition, torch.zeros(2, dtype=torch.long), 25)
    with torch.no_grad():
        for t in range(200):
            one = sampler.log_masses(bias[:, t // 8]).softmax(-1)
            torch.testing.assert_close(one, parallel[:, t], atol=1e-5, rtol=1e-4)
            sampler.symbol = symbols[:, t]
            sampler.x = model.codec.decode(symbols[:, : t + 1])[:, -1]
            sampler.predictor.update(sampler.x)


def test_what_is_known_before_a_symbol_does_not_depend_on_it_or_on_what_follows():
    model, symbols = wavenet(), torch.randint(100, 155, (1, 600))
    other = torch.cat([symbols[:, :300], 254 - symbols[:, 300:]], dim=1)
    inputs, changed = model.step_inputs(symbols), model.step_inputs(other)
    assert torch.equal(inputs.codes[:, :301], changed.codes[:, :301])
    assert torch.equal(inputs.prior.difference[:, :301], changed.prior.difference[:, :301])
    assert not torch.equal(inputs.codes[:, 301], changed.codes[:, 301])


def test_the_lpc_prior_sums_to_one_and_peaks_at_the_predicted_difference():
    edges = edges_of(DifferentialMuLaw().values())
    spread = torch.tensor([[0.01, 0.03, 0.1]] * 3)
    prior = LPCPrior(torch.tensor([0.1, -1e-4, 1.5]), spread)
    symbol = (edges[1:-1, None] <= prior.difference).sum(0)
    assert torch.equal(prior.codes(edges)[:, 0], symbol)
    assert prior.codes(edges)[0, 1:].tolist() == [37, 43, 50]  # 4 (log2 + 16)
    for mixture in (prior.mixture(), prior.corrected(first_bias("logistics", 12))):
        masses = mixture.masses(edges)
        torch.testing.assert_close(masses.sum(-1), torch.ones(3))
        assert torch.equal((masses / edges.diff()).argmax(-1), symbol)


def test_the_masses_of_the_lpc_prior_do_not_cancel_far_from_its_mean():
    edges = edges_of(DifferentialMuLaw().values())
    prior = LPCPrior(torch.zeros(1), torch.full((1, 3), 0.05))
    exact = LPCPrior(*(part.double() for part in prior)).mixture().masses(edges.double())
    found = prior.mixture().masses(edges).log()
    assert float(found.min()) < -15
    torch.testing.assert_close(found.double(), exact.log(), atol=2e-5, rtol=0)


def test_a_part_of_a_long_sound_is_scored_as_within_the_whole():
    model = wavenet()
    symbols = model.symbols(sound(1, 1, 300))
    inputs = model.step_inputs(symbols)
    whole = model.log_masses(inputs, {}, slice(0, 300))
    torch.testing.assert_close(model.log_masses(inputs, {}, slice(201, 290)), whole[:, 201:290])


@pytest.mark.parametrize("output", ["categorical", "logistics"])
def test_the_probabilities_of_all_sounds_sum_to_one(output):
    """Exact normalisation by enumeration: all 7^3 sounds of three samples."""
    model = wavenet(levels=7, emphasis=0.0, output=output, components=2)
    symbols = torch.tensor(list(itertools.product(range(7), repeat=3)))
    with torch.no_grad():
        total = model.log_prob(model.codec.decode(symbols)[:, None]).double().exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-5)


def test_samples_have_the_distribution_of_the_model():
    """A chi-square test of 4,000 samples of three samples each against log_prob."""
    model = wavenet(levels=5, emphasis=0.0)
    symbols = torch.tensor(list(itertools.product(range(5), repeat=3)))
    with torch.no_grad():
        expected = 4000 * model.log_prob(model.codec.decode(symbols)[:, None]).double().exp()
    drawn = model.symbols(model.sample(4000, seconds=3 / 16000, seed=1))
    places = (drawn * torch.tensor([25, 5, 1])).sum(1)
    found = torch.bincount(places, minlength=125).double()
    statistic = float(((found - expected).square() / expected).sum())
    assert statistic < 124 + 5 * math.sqrt(2 * 124)


@pytest.mark.parametrize("x", [sound(2, 1, 200), 2 * sound(2, 1, 200), torch.zeros(2, 1, 200)])
def test_encode_then_decode_is_the_identity_on_quantised_audio(x):
    model = wavenet(classes=("a", "b"))
    quantised = model.quantise(x)
    z = model.encode(x)
    assert torch.equal(model.decode(z), quantised)
    assert torch.equal(model.encode(quantised), z)
    assert float((quantised - x).abs().max()) < 0.05


def test_even_the_unlikeliest_sound_has_a_latent():
    """Logits of +-60 leave holes between likely symbols; the guard keeps them reachable."""
    model = wavenet()
    with torch.no_grad():
        model.network.head.weight.mul_(60)
    x = 1.9 * sound(2, 1, 400)
    assert torch.equal(model.decode(model.encode(x)), model.quantise(x))


def test_the_likelihood_of_a_sampler_is_log_prob():
    model = wavenet(classes=("a", "b"))
    x = sound(2, 1, 150)
    with torch.no_grad():
        exact = model.log_prob(x, {"class": "b"})
    symbols, condition = model.symbols(x), {"class": torch.tensor([1, 1])}
    steps = [advance(symbols=symbols[:, part]) for part, advance in model._walk(condition, 2, 150)]
    summed = torch.cat([block.masses for block in steps], dim=1).log().sum(1)
    torch.testing.assert_close(summed.float(), exact, atol=1e-2, rtol=1e-5)


def test_every_symbol_has_a_tail_that_picks_it():
    rng = torch.Generator().manual_seed(0)
    logits = 12 * torch.randn(40, 33, generator=rng)
    weights, symbols = guarded(logits), torch.randint(0, 33, (40,), generator=rng)
    tail, mass = tail_of_symbol(weights, symbols)
    assert torch.equal(pick(weights, tail), symbols)
    again = tails_of_latents(latents_of_tails(tail))
    assert torch.equal(pick(weights, again), symbols)
    torch.testing.assert_close(mass.log(), log_probability(logits.double(), symbols))


def test_a_latent_of_zero_picks_the_median_and_extremes_the_ends():
    weights = guarded(torch.tensor([[0.2, 0.2, 0.3, 0.3]]).log())
    picked = [int(pick(weights, tails_of_latents(torch.tensor([z])))) for z in (-30.0, 0.0, 30.0)]
    assert picked == [0, 2, 3]


def test_training_minimises_minus_the_log_probability_up_to_the_guard():
    rng = torch.Generator().manual_seed(0)
    edges = edges_of(DifferentialMuLaw().values())
    for output, size in (("categorical", 255), ("logistics", 24)):
        head = torch.randn(2, 30, size, generator=rng)
        prior = LPCPrior(torch.zeros(2, 30), torch.full((2, 30, 3), 0.5))
        masses = log_masses(head, prior, edges, output)
        drawn = torch.multinomial(masses.softmax(-1).flatten(0, 1), 1, generator=rng)
        symbols = drawn.view(2, 30)
        exact = -log_probability(masses, symbols).float()
        difference = (negative_log_likelihood(head, prior, edges, symbols, output) - exact).abs()
        assert float(difference.mean()) < 1e-2
        assert float(difference.max()) < 0.05  # at the rarest symbols


def test_a_mixture_of_logistics_sums_to_one_and_peaks_at_its_mean_in_units_of_the_long_error():
    head = torch.tensor([[0.0, -9.0, 3.0, -3.0, 2.0, 2.0]])  # weights, means, negative log-scales
    edges = edges_of(DifferentialMuLaw().values())
    prior = LPCPrior(torch.tensor([0.2]), torch.tensor([[0.01, 0.1, 1.0]]))
    masses = log_masses(head, prior, edges, "logistics").exp()
    assert float(masses.sum()) == pytest.approx(1, abs=1e-5)
    peak = int((masses / edges.diff()).argmax())
    assert edges[peak] <= 0.2 + 3 * 0.6 * 0.1 < edges[peak + 1]


def test_a_mel_condition_reaches_the_sound_and_too_few_frames_are_refused():
    model = wavenet(mel=MelSpec(16000, n_fft=64, hop=32, n_mels=20))
    x = sound(2, 1, 128)
    mel = model.mel(x)
    assert mel.shape == (2, 20, 5)
    z = model.noise(2, length=128, seed=0)
    made = model.decode(z, {"mel": mel})
    assert made.shape == (2, 1, 128)
    assert not torch.equal(made, model.decode(z, {"mel": mel.flip(2)}))
    assert torch.equal(model.decode(model.encode(x, {"mel": mel}), {"mel": mel}), model.quantise(x))
    with pytest.raises(InputError, match="has 5 frames; 161 samples need at least 6"):
        model.decode(model.noise(2, length=161, seed=0), {"mel": mel})


def test_a_model_without_mel_says_so_and_a_mel_of_another_rate_is_refused():
    with pytest.raises(InputError, match="no condition 'mel'"):
        wavenet().mel(sound(1, 1, 64))
    with pytest.raises(ConfigError, match="sample_rate is 22050"):
        wavenet(mel=MelSpec(22050))


def test_a_stream_in_blocks_is_the_whole_sound(monkeypatch):
    model = wavenet(classes=("a", "b"))
    whole = model.sample(2, seconds=300 / 16000, seed=3)
    monkeypatch.setattr("dgm_audio.families.autoregressive.model.BLOCK", 64)
    blocks = list(model.sample_blocks(2, seconds=300 / 16000, seed=3))
    assert [block.shape[2] for block in blocks] == [64, 64, 64, 64, 44]
    assert torch.equal(torch.cat(blocks, dim=2), whole)
    blocks = list(model.decode_blocks(model.noise(2, length=300, seed=3)))
    assert torch.equal(torch.cat(blocks, dim=2), whole)


def test_a_temperature_of_zero_takes_the_median_of_every_step():
    model = wavenet()
    x = model.sample(2, seconds=0.01, seed=0, temperature=0)
    assert torch.equal(x[0], x[1])


def test_an_even_number_of_levels_is_refused():
    with pytest.raises(ConfigError, match=r"config.levels is 256; it must be odd"):
        WaveNet(WaveNetConfig(levels=256))

"""Bits per sample on models whose entropy is known, and the baselines beside them."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from drum_sounds import Noise
from toys import ToyChain, ToyChainConfig, ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig
from vocoders import SMALL

from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import InputError
from dgm_audio.evaluation import (
    KEYS,
    MarkovChain,
    bits_per_sample,
    evaluate,
    likelihood,
    mean_bits,
    table,
    validation_bits,
    validation_metric,
)
from dgm_audio.evaluation.bootstrap import estimate
from dgm_audio.evaluation.likelihood import Likelihood, bits_of, dequantised
from dgm_audio.evaluation.linear_predictor import LinearPredictor, Pcm
from dgm_audio.families.flow.model import FlowConfig, InversionFlow
from dgm_audio.signal.companding import mu_law_decode, mu_law_encode
from dgm_audio.testing import check_generator

LENGTH = 512


class MuLaw(NamedTuple):
    """What the symbols of a chain stand for."""

    levels: int
    emphasis: float = 0.0

    def values(self):
        return mu_law_decode(torch.arange(self.levels), self.levels)

    def encode(self, x):
        return mu_law_encode(x, self.levels)

    def decode(self, symbols):
        return mu_law_decode(symbols, self.levels)


CLASSES = ("calm", "wild")


def entropy_rate(stay, levels):
    """Bits per symbol of a chain that stays, or jumps to one of the others."""
    return -stay * math.log2(stay) - (1 - stay) * math.log2((1 - stay) / (levels - 1))


def chain_clips(model, count, seed, labels=CLASSES):
    """Clips that the model makes of its classes in turn."""
    names = [labels[index % len(labels)] for index in range(count)]
    audio = model.sample(count, condition={"class": names}, seed=seed)
    return ClipSet.from_arrays(audio, model.audio.sample_rate, labels=names)


@pytest.fixture(scope="module")
def chain():
    model = ToyChain(ToyChainConfig(levels=8, length=LENGTH))
    model.codec = MuLaw(8)
    return model


@pytest.fixture(scope="module")
def splits(chain):
    sizes = {"train": 40, "test": 24, "unseen": 12, "validation": 24}
    made = (chain_clips(chain, count, seed) for seed, count in enumerate(sizes.values()))
    return Splits(**dict(zip(sizes, made, strict=True)))


# --- the Markov chain ----------------------------------------------------------------------------


def test_a_chain_of_a_hand_computed_case():
    # Counts: n_0 = n_1 = 2, n_2 = 1, n = 5; the pairs 0 0, 0 1 and 1 2, each once.
    fitted = MarkovChain(3).fit([np.array([0, 0, 1, 2]), np.array([1])])
    p = np.array([3, 3, 2]) / 8  # (n_b + 1) / (n + K)
    after_0 = (np.array([1, 1, 0]) + 2 * p) / (2 + 2)  # two kinds of symbols in two pairs
    after_1 = (np.array([0, 0, 1]) + 1 * p) / (1 + 1)
    after_2 = p  # nothing was seen after 2
    for first, after in enumerate((after_0, after_1, after_2)):
        for then in range(3):
            wanted = -math.log2(p[first]) - math.log2(after[then])
            assert fitted.bits(np.array([first, then])) == pytest.approx(wanted)
    assert fitted.bits(np.array([2])) == pytest.approx(2)
    assert fitted.bits(np.array([], np.int64)) == 0


def test_the_probabilities_of_all_sequences_sum_to_one():
    rng = np.random.default_rng(0)
    fitted = MarkovChain(3).fit([rng.integers(0, 2, 20)])
    sequences = np.stack(np.meshgrid(*[np.arange(3)] * 4)).reshape(4, -1).T
    assert sum(2 ** -fitted.bits(sequence) for sequence in sequences) == pytest.approx(1)


def test_an_unfitted_chain_is_uniform_and_fitting_again_starts_anew():
    sequence = np.array([0, 3, 3, 1])
    assert MarkovChain(4).bits(sequence) == pytest.approx(8)
    once = MarkovChain(4).fit([sequence])
    again = MarkovChain(4).fit([np.array([1, 2, 2])]).fit([sequence])
    assert again.bits(sequence) == once.bits(sequence) < 8


@pytest.mark.parametrize("symbols", [[0, 4], [-1, 0]])
def test_symbols_that_there_are_not_are_refused(symbols):
    with pytest.raises(InputError, match="0 to 3"):
        MarkovChain(4).fit([np.array(symbols)])


# --- bits per sample -----------------------------------------------------------------------------


def test_the_toy_keeps_the_contract(chain):
    assert check_generator(chain)


def test_a_model_of_the_very_process_needs_its_entropy(chain, splits):
    clips = splits.train
    bits = bits_per_sample(
        chain, clips.tensor(), torch.from_numpy(clips.lengths), torch.from_numpy(clips.labels),
        clips.classes,
    )  # fmt: skip
    for label, stay in ((0, 0.9), (1, 0.2)):
        rate = entropy_rate(stay, 8)
        wanted = (math.log2(8) + (LENGTH - 1) * rate) / LENGTH
        found = bits[clips.labels == label].mean()
        assert float(found) == pytest.approx(wanted, abs=0.05)  # 20 clips of 512 samples
    # A Markov chain that has to learn the process comes close, but not below.
    one = clips.subset(np.flatnonzero(clips.labels == 0))
    own, fitted = mean_bits(chain, one), MarkovChain(8)
    sequences = list(chain.symbols(one.tensor()).numpy())
    counted = sum(map(fitted.fit(sequences[:10]).bits, sequences[10:])) / (10 * LENGTH)
    assert own < counted < 1.1 * own


def test_only_valid_samples_count(chain, splits):
    audio, lengths = splits.test.tensor(), torch.full((24,), LENGTH)
    lengths[:3] = torch.tensor([1, 100, 0])
    labels = torch.from_numpy(splits.test.labels)
    bits = bits_per_sample(chain, audio, lengths, labels, CLASSES)
    changed = audio.clone()
    changed[0, :, 1:] = changed[1, :, 100:] = changed[2] = 0.7
    assert torch.equal(bits_per_sample(chain, changed, lengths, labels, CLASSES), bits)
    assert bits[0] == pytest.approx(3) and bits[2] == 0
    alone = bits_of(chain, audio[1:2, :, :100], {"class": CLASSES[labels[1]]})
    assert bits[1] == pytest.approx(float(alone))


def test_the_mean_is_over_samples_not_over_clips(chain, splits):
    clips = replace(splits.test.subset([0, 1]), lengths=np.array([500, 4]))
    first, second = (float(mean_bits(chain, clips.subset([row]))) for row in (0, 1))
    assert mean_bits(chain, clips) == pytest.approx((500 * first + 4 * second) / 504)


def test_batches_do_not_change_the_bits(chain, splits, monkeypatch):
    calls = []
    log_prob = ToyChain.log_prob
    monkeypatch.setattr(
        ToyChain, "log_prob", lambda self, x, c: calls.append(len(x)) or log_prob(self, x, c)
    )
    whole = mean_bits(chain, splits.test)
    monkeypatch.setattr(likelihood, "BATCH_SAMPLES", 5 * LENGTH)
    assert mean_bits(chain, splits.test) == pytest.approx(whole)
    assert calls == [24, 5, 5, 5, 5, 4]


def test_a_density_is_counted_at_16_bits_and_scaling_shows():
    """Of noise of deviation s a flow of the right shape needs log2(s sqrt(2 pi e) / step)."""
    flow = ToyFlow(ToyFlowConfig(hop=1, length=256))
    flow.log_scale.data.fill_(math.log(0.01))
    flow.bias.data.zero_()
    x = flow.sample(20, seed=0)
    wanted = math.log2(0.01 * math.sqrt(2 * math.pi * math.e) / (2 / 2**16))
    assert bits_of(flow, x).mean() == pytest.approx(wanted, abs=0.05)


def test_a_longer_clip_is_scored_up_to_the_longest():
    flow = ToyFlow(ToyFlowConfig(length=32, streams=False))
    clips = ClipSet.from_arrays(np.zeros((1, 1, 48), np.float32), 8000)
    assert mean_bits(flow, clips) == pytest.approx(float(bits_of(flow, torch.zeros(1, 1, 32))))


def test_a_model_without_likelihood_is_refused():
    with pytest.raises(InputError, match="'test-noise' have no exact likelihood"):
        bits_of(Noise(64), torch.zeros(1, 1, 64))


# --- the report and the judge --------------------------------------------------------------------


def test_the_figures_of_a_report(chain, splits):
    figures = Likelihood(chain, splits.train).figures(splits.unseen, "_unseen")
    values, ends = estimate(figures, {"reference_unseen": torch.arange(12)})
    assert set(values) == {f"{key}_unseen" for key in KEYS if "bits" in key}
    assert values["bits_per_sample_unseen"] == pytest.approx(mean_bits(chain, splits.unseen))
    assert values["bits_per_sample_uniform_unseen"] == 3
    markov = values["bits_per_sample_markov_unseen"]
    assert values["bits_per_sample_unseen"] < markov < 3  # one chain for both classes
    share = 1 - values["bits_per_sample_unseen"] / markov
    assert values["bits_below_markov_unseen"] == pytest.approx(share)
    linear = values["bits_per_sample_linear_unseen"]
    wanted = LinearPredictor(MuLaw(8)).bits(splits.unseen.tensor()[:, 0])
    assert linear == pytest.approx(float(wanted.mean()))
    share = 1 - values["bits_per_sample_unseen"] / linear
    assert values["bits_below_linear_unseen"] == pytest.approx(share)
    low, high = ends["bits_per_sample_unseen"]
    assert low < values["bits_per_sample_unseen"] < high


def test_evaluate_reports_the_bits_of_both_references(chain, splits):
    report = evaluate(chain, splits, n=8, progress=False)
    for clips, suffix in ((splits.test, ""), (splits.unseen, "_unseen")):
        assert report["bits_per_sample" + suffix] == pytest.approx(mean_bits(chain, clips))
        assert all(report[key] is not None for key in KEYS if "bits" in key)
    assert "bits per sample: 8 levels (uniform: 3.000), over the clips' valid samples" in table(
        report
    )


def test_a_density_has_no_markov_chain_and_other_models_nothing(splits):
    flow = Likelihood(ToyFlow(ToyFlowConfig(classes=CLASSES)), splits.train)
    assert set(flow.figures(splits.test, "")) == {
        "bits_per_sample",
        "bits_per_sample_uniform",
        "bits_per_sample_linear",
        "bits_below_linear",
    }
    assert flow.notes == [
        "bits per sample: a density at 16 bits (uniform: 16.000), over the clips' valid samples"
    ]
    other = Likelihood(Noise(LENGTH), splits.train)
    assert other.figures(splits.test, "") == {} and other.notes == []


def test_without_a_known_meaning_of_its_symbols_a_model_has_no_linear_baseline(splits):
    found = Likelihood(ToyChain(ToyChainConfig()), splits.train).figures(splits.test, "")
    assert "bits_per_sample_markov" in found and not [key for key in found if "linear" in key]


def test_linear_bits_count_the_valid_samples_of_each_clip(chain, splits):
    clips = splits.test.subset([0, 1, 2])
    lengths = np.array([500, 40, 0])
    audio = clips.tensor().clone()
    cut = ClipSet.from_arrays(audio, 8000, labels=["calm", "wild", "calm"])
    cut = replace(cut, lengths=lengths)
    figures = Likelihood(chain, splits.train).figures(cut, "")
    found = figures["bits_per_sample_linear"]({"reference": torch.ones(3).double()})
    bits = LinearPredictor(MuLaw(8)).bits(audio[:, 0])
    assert found == pytest.approx(float(bits[0, :500].sum() + bits[1, :40].sum()) / 540)


def test_linear_bits_of_a_density_are_an_average_over_channels():
    model = ToyFlow(ToyFlowConfig(length=256))
    model.audio = replace(model.audio, channels=2)
    model.log_prob = lambda x, condition: torch.zeros(len(x))
    x = torch.randn(4, 2, 256, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [[[0.1], [0.001]]]
    )
    clips = ClipSet.from_arrays(x, model.audio.sample_rate)
    figures = Likelihood(model, clips).figures(clips, "")
    found = figures["bits_per_sample_linear"]({"reference": torch.ones(4).double()})
    bits = LinearPredictor(Pcm(16)).bits(x.flatten(0, 1))
    assert found == pytest.approx(float(bits.mean())) and 6 < found < 14


def test_the_judge_takes_likelihood_where_there_is_one(chain, splits, capsys):
    judge = validation_metric(splits)
    worse = ToyChain(ToyChainConfig(levels=8, length=LENGTH))
    worse.logit.data.zero_()
    assert judge(chain) == pytest.approx(mean_bits(chain, splits.validation))
    assert judge(chain) == validation_bits(splits)(chain) < judge(worse)
    noise = Noise(LENGTH)
    noise.audio = replace(noise.audio, sample_rate=8000)
    assert judge(noise) != judge(noise.__class__(LENGTH // 2))  # still judged by its sounds
    assert not capsys.readouterr().err
    few = replace(splits, validation=splits.validation.subset([0]))
    assert validation_bits(few)(chain) == pytest.approx(mean_bits(chain, splits.train))
    assert "1 validation clips" in capsys.readouterr().err


def test_the_floor_of_a_likelihood_is_a_chain_or_a_uniform_density(chain, splits):
    judge = validation_metric(splits)
    assert judge.name(chain) == "bits per sample of validation recordings"
    name, floor = judge.floor(chain)
    report = Likelihood(chain, splits.train).figures(splits.validation, "")
    assert name == "a Markov chain" and judge(chain) < floor < 3
    counted = {"reference": torch.ones(len(splits.validation), dtype=torch.float64)}
    assert floor == pytest.approx(float(report["bits_per_sample_markov"](counted)))
    flow = ToyFlow(ToyFlowConfig(classes=CLASSES))
    assert judge.floor(flow) == ("a uniform density", 16)


def test_the_judge_looks_at_a_bounded_number_of_clips_of_all_classes(chain):
    audio = torch.zeros(1000, 1, 4)
    audio[-1] = 0.9
    clips = ClipSet.from_arrays(audio, 8000, labels=["calm"] * 999 + ["wild"])
    seen = []
    log_prob = chain.log_prob
    chain.log_prob = lambda x, condition: seen.append(x) or log_prob(x, condition)
    validation_bits(Splits(clips, clips, clips.subset([]), clips.subset([])))(chain)
    del chain.log_prob
    assert sum(map(len, seen)) == 128 and torch.cat(seen)[-1, 0, 0] == pytest.approx(0.9)


def test_the_table_has_the_bits_between_markov_and_nothing():
    report = {key: None for key in KEYS} | {"bits_per_sample": 2.5, "bits_per_sample_markov": 4.0}
    report |= {"bits_per_sample_linear": 3.125, "bits_below_linear": 0.2}
    report |= {"ci": {"bits_per_sample": [2.25, 2.75]}, "notes": []}
    report["counts"] = {"reference": 9, "reference_sounds": 9, "model": 9}
    report |= {"per_class": {}, "scale": {}}
    lines = table(report).splitlines()
    head, row = (line.split() for line in lines if line.startswith("bits per sample"))
    assert head == ["bits", "per", "sample", "2.500", "[2.250,", "2.750]"]
    assert row[-5:] == ["2.500", "[2.250,", "2.750]", "4.000", "lower"]
    assert ["of", "linear", "prediction", "3.125"] in [line.split() for line in lines]
    assert any("saved against linear prediction" in line and "0.200" in line for line in lines)


def test_a_bound_beside_a_likelihood_is_not_taken_for_it():
    model = ToyFactor(ToyFactorConfig())
    x = model.sample(2, seed=0)
    exact = -model.log_prob(dequantised(x)) / (24 * math.log(2)) + 15
    torch.testing.assert_close(bits_of(model, x), exact.detach().double())


def test_a_density_is_that_of_the_dequantised_sound():
    x = torch.zeros(2, 1, 4000)
    noisy = dequantised(x)
    assert torch.equal(noisy, dequantised(x))
    assert float(noisy.abs().max()) <= 2**-16 and float(noisy.std()) == pytest.approx(
        2**-15 / math.sqrt(12), rel=0.05
    )
    assert float(dequantised(torch.ones(1, 1, 99)).max()) == 1


def test_a_vocoder_is_given_the_mel_of_each_clip():
    """Of a flow whose noise has the size of the sound; the same clip twice costs the same."""
    model = InversionFlow(FlowConfig(SMALL, width=16, blocks=1, ahead=3, iterations=2))
    x = 0.1 * torch.randn(3, 1, 512, generator=torch.Generator().manual_seed(0))
    clips = ClipSet.from_arrays(x[[0, 1, 0]], 16000)
    nats = model.log_prob(dequantised(x[:2]), {"mel": model.mel(x[:2])}).detach()
    bits = -nats / 512 / math.log(2) + 15
    wanted = float(bits.sum() + bits[0]) / 3
    assert mean_bits(model, clips) == pytest.approx(wanted, abs=0.02)

"""The predictive flow: triangular, exactly invertible, the same in blocks and in any batch."""

import math

import pytest
import torch

from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.flow.flow import FlowConfig, PredictiveFlow
from dgm_audio.families.flow.sampler import Sampler
from dgm_audio.nn.conditioner import exact_biases
from dgm_audio.signal.mel import MelSpec
from dgm_audio.testing import check_generator

SIZES = {"group": 8, "width": 16, "skip": 24, "depth": 3, "hidden": 16, "predictor": 32}
MEL = MelSpec(16000, n_fft=256, hop=64, n_mels=20)


def flow(**settings) -> PredictiveFlow:
    """A small model whose every weight matters."""
    torch.manual_seed(0)
    model = PredictiveFlow(FlowConfig(**({"length": 800} | SIZES | settings))).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


VOCODER = {"mel": MEL, "clock": False, "envelope": 12}
KINDS = [{}, {"classes": ("a", "b")}, VOCODER]


def sound(batch: int, length: int) -> torch.Tensor:
    """A tone that comes and goes over noise (B, 1, T)."""
    rng = torch.Generator().manual_seed(0)
    t = torch.arange(length) / 16000
    tone = torch.sin(2 * math.pi * 220 * t) * torch.sin(2 * math.pi * 3 * t) ** 2
    return 0.3 * tone + 0.02 * torch.randn(batch, 1, length, generator=rng)


def condition(model: PredictiveFlow, x: torch.Tensor) -> dict:
    return {"mel": model.mel(x)} if model.front else {}


@pytest.mark.parametrize("settings", KINDS)
def test_it_keeps_the_contract(settings):
    check_generator(flow(**settings))


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("length", [1, 63, 64, 2500])
def test_decode_gives_back_what_was_encoded(settings, length):
    model, x = flow(**settings), sound(2, length)
    with torch.no_grad():
        z = model.encode(x, condition(model, x))
        again = model.decode(z, condition(model, x))
    assert float((again - x).abs().max()) < 1e-5


@pytest.mark.parametrize("settings", KINDS)
def test_through_time_and_all_at_once_find_the_same_latents(settings):
    model, x = flow(**settings), sound(2, 1500)
    given = model.condition.parse(condition(model, x), 2)
    with torch.no_grad():
        z = model.encode(x, condition(model, x))[:, 0]
        sampler, parts = Sampler(model, 2), []
        for start in range(0, 1500, 640):
            first, count = start // 64, -(-min(640, 1500 - start) // 64)
            bias = exact_biases(model.conditioner, given, 2, first, count)
            filters = model.envelope and model.envelope(given["mel"], first, count)
            block = x[:, 0, start : start + 640]
            parts.append(sampler.advance(bias, filters, block, back=True))
    torch.testing.assert_close(torch.cat(parts, dim=1), z, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("settings", KINDS)
def test_the_jacobian_is_triangular_with_the_diagonal_that_log_prob_sums(settings):
    """Differences in float64, over two hops of the prediction and of the envelope."""
    model, x = flow(**settings), sound(1, 320)
    given = model.condition.parse(condition(model, x), 1)
    with torch.no_grad():
        flat = x[:, 0].double()
        z, log_scale = model.transform(flat, given)
        for t in (0, 7, 8, 63, 127, 128, 200, 319):
            moved = flat.clone()
            moved[0, t] += 1e-6
            other, _ = model.transform(moved, given)
            assert torch.equal(other[:, :t], z[:, :t])
            slope = float(other[0, t] - z[0, t]) / 1e-6
            assert math.log(slope) == pytest.approx(-float(log_scale[0, t]), abs=1e-4)
        normal = torch.distributions.Normal(0, 1).log_prob(z)
        expected = (normal - log_scale).sum(1).float()
        torch.testing.assert_close(model.log_prob(x, condition(model, x)), expected)


@pytest.mark.parametrize("settings", KINDS)
def test_it_depends_neither_on_the_batch_nor_on_the_threads(settings):
    model, x = flow(**settings), sound(6, 700)
    z, given = model.noise(6, length=700, seed=0), condition(model, x)
    with torch.no_grad():
        whole = model.decode(z, given)
        alone = model.decode(z[4:5], {key: value[4:5] for key, value in given.items()})
    assert torch.equal(alone, whole[4:5])


def test_a_long_sound_is_made_block_by_block():
    model, x = flow(**VOCODER), sound(1, 20000)
    z = 0.7 * model.noise(1, length=20000, seed=0)
    with torch.no_grad():
        whole = model.decode(z, condition(model, x))
        blocks = list(model.decode_blocks(z, condition(model, x)))
    assert len(blocks) > 1
    assert torch.equal(torch.cat(blocks, dim=2), whole)


def test_parts_of_a_long_sound_are_scored_as_the_whole(monkeypatch):
    model, x = flow(), sound(1, 3000)
    with torch.no_grad():
        whole = model.log_prob(x)
        monkeypatch.setattr("dgm_audio.families.flow.flow.SCORED", 640)
        torch.testing.assert_close(model.log_prob(x), whole)


def test_silence_stays_silent():
    model = flow(**VOCODER)
    x = torch.zeros(1, 1, 2000)
    with torch.no_grad():
        made = model.decode(model.noise(1, length=2000, seed=0), {"mel": model.mel(x)})
    assert float(made.abs().max()) < 1e-3


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"group": 24}, "config.group is 24; it must divide 64"),
        ({"predictor": 20}, "config.predictor is 20; it must be a multiple of 16"),
        ({"mel": MelSpec(8000)}, "config.mel.sample_rate is 8000; it must be that of the model"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        flow(**settings)


def test_too_few_frames_and_a_missing_mel_are_refused():
    model, x = flow(**VOCODER), sound(1, 640)
    mel = model.mel(x)[:, :, :5]
    with pytest.raises(InputError, match="has 5 frames; 640 samples need at least 10"):
        model.encode(x, {"mel": mel})
    with pytest.raises(InputError, match="no condition 'mel'"):
        flow().mel(x)

"""The compiled sampler against the eager reference, and against itself, bit for bit."""

import numpy as np
import pytest
import torch
from small_models import shaken

from dgm_audio.errors import InputError
from dgm_audio.families.autoregressive.contract import Steps
from dgm_audio.families.autoregressive.distribution import latents_of_tails, tails_of_latents
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.network import POSITIONS
from dgm_audio.families.autoregressive.packing import code_starts
from dgm_audio.families.autoregressive.reference import ReferenceSampler
from dgm_audio.families.autoregressive.sampler import CompiledSampler
from dgm_audio.signal.companding import mu_law_encode


def wavenet(seed: int = 0, **config) -> WaveNet:
    """A model whose every weight matters."""
    torch.manual_seed(seed)
    return shaken(WaveNet(WaveNetConfig(**config)), 0.05)


def biases(model: WaveNet, batch: int, length: int) -> torch.Tensor:
    torch.manual_seed(length)
    count = model.conditioner.frames(length)
    return 0.3 * torch.randn(batch, count, len(model.network.layers), 2 * model.config.width)


def tails(batch: int, length: int, temperature: float = 1.0) -> torch.Tensor:
    torch.manual_seed(0)
    return tails_of_latents(temperature * torch.randn(batch, length))


def assert_equal(found: Steps, expected: Steps) -> None:
    for name, one, other in zip(Steps._fields, found, expected, strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    "width, skip, levels, output",
    [
        (16, 24, 255, "categorical"),
        (64, 128, 17, "categorical"),
        (72, 8, 1023, "categorical"),
        (16, 24, 255, "logistics"),
        (16, 24, 15, "categorical"),
        (16, 24, 33, "logistics"),
    ],
)
def test_it_does_what_the_reference_does(width, skip, levels, output) -> None:
    model = wavenet(
        width=width, skip=skip, levels=levels, output=output, cycles=2, depth=6, frame=32
    )
    bias, given = biases(model, 5, 200), tails(5, 200, temperature=1.5)
    found = CompiledSampler(model, 5).advance(bias, tails=given)
    expected = ReferenceSampler(model, 5).advance(bias, tails=given)
    assert torch.equal(found.symbols, expected.symbols)
    assert torch.equal(found.x, expected.x)
    middle = 0.5 - found.tails.abs() < 1e-6  # from either side: 0.5 and -0.5 are one tail
    signed = torch.where(middle, expected.tails.abs().copysign(found.tails), expected.tails)
    torch.testing.assert_close(found.tails, signed, atol=1e-7, rtol=1e-5)
    torch.testing.assert_close(found.masses, expected.masses, atol=1e-7, rtol=1e-5)
    assert len(found.symbols.unique()) > min(levels, 100) / 2


@pytest.fixture(scope="module")
def default() -> WaveNet:
    return wavenet(classes=("kick", "snare"))


@pytest.fixture(scope="module")
def sixteen(default) -> tuple[torch.Tensor, torch.Tensor, Steps]:
    """16 streams of the default size: biases, tails, and their steps."""
    bias, given = biases(default, 16, 320), tails(16, 320)
    return bias, given, CompiledSampler(default, 16, threads=1).advance(bias, tails=given)


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_does_not_depend_on_the_batch_or_the_threads(default, sixteen, batch, threads):
    bias, given, expected = sixteen
    part = slice(16 - batch, 16)
    sampler = CompiledSampler(default, batch, threads=threads)
    found = sampler.advance(bias[part], tails=given[part])
    assert_equal(found, Steps(*(values[part] for values in expected)))


@pytest.mark.parametrize("blocks", [[64, 256], [64] * 5, [256, 63]])
def test_it_does_not_depend_on_the_blocks(default, sixteen, blocks) -> None:
    bias, given, expected = sixteen
    sampler, start, parts = CompiledSampler(default, 3, threads=1), 0, []
    for length in blocks:
        frames = slice(start // 64, -(-(start + length) // 64))
        part = given[:3, start : start + length]
        parts.append(sampler.advance(bias[:3, frames], tails=part))
        start += length
    found = Steps(*(torch.cat(column, dim=1) for column in zip(*parts, strict=True)))
    assert_equal(found, Steps(*(values[:3, :start] for values in expected)))


@pytest.mark.parametrize("batch", [1, 6])
def test_scoring_is_the_same_arithmetic_as_sampling(default, sixteen, batch) -> None:
    bias, _, expected = sixteen
    sampler = CompiledSampler(default, batch, threads=2)
    found = sampler.advance(bias[:batch], symbols=expected.symbols[:batch])
    assert_equal(found, Steps(*(values[:batch] for values in expected)))
    again = CompiledSampler(default, 1)
    through = tails_of_latents(latents_of_tails(found.tails[:1]))
    assert_equal(again.advance(bias[:1], tails=through), Steps(*(v[:1] for v in expected)))


def sounds(length: int) -> torch.Tensor:
    """Noise at full scale, a decaying tone over faint noise, silence after a click (4, 1, T)."""
    torch.manual_seed(0)
    t = torch.arange(length) / 16000
    noise = torch.randn(length)
    tone = 0.8 * torch.exp(-20 * t) * torch.sin(2 * torch.pi * 180 * t) + 1e-3 * noise
    click = torch.zeros(length)
    click[3] = -1
    return torch.stack([noise.clamp(-1, 1), tone, click, 0.1 * noise])[:, None]


@pytest.mark.parametrize("weights", ["float32", "int16"])
def test_encode_finds_latents_that_decode_to_the_same_sound(default, weights, monkeypatch) -> None:
    monkeypatch.setattr(
        default, "sampler", lambda batch: CompiledSampler(default, batch, weights=weights)
    )
    x, labels = sounds(1000), {"class": ["kick", "snare", "kick", "snare"]}
    z = default.encode(x, labels)
    assert torch.equal(default.decode(z, labels), default.quantise(x))
    alone = default.decode(z[2:3], {"class": "kick"})
    assert torch.equal(alone, default.quantise(x)[2:3])


def test_it_scores_as_log_prob_does(default) -> None:
    x = sounds(700)
    symbols, condition = default.symbols(x), {"class": torch.zeros(4, dtype=torch.long)}
    blocks = [
        advance(symbols=symbols[:, part]) for part, advance in default._walk(condition, 4, 700)
    ]
    masses = torch.cat([block.masses for block in blocks], 1)
    expected = default.log_prob(x, {"class": [0] * 4})
    torch.testing.assert_close(masses.log().sum(1).float(), expected, rtol=1e-5, atol=1e-3)


def test_whole_weights_move_log_masses_little(default, sixteen) -> None:
    bias, _, expected = sixteen
    sampler = CompiledSampler(default, 16, weights="int16")
    found = sampler.advance(bias, symbols=expected.symbols)
    moved = (found.masses.log() - expected.masses.log()).abs()
    assert 0 < float(moved.mean()) < 1e-3 and float(moved.max()) < 0.02


def test_codes_of_samples_are_those_of_mu_law() -> None:
    starts = torch.from_numpy(code_starts())
    torch.manual_seed(0)
    below = torch.nextafter(starts, torch.tensor(-2.0))
    faint = torch.randn(1000) * 10.0 ** torch.linspace(-40, 0, 1000)
    x = torch.cat([starts, below, faint.clamp(-1, 1), torch.tensor([-1.0, 0.0, -0.0, 1.0])])
    found = np.searchsorted(starts.numpy(), x.numpy(), side="right")
    assert found.tolist() == mu_law_encode(x.double(), POSITIONS).tolist()


def test_numbers_for_the_benchmark(default) -> None:
    stack = CompiledSampler(default, 1).weights.stack
    assert stack.flops_per_step == 2 * (20 * 3 * 128 * 64 + 64 * 128 + 128 * 256)
    half = CompiledSampler(default, 1, weights="int16").weights.stack
    assert half.bytes_per_step == stack.bytes_per_step / 2
    past = 2 * (1 + 1 / 2 + 1 / 4 + 1 / 8) + 12 / 16
    assert stack.bytes_per_step == 4 * 64 * 128 * (40 + past + 1 + 4)


def test_a_symbol_that_there_is_not_is_refused(default) -> None:
    sampler = CompiledSampler(default, 1)
    for symbol in (-1, 255):
        with pytest.raises(InputError, match="from 0 to 254"):
            sampler.advance(biases(default, 1, 1), symbols=torch.tensor([[symbol]]))


def test_extreme_logits_stay_in_range() -> None:
    for output in ("categorical", "logistics"):
        model = wavenet(output=output, width=16, skip=16, depth=3)
        with torch.no_grad():
            model.network.head.bias.mul_(0).add_(torch.randn(len(model.network.head.bias)) * 1e4)
        bias, given = biases(model, 1, 64), tails(1, 64)
        found = CompiledSampler(model, 1).advance(bias, tails=given)
        assert 0 <= int(found.symbols.min()) <= int(found.symbols.max()) < 255
        assert bool(torch.isfinite(found.tails).all()) and bool((found.masses > 0).all())

"""The inversion flow: triangular, exactly invertible, the same in blocks and in any batch."""

import math

import pytest
import torch
from small_models import shaken

from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.flow.model import FlowConfig, InversionFlow, exact
from dgm_audio.families.flow.residual import coefficients, floored, latents_of, rounded
from dgm_audio.signal.mel import MelSpec
from dgm_audio.testing import check_generator

MEL = MelSpec(16000, n_fft=256, hop=64, n_mels=20)
SIZES = {"mel": MEL, "length": 800, "width": 24, "blocks": 2, "ahead": 4, "iterations": 3}


def flow(**settings) -> InversionFlow:
    """A small model whose every weight matters."""
    torch.manual_seed(0)
    return shaken(InversionFlow(FlowConfig(**(SIZES | settings))), 0.05)


def sound(batch: int, length: int) -> torch.Tensor:
    """A tone that comes and goes over noise (B, 1, T)."""
    rng = torch.Generator().manual_seed(0)
    t = torch.arange(length) / 16000
    tone = torch.sin(2 * math.pi * 220 * t) * torch.sin(2 * math.pi * 3 * t) ** 2
    return 0.3 * tone + 0.02 * torch.randn(batch, 1, length, generator=rng)


def condition(model: InversionFlow, x: torch.Tensor) -> dict:
    return {"mel": model.mel(x)}


def test_it_keeps_the_contract():
    check_generator(flow())


@pytest.mark.parametrize("length", [1, 63, 64, 9000])
def test_decode_gives_back_what_was_encoded(length):
    """To 18 bits, bit for bit, over more hops than the network reads at a time."""
    model, x = flow(), sound(2, length)
    given = condition(model, x)
    z = model.encode(x, given)
    assert torch.equal(model.decode(z, given), rounded(x))


def test_iterations_are_chaotic_and_rounding_makes_up_for_it():
    """A small change of a latent is soon as large as the sound; what is rounded away is gone."""
    model, x = flow(), rounded(sound(1, 9000))
    given = condition(model, x)
    z, other = model.encode(x, given), x.clone()
    moved = z.clone()
    moved[..., 100] += 0.1
    assert float((model.decode(moved, given) - x)[..., -1000:].abs().max()) > 0.01
    other[..., 5] += 0.4 / 2**18
    assert torch.equal(model.decode(model.encode(other, given), given), x)


def test_log_prob_sums_the_determinant_of_the_jacobian():
    """Differences in float64 over hops, of which the last is not whole."""
    model = flow().requires_grad_(False)
    x = rounded(sound(1, 300)).double()[:, 0]
    given = model.condition.parse(condition(model, x.float()[:, None]), 1)

    def latents(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([step.z for step in model.steps(given, 300, x=x)], dim=1)[0]

    z, jacobian, size = latents(x), torch.zeros(300, 300, dtype=torch.float64), 1e-6
    for t in range(300):
        moved = x.clone()
        moved[0, t] += size  # a quarter of a step of the rounding: what is past stays as it was
        jacobian[:, t] = (latents(moved) - z) / size
    normal = torch.distributions.Normal(0, 1).log_prob(z).sum()
    expected = float(normal + jacobian.slogdet().logabsdet)
    found = float(model.log_prob(x.float()[:, None], condition(model, x.float()[:, None])))
    assert found == pytest.approx(expected, abs=1e-2, rel=1e-6)


def test_latents_of_a_block_change_no_hop_before_theirs():
    model = flow()
    given = condition(model, sound(1, 640))
    z = model.noise(1, length=640, seed=0)
    for block in (0, 1, 4):
        moved = z.clone()
        moved[..., 32 + 64 * (block - 1) if block else 0] += 1
        changed = (model.decode(moved, given) != model.decode(z, given))[0, 0].nonzero()[0]
        assert int(changed) // 64 == max(block - 1, 0)


def test_it_does_not_depend_on_the_batch():
    model, x = flow(), sound(6, 700)
    z, given = model.noise(6, length=700, seed=0), condition(model, x)
    whole = model.decode(z, given)
    alone = model.decode(z[4:5], {key: value[4:5] for key, value in given.items()})
    assert torch.equal(alone, whole[4:5])


def test_a_long_sound_is_made_block_by_block():
    model, x = flow(), sound(1, 10000)
    z, given = 0.7 * model.noise(1, length=10000, seed=0), condition(model, x)
    blocks = list(model.decode_blocks(z, given))
    assert len(blocks) == 3
    assert torch.equal(torch.cat(blocks, dim=2), model.decode(z, given))


@pytest.mark.parametrize("count", [30, 64, 65, 130])
def test_the_network_gives_in_blocks_what_it_gives_at_once(count, monkeypatch):
    model, x = flow(), sound(1, count * 64)
    given, length = model.condition.parse(condition(model, x), 1), count * 64
    parts = list(model._predictions(exact(model.network), given, length))
    monkeypatch.setattr("dgm_audio.families.flow.model.BLOCK", 1000)
    whole = list(model._predictions(exact(model.network), given, length))
    assert len(parts) == len(whole) == count
    for part, other in zip(parts, whole, strict=True):
        for one, two in zip(part, other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-6, atol=0)


def test_frames_are_those_that_end_with_their_hop():
    """With true magnitudes a known sound's next hop is nearly what comes."""
    t = torch.arange(64 * 60) / 16000
    x = (0.3 * torch.sin(2 * math.pi * 500 * t) + 0.2 * torch.sin(2 * math.pi * 1700 * t)).double()
    model = flow(ahead=3, iterations=10)
    inversion = model.inversion(1)
    padded = torch.nn.functional.pad(x, (192, 64 * 4))
    frames = padded.unfold(0, 256, 64) * torch.hann_window(256, dtype=torch.float64)
    magnitudes, errors = torch.fft.rfft(frames).abs()[None], []
    ones = torch.ones(1, 1, 129, dtype=torch.float64)
    for hop, part in enumerate(x.split(64)):
        spectra = inversion.predict(magnitudes[:, hop : hop + 4])
        errors.append(float((inversion.weighted(spectra, ones)[0] - part).square().mean()))
        inversion.update(part[None])
    assert max(errors[20:50]) < 0.001 * float(x.square().mean())


def test_less_noise_is_not_less_sound():
    """Of white noise the level stays within 1.5 dB whatever the temperature."""
    torch.manual_seed(0)
    model = InversionFlow(FlowConfig(**SIZES)).eval()
    x = 0.1 * torch.randn(1, 1, 16000)
    levels = [
        float(model.decode(t * model.noise(1, length=16000, seed=1), condition(model, x)).std())
        for t in (0.0, 0.5, 1.0)
    ]
    assert 20 * abs(math.log10(max(levels) / min(levels))) < 1.5


def test_silence_stays_silent_and_makes_no_tone():
    """In no bin of a second is there a line above -70 dBFS."""
    model, x = flow(), torch.zeros(1, 1, 16000)
    for temperature in (0.0, 1.0):
        z = temperature * model.noise(1, length=16000, seed=0)
        made = model.decode(z, condition(model, x))[0, 0].double()
        window = torch.hann_window(16000, dtype=torch.float64)
        lines = torch.fft.rfft(made * window).abs() * 2 / window.sum()
        assert 20 * math.log10(float(lines.max())) < -70


@pytest.mark.parametrize("tail", [0.02, 0.5, 2.0])
def test_outliers_have_latents(tail):
    """There and back over ten deviations; the slope is autograd's; small ones are as they were."""
    z = torch.linspace(-10, 10, 101, dtype=torch.float64, requires_grad=True)
    gain, tail = torch.tensor(0.01).double(), torch.tensor(tail).double()
    made = coefficients(z, gain, tail)
    back, slope = latents_of(made, gain, tail)
    torch.testing.assert_close(back, z)
    torch.testing.assert_close(slope, torch.autograd.grad(made.sum(), z)[0])
    assert float(coefficients(torch.tensor(1e-3).double(), gain, tail)) == pytest.approx(1e-5)


def test_an_outlier_of_a_thousand_deviations_costs_little():
    """0.3 where the gain is 3e-4 takes 28 nats with b = 1; a Gaussian asks for half a million."""
    z, slope = latents_of(torch.tensor(0.3), torch.tensor(3e-4), torch.tensor(1.0))
    assert float(0.5 * z.square() + slope.log()) < 29.0 + math.log(0.3)


def test_gains_have_a_floor():
    assert float(floored(torch.zeros(1))) == pytest.approx(1e-5)
    assert float(floored(torch.ones(1))) == pytest.approx(1)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"mel": MelSpec(16000, n_fft=320, hop=64)}, "n_fft is 320 and its hop 64; frames must"),
        ({"classes": ("a", "b")}, "classes has names; a flow is a vocoder"),
        ({"vocoder": False}, "vocoder is false; a flow is a vocoder"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        flow(**settings)


def test_too_few_frames_are_refused():
    model, x = flow(), sound(1, 640)
    mel = model.mel(x)[:, :, :5]
    with pytest.raises(InputError, match="has 5 frames; 640 samples need at least 10"):
        model.encode(x, {"mel": mel})

"""The waveform GAN: its contract, its noise, its sizes and its speed."""

from dataclasses import replace

import pytest
import torch
from small_models import shaken
from torch.utils.flop_counter import FlopCounterMode

from dgm_audio.errors import ConfigError
from dgm_audio.families.gan.waveform import WaveformGAN, WaveformGANConfig
from dgm_audio.testing import check_generator

SMALL = WaveformGANConfig(
    sample_rate=8000,
    length=2048,
    classes=("a", "b"),
    latent=4,
    bands=4,
    style=16,
    widths=(16, 16, 8),
    blocks=(1, 1, 1),
)
SHIPPED_SIZE = WaveformGANConfig(classes=tuple("abcdefghijkl"))


def gan(config: WaveformGANConfig = SMALL) -> WaveformGAN:
    """A small model that is not silent, and whose blocks do something."""
    torch.manual_seed(0)
    return shaken(WaveformGAN(config), 0.1)


@pytest.mark.parametrize("changes", [{}, {"textured": False, "classes": ()}])
def test_it_keeps_the_contract(changes):
    check_generator(gan(replace(SMALL, **changes)))


@torch.no_grad()
def test_noise_is_decided_by_the_latent_and_can_be_left_out():
    model = gan()
    z, condition = model.noise(2, seed=0), {"class": torch.tensor([0, 1])}
    assert torch.equal(model.decode(z, condition), model.decode(z, condition))
    style = model.styled(model.code_of_latent(z[:, :, 0], condition["class"]), condition["class"])
    curves = model.pyramid.curves(model.pyramid(style), style)
    silent = model.rendered(curves, torch.zeros(2, 2048))
    torch.testing.assert_close(model.rendered(curves, None), silent)
    noisy = model.rendered(curves, torch.randn(2, 2048))
    assert float((noisy - silent).square().mean()) > 1e-6 * float(silent.square().mean())


@torch.no_grad()
def test_without_blocks_noise_is_white_at_the_level_asked_for():
    model = WaveformGAN(replace(SMALL, blocks=(0, 0, 0), length=16384)).eval()
    bands = model.config.bands
    model.pyramid.head.weight.zero_()
    model.pyramid.head.bias[2 * bands :] = -3.0
    style, labels = torch.zeros(8, 4), torch.zeros(8, dtype=torch.long)
    style = model.styled(style, labels)
    curves = model.pyramid.curves(model.pyramid(style), style)
    x = model.rendered(curves, torch.randn(8, 16384))
    assert float(x.std().log()) == pytest.approx(-3.0, abs=0.02)
    power = torch.fft.rfft(x[:, 256:-256]).abs().square().mean(0)[8:-8]
    eighths = [float(part.mean()) for part in power.chunk(8)]
    assert max(eighths) / min(eighths) < 1.25


def test_the_cost_of_a_sample_and_of_a_file_is_bounded():
    """So many multiplications, that a core at 40 GMAC/s makes 200 seconds of sound in one."""
    model = WaveformGAN(SHIPPED_SIZE).eval()
    assert sum(weight.numel() for weight in model.parameters()) < 8e6
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.decode(model.noise(1, seed=0))
    assert counter.get_total_flops() / 2 / model.config.length < 6000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 2050}, "multiple of 64"),
        ({"widths": ()}, "config.widths is"),
        ({"blocks": (1, 1)}, "it must be 3 numbers"),
        ({"bands": 3}, "config.bands is 3; it must be even"),
        ({"label": "<b>"}, "config.label is '<b>'; it must be an identifier"),
    ],
)
def test_sizes_that_do_not_fit_are_errors(changes, message):
    with pytest.raises(ConfigError, match=message):
        WaveformGAN(replace(SMALL, **changes))

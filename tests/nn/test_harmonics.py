"""A pitch as a source of harmonics: levels, frequencies, and what a head makes of them."""

import pytest
import torch

from dgm_audio.nn.harmonics import HARMONICS, HIGHEST, HarmonicSource, PitchFeatures, frequency
from dgm_audio.nn.istft_head import ISTFTHead, Voices
from dgm_audio.signal.stft import STFT

RATE, FRAMES = 16000, 64


def source() -> HarmonicSource:
    return HarmonicSource(RATE, STFT(512, 256), FRAMES)


@pytest.mark.parametrize("pitch", [24.0, 57.0, 69.3, 108.0])
def test_the_closed_form_is_the_sum_of_the_sines(pitch):
    given = torch.tensor([pitch])
    f0 = float(frequency(given))
    count = int(HIGHEST * RATE / 2 / f0)
    t = torch.arange(FRAMES * 256, dtype=torch.float64) / RATE
    k = torch.arange(1, count + 1, dtype=torch.float64)[:, None]
    slow = torch.sin(2 * torch.pi * k * f0 * t).sum(0)
    error = (source().audio(given)[0] - slow).abs().max()
    assert float(error) < 2e-3 * count  # float32 of a sine whose argument is up to 1,000 rad


def test_a_lone_harmonic_has_magnitude_one():
    spectrum = source()(torch.tensor([108.0])).spectrum  # 4,186 Hz: one harmonic below 7,600 Hz
    assert float(spectrum.abs()[0, :, 8:-8].amax(0).mean()) == pytest.approx(1.0, abs=0.1)


def test_features_of_neighbours_are_similar_and_of_far_pitches_are_not():
    features = PitchFeatures(24, 84)(torch.tensor([24.0, 25.0, 60.0, 84.0]))
    assert features.shape == (4, PitchFeatures.size)
    near, far = (features[1:] - features[0]).norm(dim=1)[[0, 2]]
    assert float(near) < 0.3 < 1.5 < float(far)
    assert features[:, 0].tolist() == pytest.approx([-1, -29 / 30, 0.2, 1])


@torch.no_grad()
def test_a_head_that_takes_harmonics_is_in_tune():
    """Whatever the network says, the strongest partials lie on multiples of the pitch."""
    torch.manual_seed(0)
    head = ISTFTHead(8, 512, 256, sourced=True)
    head.project.bias[: head.bins] = 4.0
    pitch = torch.tensor([62.0])
    frames = torch.zeros(1, FRAMES, 8)
    x = head(frames, torch.randn(1, FRAMES * 256), source()(pitch))[0]
    spectrum = torch.fft.rfft(x * torch.hann_window(len(x))).abs()
    strongest = spectrum.topk(12).indices.double() * RATE / len(x)
    off = (strongest / float(frequency(pitch)) + 0.5).remainder(1) - 0.5
    assert float((off * float(frequency(pitch))).abs().max()) < 3  # Hz
    assert float(strongest.min()) > 280


def test_the_levels_of_a_filtered_source_are_those_of_its_bins():
    torch.manual_seed(0)
    head = ISTFTHead(8, 512, 256, sourced=True)
    harmonics = source()(torch.tensor([62.0]))
    torch.nn.init.zeros_(head.project.weight)
    head.project.bias.data[-head.bins - 8 :] = -12.0  # no noise
    controls = head.controls(torch.zeros(1, FRAMES, 8), harmonics)
    loud = harmonics.spectrum.abs() > 0.1
    tones = controls.tones(torch.zeros(1, FRAMES * 256)).abs().log()
    torch.testing.assert_close(tones[loud], controls.log_magnitude()[loud], atol=0.1, rtol=0.02)


@pytest.mark.parametrize("pitch", [24.0, 60.3])
def test_each_harmonic_can_be_made_louder_alone(pitch):
    """Low ones, too, of which several lie in one bin."""
    gains = torch.zeros(1, HARMONICS, FRAMES)
    gains[:, 2] = 0.5
    given = torch.tensor([pitch])
    found = source()(given).weighted(gains)[0]
    f0 = float(frequency(given))
    t = torch.arange(FRAMES * 256, dtype=torch.float64) / RATE
    orders = [3, *range(HARMONICS + 1, int(HIGHEST * RATE / 2 / f0) + 1)]
    x = sum((0.5 if k == 3 else 1) * torch.sin(2 * torch.pi * k * f0 * t) for k in orders)
    stft = source().stft
    expected = stft(x.float()) * (2 / stft.window.sum())
    torch.testing.assert_close(found[:, 4:-4], expected[:, 4:-4], atol=1e-3, rtol=0)


def test_the_levels_of_harmonics_are_seen_where_bins_cannot_tell_them_apart():
    pitch = torch.tensor([30.0, 62.0])
    t = torch.arange(FRAMES * 256, dtype=torch.float64) / RATE
    f0 = frequency(pitch)[:, None]
    x = 0.3 * torch.sin(6 * torch.pi * f0 * t) + 0.01 * torch.sin(8 * torch.pi * f0 * t)
    levels = source().levels(x.float(), pitch)[:, :6, FRAMES // 2].exp()
    for found in levels.tolist():
        assert found[2:4] == pytest.approx([0.3, 0.01], rel=0.1)
        assert max(found[:2] + found[4:]) < 3e-3


def test_voices_wander_slowly_and_on_average_stay_where_they_are():
    harmonics = source()(torch.tensor([62.0]).expand(32))
    gains = torch.ones(32, HARMONICS, FRAMES)
    voices = Voices(harmonics, gains, 0.3 * gains)
    noise = torch.randn(32, FRAMES * 256, generator=torch.Generator().manual_seed(0))
    drawn = voices.spectrum(noise)
    peak = harmonics.spectrum.abs()[0, :, 20].argmax()
    ratio = (drawn / voices.spectrum())[:, peak]
    assert float(ratio.mean().abs()) == pytest.approx(1, abs=0.1)
    assert 0.2 < float((ratio - 1).abs().square().mean().sqrt()) < 0.5
    steps = ratio[:, 1:] - ratio[:, :-1]
    assert float(steps.abs().mean()) < 0.2 * float((ratio - 1).abs().mean()) * 2

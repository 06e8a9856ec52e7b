"""A pitch as a source of harmonics: levels, frequencies, and what a head makes of them."""

import pytest
import torch

from dgm_audio.nn.harmonics import HARMONICS, HIGHEST, HarmonicSource, PitchFeatures
from dgm_audio.nn.istft_head import ISTFTHead, WeightedHarmonics
from dgm_audio.signal.pitch import frequency
from dgm_audio.signal.stft import STFT

RATE, FRAMES = 16000, 64


def source() -> HarmonicSource:
    return HarmonicSource(RATE, STFT(512, 256), FRAMES)


def sines(pitch, orders):
    t = torch.arange(FRAMES * 256, dtype=torch.float64) / RATE
    k = torch.tensor([*orders], dtype=torch.float64)[:, None]
    return torch.sin(2 * torch.pi * k * float(frequency(torch.tensor([pitch]))) * t).sum(0).float()


def above(pitch):
    """Orders of the harmonics that do not stand one by one."""
    f0 = float(frequency(torch.tensor([pitch])))
    return range(HARMONICS + 1, int(HIGHEST * RATE / 2 / f0) + 1)


@pytest.mark.parametrize("pitch", [24.0, 41.3])
def test_the_closed_form_is_the_sum_of_the_sines(pitch):
    found, expected = source().audio(torch.tensor([pitch]))[0], sines(pitch, above(pitch))
    # float32 of a sine whose argument is up to 1,000 rad
    assert float((found - expected).abs().max()) < 2e-3 * len(above(pitch))


def test_above_the_first_harmonics_of_a_high_note_there_are_none():
    assert float(source().audio(torch.tensor([84.0])).abs().max()) == 0


def test_a_lone_harmonic_has_magnitude_one():
    harmonics = source()(torch.tensor([108.0]))  # 4,186 Hz: one harmonic below 7,600 Hz
    spectrum = harmonics.weighted(torch.ones(1, HARMONICS, FRAMES))
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
    head = ISTFTHead(8, 512, 256, with_source=True)
    head.project.bias[: head.bins] = 4.0
    pitch = torch.tensor([62.0])
    frames = torch.zeros(1, FRAMES, 8)
    x = head(frames, torch.randn(1, FRAMES * 256), source()(pitch))[0]
    spectrum = torch.fft.rfft(x * torch.hann_window(len(x))).abs()
    strongest = spectrum.topk(12).indices.double() * RATE / len(x)
    off = (strongest / float(frequency(pitch)) + 0.5).remainder(1) - 0.5
    assert float((off * float(frequency(pitch))).abs().max()) < 3  # Hz
    assert float(strongest.min()) > 280


@torch.no_grad()
def test_the_level_of_a_filtered_source_is_that_over_all_phases():
    torch.manual_seed(0)
    head = ISTFTHead(8, 512, 256, with_source=True)
    torch.nn.init.zeros_(head.project.weight)
    bias = head.project.bias.data.split(head.curves)
    bias[1].normal_()  # gains
    bias[2].fill_(-20.0)  # hardly any wandering
    bias[3].fill_(-12.0)  # no noise
    harmonics = source()(torch.tensor([40.0, 62.0]).repeat_interleave(100))
    controls = head.controls(torch.zeros(200, FRAMES, 8), harmonics)
    harmonic = controls.harmonic(torch.randn(200, FRAMES * 256))
    power = harmonic.abs().square().unflatten(0, (2, 100))
    drawn, expected = 0.5 * power.mean(1).log(), controls.log_magnitude()[::100]
    loud = expected > expected.amax((1, 2), keepdim=True) - 4
    assert float((drawn - expected)[loud].abs().mean()) < 0.1


@pytest.mark.parametrize("pitch", [24.0, 60.3])
def test_each_harmonic_can_be_made_louder_alone(pitch):
    """Low ones, too, of which several lie in one bin."""
    gains = torch.zeros(1, HARMONICS, FRAMES)
    gains[:, 2] = 0.5
    found = source()(torch.tensor([pitch])).weighted(gains)[0]
    stft = source().stft
    expected = stft(0.5 * sines(pitch, [3]) + sines(pitch, above(pitch))) * (2 / stft.window.sum())
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


def test_voices_wander_slowly_around_their_gains():
    harmonics = source()(torch.tensor([62.0]).expand(32))
    gains = torch.ones(32, HARMONICS, FRAMES)
    noise = torch.randn(32, FRAMES * 256, generator=torch.Generator().manual_seed(0))
    still, drawn = (
        WeightedHarmonics(harmonics, gains, depth * gains).spectrum(noise) for depth in (0, 0.3)
    )
    peak = still.abs()[0, :, 20].argmax()
    ratio = (drawn / still)[:, peak]
    assert float(ratio.mean().abs()) == pytest.approx(1, abs=0.1)
    deviation = float((ratio - 1).abs().square().mean().sqrt())
    assert 0.2 < deviation < 0.5
    assert float((ratio[:, 1:] - ratio[:, :-1]).abs().mean()) < 0.4 * deviation


def test_phases_are_those_of_the_noise():
    harmonics = source()(torch.tensor([62.0]).expand(2))
    voices = WeightedHarmonics(harmonics, *2 * [torch.ones(2, HARMONICS, FRAMES)])
    one, other = voices.spectrum(torch.randn(2, FRAMES * 256))
    assert float((one.abs() - other.abs()).abs().mean()) < 0.5 * float((one - other).abs().mean())
    same = voices.spectrum(torch.randn(1, FRAMES * 256).expand(2, -1))
    assert torch.equal(same[0], same[1])

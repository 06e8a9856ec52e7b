"""The flow's network: magnitudes that have the mel, from near frames only."""

import math

import torch
from small_models import shaken

from dgm_audio.families.flow.network import VocoderNetwork, between
from dgm_audio.signal.mel import LogMel, MelSpec

SPEC = MelSpec(16000, n_fft=256, hop=64, n_mels=20)


def mel_of_noise(frames: int) -> torch.Tensor:
    x = 0.1 * torch.randn(1, (frames - 1) * 64, generator=torch.Generator().manual_seed(0))
    return LogMel(SPEC)(x)


def network_of(updates: int = 3) -> VocoderNetwork:
    torch.manual_seed(0)
    return shaken(VocoderNetwork(LogMel(SPEC), 24, 2, updates), 0.05)


def test_between_interpolates():
    weights = between(torch.tensor([0.5, 2.5]), 4)
    found = weights @ torch.tensor([1.0, 3.0])
    torch.testing.assert_close(found, torch.tensor([1.0, 1.5, 2.5, 3.0]))


def test_updates_bring_magnitudes_to_the_mel():
    mel, errors = mel_of_noise(40), []
    for updates in (0, 3, 30):
        prediction = network_of(updates)(mel)
        found = (LogMel(SPEC).filters @ prediction.magnitudes.mT).log()
        errors.append(float((found - mel).abs().mean().detach()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_only_frames_within_reach_matter():
    network, mel = network_of(), mel_of_noise(60)
    moved = mel.clone()
    moved[..., 30] += 1
    before, after = network(mel), network(moved)
    for one, two in zip(before, after, strict=True):
        changed = (one != two).any(2)[0].nonzero()[:, 0]
        assert 30 - network.reach <= int(changed.min()) < int(changed.max()) <= 30 + network.reach
    changed = (before.gain != after.gain).any(2)[0].nonzero()[:, 0]
    assert int(changed.min()) == 30 - network.reach


def test_before_training_gains_are_the_level_of_white_noise():
    torch.manual_seed(0)
    prediction = VocoderNetwork(LogMel(SPEC), 24, 2, 3)(mel_of_noise(100))
    level = prediction.gain.detach().square().mean().sqrt()
    assert 20 * abs(math.log10(float(level) / 0.1)) < 1.5
    assert 0.3 < float(prediction.coherence.detach().mean()) < 0.4


def test_a_coherence_of_one_gives_finite_gradients():
    network = VocoderNetwork(LogMel(SPEC), 24, 2, 3)
    with torch.no_grad():
        network.noise.bias[:64] = 60.0  # a coherence that float32 cannot tell from 1
    prediction = network(mel_of_noise(4))
    assert float(prediction.gain.detach().max()) < 1e-6
    prediction.gain.sum().backward()
    assert bool(torch.isfinite(network.noise.bias.grad).all())

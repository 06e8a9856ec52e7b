"""Partials and noise: what the levels of a held sound become, and that blocks are the whole."""

import math

import pytest
import torch

from dgm_audio.nn.causal import History
from dgm_audio.nn.stream_head import BANDS, StreamControls, StreamHead

N_FFT, HOP, FRAMES, RATE = 1024, 256, 48, 16000


def head() -> StreamHead:
    torch.manual_seed(0)
    return StreamHead(8, 2, N_FFT, HOP).eval()


def sine(frequency: float, samples: int) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * frequency / RATE * torch.arange(samples).double()).float()


def drawn() -> tuple[StreamControls, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    tonal = torch.randn(2, FRAMES, 2, N_FFT // 2 + 1, generator=rng)
    noisy = torch.randn(2, 2, BANDS, FRAMES * HOP // BANDS, generator=rng) - 2
    return StreamControls(tonal, noisy), torch.randn(2, 2, FRAMES * HOP, generator=rng)


@pytest.mark.parametrize("size", [1, 3, 16])
@torch.no_grad()
def test_blocks_are_the_whole(size):
    model, (controls, noise) = head(), drawn()
    expected = model.harmonic(controls, History()) + model.noise(controls, noise, History())
    history, parts = History(), []
    for start in range(0, FRAMES, size):
        some = slice(start, start + size)
        steps = slice(start * HOP // BANDS, (start + size) * HOP // BANDS)
        part = StreamControls(controls.tonal[:, some], controls.noisy[..., steps])
        white = noise[..., start * HOP : (start + size) * HOP]
        parts.append(model.harmonic(part, history) + model.noise(part, white, history))
    torch.testing.assert_close(torch.cat(parts, dim=2), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frequency", [220.0, 1234.5, 5000.0])
@torch.no_grad()
def test_the_levels_of_a_held_sine_become_that_sine(frequency):
    """Within 1 Hz and half a decibel; phases are the head's own."""
    model, x = head(), sine(frequency, FRAMES * HOP)
    levels = model.frames.spectrum(x.expand(1, 2, -1), History()).abs().clamp_min(1e-5).log()
    silent = torch.full((1, 2, BANDS, FRAMES * HOP // BANDS), -14.0)
    made = model.harmonic(StreamControls(levels.transpose(1, 2), silent), History())
    held = made[0, 0, 4 * N_FFT : 10 * N_FFT]
    size = 2**18
    spectrum = torch.fft.rfft(held * torch.hann_window(len(held)), size).abs()
    assert float(spectrum.argmax()) * RATE / size == pytest.approx(frequency, abs=1)
    gain = held.square().mean() / sine(frequency, len(held)).square().mean()
    assert abs(10 * float(gain.log10())) < 0.5


@torch.no_grad()
def test_windows_of_a_sound_put_together_are_the_sound():
    frames, x = head().frames, torch.randn(1, 2, FRAMES * HOP)
    made = frames.sound(frames.spectrum(x, History()), History())
    late = N_FFT - HOP  # a frame ends with its hop, and sounds from its beginning on
    weight = 1.0  # Hann windows twice, four times over, sum up to a constant
    settled = made[..., N_FFT:-N_FFT]
    delayed = torch.nn.functional.pad(x, (late, 0))[..., : x.shape[2]]
    torch.testing.assert_close(settled, weight * delayed[..., N_FFT:-N_FFT], atol=1e-5, rtol=0)


@pytest.mark.parametrize("level", [0.0, -2.0])
@torch.no_grad()
def test_breath_has_the_level_that_is_asked_for(level):
    model, (controls, noise) = head(), drawn()
    flat = controls._replace(noisy=torch.full_like(controls.noisy, level))
    made = model.noise(flat, noise, History())[..., 1024:]
    assert float(made.square().mean().sqrt().log()) == pytest.approx(level, abs=0.05)


def test_gradients_pass_both_ways_to_sound():
    model, (controls, noise) = head(), drawn()
    some = StreamControls(*(part.clone().requires_grad_() for part in controls))
    sound = model.harmonic(some, History()) + model.noise(some, noise, History())
    sound.square().sum().backward()
    for part in some:
        assert part.grad is not None and bool(torch.isfinite(part.grad).all())
        assert float(part.grad.abs().sum()) > 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("frames", [1, 4, 40])
def test_compiled_and_in_torch_are_the_same(channels, frames):
    """Where gradients are asked for it goes through torch."""
    torch.manual_seed(0)
    model = StreamHead(10, channels, N_FFT, HOP).eval()
    with torch.no_grad():
        model.level.normal_()
        model.spread.uniform_(0.5, 5)
        model.project.weight.normal_()
    tokens, noise = torch.randn(2, frames, 10), torch.randn(2, channels, frames * HOP)
    outline = torch.randn(2, frames, channels * model.bins)
    expected = model.controls(tokens, outline)
    with torch.no_grad():
        compiled = model.controls(tokens, outline)
    assert expected.tonal.requires_grad and not compiled.tonal.requires_grad
    for found, wanted in zip(compiled, expected, strict=True):
        torch.testing.assert_close(found, wanted.detach(), atol=1e-4, rtol=1e-5)
    some = StreamControls(*(part.detach().clamp(-8, 0) for part in expected))
    sounds = []
    for learns in (True, False):
        with torch.set_grad_enabled(learns):
            history = History()
            for _ in range(2):  # the second has a past
                harmonic = model.harmonic(some, history)
                made = model.noise(some, noise, history)
            sounds.append((harmonic, made))
    for found, wanted in zip(*sounds, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
        assert float(wanted.abs().max()) > 1e-3

"""The pitch of tones that are known, and of sounds that have none."""

import pytest
import torch

from dgm_audio.signal.pitch import frequency, note_pitch

RATE = 22050


def note(pitch, seconds=0.8):
    time = torch.arange(int(RATE * seconds)) / RATE
    phase = 2 * torch.pi * frequency(torch.tensor(pitch)) * time
    return 0.2 * sum(torch.sin(k * phase) / k for k in (1, 2, 3)).float()


@pytest.mark.parametrize("pitch", [24.0, 36.4, 60.0, 84.0])
def test_a_tone_is_heard_to_a_tenth_of_a_semitone(pitch):
    assert note_pitch(note(pitch), RATE, 24, 84) == pytest.approx(pitch, abs=0.12)


def test_it_stays_within_the_range():
    assert 24 <= note_pitch(note(23.6), RATE, 24, 84) <= 24.2


def test_silence_and_noise_have_no_pitch():
    rng = torch.Generator().manual_seed(0)
    assert note_pitch(torch.zeros(RATE), RATE, 24, 84) is None
    assert note_pitch(torch.randn(RATE, generator=rng), RATE, 24, 84) is None

"""Loudness of blocks is that of the whole sound."""

import pytest
import torch

from dgm_audio.signal.loudness import measure_loudness
from dgm_audio.signal.loudness_meter import LoudnessMeter


def metered(x, rate, size):
    meter = LoudnessMeter(rate)
    for block in x.split(size, dim=1):
        meter.add(block)
    return meter.found()


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (11025, 1), (48000, 5)])
def test_blocks_measure_what_the_whole_does(rate, channels):
    rng = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(channels, 4 * rate, generator=rng)
    x[:, rate : 3 * rate] *= 0.01  # below the gate
    for size in (rate, 777):
        found, wanted = metered(x, rate, size), measure_loudness(x, rate)
        assert found.lufs == pytest.approx(wanted.lufs, abs=0.02)
        assert found.peak_dbfs == pytest.approx(wanted.peak_dbfs, abs=1e-6)
    assert metered(x / 2, rate, 777).lufs == pytest.approx(wanted.lufs - 6.02, abs=0.03)


def test_short_sounds_and_silence():
    x = 0.1 * torch.ones(1, 9600)
    assert metered(x, 48000, 1000) == measure_loudness(x, 48000)
    assert metered(torch.zeros(1, 96000), 48000, 4096).lufs == float("-inf")

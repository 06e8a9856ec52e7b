"""A scale for the AUC: the two-sample test of recordings that were changed in a known way.

    opus    through Opus at 64 kbit/s per channel
    noise   with white noise 30 dB below the clip's own power
    eq      1 dB louder above 1 kHz (a shelf one octave wide)

Each changed clip is set against its own recording, as a reconstruction is, so that the scale reads
off `two_sample_auc_reconstruction` directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.evaluation import bootstrap, opus
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.disk_cache import cached
from dgm_audio.evaluation.spectra import batches
from dgm_audio.evaluation.two_sample import TwoSampleTest

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

KBPS, NOISE_DB, EQ_DB, EQ_HZ = 64.0, 30.0, 1.0, 1000.0
TITLES = {
    "opus": f"Opus at {KBPS:g} kbit/s",
    "noise": f"white noise at -{NOISE_DB:g} dB",
    "eq": f"{EQ_DB:g} dB more above {EQ_HZ / 1000:g} kHz",
}
_BATCH = 16

Change = Callable[[Tensor, int], Tensor]
"""(clips (N, C, T), sample rate in Hz) -> the changed clips."""


def through_opus(x: Tensor, sample_rate: int) -> Tensor:
    """Clips (N, C, T) after Opus at 64 kbit/s per channel."""
    kbps = KBPS * x.shape[1]
    return torch.stack([opus.through_opus(clip, sample_rate, kbps).audio for clip in x])


def with_noise(x: Tensor, sample_rate: int) -> Tensor:
    """Clips (N, C, T) with white noise 30 dB below the mean power of each."""
    rng = torch.Generator().manual_seed(0)
    level = x.square().mean((1, 2), keepdim=True).sqrt() * 10 ** (-NOISE_DB / 20)
    return x + level * torch.randn(x.shape, generator=rng)


def with_eq(x: Tensor, sample_rate: int) -> Tensor:
    """Clips (N, C, T), 1 dB louder above 1 kHz, without delay."""
    length = x.shape[2]
    hertz = torch.fft.rfftfreq(length, 1 / sample_rate)
    octaves = (hertz / EQ_HZ).clamp_min(1e-6).log2()
    gain = 10 ** (EQ_DB / 20 * (octaves + 0.5).clamp(0, 1))
    return torch.fft.irfft(torch.fft.rfft(x) * gain, n=length)


CHANGES: dict[str, Change] = {"opus": through_opus, "noise": with_noise, "eq": with_eq}


def auc_scale(
    clips: ClipSet,
    features: ClipFeatures,
    *,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, tuple[float, float, float]]:
    """AUC and its 95 % interval for every change that can be made; cached beside the clips.

    Args:
        clips: recordings.
        features: of the clips.
        seed: of the halvings and the bootstrap.
        progress: takes the number of clips that are done.
    """

    def work() -> dict[str, np.ndarray]:
        found = {}
        for name, change in CHANGES.items():
            if name == "opus" and opus.hindrance(1, KBPS):
                continue
            area = _area(clips, features, change, seed, progress)
            if area is not None:
                found[name] = np.array(area)
        return found

    found = cached(clips, "scale", [clips.sample_rate, seed], work)
    numbers = {name: values.tolist() for name, values in found.items()}
    return {name: (auc, low, high) for name, (auc, low, high) in numbers.items()}


def _area(
    clips: ClipSet,
    features: ClipFeatures,
    change: Change,
    seed: int,
    progress: Callable[[int], None],
) -> tuple[float, float, float] | None:
    """AUC and interval; None where it is not defined, as with clips of one sound only."""
    parts = []
    for part in batches(clips.audio, _BATCH):
        made = change(part, clips.sample_rate)
        parts.append(
            ClipFeatures.of(
                made, torch.zeros(len(part)), clips.sample_rate, embeddings={}, parts=("patterns",)
            )
        )
        progress(len(part))
    patterns = torch.cat([part.patterns for part in parts])
    test = TwoSampleTest(
        patterns, features.patterns, features.clusters, features.clusters, paired=True, seed=seed
    )

    def area(weights: bootstrap.Weights) -> float:
        own = weights["clips"]
        return test(own, own).auc(own, own)

    values, intervals = bootstrap.estimate({"auc": area}, {"clips": features.clusters}, seed=seed)
    if "auc" not in intervals:
        return None
    low, high = intervals["auc"]
    return values["auc"], min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)

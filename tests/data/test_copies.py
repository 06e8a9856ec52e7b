"""Copies are found by their sound, and different sounds are not taken for copies."""

from __future__ import annotations

import time

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, examine, load_clips, near_copies
from dgm_audio.data.copies import SAME_DB, _close_pairs, compute, same_sounds
from dgm_audio.signal.resampling import resample

RATE = 44100
CONFIG = ClipConfig(sample_rate=RATE, length=RATE // 2)


def struck(seed: int, take: int = 0) -> np.ndarray:
    """A kick, snare, hi-hat or tom of half a second; the noise of another take is another."""
    drum, noise = np.random.default_rng(seed), np.random.default_rng([seed, take])
    time = np.arange(RATE // 2) / RATE
    body = np.sin(2 * np.pi * drum.uniform(60, 300) * time) * np.exp(-drum.uniform(5, 20) * time)
    hiss = np.fft.rfft(noise.standard_normal(len(time)))
    hiss[: len(hiss) * (seed % 4 == 2) // 4] *= 0.03
    snap = np.fft.irfft(hiss, len(time)) * np.exp(-drum.uniform(10, 40) * time)
    sound = (1, 0.6, 0, 0.8)[seed % 4] * body + (0.05, 0.4, 1, 0.3)[seed % 4] * snap
    return 0.7 * sound / np.abs(sound).max()


def at_rate(sound: np.ndarray, rate: int) -> np.ndarray:
    import torch

    return resample(torch.from_numpy(sound)[None], RATE, rate)[0].numpy()


@pytest.mark.parametrize("seed", range(4))
def test_encodings_levels_rates_and_shifts_of_a_sound_are_one(record, folder, store, seed) -> None:
    sound = struck(seed)
    for name in ("a.wav", "b.flac", "c.ogg", "d.mp3"):
        record(name, sound, RATE)
    record("quiet.wav", 0.1 * sound, RATE)
    record("late.wav", np.concatenate([np.zeros(150), sound]), RATE)
    record("stereo.wav", np.stack([sound, sound], axis=1), RATE)
    record("dat.wav", at_rate(sound, 48000), 48000)
    if seed % 4 != 2:  # a hi-hat is another sound without its highs
        record("low.wav", at_rate(sound, 16000), 16000)
    record("other.wav", struck(seed + 4), RATE)
    clips = load_clips(folder, CONFIG, cache_dir=store, progress=False)
    found = dict(zip(clips.files, near_copies(clips).tolist(), strict=True))
    assert found.pop("other.wav") not in found.values()
    assert len(set(found.values())) == 1, found
    report = examine(folder, CONFIG)
    assert report.distinct == {"sound": 2} and [len(one) for one in report.near] == [len(found)]


def test_names_make_no_copies(record, folder) -> None:
    """Takes of a clap and hits that only share a name: each is a sound, grouped for a split."""
    for take in range(4):
        record(f"clap{take + 1:02}.wav", struck(1, take), RATE)
    for number, name in enumerate(("hit1", "hit2", "hit3", "hit_hard")):
        record(f"{name}.wav", struck(20 + number), RATE)
    report = examine(folder, CONFIG)
    assert report.distinct == {"sound": 8} and report.near == ()
    assert {f"clap{take:02}.wav" for take in (1, 2, 3, 4)} in map(set, report.takes)
    assert '"take_groups"' in report.to_json()


def test_hits_of_one_drum_are_told_apart() -> None:
    """Noise is never the same twice: 24 hits of a snare and 24 of a hi-hat are 48 sounds."""
    hits = np.stack([struck(seed, take) for seed in (1, 2) for take in range(24)])
    prints = compute(hits[:, None].astype(np.float32), RATE)
    assert len(set(same_sounds(prints, RATE, [RATE] * 48).tolist())) == 48
    doubled = np.concatenate([prints, prints])
    assert same_sounds(doubled, RATE, [RATE] * 96).tolist() == [*range(48)] * 2


def test_the_coarse_look_misses_no_pair() -> None:
    """The pairs are those that a comparison of all cells of all pairs finds."""
    rng = np.random.default_rng(0)
    bases = rng.integers(0, 200, (12, 32 * 21))
    prints = np.clip(bases[rng.integers(0, 12, 40)] + rng.normal(0, 5.3, (40, 32 * 21)), 0, 255)
    prints = prints.astype(np.uint8)
    first, second, _ = _close_pairs(prints, 32)
    cells = np.minimum((prints - prints.min(1, keepdims=True).astype(float)) / 5, 40)
    active = np.maximum((cells < 39).sum(1), 8)
    gaps = np.square(cells[:, None] - cells[None]).sum(-1) / np.maximum(active, active[:, None])
    wanted = {(i, j) for i, j in zip(*np.nonzero(gaps <= SAME_DB**2), strict=True)}
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == wanted
    assert 40 < len(wanted) < 40 * 40 / 6


def test_thousands_of_clips_are_compared_in_seconds() -> None:
    rng = np.random.default_rng(0)
    prints = rng.integers(0, 200, (3000, 64 * 30)).astype(np.uint8)
    prints[1500:] = prints[:1500]
    start = time.process_time()
    found = same_sounds(prints, RATE, [RATE] * 3000)
    assert found.tolist() == [*range(1500)] * 2
    assert time.process_time() - start < 5


def test_silence_and_clips_of_one_sample_do_no_harm() -> None:
    clips = np.zeros((4, 1, 2000), np.float32)
    clips[2:, 0, 5] = 1
    found = same_sounds(compute(clips, 8000), 8000, [8000, 4000, 8000, 4000])
    assert found.tolist() == [0, 0, 1, 1]
    assert len(same_sounds(compute(clips[:0], 8000), 8000, [])) == 0
    assert len(compute(np.ones((1, 2, 16), np.float32), RATE)) == 1

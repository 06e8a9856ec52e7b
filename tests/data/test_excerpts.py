from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from dgm_audio.data import ClipConfig, ClipSet, Manifest, load_clips
from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.excerpts import Excerpts
from dgm_audio.data.windows import load_windows
from dgm_audio.errors import DataError, InputError
from dgm_audio.training.order import batch_rows, step_seed

from .sounds import RATE, hit

CONFIG = ClipConfig(sample_rate=RATE, length=1000, channels=2, normalize="none", trim_silence=False)
SIZES = {"a.wav": 9500, "b.wav": 3000, "c.wav": 700}
"""Samples of each recording; the last is shorter than a clip."""


@pytest.fixture
def clips(record, folder, store) -> ClipSet:
    """Stereo recordings whose samples tell where they are from: a ramp, and its negative."""
    for number, (name, size) in enumerate(SIZES.items()):
        ramp = (1 + 10_000 * number + np.arange(size)) / 2**15
        record(name, np.stack([ramp, -ramp], axis=1))
    return load_windows(Manifest.from_folder(folder), CONFIG, cache_dir=store, progress=False)


def begins(windows: torch.Tensor) -> np.ndarray:
    """(recording, first sample) of each window of `clips`."""
    first = (windows[:, 0, 0] * 2**15).round().to(int).numpy() - 1
    return np.stack([first // 10_000, first % 10_000], axis=1)


@pytest.mark.parametrize("length", [1, 300, 700, 999, 1000, 1001, 2600])
def test_a_window_is_one_stretch_of_one_recording_in_both_channels(clips, length):
    rows = np.arange(len(clips))
    sizes = list(SIZES.values())
    for seed in range(10):
        windows = Excerpts(clips, length).tensor(rows, seed)
        for window, (number, first) in zip(windows, begins(windows), strict=True):
            count = min(length, sizes[number])
            ramp = (1 + 10_000 * number + first + torch.arange(count)) / 2**15
            assert first + count <= sizes[number]
            assert torch.equal(window[:, :count], torch.stack([ramp, -ramp]))
            assert not window[:, count:].any()


def test_each_clip_gives_a_window_of_its_own_recording(clips):
    windows = Excerpts(clips, 500).tensor(np.arange(len(clips)), seed=3)
    names = list(SIZES)
    assert [names[number] for number, _ in begins(windows)] == list(clips.files)


def test_windows_begin_everywhere_and_equally_often(clips):
    rows = np.flatnonzero(np.array(clips.files) == "a.wav")
    excerpts = Excerpts(clips, 2000)
    found = [begins(excerpts.tensor(rows, seed))[:, 1] for seed in range(800)]
    starts = np.sort(np.concatenate(found))
    latest = SIZES["a.wav"] - 2000
    assert starts.max() <= latest
    shares = (np.arange(len(starts)) + 0.5) / len(starts)
    assert np.abs(starts / latest - shares).max() < 0.02
    assert (starts == latest).mean() < 0.005  # the end is no favourite


def test_windows_are_a_function_of_seed_and_step(clips):
    excerpts = Excerpts(clips, 1500)

    def batch(seed, step, size=4):
        rows = batch_rows(len(clips), size, step, seed)
        return excerpts.tensor(rows, step_seed(seed, step, rank=0))

    assert torch.equal(batch(0, 7), batch(0, 7))
    assert not torch.equal(batch(0, 7), batch(0, 8))
    assert not torch.equal(batch(0, 7), batch(1, 7))
    rows = batch_rows(len(clips), 4, 0, seed=0)
    few, all_of_them = excerpts.tensor(rows[:2], 5), excerpts.tensor(rows, 5)
    assert torch.equal(few, all_of_them[:2])


def test_the_order_of_the_clips_and_another_process_change_nothing(clips):
    rows = np.arange(len(clips))
    shuffled = np.random.default_rng(0).permutation(len(clips))
    whole = Excerpts(clips, 1500).tensor(rows, 4)
    again = pickle.loads(pickle.dumps(Excerpts(clips.subset(shuffled), 1500)))
    assert torch.equal(again.tensor(np.argsort(shuffled), 4), whole)


def test_one_side_of_a_split_is_enough(clips):
    files = np.array(clips.files)
    side = clips.subset(np.flatnonzero(files == "b.wav"))
    assert set(begins(Excerpts(side, 1500).tensor([0, 1, 2], 0))[:, 0]) == {1}


def test_parts_without_the_rest_are_an_error(clips, record, folder, store):
    with pytest.raises(InputError, match=r"a\.wav have 8550 samples, the file 9500; windows"):
        Excerpts(clips.subset(np.arange(1, len(clips))), 500)
    record("d.wav", hit(1, 1.0))
    found = load_clips(folder, replace(CONFIG, normalize="peak"), cache_dir=store, progress=False)
    with pytest.raises(InputError, match="whole recordings"):
        Excerpts(found, 500)


def test_clips_in_memory_give_the_same_windows(clips):
    here = replace(clips, audio=ClipArray(clips.audio[:]))
    rows = np.arange(len(clips))
    assert torch.equal(Excerpts(here, 1500).tensor(rows, 2), Excerpts(clips, 1500).tensor(rows, 2))


@pytest.mark.parametrize("damage", ["cut off", "gone"])
def test_a_cache_that_is_damaged_meanwhile_is_one_line(clips, damage):
    excerpts = Excerpts(clips, 1500)
    if damage == "gone":
        clips.audio.path.unlink()
    else:
        clips.audio.path.write_bytes(clips.audio.path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"audio\.npy cannot be read: ") as caught:
        excerpts.tensor(np.arange(len(clips)), 0)
    assert "\n" not in str(caught.value)


def test_a_window_has_samples(clips):
    with pytest.raises(InputError, match="length is 0; a window has at least 1"):
        Excerpts(clips, 0)

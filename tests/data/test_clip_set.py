from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.specs import Classes, Scalar

from .sounds import RATE, hit, small_set, tone


def notes(pitches: list[float | None], labels: list[str]) -> ClipSet:
    audio = np.random.default_rng(0).standard_normal((len(labels), 1, 8)).astype(np.float32)
    return ClipSet.from_arrays(audio, RATE, labels=labels, pitches=pitches, label_name="instrument")


def test_pitches_follow_the_clips() -> None:
    clips = notes([60, 61.5, None], ["organ", "bass", "bass"])
    assert clips.pitches.dtype == np.float32 and clips.label_name == "instrument"
    np.testing.assert_array_equal(clips.pitches, [60, 61.5, np.nan])
    np.testing.assert_array_equal(clips.subset([2, 1]).pitches, [np.nan, 61.5])
    copies = ClipSet.from_arrays(np.zeros((2, 1, 8)), RATE, pitches=[50, 51])
    assert copies.unique().pitches.tolist() == [50.0]


def test_every_slice_of_a_file_has_its_pitch(record, folder, config, store) -> None:
    record("a.wav", np.tile(np.concatenate([hit(0), np.zeros(2400)]), 3))
    record("b.wav", tone(440, 0.2))
    manifest = Manifest(folder, (Entry("a.wav", pitch=50.0), Entry("b.wav", pitch=69.0)))
    first = load_clips(manifest, config, cache_dir=store, progress=False)
    again = load_clips(manifest, config, cache_dir=store, progress=False)
    assert not first.report.cached and again.report.cached
    for clips in (first, again):
        assert clips.pitches.tolist() == [50.0, 50.0, 50.0, 69.0]


def test_a_cache_that_knows_no_pitches_stays_valid(record, folder, config, store) -> None:
    """Pitches come from the manifest, so the cached index has none."""
    record("a.wav", hit(0))
    plain = load_clips(Manifest(folder, (Entry("a.wav"),)), config, cache_dir=store)
    (index,) = store.rglob("index.json")
    assert "pitch" not in json.loads(index.read_text())["files"][0]
    pitched = Manifest(folder, (Entry("a.wav", pitch=60.0),))
    found = load_clips(pitched, config, cache_dir=store)
    assert np.isnan(plain.pitches).all() and found.report.cached
    assert found.pitches.tolist() == [60.0]


def test_condition_spec_has_what_tells_the_clips_apart() -> None:
    spec = notes([60.5, 71.2], ["organ", "bass"]).condition_spec
    assert dict(spec) == {
        "instrument": Classes(("bass", "organ")),
        "pitch": Scalar(60.0, 72.0, "MIDI number", 60.0),
    }
    assert not notes([None, None], ["bass", "bass"]).condition_spec
    assert list(notes([60, None], ["organ", "bass"]).condition_spec.fields) == ["instrument"]
    assert list(notes([60, 61], ["bass", "bass"]).condition_spec.fields) == ["pitch"]


@pytest.mark.parametrize(
    ("pitches", "default"), [([24, 84], 60), ([70.5, 80], 70), ([24, 35.5], 36)]
)
def test_the_default_pitch_lies_in_the_range(pitches: list[float | None], default: int) -> None:
    field = notes(pitches, ["bass", "bass"]).condition_spec.fields["pitch"]
    assert isinstance(field, Scalar) and field.default_value == default


def test_both_sides_of_a_split_agree_on_the_spec() -> None:
    clips = notes([24, 60, 84], ["organ", "bass", "bass"])
    assert clips.subset([1]).condition_spec == clips.condition_spec
    assert clips.subset([]).condition_spec == clips.condition_spec


def test_condition_is_parsed_by_its_own_spec() -> None:
    clips = notes([24, 60.25, 84], ["organ", "bass", "bass"])
    found = clips.condition([2, 0])
    assert found["instrument"].dtype == torch.int64 and found["instrument"].tolist() == [0, 1]
    assert found["pitch"].dtype == torch.float32 and found["pitch"].tolist() == [84.0, 24.0]
    parsed = clips.condition_spec.parse(found, 2)
    assert all(torch.equal(parsed[name], value) for name, value in found.items())
    assert clips.condition(np.array([], dtype=np.int64))["pitch"].shape == (0,)


def test_condition_has_the_fields_of_the_spec_only() -> None:
    plain = ClipSet.from_arrays(np.zeros((2, 1, 8)), RATE)
    assert plain.condition([0]) == {} and plain.label_name == "class"
    named = replace(plain, manifest=Manifest(Path(), plain.manifest.entries, label_name="word"))
    assert named.label_name == "word" and not named.condition_spec


def test_clip_array_indexes_like_an_array(tmp_path) -> None:
    whole = np.random.default_rng(0).standard_normal((7, 2, 5)).astype(np.float32)
    np.save(tmp_path / "a.npy", whole)
    rows = np.array([4, 0, 6, 6, 1])
    for array in (ClipArray(whole, rows), ClipArray(tmp_path / "a.npy", rows)):
        reference = whole[rows]
        assert array.shape == reference.shape and array.ndim == 3 and array.dtype == np.float32
        for index in (0, -1, slice(1, 3), [2, 0], np.array([True, False] * 2 + [True]), ...):
            np.testing.assert_array_equal(array[index], reference[index])
        for index in ((0, 1), (slice(None), 0), (slice(1, 4), 1, 2), ([0, 3], 0, slice(2))):
            np.testing.assert_array_equal(array[index], reference[index])
        np.testing.assert_array_equal(np.asarray(array), reference)
        np.testing.assert_array_equal(np.stack(list(array)), reference)
        np.testing.assert_array_equal(array.take(np.array([1, 0]))[:], reference[[1, 0]])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[:], reference)
        array[0][:] = 0
        np.testing.assert_array_equal(array[0], reference[0])


def test_a_pickled_set_on_disk_holds_no_sound(record, folder, config, store) -> None:
    small_set(record)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    part = found.subset([1, 2])
    assert part.audio[0].any(), "the file is open"
    packed = pickle.dumps(part)
    assert len(packed) < found.audio[:].nbytes / 4
    np.testing.assert_array_equal(pickle.loads(packed).audio[:], found.audio[1:3])


def test_subset_and_tensor() -> None:
    audio = np.random.default_rng(0).standard_normal((4, 1, 8)).astype(np.float32)
    whole = ClipSet.from_arrays(audio, RATE, labels=["a", "b", "a", "b"], groups=list("wxyz"))
    part = whole.subset([3, 0])
    assert part.groups == ("z", "w") and part.labels.tolist() == [1, 0]
    assert part.classes == whole.classes and len(part.subset([])) == 0
    assert torch.equal(part.tensor(), torch.from_numpy(audio[[3, 0]]))
    assert torch.equal(part.tensor([1]), torch.from_numpy(audio[[0]]))
    assert part.manifest_hash != whole.manifest_hash


def test_unique_keeps_the_first_of_equal_sounds(record, folder, config, store) -> None:
    for name, seed in (("a.wav", 0), ("b.flac", 0), ("c.wav", 1)):
        record(name, np.round(hit(seed) * 2**15) / 2**15)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    assert found.files == ("a.wav", "b.flac", "c.wav")
    assert found.unique().files == ("a.wav", "c.wav")

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.data import splits as module
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.copies import near_copies
from dgm_audio.data.splits import Splits, split_clips
from dgm_audio.data.takes import link, stem, take_groups
from dgm_audio.errors import DataError, InputError

from .sounds import RATE, hit, tone, too_few

WORDS = ("Softest", "Soft", "Med", "Hard", "Hardest")


def drum(seed: int, velocity: int) -> np.ndarray:
    """One drum, struck harder: louder, brighter, longer."""
    rng = np.random.default_rng(seed)
    pitch, noise = np.exp(rng.uniform(4, 8)), rng.standard_normal(1600)
    time = np.arange(1600) / RATE
    body = np.cos(2 * np.pi * pitch * time) * np.exp(-time * rng.uniform(5, 60))
    snap = noise * np.exp(-time * rng.uniform(5, 90)) * rng.uniform(0.01, 0.3)
    return (0.1 + 0.08 * velocity) * (body + (0.6 + 0.2 * velocity) * snap) / 2


@pytest.fixture
def kits(record, folder, config, store) -> ClipSet:
    """Four kits of six drums in three classes, five velocities each."""
    rows = ["path,label,group"]
    for kit in range(4):
        for number in range(6):
            label = ("kick", "snare", "tom")[number % 3]
            for velocity, word in enumerate(WORDS):
                name = f"kit{kit}/{label}{'AB'[number // 3]}-{word}.wav"
                record(name, drum(100 * kit + number, velocity))
                rows.append(f"{name},{label},kit{kit}")
    (folder / "list.csv").write_text("\n".join(rows))
    return load_clips(folder / "list.csv", config, cache_dir=store, progress=False)


def drums(*sides: ClipSet) -> set[str]:
    return {file.rsplit("-", 1)[0] for side in sides for file in side.files}


def held(split: Splits) -> list[ClipSet]:
    """What is held out: validation and test."""
    return [split.validation, split.test]


def all_of(name: str, split: Splits) -> set[str]:
    return {value for side in held(split) for value in getattr(side, name)}


def held_count(split: Splits) -> int:
    return len(split.validation) + len(split.test)


def test_velocity_layers_stay_together_and_all_strata_are_on_both_sides(kits) -> None:
    for seed in range(5):
        split = split_clips(kits, seed=seed)
        assert not drums(split.train) & drums(*held(split))
        assert len(split.train) + held_count(split) == len(kits) and len(split.unseen) == 0
        assert set(split.train.groups) == all_of("groups", split) == set(kits.groups)
        assert set(split.train.labels) == all_of("labels", split) == {0, 1, 2}
        assert 0.1 < held_count(split) / len(kits) < 0.4


def test_the_split_depends_on_seed_and_content_only(kits) -> None:
    first = split_clips(kits, seed=3)
    shuffled = kits.subset(np.random.default_rng(0).permutation(len(kits)))
    again = split_clips(shuffled, seed=3)
    assert set(first.validation.files) == set(again.validation.files)
    assert set(first.test.files) == set(again.test.files)
    others = {frozenset(all_of("files", split_clips(kits, seed=seed))) for seed in range(6)}
    assert len(others) > 1


def test_unseen_groups_are_whole_and_nothing_of_them_leaks(kits) -> None:
    split = split_clips(kits, unseen_groups=["kit1", "kit2"])
    assert set(split.unseen.groups) == {"kit1", "kit2"} and len(split.unseen) == 60
    assert not {"kit1", "kit2"} & {*split.train.groups, *all_of("groups", split)}
    assert split.notes == (too_few(held_count(split)),)


def test_copies_of_unseen_clips_are_left_out_and_said(record, folder, config, store) -> None:
    for index in range(10):
        record(f"a/{index}.wav", drum(index, 4))
        record(f"b/{index}.wav", drum(50 + index, 4))
    record("a/copied.wav", 0.5 * drum(53, 4))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    split = split_clips(clips, unseen_groups=["b"])
    used = {*split.train.files, *all_of("files", split), *split.unseen.files}
    assert "a/copied.wav" not in used and len(used) == 20
    assert "1 clips are copies or takes of clips of unseen groups" in split.notes[0]


def test_the_same_sound_in_two_groups_is_on_one_side(record, folder, config, store) -> None:
    for index in range(8):
        record(f"a/{index}.wav", drum(index, 4))
        record(f"b/{index}.flac", 0.3 * drum(index, 4))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    assert len(set(take_groups(clips))) == 8
    split = split_clips(clips, heldout=0.3)
    sides = [
        {"".join(filter(str.isdigit, file)) for file in files}
        for files in (split.train.files, all_of("files", split))
    ]
    assert not sides[0] & sides[1] and sides[1]


def test_near_copies_survive_level_time_and_codec(record, folder, config, store) -> None:
    base = drum(7, 2)
    record("a.wav", base)
    record("b.ogg", base)
    record("c.wav", np.concatenate([np.zeros(800), 0.2 * base]))
    record("d.wav", drum(8, 2))
    record("e.wav", tone(500, 0.2))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    a, b, c, d, e = take_groups(clips)
    assert a == b == c and len({a, d, e}) == 3


def test_many_sounds_of_one_name_are_no_layers(record, folder, config, store) -> None:
    for index in range(20):
        record(f"kick_{index:03}.wav", drum(index, 4))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    assert len(set(take_groups(clips))) > 12


def test_a_large_cluster_is_linked_more_strictly() -> None:
    """A chain of 60 prints, each 3 dB from the next only, with three exact copies in it."""
    prints = np.where(np.tri(60, 64, dtype=bool), -6, -30).astype(np.float32)
    prints[20:23] = prints[20]
    clusters = link(prints, ["."] * 60, [0] * 60, [f"{i}." for i in range(60)])
    assert len(set(clusters[20:23])) == 1 and len(set(clusters)) > 30
    short = link(prints[:10], ["."] * 10, [0] * 10, [f"{i}." for i in range(10)])
    assert len(set(short)) == 1


def test_fingerprints_are_kept_with_the_clips(kits, store, monkeypatch) -> None:
    first = take_groups(kits)
    assert len(list(store.rglob("fingerprints-*.npy"))) == 1
    monkeypatch.setattr("dgm_audio.data.takes.compute", lambda *_: pytest.fail("computed"))
    np.testing.assert_array_equal(take_groups(kits), first)
    part = np.array([5, 6, 70])
    first, second, third = take_groups(kits.subset(part))
    assert first == second != third


def test_of_a_small_part_only_its_own_fingerprints_are_computed(kits, store) -> None:
    few = kits.subset([5, 6, 70])
    alone = near_copies(few)
    assert not list(store.rglob("sounds-*.npy"))
    every = near_copies(kits)
    assert len(list(store.rglob("sounds-*.npy"))) == 1
    np.testing.assert_array_equal(near_copies(few), alone)
    assert (every[5] == every[6]) == (alone[0] == alone[1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 9)), min_size=2, max_size=60
    ),
    st.sampled_from([0.1, 0.2, 0.5]),
    st.integers(0, 100),
)
def test_rules_hold_for_any_clusters(
    clips: list[tuple[int, int, int]], share: float, seed: int
) -> None:
    """(group, class, cluster within both) of each clip; content is stubbed, not heard."""
    audio = np.arange(len(clips), dtype=np.float32).reshape(-1, 1, 1)
    data = ClipSet.from_arrays(
        audio, RATE, labels=[str(c) for _, c, _ in clips], groups=[str(g) for g, _, _ in clips]
    )
    numbers = {key: index for index, key in enumerate(sorted(set(clips)))}
    original = module.take_groups
    module.take_groups = lambda *_, **__: np.array([numbers[key] for key in clips])
    try:
        split = split_clips(data, heldout=share, seed=seed)
    finally:
        module.take_groups = original
    assert len(split.train) + held_count(split) == len(clips)
    if len(numbers) == 1:
        return
    train, chosen_by, reported_by = (
        {clips[int(file[:-4])] for file in part.files} for part in (split.train, *held(split))
    )
    out = chosen_by | reported_by
    assert not train & out and not chosen_by & reported_by
    clusters = {s: Counter(key[s] for key in numbers) for s in (0, 1)}
    for stratum, counts in clusters.items():
        assert {key[stratum] for key in train} == set(counts), "every stratum is trained on"
    for key in numbers:
        spare = all(counts[key[s]] > 1 for s, counts in clusters.items())
        if spare:
            for s in (0, 1):
                others = [k for k in train if k[s] == key[s]]
                can = any(all(sum(t[q] == k[q] for t in train) > 1 for q in (0, 1)) for k in others)
                assert not can or any(k[s] == key[s] for k in out)


def test_numbered_takes_of_a_small_folder_can_be_held_out(record, folder, config, store) -> None:
    for index in range(10):
        record(f"kick/take_{index}.wav", drum(index, 4))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    assert len(set(take_groups(clips))) == 2
    assert len(set(take_groups(clips, numbered=False))) > 6
    split = split_clips(clips)
    assert held_count(split) == 2 and "different sounds in: kick" in split.notes[0]


def test_words_of_loudness_are_believed_even_if_they_join_a_whole_class(
    record, folder, config, store
) -> None:
    for label in ("kick", "snare"):
        for velocity, word in enumerate(WORDS):
            record(f"{label}/{label}-{word}.wav", drum(ord(label[0]), velocity))
            record(f"{label}/other-{word}.wav", drum(ord(label[0]) + 50, velocity))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    split = split_clips(clips)
    assert split.notes == (too_few(held_count(split)),)
    assert not drums(split.train) & drums(*held(split))


def test_everything_alike_is_split_with_a_warning(record, folder, config, store) -> None:
    for index in range(10):
        record(f"{index}.wav", (0.1 + 0.05 * index) * tone(300, 0.2))
    clips = load_clips(folder, config, cache_dir=store, progress=False)
    split = split_clips(clips)
    assert held_count(split) == 2 and "flatter" in split.notes[0]


def test_too_little_to_hold_out_is_said() -> None:
    one = ClipSet.from_arrays(hit(0)[None, None], RATE)
    split = split_clips(one)
    assert len(split.train) == 1 and held_count(split) == 0
    assert "too little" in split.notes[0]
    assert split_clips(one, heldout=0).notes == ()


def test_wrong_arguments_are_one_line(kits) -> None:
    with pytest.raises(InputError, match=r"heldout is 0\.9"):
        split_clips(kits, heldout=0.9)
    with pytest.raises(DataError, match="'kit9' is not in the data; there are: kit0, kit1"):
        split_clips(kits, unseen_groups=["kit9"])
    with pytest.raises(DataError, match="name fewer"):
        split_clips(kits, unseen_groups=["kit0", "kit1", "kit2", "kit3"])
    with pytest.raises(DataError, match="no clips"):
        split_clips(kits.subset([]))


def test_stems_of_layer_names() -> None:
    assert stem("x/ForzeeStereo/Kick-3.wav") == stem("Kick-4.wav") == "kick"
    assert stem("SabianHatSemiOpen-Hardest.wav") == "sabianhatsemiopen"
    assert stem("tom_med 2.flac") == stem("TOM.wav") == "tom"
    assert stem("Softly.wav") == "softly"

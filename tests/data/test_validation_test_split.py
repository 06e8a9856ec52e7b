"""What chose a model never judges it: validation and test share no content, cluster or copy."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.data import validation_test_split as halves
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.copies import near_copies
from dgm_audio.data.recording_splits import split_recordings
from dgm_audio.data.sets import asterisk, gcin, hold_music, music, notes, tuxpaint, vocoder
from dgm_audio.data.sets.voices import held_out_tenth
from dgm_audio.data.splits import Splits, split_clips
from dgm_audio.data.takes import take_groups
from dgm_audio.data.validation_test_split import halved

from .sounds import too_few

RATE, LENGTH = 8000, 1600


@dataclass(frozen=True)
class Clip:
    """A clip to synthesise: one name of a sound is one sound, at any gain."""

    sound: str
    label: str
    group: str
    file: str
    gain: float = 1.0


def samples(clip: Clip) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(clip.sound.encode()))
    decay = np.exp(-np.arange(LENGTH) / RATE * rng.uniform(5, 60))
    colour = rng.standard_normal(4)
    return clip.gain * np.convolve(rng.standard_normal(LENGTH), colour, "same") * decay / 12


def clip_set(clips: Sequence[Clip]) -> ClipSet:
    """The clips; the content is that of the file."""
    audio = np.stack([samples(clip) for clip in clips])[:, None]
    labels, groups = [clip.label for clip in clips], [clip.group for clip in clips]
    files = tuple(clip.file for clip in clips)
    plain = ClipSet.from_arrays(audio, RATE, labels=labels, groups=groups)
    return replace(plain, files=files, content=files)


def recorded(label: str, group: str, files: int, parts: int = 1) -> list[Clip]:
    """So many files of so many parts, every part another sound."""
    return [
        Clip(f"{group} {file} {part}", label, group, f"{group}/{file}.wav")
        for file in range(files)
        for part in range(parts)
    ]


def echo(clip: Clip, like: Clip) -> Clip:
    """A near copy of a clip among those of another cluster."""
    return replace(like, sound=clip.sound, gain=0.4, file=f"{like.group}/echo.wav")


def drums() -> list[Clip]:
    """Five kits of 24 drums in two classes, each struck twice; a drum of one kit is in another."""
    struck = [
        Clip(f"{kit} {drum}", f"class{drum % 2}", f"kit{kit}", f"k{kit}d{drum}x{hit}.wav", gain)
        for kit in range(5)
        for drum in range(24)
        for hit, gain in enumerate((1.0, 0.3))
    ]
    return [*struck, echo(struck[0], struck[60]), echo(struck[60], struck[150])]


def speech(*held: str) -> list[Clip]:
    """Voices to hold out, of twelve sentences in three parts; one to train on; a Russian one."""
    voices = {**dict.fromkeys(held, "fr"), "Allison": "en", "IvrvoiceRU": "ru"}
    return [clip for group, label in voices.items() for clip in recorded(label, group, 12, 3)]


def repeated(clips: list[Clip]) -> list[Clip]:
    """One of the files begins with a near copy of another's beginning."""
    return [*clips, echo(clips[0], clips[-1] if len({c.group for c in clips}) == 1 else clips[20])]


def syllables() -> list[Clip]:
    """Twenty syllables of three tones of four initials; a held-out m sounds like a held-out b."""
    found = [
        Clip(f"{name}{final} {tone}", name, f"{name}{final}", f"{name}{final}/{tone}.ogg")
        for name in ("b", "m", "zh", "vowel")
        for final in range(20)
        for tone in range(3)
    ]
    held = set(gcin_held(found))
    first = {name: next(c for c in found if c.group in held and c.label == name) for name in "bm"}
    return [*found, echo(first["b"], first["m"])]


def gcin_held(found: list[Clip]) -> list[str]:
    labels = dict.fromkeys(clip.label for clip in found)
    return [g for n in labels for g in held_out_tenth(c.group for c in found if c.label == n)]


def presets() -> list[Clip]:
    names = [*notes.HELD_OUT[:6], *notes.UNSEEN[:2], "Grand"]
    found = [clip for name in names for clip in recorded(f"family of {name}", name, 6)]
    return [*found, echo(found[0], found[8])]


def pieces(names: Sequence[str], parts: int) -> list[Clip]:
    found = [clip for name in (*names, "other") for clip in recorded("music", name, 1, parts)]
    return [*found, echo(found[0], found[parts])] if len(names) > 1 else found


def long_files() -> list[Clip]:
    found = recorded("music", ".", 20, 3)
    return [*found, echo(found[0], found[0])]


Grouping = Callable[[ClipSet], Sequence[object]]


def by_takes(clips: ClipSet) -> Sequence[object]:
    return take_groups(clips).tolist()


def by_group(clips: ClipSet) -> Sequence[object]:
    return clips.groups


def by_file(clips: ClipSet) -> Sequence[object]:
    return clips.files


def long(clips: ClipSet) -> Splits:
    return split_recordings(clips, heldout=0.5)


def short(clips: ClipSet) -> Splits:
    return split_clips(clips, heldout=0.4)


SETS: dict[str, tuple[list[Clip], Callable[[ClipSet], Splits], Grouping]] = {
    "split_clips": (drums(), short, by_takes),
    "split_recordings": (long_files(), long, by_file),
    "one voice": (repeated(speech("June")), asterisk.prompt_splits, by_file),
    "two voices": (speech("June", "tuxpaint-da"), vocoder.vocoder_splits, by_group),
    "syllables": (syllables(), gcin.syllable_splits, by_group),
    "presets": (presets(), notes.note_splits, by_group),
    "pieces": (pieces(music.HELD_OUT, 6), music.track_splits, by_group),
}
"""A set for every splitter that halves: its clips, the splitter, and what must stay together."""


def rows(side: ClipSet) -> list[int]:
    return side.audio.rows.tolist()


def check_apart(clips: ClipSet, splits: Splits, clusters: Sequence[object]) -> None:
    """Raise if anything of validation, or what sounds like it, is in test."""
    ours, theirs = rows(splits.validation), rows(splits.test)
    assert min(len(ours), len(theirs)) >= 8
    copies = near_copies(clips.subset([*ours, *theirs]))
    assert not set(copies[: len(ours)]) & set(copies[len(ours) :]), "near copies"
    for names in (clips.content, clusters):
        assert not {names[row] for row in ours} & {names[row] for row in theirs}, "clusters"


@pytest.fixture(scope="module", params=SETS)
def made(request) -> tuple[ClipSet, Callable[[ClipSet], Splits], Sequence[object]]:
    found, splitter, grouping = SETS[request.param]
    clips = clip_set(found)
    return clips, splitter, grouping(clips)


def test_what_chose_never_judges(made) -> None:
    clips, splitter, clusters = made
    splits = splitter(clips)
    check_apart(clips, splits, clusters)
    sides = [rows(side) for side in (splits.train, splits.validation, splits.test, splits.unseen)]
    used = [row for side in sides for row in side]
    assert len(set(used)) == len(used)
    assert all(side == sorted(side) for side in sides)


def test_halving_by_clips_is_caught(made, monkeypatch) -> None:
    """A mutant that deals clips instead of clusters."""
    clips, splitter, clusters = made
    monkeypatch.setattr(
        halves, "_dealt", lambda held, _: (np.arange(len(held))[::2], np.arange(len(held))[1::2])
    )
    with pytest.raises(AssertionError, match=r"near copies|clusters"):
        check_apart(clips, splitter(clips), clusters)


@pytest.mark.parametrize(
    "name", ["split_recordings", "one voice", "syllables", "presets", "pieces"]
)
def test_halving_without_near_copies_is_caught(name, monkeypatch) -> None:
    """A mutant that looks at names only; the echoes are planted across the halves that it makes."""
    monkeypatch.setattr(halves, "_alike", lambda held: np.arange(len(held)))
    found, splitter, grouping = SETS[name]
    clips = clip_set(found)
    splits = splitter(clips)
    first, last = rows(splits.validation)[0], rows(splits.test)[-1]
    planted = clip_set([*found[:last], replace(found[last], sound=found[first].sound, gain=0.4),
                        *found[last + 1 :]])  # fmt: skip
    with pytest.raises(AssertionError, match="near copies"):
        check_apart(planted, splitter(planted), grouping(planted))
    monkeypatch.undo()
    check_apart(planted, splitter(planted), grouping(planted))


def test_the_halves_do_not_depend_on_the_order_of_the_files(made) -> None:
    clips, splitter, _ = made
    files = np.unique(clips.files)
    order = {file: place for place, file in enumerate(np.random.default_rng(0).permutation(files))}
    shuffled = clips.subset(np.argsort([order[file] for file in clips.files], kind="stable"))
    for side in ("train", "validation", "test", "unseen"):
        one, other = (getattr(splitter(given), side) for given in (clips, shuffled))
        assert sorted(rows(one)) == sorted(rows(other))


def test_a_voice_alone_is_halved_by_its_files_and_the_notes_say_so() -> None:
    splits = asterisk.prompt_splits(clip_set(speech("June")))
    assert splits.notes == ("validation and test share the voice June",)
    assert len(splits.validation) == len(splits.test) == 18
    splits = tuxpaint.word_splits(clip_set(speech("tuxpaint-da")))
    assert splits.notes == ("validation and test share the voice tuxpaint-da",)
    assert vocoder.vocoder_splits(clip_set(speech("June", "tuxpaint-da"))).notes == ()


def test_pauses_of_two_voices_are_no_copies_of_each_other() -> None:
    found = speech("June", "tuxpaint-da")
    silent = [replace(clip, gain=0.0) if " 1" in clip.sound[-2:] else clip for clip in found]
    splits = vocoder.vocoder_splits(clip_set(silent))
    assert len({*splits.validation.groups}) == len({*splits.test.groups}) == 1
    assert splits.notes == ()


def test_of_a_track_alone_the_two_ends_are_taken_with_a_gap() -> None:
    clips = clip_set([*pieces(hold_music.HELD_OUT, 19), *pieces(hold_music.UNSEEN, 3)[:3]])
    splits = hold_music.hold_splits(clips)
    assert rows(splits.validation) == list(range(9)) and rows(splits.test) == list(range(10, 19))
    assert splits.notes == ("validation and test share the track macroform-robot_dity",)
    assert len(splits.train) == 19 and len(splits.unseen) == 3


@pytest.mark.parametrize("count", [1, 15, 16])
def test_too_little_for_two_halves_all_chooses_and_the_note_is_plain(count) -> None:
    clips = clip_set(recorded("a", "kit", count))
    found = halved(clips, range(count), clips.files)
    if count == 16:
        assert len(found.validation) == len(found.test) == 8 and found.notes == ()
        return
    assert found.validation.tolist() == list(range(count)) and len(found.test) == 0
    assert found.notes == (too_few(count),)


def test_clusters_that_do_not_make_two_halves_all_choose() -> None:
    clips = clip_set(recorded("a", "kit", 30))
    found = halved(clips, range(30), [0] * 23 + [1] * 7)
    assert len(found.validation) == 30 and len(found.test) == 0 and len(found.notes) == 1
    nothing = halved(clips, [], clips.files)
    assert len(nothing.validation) == len(nothing.test) == 0 and nothing.notes == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2)), min_size=12, max_size=30
    )
)
def test_classes_are_as_even_as_their_clusters_allow(clusters) -> None:
    """(size, class, group) of each cluster."""
    members = [(index, label, group) for index, (size, label, group) in enumerate(clusters)
               for _ in range(size)]  # fmt: skip
    clips = ClipSet.from_arrays(
        np.random.default_rng(0).uniform(-1, 1, (len(members), 1, 8)).astype(np.float32),
        RATE,
        labels=[str(label) for _, label, _ in members],
        groups=[str(group) for _, _, group in members],
    )
    first, second = halves._dealt(clips, np.array([index for index, _, _ in members]))
    assert sorted([*first, *second]) == list(range(len(members)))
    sides = [{members[row][0] for row in half} for half in (first, second)]
    assert not sides[0] & sides[1] and len(sides[0]) <= len(sides[1])
    for label in {label for _, label, _ in clusters}:
        counts = [sum(members[row][1] == label for row in half) for half in (first, second)]
        assert abs(counts[0] - counts[1]) <= max(s for s, c, _ in clusters if c == label)
    largest = max(size for size, _, _ in clusters)
    assert abs(len(first) - len(second)) <= 4 * largest

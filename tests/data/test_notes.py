from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data import ClipConfig
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.sets import notes
from dgm_audio.data.sets.named import named_splits
from dgm_audio.data.sets.notes import FAMILIES, note_grid, note_manifest, render_notes
from dgm_audio.data.sets.soundfont import LENGTH, RATE, Stroke
from dgm_audio.errors import DataError
from dgm_audio.io import read_audio

from .tiny_soundfont import write_soundfont

HELD_OUT = (5, 11, 20, 26, 35, 41, 53, 57, 69, 73, 82, 93, 100, 107, 112)
UNSEEN = (6, 13, 29, 38, 42, 54, 60, 71, 79, 83, 92, 102, 105)
"""Programs of the presets that are held out and unseen in FluidR3 GM."""


class Clicks:
    """A renderer that gives clicks of heights key / 256 and program / 256, none below key 30."""

    name = "clicks"

    def __init__(self, broken: int = -1) -> None:
        self.rendered: list[int] = []
        self._broken = broken

    def __call__(self, program: int, strokes: Sequence[Stroke]) -> Iterator[np.ndarray]:
        self.rendered.append(program)
        for index, (key, _) in enumerate(strokes):
            if program == self._broken and index == 3:
                raise KeyboardInterrupt
            sound = np.zeros((2, LENGTH), np.float32)
            sound[:, 0] = key / 256 if key >= 30 else 1e-4
            sound[:, 1] = program / 256 if key >= 30 else 0
            yield sound


@pytest.fixture
def font(tmp_path: Path) -> Path:
    return write_soundfont(tmp_path / "tiny.sf2", {0: "Sine", 8: "Sine", 33: "Deep: Sine"})


@pytest.fixture
def few(monkeypatch) -> None:
    """A sixth of the notes of every program; each file that is written takes its time."""
    monkeypatch.setattr(notes, "note_grid", lambda program: note_grid(program)[::6])


@pytest.fixture
def clicks(few, monkeypatch) -> Clicks:
    found = Clicks()
    monkeypatch.setattr(notes, "find_renderer", lambda _: found)
    return found


def test_every_pitch_is_played_at_two_or_three_velocities() -> None:
    for program in notes.PROGRAMS:
        grid = note_grid(program)
        pitches = [pitch for pitch, _ in grid]
        assert set(pitches) == set(range(24 + program % 2, 85, 2))
        assert {pitches.count(pitch) for pitch in set(pitches)} == {2, 3}
        assert len(set(grid)) == len(grid) and grid == sorted(grid)
        assert {velocity for _, velocity in grid} == set(notes.VELOCITIES)


def test_the_trained_presets_of_each_family_play_every_pitch() -> None:
    unused = {*notes.NO_PITCH, *notes.TWINS, *HELD_OUT, *UNSEEN}
    for index, family in enumerate(FAMILIES):
        trained = set(range(8 * index, 8 * index + 8)) - unused
        played = {pitch for program in trained for pitch, _ in note_grid(program)}
        assert played == set(range(24, 85)), family


def test_one_preset_of_every_family_is_held_out_and_another_unseen() -> None:
    assert len(notes.HELD_OUT) == len(HELD_OUT) == len({number // 8 for number in HELD_OUT}) == 15
    assert len(notes.UNSEEN) == len(UNSEEN) == len({number // 8 for number in UNSEEN}) == 13
    assert not {*HELD_OUT, *UNSEEN} & {*notes.NO_PITCH, *notes.TWINS}
    lacking = {FAMILIES[i] for i in range(15)} - {FAMILIES[number // 8] for number in UNSEEN}
    assert lacking == {"organ", "percussive"}


def test_notes_are_files_with_family_preset_and_pitch(font, clicks, tmp_path) -> None:
    out = render_notes(font, tmp_path / "out", licence="CC0-1.0", programs=(0, 8, 33, 40))
    manifest = note_manifest(out)
    assert manifest.classes == FAMILIES and manifest.label_name == "instrument"
    assert {(e.label, e.group) for e in manifest.entries} == {
        ("piano", "Sine 0"),
        ("chromatic_percussion", "Sine 8"),
        ("bass", "Deep: Sine"),
    }
    assert {(e.licence, e.source) for e in manifest.entries} == {("CC0-1.0", "tiny.sf2")}
    for entry in manifest.entries[::4]:
        sound, rate = read_audio(manifest.locate(entry))
        assert rate == RATE and sound.shape == (1, LENGTH) and entry.pitch is not None
        height = entry.pitch / 256 * 10 ** (-5 / 20)
        assert float(sound[0, 0]) == pytest.approx(height, abs=2**-15)


def test_what_is_left_out_is_listed_with_its_reason(font, clicks, tmp_path) -> None:
    out = render_notes(font, tmp_path / "out", unused={0: "it is a twin"}, programs=(0, 8, 40))
    reasons = {item.path: item.reason for item in note_manifest(out).omitted}
    assert reasons.pop("000 Sine 0") == "it is a twin"
    assert reasons.pop("040") == "not in the soundfont"
    low = [note for note in notes.note_grid(8) if note[0] < 30]
    assert len(reasons) == len(low) > 0 and set(reasons.values()) == {"is silent"}
    assert clicks.rendered == [8]


def test_the_pitch_is_the_sounding_one(font, clicks, tmp_path) -> None:
    manifest = note_manifest(render_notes(font, tmp_path, offsets={8: 24}, programs=(8,)))
    assert len(manifest.omitted) and all(item.reason == "is silent" for item in manifest.omitted)
    for entry in manifest.entries:
        sound, _ = read_audio(manifest.locate(entry))
        assert entry.pitch is not None and 54 <= entry.pitch <= 84
        height = (entry.pitch - 24) / 256 * 10 ** (-5 / 20)
        assert float(sound[0, 0]) == pytest.approx(height, abs=2**-15)


def test_a_pitch_that_no_key_sounds_is_told_from_a_silent_one(font, clicks, tmp_path) -> None:
    out = render_notes(font, tmp_path, offsets={0: 30, 8: -50}, programs=(0, 8))
    reasons = {item.path: item.reason for item in note_manifest(out).omitted}
    for program, offset in ((0, 30), (8, -50)):
        keys = [pitch - offset for pitch, _ in notes.note_grid(program)]
        found = [reason for path, reason in reasons.items() if f"/{program:03}-" in path]
        outside = sum(not 0 <= key <= 127 for key in keys)
        assert outside > 0 and found.count("its key is outside 0 to 127") == outside
        assert found.count("is silent") == sum(0 <= key < 30 for key in keys)


@pytest.mark.parametrize("number", [-1, 120])
def test_a_program_beyond_the_families_is_an_error(font, clicks, tmp_path, number: int) -> None:
    with pytest.raises(DataError, match=f"program {number} is not one of 0 to 119"):
        render_notes(font, tmp_path / "out", programs=(0, number))
    assert not (tmp_path / "out").exists() and not clicks.rendered


def test_a_rendering_that_was_cut_short_goes_on(font, few, tmp_path, monkeypatch) -> None:
    first = Clicks(broken=8)
    monkeypatch.setattr(notes, "find_renderer", lambda _: first)
    with pytest.raises(KeyboardInterrupt):
        render_notes(font, tmp_path / "out")
    with pytest.raises(DataError, match=r"holds no notes\.csv; .* cut short"):
        note_manifest(tmp_path / "out")
    assert not list((tmp_path / "out").glob("chromatic*/*/*.flac"))
    second = Clicks()
    monkeypatch.setattr(notes, "find_renderer", lambda _: second)
    found = note_manifest(render_notes(font, tmp_path / "out"))
    assert (first.rendered, second.rendered) == ([0, 8], [8, 33])
    assert found.hash == note_manifest(render_notes(font, tmp_path / "whole")).hash


def test_notes_that_were_rendered_otherwise_are_never_taken_for_these(
    font, clicks, tmp_path, monkeypatch
) -> None:
    out = render_notes(font, tmp_path / "out", offsets={8: 24, 33: 0}, programs=(0, 8))
    before, rendered = note_manifest(out), clicks.rendered.copy()
    with pytest.raises(DataError, match=r"out were rendered with offsets {'8': 24}, now {'8': 12}"):
        render_notes(font, out, offsets={8: 12})
    other = write_soundfont(tmp_path / "other.sf2", {0: "Sine", 8: "Other", 9: "Sine"})
    with pytest.raises(DataError, match=r"with soundfont \w{64}, now \w{64}; give another folder"):
        render_notes(other, out, offsets={8: 24})
    with monkeypatch.context() as patch:
        patch.setattr(Clicks, "name", "clacks")
        patch.setattr(notes, "FORMAT", 2)
        with pytest.raises(DataError, match="format 1, now 2; renderer clicks, now clacks; give"):
            render_notes(font, out, offsets={8: 24})
    assert note_manifest(out) == before and clicks.rendered == rendered == [0, 8]
    render_notes(font, out, offsets={8: 24})
    assert clicks.rendered == [0, 8, 33] and len(note_manifest(out)) > len(before)


@pytest.mark.parametrize("said", [None, b"{", b"3"])
def test_notes_of_which_nothing_is_said_stay_and_are_not_added_to(
    font, clicks, tmp_path, said: bytes | None
) -> None:
    out = render_notes(font, tmp_path / "out", programs=(0,))
    before = note_manifest(out)
    (out / "rendering.json").unlink()
    if said is not None:
        (out / "rendering.json").write_bytes(said)
    with pytest.raises(DataError, match=r"has no readable rendering\.json that says how"):
        render_notes(font, out)
    assert note_manifest(out) == before and clicks.rendered == [0]


def test_a_folder_that_cannot_be_written_is_one_line(font, clicks) -> None:
    with pytest.raises(DataError, match=r"tiny\.sf2 cannot be written: File exists"):
        render_notes(font, font)


def test_a_note_beyond_full_scale_is_lowered(font, few, tmp_path, monkeypatch) -> None:
    class Loud(Clicks):
        def __call__(self, program: int, strokes: Sequence[Stroke]) -> Iterator[np.ndarray]:
            wave = np.tile(4 * np.sin(np.arange(LENGTH) / 10), (2, 1)).astype(np.float32)
            return (wave for _ in strokes)

    monkeypatch.setattr(notes, "find_renderer", lambda _: Loud())
    manifest = note_manifest(render_notes(font, tmp_path / "out", programs=(0,)))
    sound, _ = read_audio(manifest.locate(manifest.entries[0]))
    wave = np.sin(np.arange(30000) / 10)
    np.testing.assert_allclose(sound[0, :30000], wave, atol=1e-3)


def test_a_soundfont_without_a_note_is_an_error(font, clicks, tmp_path) -> None:
    with pytest.raises(DataError, match=r"tiny\.sf2 gave no note; it has: Sine 0, Sine 8, Deep"):
        render_notes(font, tmp_path / "out", programs=(40,))


def test_damaged_tables_are_one_line(font, clicks, tmp_path) -> None:
    out = render_notes(font, tmp_path / "out", programs=(0,))
    (out / "omitted.csv").write_text("one\n")
    with pytest.raises(DataError, match=r"omitted\.csv cannot be read"):
        note_manifest(out)
    (out / "omitted.csv").unlink()
    with pytest.raises(DataError, match=r"omitted\.csv cannot be read"):
        note_manifest(out)


def test_the_named_set_is_fetched_and_rendered_once(clicks, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fetched = []

    def fetch(packages: Sequence[str], folder: Path, **_: str) -> Path:
        fetched.append(packages)
        programs = {4: "Rhodes EP", 5: "Legend EP 2", 9: "Glockenspiel", 105: "Banjo", 120: "Fret"}
        write_soundfont(folder / "usr" / notes.SOUNDFONT, programs)
        return folder

    monkeypatch.setattr(notes, "fetch_packages", fetch)
    folder = notes.download_notes(tmp_path / notes.NAME)
    assert notes.download_notes(folder) == folder and fetched == [notes.PACKAGES]
    assert clicks.rendered == [4, 5, 105]
    with monkeypatch.context() as patch:
        patch.setitem(notes.OFFSETS, 4, 12)
        with pytest.raises(DataError, match=r"notes were rendered with offsets .* now {'4': 12,"):
            notes.download_notes(folder)
        (folder / "notes" / "rendering.json").unlink()
        assert notes.download_notes(folder) == folder and clicks.rendered == [4, 5, 105]
    reasons = {item.path: item.reason for item in note_manifest(folder).omitted}
    assert "inharmonic" in reasons["009 Glockenspiel"] and "effect" in reasons["120 Fret"]
    splits = named_splits(notes.NAME, ClipConfig(sample_rate=16000, length=512), folder)
    assert set(splits.train.groups) == {"Rhodes EP"}
    assert set(splits.validation.groups) == {"Legend EP 2"} and set(splits.unseen.groups) == {
        "Banjo"
    }
    assert list(splits.train.condition_spec.fields) == ["instrument", "pitch"]


def test_a_soundfont_is_rendered_for_real(few, tmp_path) -> None:
    pytest.importorskip("tinysoundfont", reason="renders soundfonts; pip install --no-deps")
    font = write_soundfont(tmp_path / "tiny.sf2", {80: "Sine", 81: "Nothing"}, silent=(81,))
    manifest = note_manifest(render_notes(font, tmp_path / "out"))
    assert {entry.group for entry in manifest.entries} == {"Sine"}
    assert len(manifest) == len(notes.note_grid(80))
    silent = [item for item in manifest.omitted if item.reason == "is silent"]
    assert len(silent) == len(notes.note_grid(81))
    for entry in manifest.entries[::3]:
        sound = read_audio(manifest.locate(entry))[0][0].numpy()
        power = np.abs(np.fft.rfft(sound[4000:RATE] * np.hanning(RATE - 4000), 1 << 18))
        hertz = np.argmax(power) * RATE / (1 << 18)
        assert 69 + 12 * np.log2(hertz / 440) == pytest.approx(entry.pitch, abs=0.1)
        assert sound[-1] == 0 and len(sound) == LENGTH


def test_manifests_of_notes_can_be_joined_and_written(font, clicks, tmp_path) -> None:
    manifest = note_manifest(render_notes(font, tmp_path / "out", programs=(0,)))
    again = Manifest.from_csv(tmp_path / "out" / "notes.csv")
    assert again.entries == manifest.entries

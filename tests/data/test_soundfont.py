from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.sets import soundfont
from dgm_audio.data.sets.soundfont import (
    GAIN_DB,
    HELD,
    LENGTH,
    RATE,
    FluidRenderer,
    Stroke,
    find_renderer,
    midi_file,
    preset_names,
    sounding,
)
from dgm_audio.errors import DataError

from .tiny_soundfont import PERIOD, ROOT, write_soundfont

FLUID = """#!{python}
import sys
from pathlib import Path
import numpy, soundfile
Path(__file__).with_suffix(".said").write_text(" ".join(sys.argv[1:]))
sound = numpy.zeros(({seconds} * {rate}, 2), numpy.float32)
sound[0], sound[2 * {rate}] = 0.5, 0.25
soundfile.write(sys.argv[sys.argv.index("-F") + 1], sound, {rate}, subtype="FLOAT")
print("fluidsynth: {complaint}\\nfluidsynth: warning: no preset found", file=sys.stderr)
"""
"""Stands in for fluidsynth: a click of another level every two seconds; keeps its arguments."""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_soundfont(tmp_path / "tiny.sf2", {0: "Sine", 33: "Deep Sine"})


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def fluidsynth(path: Path, seconds: int = 4, complaint: str = "") -> str:
    text = FLUID.format(python=sys.executable, rate=RATE, seconds=seconds, complaint=complaint)
    return program(path, text)


def loudest_hertz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    return float(np.argmax(power)) * RATE / (1 << 18)


def test_names_of_the_programs_are_read_from_bank_0_only(tiny: Path, tmp_path: Path) -> None:
    assert preset_names(tiny) == {0: "Sine", 33: "Deep Sine"}
    other = write_soundfont(tmp_path / "other.sf2", {0: "Kit"}, bank=128)
    with pytest.raises(DataError, match=r"other\.sf2 is no SF2 soundfont with programs in bank 0"):
        preset_names(other)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"text, no soundfont", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_soundfont_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.sf2").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.sf2 is no SF2"):
        find_renderer(tmp_path / "a.sf2")
    with pytest.raises(DataError, match=r"b\.sf2 cannot be read: No such file"):
        find_renderer(tmp_path / "b.sf2")


def test_a_cut_soundfont_is_an_error_whatever_is_missing(tiny: Path) -> None:
    whole = tiny.read_bytes()
    for size in range(0, whole.index(b"phdr") + 8 + 2 * 38, 7):
        tiny.write_bytes(whole[:size])
        with pytest.raises(DataError, match="is no SF2"):
            preset_names(tiny)


def test_without_a_renderer_the_error_says_what_to_install(tiny: Path, monkeypatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(soundfont, "import_module", missing)
    monkeypatch.setattr(soundfont.shutil, "which", lambda _: None)
    with pytest.raises(DataError, match="pip install --no-deps tinysoundfont"):
        find_renderer(tiny)
    monkeypatch.setattr(soundfont.shutil, "which", lambda name: f"/opt/{name}")
    assert isinstance(find_renderer(tiny), FluidRenderer)


def test_a_key_sounds_at_its_pitch_and_is_released(tiny: Path) -> None:
    pytest.importorskip("tinysoundfont", reason="renders soundfonts; pip install --no-deps")
    render = find_renderer(tiny)
    keys = (45, 69, 81)
    strokes = [Stroke(key, 100) for key in keys]
    for key, stereo in zip(keys, render(33, strokes), strict=True):
        assert stereo.shape == (2, LENGTH) and stereo.dtype == np.float32
        hertz = RATE / PERIOD * 2 ** ((key - ROOT) / 12)
        assert loudest_hertz(stereo[0, 4000:HELD]) == pytest.approx(hertz, rel=2e-3)
        assert np.abs(stereo[:, HELD + RATE // 4 :]).max() < 1e-3 < np.abs(stereo).max()


def test_notes_do_not_depend_on_those_before(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont", reason="renders soundfonts; pip install --no-deps")
    tiny = write_soundfont(tmp_path / "long.sf2", {0: "Long"}, release=3600)
    low, high = Stroke(40, 110), Stroke(80, 50)
    _, after = find_renderer(tiny)(0, [low, high])
    (alone,) = find_renderer(tiny)(0, [high])
    np.testing.assert_array_equal(after, alone)


def test_sounding_is_the_faded_mean() -> None:
    stereo = np.stack([np.full(LENGTH, 0.5), np.full(LENGTH, 0.3)]).astype(np.float32)
    mono = sounding(stereo)
    assert mono.shape == (1, LENGTH) and mono[0, -1] == 0
    assert mono[0, 0] == pytest.approx(0.4 * 10 ** (GAIN_DB / 20), rel=1e-6)
    assert mono[0, -RATE // 50 - 1] == mono[0, 0] and np.all(np.diff(mono[0, -882:]) < 0)


def test_the_midi_file_presses_a_key_every_two_seconds() -> None:
    data = midi_file(33, [Stroke(60, 80), Stroke(62, 110)])
    assert data[:14] == b"MThd\0\0\0\x06\0\0\0\x01\x03\xe8"  # one track, 1000 ticks a beat
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    second = b"\x87\x68"  # 1000 as a variable-length number
    pressed = b"\x00\x90" + bytes([60, 80]) + second + b"\x80" + bytes([60, 0])
    assert b"\x00\xc0\x21" in data and pressed in data
    assert data.index(b"\x90" + bytes([62, 110])) > data.index(pressed)
    assert data.endswith(b"\x00\xff\x2f\x00")


def test_fluidsynth_notes_are_cut_out_of_its_file(tiny: Path, tmp_path: Path) -> None:
    first, second = FluidRenderer(tiny, fluidsynth(tmp_path / "fluid"))(
        0, [Stroke(60, 80), Stroke(62, 80)]
    )
    assert first.shape == second.shape == (2, LENGTH)
    assert (first[0, 0], second[0, 0], first[:, 1:].max()) == (0.5, 0.25, 0)


def test_fluidsynth_adds_nothing_and_heeds_no_settings_of_its_user(
    tiny: Path, tmp_path: Path
) -> None:
    list(FluidRenderer(tiny, fluidsynth(tmp_path / "fluid"))(0, [Stroke(60, 80)] * 2))
    given = f" {(tmp_path / 'fluid.said').read_text()} "
    for option in ("-R 0", "-C 0", f"-f {os.devnull}", "-g 1.0", f"-r {RATE}", "-O float"):
        assert f" {option} " in given
    assert given.split()[-2] == str(tiny)


def test_what_fluidsynth_says_is_the_error(tiny: Path, tmp_path: Path) -> None:
    fluid = program(tmp_path / "fluid", "#!/bin/sh\necho out of luck >&2\nexit 1\n")
    with pytest.raises(DataError, match=r"could not render .*tiny\.sf2: out of luck"):
        list(FluidRenderer(tiny, fluid)(0, [Stroke(60, 80)]))


def test_a_soundfont_that_fluidsynth_replaces_by_its_own_is_an_error(
    tiny: Path, tmp_path: Path
) -> None:
    """Its exit status is 0 then, and it plays the soundfont of the system."""
    fluid = fluidsynth(tmp_path / "fluid", complaint="error: Failed to load SoundFont")
    with pytest.raises(DataError, match=r"tiny\.sf2: fluidsynth: error: Failed to load"):
        list(FluidRenderer(tiny, fluid)(0, [Stroke(60, 80)]))


def test_notes_that_fluidsynth_did_not_reach_are_an_error(tiny: Path, tmp_path: Path) -> None:
    fluid = FluidRenderer(tiny, fluidsynth(tmp_path / "fluid", seconds=3))
    with pytest.raises(DataError, match=r"rendered 3\.0 s of 2 notes; expected 2 s of each"):
        list(fluid(0, [Stroke(60, 80), Stroke(62, 80)]))

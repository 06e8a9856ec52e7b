from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.sets import soundfont
from dgm_audio.data.sets.soundfont import (
    GAIN_DB,
    HELD,
    LENGTH,
    RATE,
    Stroke,
    find_renderer,
    preset_names,
    sounding,
)
from dgm_audio.errors import DataError

from .tiny_soundfont import PERIOD, ROOT, write_soundfont


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_soundfont(tmp_path / "tiny.sf2", {0: "Sine", 33: "Deep Sine"})


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
    with pytest.raises(DataError, match="pip install --no-deps tinysoundfont"):
        find_renderer(tiny)


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

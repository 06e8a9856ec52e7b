import subprocess

import pytest

from dgm_audio.data.sets import asterisk, debian, gcin, hold_music, hydrogen, music, tuxpaint
from dgm_audio.errors import DataError

SETS = {
    "drum kits come as the Debian packages hydrogen-drumkits, hydrogen-data,": (
        hydrogen.download_drums,
        "a kit/drumkit.xml",
    ),
    "syllables come as the Debian package gcin-voice,": (
        gcin.download_syllables,
        "gcin-voice/ogg/a/5.ogg",
    ),
    "words come as the Debian package tuxpaint-stamps-default,": (
        tuxpaint.download_words,
        "stamps/frog_desc_ru.ogg",
    ),
    "prompts come as the Debian packages asterisk-core-sounds-en-g722,": (
        asterisk.download_prompts,
        "sounds/ru_RU_f_IvrvoiceRU/1.g722",
    ),
    "tracks come as the Debian package wesnoth-1.16-music,": (
        music.download_tracks,
        "core/music/weight_of_revenge.ogg",
    ),
    "tracks come as the Debian package asterisk-moh-opsound-g722,": (
        hold_music.download_hold_music,
        "moh/macroform-cold_day.g722",
    ),
}
"""What is said of a set -> how it is had, and a file by which it is known to be there."""

every_set = pytest.mark.parametrize(
    ("words", "download", "mark"), [(words, *given) for words, given in SETS.items()]
)


@every_set
def test_without_apt_the_error_says_what_to_do(tmp_path, monkeypatch, words, download, mark):
    monkeypatch.setattr(debian.shutil, "which", lambda _: None)
    with pytest.raises(DataError, match=rf"{words}.*--data") as caught:
        download(tmp_path)
    assert "\n" not in str(caught.value)


@every_set
def test_a_failing_apt_is_one_line(tmp_path, monkeypatch, words, download, mark):
    def refuse(command, **_):
        raise subprocess.CalledProcessError(100, command, stderr="E: noise\nE: no network\n")

    monkeypatch.setattr(debian.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(debian.subprocess, "run", refuse)
    with pytest.raises(DataError, match=r"\(E: no network\); run 'apt-get update'") as caught:
        download(tmp_path)
    assert "\n" not in str(caught.value)


@every_set
def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch, words, download, mark):
    monkeypatch.setattr(debian.subprocess, "run", lambda *_, **__: pytest.fail("fetched"))
    (tmp_path / mark).parent.mkdir(parents=True)
    (tmp_path / mark).touch()
    assert download(tmp_path) == tmp_path

"""11. Odd names of files, and what is no regular file."""

import os

import pytest
import torch
from hostile_audio import RATE, refused

from dgm_audio.errors import AudioFileError
from dgm_audio.io import file_kind, probe, read_audio, write_audio


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    "name", ["with space", "grüße-ключ-音", "new\nline", "\x1b[31m", "%s{0}", "-n"]
)
def test_odd_names_work_and_are_shown_in_one_line(tmp_path, name):
    folder = tmp_path / name
    good = write_audio(folder / f"{name}.wav", torch.zeros(1, 10), RATE)
    assert read_audio(good)[0].shape == (1, 10)
    bad = folder / "text.wav"
    bad.write_text("nothing")
    refused(bad)
    refused(folder / "missing.wav", "No such file")


@pytest.mark.fault(11)
def test_a_name_that_is_no_unicode(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    write_audio(path, torch.zeros(1, 10), RATE)
    assert probe(path).frames == 10
    os.truncate(path, 20)
    assert r"\udcff" in refused(path)


@pytest.mark.fault(11)
def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    (tmp_path / "folder.wav").mkdir()
    for path in (tmp_path / "pipe.wav", tmp_path / "folder.wav", "/dev/zero", "/dev/stdin"):
        for look in (read_audio, probe, file_kind):
            with pytest.raises(AudioFileError, match="is no regular file"):
                look(path)
    refused(tmp_path / "loop.wav", "symbolic links")
    refused(tmp_path / "gone.wav", "No such file")
    refused(f"{tmp_path}/a\0b.wav", "null character")
    refused(f"{tmp_path}/\ud800.wav", "no file name can have")
    refused(tmp_path / ("x" * 300), "File name too long")


@pytest.mark.fault(11)
def test_unreadable(tmp_path, monkeypatch):
    path = write_audio(tmp_path / "a.wav", torch.zeros(1, 10), RATE)

    def denied(*args):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", denied)
    refused(path, "Permission denied")


@pytest.mark.fault(11)
def test_a_path_exchanged_for_a_pipe_after_the_look_does_not_hang(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    os.mkfifo(path)
    regular = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda *args, **kwargs: regular)
    refused(path, "is no regular file")

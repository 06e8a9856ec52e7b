"""Files in parts: the same sound as at once, the same bytes."""

import numpy as np
import pytest
import soundfile
import torch

from dgm_audio.apps import long_recording
from dgm_audio.apps.long_recording import in_blocks, open_recording, writing_sound
from dgm_audio.errors import AudioFileError
from dgm_audio.io import read_audio, read_comment, write_audio
from dgm_audio.specs import AudioSpec


def write(path, level, channels, rate, seconds=2.7):
    x = np.random.default_rng(0).uniform(-level, level, (int(seconds * rate), channels))
    soundfile.write(path, x.astype(np.float32), rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("channels", "rate", "level", "words"),
    [
        (2, 8000, 0.5, []),
        (1, 11025, 0.3, ["from 11025 to 8000 Hz", "from 1 to 2 channel"]),
        (3, 8000, 0.5, ["from 3 to 2 channel"]),
        (2, 8000, 4.0, ["lowered from a peak of 4 to 1"]),
    ],
)
def test_parts_make_the_whole(tmp_path, monkeypatch, channels, rate, level, words):
    monkeypatch.setattr(long_recording, "PART", 1)
    path = write(tmp_path / "x.wav", level, channels, rate)
    recording, notes = open_recording(AudioSpec(8000, 2, 100), path)
    parts = list(recording)
    assert len(parts) == 3 and recording.length == sum(part.shape[2] for part in parts)
    whole, _ = read_audio(path, sample_rate=8000)
    whole = whole if channels == 2 else whole.mean(0, keepdim=True).repeat(2, 1)
    whole = whole / max(1.0, float(whole.abs().max()))
    torch.testing.assert_close(torch.cat(parts, 2)[0], whole, atol=1e-6, rtol=0)
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_what_is_written_in_blocks_is_what_is_written_at_once(tmp_path):
    x = torch.randn(1, 2, 1000).clamp(-1, 1)
    with writing_sound(tmp_path / "a.wav", 8000, 2) as put:
        for block in in_blocks(x.split(70, 2), 64):
            put(block)
        assert not (tmp_path / "a.wav").exists()
    write_audio(tmp_path / "b.wav", x[0], 8000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_file_carries_its_comment_and_is_not_replaced_unasked(tmp_path):
    path = tmp_path / "a.wav"
    with writing_sound(path, 8000, 1, comment="how") as put:
        put(torch.zeros(1, 1, 10))
    assert read_comment(path) == "how"
    with pytest.raises(AudioFileError, match=r"a\.wav: exists already"):
        with writing_sound(path, 8000, 1):
            pass
    with pytest.raises(ZeroDivisionError), writing_sound(path, 8000, 1, overwrite=True):
        raise ZeroDivisionError
    assert read_comment(path) == "how" and len(list(tmp_path.iterdir())) == 1

from __future__ import annotations

import numpy as np
import pytest

from dgm_audio.data.flac_copies import flac_copies
from dgm_audio.data.sun_au import read_au
from dgm_audio.errors import AudioFileError
from dgm_audio.io import read_audio

from .music_sets import write_au
from .sounds import hit


def header(offset=24, size=8, encoding=3, rate=22050, channels=1):
    return b".snd" + b"".join(
        n.to_bytes(4, "big") for n in (offset, size, encoding, rate, channels)
    )


def test_an_au_file_is_read_sample_by_sample(tmp_path):
    sound = hit(0, 0.1, 22050)
    found, rate = read_au(write_au(tmp_path / "a.au", sound))
    assert (found.shape, found.dtype, rate) == ((1, len(sound)), np.float32, 22050)
    assert np.abs(found[0] * 2**15 - sound * 32767).max() <= 0.5 + 1e-3


def test_channels_lie_in_turn_and_the_size_may_be_unstated(tmp_path):
    path = tmp_path / "a.au"
    data = np.arange(8, dtype=">i2").tobytes()
    path.write_bytes(header(size=0xFFFFFFFF, channels=2) + data + b"\0")  # and half a sample
    assert (read_au(path)[0] * 2**15).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is no AU file \(it begins with b''\)"),
        (b"RIFF" + bytes(40), "is no AU file"),
        (header(size=100) + bytes(50), "states 100 bytes of sound and holds 50"),
        (header(offset=2**32 - 1) + bytes(8), "is cut off"),
        (header(offset=0) + bytes(8), "is cut off"),
        (header(encoding=1) + bytes(8), "encoding 1; only 3, 16-bit PCM"),
        (header(rate=1) + bytes(8), "sample rate of 1 Hz"),
        (header(channels=1024) + bytes(8), "1024 channels; allowed are 1 to 8"),
        (header(channels=0) + bytes(8), "0 channels"),
        (header(size=0), "states 0 bytes of sound; allowed are 2 to"),
        (header(size=2**31) + bytes(8), "states 2147483648 bytes of sound; allowed"),
    ],
)
def test_what_is_no_proper_au_file_is_one_line(tmp_path, content, words):
    (tmp_path / "a.au").write_bytes(content)
    with pytest.raises(AudioFileError, match=words) as caught:
        read_au(tmp_path / "a.au")
    assert "\n" not in str(caught.value)


def test_copies_are_made_once_and_tell_what_failed(tmp_path):
    good = write_au(tmp_path / "set/x/a.00001.au", hit(1, 0.1, 22050))
    bad = tmp_path / "set/x/b.au"
    bad.write_bytes(b"noise")
    calls = []

    def read(path):
        calls.append(path)
        return read_au(path)

    for _ in range(2):
        made = flac_copies(tmp_path / "set", [good, bad], read, kind="au", cache_dir=tmp_path / "c")
        assert list(made.failed) == [bad] and "is no AU file" in str(made.failed[bad])
    assert calls == [good, bad, bad]
    copy, rate = read_audio(made.root / "x/a.00001.flac")
    assert rate == 22050 and np.array_equal(copy.numpy(), read_au(good)[0])

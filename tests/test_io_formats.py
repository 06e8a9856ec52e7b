"""Formats by name, files that are open already, and sounds that are written block by block."""

import io
import resource

import numpy as np
import pytest
import soundfile
import torch

from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.io import FORMATS, probe, read_audio, read_provenance, write_audio, writing_audio
from dgm_audio.provenance import Provenance

RATE = 8000
X = torch.rand(2, 70_001, generator=torch.Generator().manual_seed(0)) * 1.9 - 0.95
PROVENANCE = Provenance("some-model", "0" * 64, "0.1.0", "sample", {"seed": 1})


@pytest.mark.parametrize("name", FORMATS)
def test_a_named_format_is_written_with_its_provenance(tmp_path, name):
    kind, subtype = FORMATS[name]
    path = write_audio(tmp_path / f"a.{kind}", X, RATE, format=name, provenance=PROVENANCE)
    info = probe(path)
    assert (info.format, info.subtype, info.frames) == (kind, subtype, 70_001)
    assert read_provenance(path) == PROVENANCE
    with open(tmp_path / "b", "wb") as file:
        assert write_audio(file, X, RATE, format=name, provenance=PROVENANCE) is file
        assert not file.closed
    if kind == "wav":
        assert (tmp_path / "b").read_bytes() == path.read_bytes()
    assert torch.equal(read_audio(tmp_path / "b")[0], read_audio(path)[0])


@pytest.mark.parametrize("name", ["wav16", "wav24", "float", "flac", "flac24"])
def test_blocks_make_the_file_that_the_whole_makes(tmp_path, name):
    kind = FORMATS[name].kind
    whole = write_audio(tmp_path / f"a.{kind}", X, RATE, format=name)
    with writing_audio(tmp_path / f"b.{kind}", RATE, 2, format=name) as write:
        for block in X.split(3001, dim=1):
            write(block)
    assert torch.equal(read_audio(tmp_path / f"b.{kind}")[0], read_audio(whole)[0])
    if kind == "wav":
        assert (tmp_path / f"b.{kind}").read_bytes() == whole.read_bytes()


def test_an_odd_number_of_bytes_written_in_blocks_is_padded(tmp_path):
    with writing_audio(tmp_path / "a.wav", RATE, 1, format="wav24", comment="c") as write:
        write(np.full((1, 3), 0.5, np.float32))
    assert (tmp_path / "a.wav").stat().st_size % 2 == 0
    assert soundfile.info(tmp_path / "a.wav").frames == 3


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("when", ["early", "at the end"])
def test_a_disk_that_gets_full_is_said_and_nothing_is_left(tmp_path, kind, when):
    with writing_audio(tmp_path / f"b.{kind}", RATE, 2) as write:
        write(X)
    size = (tmp_path / f"b.{kind}").stat().st_size
    (tmp_path / f"b.{kind}").unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = 20_000 if when == "early" else size - 10
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(AudioFileError, match="File too large"):
            with writing_audio(tmp_path / f"a.{kind}", RATE, 2) as write:
                write(X)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_blocks_beyond_full_scale_are_counted(tmp_path):
    with pytest.warns(UserWarning, match="2 samples beyond full scale were cut"):
        with writing_audio(tmp_path / "a.wav", RATE, 1) as write:
            write(torch.tensor([[[0.0, 1.5, -2.0, 1.0]]]))
    with writing_audio(tmp_path / "f.wav", RATE, 1, format="float") as write:
        write(torch.tensor([[[0.0, 1.5]]]))
    assert read_audio(tmp_path / "f.wav")[0].tolist() == [[0.0, 1.5]]


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("a.wav", {"format": "mp3"}, "allowed are wav, wav16"),
        ("a.wav", {"format": "flac"}, "'flac', which is written to a .flac file"),
        ("a.wav", {"format": "wav24", "subtype": "PCM_16"}, "wav can be PCM_24"),
        (io.BytesIO(), {}, "<BytesIO>: a file needs a format"),
        (io.StringIO(), {"format": "wav"}, "<StringIO>: is not open for writing bytes"),
    ],
)
def test_wrong_formats_name_what_is_allowed(tmp_path, target, options, message):
    target = tmp_path / target if isinstance(target, str) else target
    with pytest.raises(InputError, match=message):
        write_audio(target, X, RATE, **options)
    assert list(tmp_path.iterdir()) == []

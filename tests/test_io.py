"""Reading and writing: what is written is what is read, and nothing changes unasked."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio._audiofile.wav import header
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.io import SUBTYPES, AudioLimits, file_kind, probe, read_audio, resample, write_audio

RATE = 44100
TARGETS = [(kind, subtype) for kind, subtypes in SUBTYPES.items() for subtype in subtypes]
STEP = {"PCM_16": 2**-15, "PCM_24": 2**-23, "FLOAT": 0.0}


def noise(channels=2, frames=5001, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(channels, frames, generator=rng) * 1.9 - 0.95


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize(("kind", "subtype"), TARGETS)
def test_what_is_written_is_read(tmp_path, kind, subtype, channels):
    x = noise(channels)
    path = write_audio(tmp_path / f"a.{kind}", x, RATE, subtype=subtype)
    y, rate = read_audio(path)
    assert (rate, y.dtype, y.shape) == (RATE, torch.float32, x.shape)
    if subtype != "VORBIS":
        assert float((x - y).abs().max()) <= STEP[subtype] / 2
    if kind == "wav":
        size = path.stat().st_size
        assert size % 2 == 0
        assert int.from_bytes(path.read_bytes()[4:8], "little") == size - 8
    info = probe(path)
    assert (info.format, info.subtype, info.channels, info.frames) == (
        kind,
        subtype,
        channels,
        5001,
    )
    assert info.seconds == pytest.approx(5001 / RATE)


def test_vorbis_keeps_a_tone(tmp_path):
    x = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(RATE) / RATE)
    y, _ = read_audio(write_audio(tmp_path / "a.ogg", x, RATE))
    assert y.shape == (1, RATE)
    assert float((y - x).square().mean() / x.square().mean()) < 1e-3


@pytest.mark.parametrize(("kind", "subtype"), [t for t in TARGETS if t[1] in ("PCM_16", "PCM_24")])
def test_pcm_survives_rereading_bit_for_bit(tmp_path, kind, subtype):
    """All of the range, the extreme values too."""
    x = torch.linspace(-1, 1, 70001)
    first = write_audio(tmp_path / f"a.{kind}", x, RATE, subtype=subtype)
    second = write_audio(tmp_path / f"b.{kind}", read_audio(first)[0], RATE, subtype=subtype)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("subtype", SUBTYPES["wav"])
def test_soundfile_reads_our_wavs_without_us(tmp_path, subtype):
    x = noise()
    path = write_audio(tmp_path / "a.wav", x, RATE, subtype=subtype)
    data, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    np.testing.assert_allclose(data.T, x, atol=STEP[subtype] / 2)
    assert soundfile.info(path).subtype == subtype


@given(
    frames=st.integers(1, 3000),
    channels=st.integers(1, 8),
    subtype=st.sampled_from(SUBTYPES["wav"]),
)
@settings(max_examples=25, deadline=None)
def test_any_shape_of_wav(tmp_path_factory, frames, channels, subtype):
    x = noise(channels, frames)
    path = write_audio(tmp_path_factory.mktemp("w") / "a.wav", x, 8000, subtype=subtype)
    assert path.stat().st_size % 2 == 0
    assert float((read_audio(path)[0] - x).abs().max()) <= STEP[subtype] / 2


def test_wav_bytes_depend_on_the_sound_only(tmp_path):
    for subtype in SUBTYPES["wav"]:
        a = write_audio(tmp_path / f"{subtype}_a.wav", noise(), RATE, subtype=subtype)
        b = write_audio(tmp_path / f"{subtype}_b.wav", noise(), RATE, subtype=subtype)
        os.utime(b, (0, 0))
        assert a.read_bytes() == b.read_bytes()
        assert b"PEAK" not in a.read_bytes()


def test_kind_is_by_content_not_by_name(tmp_path):
    for kind in ("flac", "ogg", "mp3", "aiff", "wav"):
        path = tmp_path / f"{kind}.txt"
        soundfile.write(path, noise().T.numpy(), RATE, format=kind.upper())
        assert file_kind(path) == kind
        assert read_audio(path)[0].shape[0] == 2


@pytest.mark.parametrize("format_", ["WAVEX", "WAV", "AIFF"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_pcm_and_float_of_other_programs(tmp_path, format_, subtype):
    x = noise(2)
    soundfile.write(tmp_path / "a", x.T.numpy(), RATE, format=format_, subtype=subtype)
    assert float((read_audio(tmp_path / "a")[0] - x).abs().max()) < 1e-4


def test_mp3_behind_an_id3_tag(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, noise().T.numpy(), RATE, format="MP3")
    plain = read_audio(path)[0]
    path.write_bytes(b"ID3\x04\0\0\0\0\x02\x10" + b"\0" * 272 + path.read_bytes())
    assert torch.equal(read_audio(path)[0], plain)


def test_a_part_is_the_part(tmp_path):
    x = noise(2, 200_000)
    for kind in ("wav", "flac"):
        path = write_audio(tmp_path / f"a.{kind}", x, RATE, subtype="PCM_24")
        whole, _ = read_audio(path)
        part, _ = read_audio(path, start=70_001, frames=100_003)
        assert torch.equal(part, whole[:, 70_001:170_004])
        assert torch.equal(read_audio(path, start=199_999)[0], whole[:, -1:])


@pytest.mark.parametrize(("start", "frames"), [(-1, None), (5001, None), (0, 0), (5000, 2)])
def test_a_part_outside_the_file_is_an_error(tmp_path, start, frames):
    path = write_audio(tmp_path / "a.wav", noise(), RATE)
    with pytest.raises(InputError, match="the file has 5001 frames"):
        read_audio(path, start=start, frames=frames)


def test_rate_and_channels_change_only_when_asked(tmp_path):
    x = noise(2)
    path = write_audio(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    y, rate = read_audio(path, sample_rate=22050, channels=1)
    assert (rate, y.shape) == (22050, (1, 2501))
    torch.testing.assert_close(read_audio(path, channels=1)[0], x.mean(0, keepdim=True))
    mono = write_audio(tmp_path / "m.wav", x[0], RATE, subtype="FLOAT")
    assert torch.equal(read_audio(mono, channels=2)[0], x[:1].repeat(2, 1))
    with pytest.raises(InputError, match="1 or 2 channels"):
        read_audio(path, channels=3)
    with pytest.raises(InputError, match="sample_rate is 1;"):
        read_audio(path, sample_rate=1)


def test_reading_is_bounded_after_resampling_too(tmp_path):
    path = write_audio(tmp_path / "a.wav", noise(1, 10_000), 1000)
    with pytest.raises(AudioFileError, match="at most 1 MiB"):
        read_audio(path, sample_rate=384_000, limits=AudioLimits(max_bytes=2**20))


def test_io_resample_is_the_signal_function():
    assert resample(torch.zeros(2, 441), 44100, 48000).shape == (2, 480)


def test_numpy_and_vectors_are_accepted(tmp_path):
    x = noise(1)
    a = write_audio(tmp_path / "a.wav", x, RATE)
    b = write_audio(tmp_path / "b.wav", x[0].double().numpy(), RATE)
    assert a.read_bytes() == b.read_bytes()


def test_nothing_is_clipped_but_lowered_and_float_keeps_it(tmp_path):
    x = torch.tensor([[0.0, 1.5, -3.0]])
    for name in ("a.wav", "a.flac"):
        with pytest.warns(UserWarning, match=r"lowered by 9\.5 dB, from a peak of 3 ") as caught:
            path = write_audio(tmp_path / name, x, RATE)
        assert len(caught) == 1
        assert read_audio(path)[0].tolist() == [[0.0, 0.5, -1.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_audio(tmp_path / "b.wav", torch.ones(1, 4), RATE)
        path = write_audio(tmp_path / "f.wav", x, RATE, subtype="FLOAT")
    assert torch.equal(read_audio(path)[0], x)


def test_missing_folders_are_made_and_files_are_kept(tmp_path):
    path = write_audio(tmp_path / "new" / "folder" / "a.wav", noise(seed=1), RATE)
    before = path.read_bytes()
    with pytest.raises(AudioFileError, match="exists already"):
        write_audio(path, noise(seed=2), RATE)
    assert path.read_bytes() == before
    write_audio(path, noise(seed=2), RATE, overwrite=True)
    assert path.read_bytes() != before
    assert [p.name for p in path.parent.iterdir()] == ["a.wav"]


@pytest.mark.fault(20)
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path, kind, monkeypatch):
    path = write_audio(tmp_path / f"a.{kind}", noise(seed=1), RATE)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioFileError, match="No space left on device"):
        write_audio(path, noise(seed=2), RATE, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_new_files_have_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    path = write_audio(tmp_path / "a.wav", noise(), RATE)
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_unwritable_targets(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    for path in (tmp_path / "file" / "a.wav", tmp_path / ("x" * 300 + ".wav")):
        with pytest.raises(AudioFileError):
            write_audio(path, noise(), RATE)
    with pytest.raises(AudioFileError, match="no regular file"):
        write_audio(tmp_path / "folder.wav", noise(), RATE, overwrite=True)
    with pytest.raises(AudioFileError, match="null character"):
        write_audio(tmp_path / "a\0.wav", noise(), RATE)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"path": "a.mp3"}, "allowed are .wav, .flac, .ogg"),
        ({"path": "a"}, "allowed are .wav, .flac, .ogg"),
        ({"subtype": "PCM_8"}, "wav can be PCM_16, PCM_24, FLOAT"),
        ({"path": "a.flac", "subtype": "FLOAT"}, "flac can be PCM_16, PCM_24"),
        ({"audio": torch.zeros(44100, 2)}, "C from 1 to 8"),
        ({"audio": torch.zeros(1, 2, 3)}, "expected .C, T."),
        ({"audio": torch.zeros(2, 0)}, "expected .C, T."),
        ({"audio": torch.tensor([0.0, torch.nan])}, "NaN, infinite or beyond"),
        ({"audio": np.array([0.0, 1e300]), "subtype": "FLOAT"}, "beyond .-100"),
        ({"audio": np.zeros(5, np.int16)}, "audio is int16"),
        ({"audio": torch.zeros(5, dtype=torch.long)}, "audio is int64"),
        ({"audio": [0.0, 1.0]}, "audio is list; it must be a floating-point tensor"),
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"sample_rate": 44100.0}, "sample_rate is 44100.0"),
        ({"path": "a.ogg", "sample_rate": 384_000}, "for ogg it must be an integer from 8000"),
    ],
)
def test_wrong_arguments_name_what_is_allowed(tmp_path, kwargs, message):
    given = {"path": "a.wav", "audio": torch.zeros(2, 10), "sample_rate": RATE} | kwargs
    given["path"] = tmp_path / given["path"]
    with pytest.raises(InputError, match=message) as error:
        write_audio(**given)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wav_of_more_than_4_gib_is_refused_before_it_is_written():
    with pytest.raises(AudioFileError, match="4 GiB"):
        header("PCM_16", RATE, 8, 2**28)
    assert len(header("PCM_16", RATE, 8, 2**28 - 4)) == 44


def test_looking_at_a_file_does_not_load_torch(tmp_path):
    path = write_audio(tmp_path / "a.wav", noise(), RATE)
    code = (
        "import sys; from dgm_audio.io import probe; "
        f"print(probe({str(path)!r}).frames, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5001", "False"]

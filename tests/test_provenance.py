"""Recipes inside files: they come back unchanged and leave the sound as it is."""

import json
import math

import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.io import SUBTYPES, read_audio, read_provenance, write_audio
from dgm_audio.provenance import MARKER, Provenance

TARGETS = [(kind, subtype) for kind, subtypes in SUBTYPES.items() for subtype in subtypes]


def example(**changes):
    values = {
        "model": "drums-vae",
        "weights": "0123456789abcdef" * 4,
        "version": "1.2.3",
        "call": "sample",
        "parameters": {"seed": 2**63 - 1, "index": 3, "condition": {"class": "kick"}, "t": 0.7},
    }
    return Provenance(**values | changes)


def sound():
    return torch.sin(torch.arange(4001) / 10)[None] * 0.9


@pytest.mark.parametrize(("kind", "subtype"), TARGETS)
def test_comes_back_from_every_kind_of_file(tmp_path, kind, subtype):
    path = write_audio(
        tmp_path / f"a.{kind}", sound(), 44100, subtype=subtype, provenance=example()
    )
    assert read_provenance(path) == example()
    plain = write_audio(tmp_path / f"b.{kind}", sound(), 44100, subtype=subtype)
    assert torch.equal(read_audio(path)[0], read_audio(plain)[0])


@pytest.mark.parametrize("subtype", SUBTYPES["wav"])
def test_wavs_with_provenance_stay_normal_and_deterministic(tmp_path, subtype):
    """The reference reader sees the sound and the tags; nothing in the bytes is a time."""
    paths = [
        write_audio(tmp_path / name, sound(), 44100, subtype=subtype, provenance=example())
        for name in ("a.wav", "b.wav")
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with soundfile.SoundFile(paths[0]) as file:
        assert (file.frames, file.samplerate, file.subtype) == (4001, 44100, subtype)
        assert file.software == "dgm_audio 1.2.3"
        assert json.loads(file.comment.removeprefix(MARKER))["model"] == "drums-vae"
        assert torch.equal(torch.from_numpy(file.read(dtype="float32")), read_audio(paths[0])[0][0])


def test_provenance_of_the_longest_size_fits(tmp_path):
    longest = example(parameters={"x": ""})
    longest = example(parameters={"x": "y" * (2000 - len(longest.to_json()))})
    assert len(longest.to_json()) == 2000
    for kind in SUBTYPES:
        path = write_audio(tmp_path / f"a.{kind}", sound(), 44100, provenance=longest)
        assert read_provenance(path) == longest
    with pytest.raises(InputError, match="2001 bytes of JSON; at most 2000"):
        example(parameters={"x": longest.parameters["x"] + "y"}).to_json()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
).filter(lambda value: "inf" not in repr(value))


@given(parameters=st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
@settings(max_examples=50, deadline=None)
def test_json_is_one_ascii_line_and_inverts(parameters):
    text = example(parameters=parameters).to_json()
    assert text.isascii() and text.isprintable()
    assert Provenance.from_json(text) == example(parameters=parameters)


def test_json_does_not_depend_on_the_order_of_parameters():
    a, b = {"seed": 1, "index": 2}, {"index": 2, "seed": 1}
    assert example(parameters=a).to_json() == example(parameters=b).to_json()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, torch.zeros(2), {1, 2}, b"x"], ids=["nan", "inf", "t", "set", "b"]
)
def test_what_is_no_json_is_refused_before_a_file_is_touched(tmp_path, value):
    path = write_audio(tmp_path / "a.wav", sound(), 44100)
    before = path.read_bytes()
    with pytest.raises(InputError, match="no JSON value"):
        bad = example(parameters={"x": value})
        write_audio(path, sound(), 44100, provenance=bad, overwrite=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"call": "exec"}, "allowed are sample, interpolate, decode, morph, path"),
        ({"model": 3}, "model is 3"),
        ({"version": "1.0\n"}, "printable ASCII"),
        ({"parameters": [1]}, "must be a mapping"),
    ],
)
def test_wrong_fields(changes, message):
    with pytest.raises(InputError, match=message):
        example(**changes)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        "{}",
        '{"model":"a"}',
        example().to_json()[:-1] + ',"more":1}',
        example().to_json().replace('"sample"', "7"),
        example().to_json().replace("sample", "exec"),
        "[" * 1999,
        "x" * 2001,
    ],
)
def test_damaged_provenance_is_a_typed_error(tmp_path, text):
    with pytest.raises(InputError) as error:
        Provenance.from_json(text)
    assert "\n" not in str(error.value)
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 44100, 1, "PCM_16") as file:
        file.comment = MARKER + text
        file.write(sound()[0].numpy())
    with pytest.raises(AudioFileError, match="damaged provenance"):
        read_provenance(path)


def test_files_of_others_have_no_provenance(tmp_path):
    path = write_audio(tmp_path / "a.wav", sound(), 44100)
    with pytest.raises(AudioFileError, match="carries no provenance"):
        read_provenance(path)
    with soundfile.SoundFile(path, "w", 44100, 1, "PCM_16") as file:
        file.comment = "recorded at home"
        file.write(sound()[0].numpy())
    with pytest.raises(AudioFileError, match="carries no provenance"):
        read_provenance(path)
    with pytest.raises(AudioFileError, match="No such file"):
        read_provenance(tmp_path / "missing.wav")

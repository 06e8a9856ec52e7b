"""Latents survive files and provenance; files that are something else are refused."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from dgm_audio.apps import latents
from dgm_audio.apps.latents import (
    MAX_INLINE,
    StoredLatents,
    files_beside,
    pack,
    read_latents,
    unpack,
    write_beside,
    write_latents,
)
from dgm_audio.errors import AudioFileError, DgmAudioError, InputError
from dgm_audio.provenance import Provenance


def test_a_file_keeps_numbers_and_what_they_belong_to(tmp_path):
    stored = StoredLatents(torch.randn(2, 3, 5), {"class": "kick"}, 999, "ab" * 32)
    path = write_latents(tmp_path / "deep" / "z.safetensors", stored)
    again = read_latents(path)
    assert again.z.equal(stored.z)
    assert (again.condition, again.length, again.weights) == ({"class": "kick"}, 999, "ab" * 32)
    with pytest.raises(AudioFileError, match="exists"):
        write_latents(path, stored)


@pytest.mark.parametrize(
    ("shape", "wanted"), [((6,), (1, 6, 1)), ((6, 2), (1, 6, 2)), ((3, 6, 2), (3, 6, 2))]
)
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numpy_files_of_one_or_many_latents(tmp_path, shape, wanted, kind):
    array = np.arange(np.prod(shape), dtype=kind).reshape(shape)
    np.save(tmp_path / "z.npy", array)
    stored = read_latents(tmp_path / "z.npy")
    assert stored.z.shape == wanted and stored.z.dtype == torch.float32
    assert stored.z.flatten().tolist() == array.flatten().tolist()
    assert stored.weights is None


def bad_files(folder):
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(folder / "integers.npy", np.arange(3))
    np.save(folder / "scalar.npy", np.float32(1))
    np.save(folder / "empty.npy", np.zeros((0, 3), np.float32))
    np.save(folder / "deep.npy", np.zeros((1, 1, 1, 1), np.float32))
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (117 - len(header)) + b"\n"
    lying = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (folder / "lying.npy").write_bytes(lying + b"\0" * 64)
    (folder / "text.npy").write_text("hello")
    (folder / "nothing.npy").write_bytes(b"")
    (folder / "text.safetensors").write_text("hello")
    (folder / "nothing.safetensors").write_bytes(b"")
    safetensors.torch.save_file({"w": torch.zeros(2)}, folder / "other.safetensors")
    whole = {"latents": torch.zeros(2, dtype=torch.int32)}
    safetensors.torch.save_file(whole, folder / "whole.safetensors")
    (folder / "music.wav").write_bytes(b"RIFF")
    return sorted(folder.iterdir())


def test_what_holds_no_latents_is_refused_by_name(tmp_path):
    for path in [*bad_files(tmp_path), tmp_path / "missing.npy"]:
        with pytest.raises(DgmAudioError) as error:
            read_latents(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_strange_note_is_no_reason_to_fail(tmp_path):
    for index, text in enumerate(["no json", "[1]", json.dumps({"length": "x", "weights": 3})]):
        path = tmp_path / f"{index}.safetensors"
        safetensors.torch.save_file({"latents": torch.ones(4)}, path, {"dgm_audio": text})
        stored = read_latents(path)
        assert (stored.condition, stored.length, stored.weights) == ({}, None, None)


def test_huge_files_are_refused_unread(tmp_path, monkeypatch):
    np.save(tmp_path / "z.npy", np.zeros(1000, np.float32))
    monkeypatch.setattr(latents, "MAX_BYTES", 1000)
    with pytest.raises(AudioFileError, match="larger"):
        read_latents(tmp_path / "z.npy")


def test_few_numbers_go_into_the_provenance_bit_for_bit(tmp_path):
    z, beside = torch.randn(1, MAX_INLINE, 1), {}
    packed = json.loads(json.dumps(pack(z, beside)))
    assert not beside
    assert unpack(packed, tmp_path).equal(z)


def test_two_latents_fit_into_the_provenance_of_one_sound():
    ends = {key: pack(torch.randn(1, MAX_INLINE, 1), {}) for key in ("from", "to")}
    values = {"steps": 4096, "index": 4095, "length": 65536, "condition": {"class": "x" * 30}}
    Provenance("model" * 5, "a" * 64, "10.10.10", "interpolate", ends | values).to_json()


def test_many_numbers_lie_beside_bound_by_their_hash(tmp_path):
    z, beside = torch.randn(1, MAX_INLINE + 1, 1), {}
    packed = pack(z, beside)
    assert write_beside(beside, tmp_path) == write_beside(beside, tmp_path)
    assert unpack(packed, tmp_path).equal(z)
    provenance = Provenance("m", "w", "v", "decode", {"latents": packed})
    assert files_beside(provenance) == list(beside)

    write_latents(tmp_path / packed["file"], StoredLatents(z + 1), overwrite=True)
    with pytest.raises(InputError, match="other latents"):
        unpack(packed, tmp_path)


def test_provenance_cannot_point_out_of_its_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    write_latents(tmp_path / "z.safetensors", StoredLatents(torch.zeros(1, 200, 1)))
    packed = {"file": "../z.safetensors", "sha256": "0"}
    with pytest.raises(AudioFileError, match=r"inner.z.safetensors"):
        unpack(packed, tmp_path / "inner")

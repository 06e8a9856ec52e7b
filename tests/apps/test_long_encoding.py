"""A recording of any length, part by part: the bits of the whole, and no more memory."""

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from small_stream import HOP, RATE, small_stream
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.apps import long_encoding, long_recording
from dgm_audio.apps.inversion import error_db
from dgm_audio.apps.latents import pack, pack_file, read_latents, unpack
from dgm_audio.apps.long_encoding import Difference, decoded, encode_recording
from dgm_audio.apps.long_recording import open_recording
from dgm_audio.errors import InputError
from dgm_audio.io import read_audio


@pytest.fixture
def recording(tmp_path):
    """2.6 s of noise, no whole number of hops."""
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (int(2.6 * RATE) + 77, 2))
    soundfile.write(tmp_path / "x.wav", x.astype(np.float32), RATE, subtype="FLOAT")
    return tmp_path / "x.wav"


@torch.no_grad()
def test_latents_and_sound_are_those_of_the_whole(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(long_recording, "PART", 1)
    monkeypatch.setattr(long_encoding, "FRAMES", 7)
    model, (whole, _) = small_stream(), read_audio(recording)
    long, _ = open_recording(model.audio, recording)
    sizes, encode = [], model.encode_with_history
    model.encode_with_history = lambda x, history: sizes.append(x.shape[2]) or encode(x, history)
    path = tmp_path / "z.safetensors"
    assert encode_recording(model, long, path) == -(-whole.shape[1] // HOP)
    assert max(sizes) == 7 * HOP  # never more at a time
    model.encode_with_history = encode

    stored, z = read_latents(path), model.encode(whole[None])
    assert torch.equal(stored.z, z) and stored.length == whole.shape[1]
    assert set(safetensors.torch.load_file(path)) == {"latents"}
    beside = {}
    name, digest = pack(z, beside)["file"], pack(z, beside)["sha256"]
    assert pack_file(path) == {"file": path.name, "sha256": digest} and name in beside
    assert torch.equal(unpack(pack_file(path), tmp_path), z)
    wanted = model.decode(z, length=whole.shape[1])
    blocks = list(decoded(model, path, whole.shape[1]))
    assert torch.equal(torch.cat(blocks, 2), wanted)
    assert max(block.shape[2] for block in blocks) <= 7 * HOP


def test_the_error_is_that_of_the_pieces(monkeypatch):
    monkeypatch.setattr(long_encoding, "COMPARED", 1)
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(1, 2, 3 * RATE // 2, generator=rng) - 0.5
    y = x * torch.linspace(1, 0.1, x.shape[2])
    difference = Difference(RATE)
    passed = list(difference.of(y.split(700, 2), x.split(999, 2)))
    assert torch.equal(torch.cat(passed, 2), y)
    pairs = [(x[:, :, :RATE], y[:, :, :RATE], 2 / 3), (x[:, :, RATE:], y[:, :, RATE:], 1 / 3)]
    assert difference.db == pytest.approx(sum(w * error_db(a, b, RATE) for a, b, w in pairs))
    assert torch.equal(difference.heard, x[:, :, :RATE])


def test_a_model_of_whole_clips_is_refused(recording, tmp_path):
    model = ToyFlow(ToyFlowConfig())
    long, _ = open_recording(model.audio, recording)
    with pytest.raises(InputError, match="whole clips"):
        encode_recording(model, long, tmp_path / "z.safetensors")
    assert not (tmp_path / "z.safetensors").exists()

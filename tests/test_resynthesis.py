"""A recording through a vocoder: piece by piece it is what it is as a whole."""

import pytest
import torch
from vocoders import SMALL, ToyVocoder, ToyVocoderConfig, voice

from dgm_audio import resynthesis
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.resynthesis import mel_error_db, mel_of, resynthesise
from dgm_audio.specs import Classes, ConditionSpec


@pytest.mark.parametrize("length", [1, 63, 64, 4096, 9999])
def test_the_mel_of_pieces_is_that_of_the_whole(monkeypatch, length):
    model, x = ToyVocoder(), torch.cat([voice(0.7), voice(0.7, pitch=200)])[:, :length]
    whole = model.mel(x[:, None])
    monkeypatch.setattr(resynthesis, "_PIECE", 1000)
    assert mel_of(model, x).shape == whole.shape
    assert torch.allclose(mel_of(model, x), whole, atol=1e-4)


def test_a_recording_is_decoded_with_its_mel():
    model, x = ToyVocoder(), voice(0.4)
    (y,) = resynthesise(model, x, seed=5, temperature=0.5)
    z = model.noise(1, length=x.shape[1], seed=5, temperature=0.5)
    with torch.no_grad():
        wanted = model.decode(z, {"mel": model.mel(x[None])}, length=x.shape[1])
    assert torch.equal(y, wanted) and not y.requires_grad
    assert mel_error_db(model, x, y[:, 0]) < mel_error_db(model, x, voice(0.4, 250)) / 1.5
    assert mel_error_db(model, x, x) == 0
    assert mel_error_db(model, x, x / 10) == pytest.approx(20, abs=0.5)


def test_seed_and_temperature_are_those_of_the_noise():
    model, seen = ToyVocoder(), []
    decode = model._decode
    model._decode = lambda z, c, length: seen.append(z) or decode(z, c, length)
    list(resynthesise(model, voice(0.1).repeat(2, 1), seed=5, temperature=0.5))
    wanted = model.noise(1, length=1600, seed=5, temperature=0.5)
    assert torch.equal(seen[0], wanted.expand(2, -1, -1))


def test_blocks_are_passed_on_and_gradients_left_alone():
    model, x = GriffinLim(GriffinLimConfig(SMALL, iterations=3)), voice(0.5)
    model.block = 2048
    blocks = resynthesise(model, x.repeat(2, 1))
    assert next(blocks).shape == (2, 1, 2048) and torch.is_grad_enabled()
    rest = list(blocks)
    assert sum(block.shape[2] for block in rest) == x.shape[1] - 2048
    assert torch.equal(rest[0][0], rest[0][1])


def test_channels_have_one_class():
    model = ToyVocoder(ToyVocoderConfig(SMALL))
    fields = {**model.condition.fields, "room": Classes(("dry", "wet"))}
    model.condition, seen = ConditionSpec(fields), []
    decode = model._decode
    model._decode = lambda z, c, length: seen.append(c["room"]) or decode(z, c, length)
    list(resynthesise(model, voice(0.1).repeat(3, 1)))
    list(resynthesise(model, voice(0.1).repeat(3, 1), {"room": "wet"}))
    assert [room.tolist() for room in seen] == [[0, 0, 0], [1, 1, 1]]

"""A stream makes, block by block, what the model makes of the whole sound."""

import pytest
import torch

from dgm_audio.errors import InputError
from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE
from dgm_audio.nn.causal import History
from dgm_audio.signal.full_scale import Limiter

BLOCKS = 32


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    small = StreamConfig(sample_rate=8000, n_fft=512, hop=128, width=16, latent=4, prior=8)
    made = StreamVAE(small)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made.eval()


def sound(model: StreamVAE) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return 0.3 * torch.randn(2, 2, BLOCKS * model.hop, generator=rng).clamp(-3, 3)


@pytest.mark.parametrize("size", [1, 3, 16])
@torch.no_grad()
def test_what_blocks_and_a_flush_of_silence_encode_is_what_the_whole_does(model, size):
    x = sound(model)
    blocks = [*x.split(size * model.hop, dim=2), torch.zeros(2, 2, model.stream().latency)]
    whole = {"encode": model.encode(x), "encode_axes": model.axes_of(model.posterior(x)[0])}
    for name, expected in whole.items():
        there = getattr(model.stream(), name)
        found = torch.cat([there(block) for block in blocks], dim=2)
        assert torch.equal(found, expected)


def limited(model: StreamVAE, blocks: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat(list(Limiter(model.audio.sample_rate).whole(blocks)), dim=2)


@pytest.mark.parametrize("size", [1, 3, 16])
@torch.no_grad()
def test_what_blocks_decode_is_what_the_whole_does(model, size):
    z = model.noise(2, seed=0, length=BLOCKS * model.hop)
    code = model.prior(z, History())
    coordinates, whole = model.axes_of(code), model.decode(z)
    again = model.decode_with_history(model.code_of(coordinates), History())  # rounded by the axes
    torch.testing.assert_close(limited(model, [again]), whole, atol=1e-5, rtol=0)
    sounds = {"decode": (z, whole), "decode_axes": (coordinates, limited(model, [again]))}
    for name, (given, expected) in sounds.items():
        decode = getattr(model.stream(), name)
        made = limited(model, [decode(part) for part in given.split(size, dim=2)])
        assert torch.equal(made, expected) and float(made.abs().max()) > 1e-2


@torch.no_grad()
def test_the_first_blocks_give_no_frames_until_the_latency_has_passed(model):
    stream, x = model.stream(), sound(model)
    assert stream.latency == model.delay * model.hop == 512
    counts = [stream.encode(block).shape[2] for block in x.split(model.hop, dim=2)]
    assert counts == [0] * model.delay + [1] * (BLOCKS - model.delay)
    empty = stream.decode(torch.zeros(2, 4, 0))
    assert empty.shape == (2, 2, 0)


def test_latency_in_milliseconds_is_block_and_look_ahead(model):
    assert model.stream().latency_ms(1024) == pytest.approx(1000 * (1024 + 512) / 8000)


def test_streams_do_not_hear_each_other(model):
    one, other, x = model.stream(), model.stream(), sound(model)
    one.encode(x)
    expected = model.stream().encode(x)
    assert torch.equal(other.encode(x), expected)
    assert one.encode(x).shape[2] == BLOCKS > expected.shape[2]  # it goes on


@pytest.mark.parametrize(
    ("shape", "word"),
    [((1, 2, 100), "multiple of 256"), ((1, 3, 256), "shape"), ((2, 256), "shape")],
)
def test_a_block_that_does_not_fit_is_refused_in_one_line(model, shape, word):
    with pytest.raises(InputError, match=word) as error:
        model.stream().encode(torch.zeros(shape))
    assert "\n" not in str(error.value)


def test_latents_that_do_not_fit_are_refused_in_one_line(model):
    for wrong in (torch.zeros(1, 5, 2), torch.full((1, 4, 2), float("nan"))):
        with pytest.raises(InputError) as error:
            model.stream().decode(wrong)
        assert "\n" not in str(error.value)

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.errors import DecodeError, InputError
from dgm_audio.generator import (
    MAX_SEED,
    AudioGenerator,
    Encoder,
    HasElbo,
    HasLogProb,
    slerp,
)
from dgm_audio.specs import AudioSpec, ConditionSpec, Frames, LatentSpec


@pytest.fixture
def flow() -> ToyFlow:
    return ToyFlow(ToyFlowConfig()).eval()


@pytest.fixture
def factor() -> ToyFactor:
    return ToyFactor(ToyFactorConfig()).eval()


class Folded(AudioGenerator):
    """A model in inference form: its only weight is a buffer; conditioned on frames."""

    family = "folded"
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.audio = AudioSpec(8000, 1, 16)
        self.latent = LatentSpec(1, hop=4)
        self.condition = ConditionSpec({"mel": Frames(2, 4)})
        self.register_buffer("steps", torch.zeros(1, dtype=torch.long))
        self.register_buffer("scale", torch.ones(1, dtype=torch.float64))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        frames = (z * condition["mel"][:, :1] * self.scale).tanh()
        return frames.repeat_interleave(4, dim=2)[..., :length]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 5))
def test_sample_has_the_shape_that_seconds_ask_for(length: int, batch: int) -> None:
    flow = ToyFlow(ToyFlowConfig())
    x = flow.sample(batch, seconds=length / 8000, seed=0)
    assert x.shape == (batch, 1, length) and x.dtype == torch.float32
    assert bool((x.abs() <= 1).all()) and not x.requires_grad


def test_noise_is_standard_normal_and_keyed_by_seed_and_index(flow: ToyFlow) -> None:
    z = flow.noise(64, length=4000, seed=3)
    assert z.shape == (64, 4, 1000)
    # 256,000 numbers: the mean deviates by 0.002, the variance by 0.003 (one sigma)
    assert float(z.mean()) == pytest.approx(0, abs=0.01)
    assert float(z.var()) == pytest.approx(1, abs=0.015)
    assert torch.equal(flow.noise(2, length=4000, seed=3, first=5), z[5:7])
    assert not torch.equal(flow.noise(1, length=4000, seed=4), z[:1])
    assert torch.equal(flow.noise(64, length=400, seed=3), z[:, :, :100]), "a prefix"
    assert torch.equal(flow.noise(1, length=4, seed=3, temperature=0.5), 0.5 * z[:1, :, :1])


def test_noise_is_the_same_on_every_machine(flow: ToyFlow) -> None:
    expected = np.random.Generator(np.random.Philox(key=[9, 2])).standard_normal((2, 4), np.float32)
    found = flow.noise(1, length=8, seed=9, first=2)[0].T.numpy()
    assert np.array_equal(found, expected)


def test_without_a_seed_every_call_is_new(flow: ToyFlow) -> None:
    assert not torch.equal(flow.sample(1), flow.sample(1))


def test_temperature_zero_is_the_typical_sound(flow: ToyFlow) -> None:
    x = flow.sample(2, temperature=0, seed=0, condition={"class": "low"})
    assert torch.equal(x[0], x[1])
    assert torch.equal(
        flow.sample(1, temperature=np.float64(0.5), seed=1)[0],
        flow.sample(1, temperature=0.5, seed=1)[0],
    )


def test_labels_cycle_in_a_batch_but_not_along_a_path(flow: ToyFlow) -> None:
    z = flow.noise(1, seed=0)
    both = flow.decode(torch.cat([z, z]))
    assert not torch.equal(both[0], both[1]), "item 1 has the second class"
    path = flow.interpolate(z, z, 3)
    torch.testing.assert_close(path[[0, 2]], both[[0, 0]])
    given_per_step = flow.interpolate(z, z, 2, {"class": ["low", "high"]})
    torch.testing.assert_close(given_per_step, both)


def test_length_law_of_decode(flow: ToyFlow, factor: ToyFactor) -> None:
    z = flow.noise(1, length=8, seed=0)
    assert flow.decode(z).shape == (1, 1, 8)
    for length in (5, 6, 7, 8):
        assert flow.decode(z, length=length).shape == (1, 1, length)
    with pytest.raises(InputError, match="2 latent frames of 4 samples make 5 to 8 samples"):
        flow.decode(z, length=4)
    assert factor.decode(factor.noise(1)).shape == (1, 1, 24)
    assert factor.decode(factor.noise(1), length=3).shape == (1, 1, 3)
    with pytest.raises(InputError, match="length is 25; it must be an integer from 1 to 24"):
        factor.decode(factor.noise(1), length=25)


WRONG_LATENTS = {
    "shape": lambda z: z[:, :, 0, None, None],
    "channels": lambda z: z[:, :2],
    "empty batch": lambda z: z[:0],
    "no frames": lambda z: z[:, :, :0],
    "NaN": lambda z: z * math.nan,
    "infinite": lambda z: z * math.inf,
    "norm": lambda z: z / z.norm() * 1.01e6,
    "integers": lambda z: z.long(),
    "list": lambda z: z.tolist(),
    "array": lambda z: z.numpy(),
    "complex": lambda z: z.to(torch.complex64),
}


@pytest.mark.fault(29)
@pytest.mark.parametrize("name", WRONG_LATENTS)
def test_wrong_latents_are_refused(flow: ToyFlow, name: str) -> None:
    z = WRONG_LATENTS[name](flow.noise(1, seed=0))
    with pytest.raises(InputError, match=r"^z "):
        flow.decode(z)
    with pytest.raises(InputError):
        flow.interpolate(z, flow.noise(1, seed=1), 3)


@pytest.mark.fault(29)
def test_latents_of_every_floating_type_and_device_are_converted(flow: ToyFlow) -> None:
    z = flow.noise(2, seed=0)
    expected = flow.decode(z)
    assert torch.equal(flow.decode(z.double()), expected)
    for kind in (torch.float16, torch.bfloat16):
        assert torch.equal(flow.decode(z.to(kind)), flow.decode(z.to(kind).float()))


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "arguments",
    [
        {"batch": 0}, {"batch": -1}, {"batch": 4097}, {"batch": 1.0}, {"batch": True},
        {"seconds": 0}, {"seconds": -1}, {"seconds": 1e9}, {"seconds": 1e300}, {"seconds": 1e308},
        {"seconds": math.nan}, {"seconds": "1"},
        {"seed": -1}, {"seed": 2**63}, {"seed": 2**64}, {"seed": 0.5}, {"seed": "0"},
        {"temperature": -0.1}, {"temperature": math.nan}, {"temperature": math.inf},
        {"temperature": 11}, {"temperature": "hot"}, {"temperature": True}, {"temperature": None},
        {"condition": {"clas": 0}}, {"condition": "low"}, {"condition": {"class": 2}},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_of_sample_are_refused(flow: ToyFlow, arguments: dict) -> None:
    with pytest.raises(InputError) as error:
        flow.sample(**arguments)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250
    assert next(iter(arguments)) in str(error.value) or "memory" in str(error.value)


@pytest.mark.fault(29)
def test_memory_is_estimated_before_it_is_taken(flow: ToyFlow) -> None:
    with pytest.raises(
        InputError, match=r"would take 2\.98e\+04 GiB of memory; the limit is 2 GiB"
    ):
        flow.sample(1, seconds=1e9)
    with pytest.raises(InputError, match="memory"):
        flow.noise(4096, length=2**20)
    wide = torch.zeros(1, 4, 1).expand(4096, 4, 2**18)  # no memory behind it
    with pytest.raises(InputError, match="memory"):
        flow._check_size(len(wide), wide.shape[2] * 4)


def test_the_largest_seed_is_allowed(flow: ToyFlow) -> None:
    assert flow.sample(1, seed=MAX_SEED).shape == (1, 1, 32)
    assert torch.equal(flow.sample(1, seed=np.uint8(7)), flow.sample(1, seed=7))


@pytest.mark.fault(29)
@pytest.mark.parametrize("steps", [0, 1, -1, 2.0, True, 4097])
def test_wrong_steps_are_refused(flow: ToyFlow, steps: int) -> None:
    z = flow.noise(2, seed=0)
    with pytest.raises(InputError, match="steps is"):
        flow.interpolate(z[0], z[1], steps)


def test_ends_of_a_path_must_match(flow: ToyFlow) -> None:
    z = flow.noise(2, seed=0)
    for other in (z, z[1][:, :3], z[1].tolist()):
        with pytest.raises(InputError):
            flow.interpolate(z[0], other, 3)
    with pytest.raises(InputError, match="condition is a str"):
        flow.interpolate(z[0], z[1], 3, "low")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["encode", "log_prob", "elbo"])
@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(1, 2, 8), torch.zeros(1, 8), torch.zeros(0, 1, 8), torch.zeros(1, 1, 0),
        torch.zeros(1, 1, 25), torch.zeros(1, 1, 8).long(), torch.full((1, 1, 8), math.nan),
        torch.full((1, 1, 8), 1.01), [[[0.0]]],
    ],
    ids=lambda x: str(getattr(x, "shape", "list")),
)  # fmt: skip
def test_wrong_audio_is_refused(factor: ToyFactor, method: str, x: Tensor) -> None:
    with pytest.raises(InputError, match=r"^x "):
        getattr(factor, method)(x)


def test_capabilities_are_protocols(flow: ToyFlow, factor: ToyFactor) -> None:
    assert isinstance(flow, Encoder) and isinstance(flow, HasLogProb)
    assert not isinstance(flow, HasElbo) and isinstance(factor, HasElbo)


def test_a_model_without_parameters_has_device_and_precision() -> None:
    model = Folded()
    assert model.device == torch.device("cpu") and model.dtype == torch.float64
    mel = torch.ones(2, 2, 4)
    assert model.decode(torch.ones(2, 1, 4), {"mel": mel}).shape == (2, 1, 16)
    with pytest.raises(InputError, match="needs frames"):
        model.sample(1)


def test_a_model_tells_that_it_was_not_loaded(flow: ToyFlow) -> None:
    assert flow.name is flow.weights_hash is flow.card_path is flow.fingerprint is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_slerp_stays_on_the_sphere(seed: int, weight: float) -> None:
    rng = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 1, 6, 3, generator=rng)
    a, b = a / a.norm(), b / b.norm()
    assert float(slerp(a, b, weight).norm()) == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(slerp(a, b, weight), slerp(b, a, 1 - weight), atol=1e-5, rtol=0)


def test_slerp_ends_at_its_end_points_also_where_no_circle_is_defined() -> None:
    z = torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0))
    for a, b in ((z, z.flip(1)), (z, z), (z, -z), (z, torch.zeros_like(z)), (z, 3 * z)):
        torch.testing.assert_close(slerp(a, b, 0.0), a, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(slerp(a, b, 1.0), b, atol=1e-6, rtol=1e-6)
        assert bool(torch.isfinite(slerp(a, b, 0.3)).all())


class Overflowing(ToyFlow):
    """Sounds whose first latent is above 1 are no numbers."""

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(z, condition, length) / (z[:, :1, :1] <= 1)

    def decode_blocks(self, z: Tensor, condition=None, *, length: int | None = None):
        blocks = [self._decode(*self._check_call(z, condition, length))]
        yield from map(self._check_made, blocks)


def test_what_is_no_sound_is_never_handed_out() -> None:
    model = Overflowing(ToyFlowConfig()).eval()
    z = model.noise(3, length=32, seed=0)
    z[:, 0, 0] = torch.tensor([0.0, 2.0, 2.0])
    assert bool(model.decode(z[:1]).isfinite().all())
    for made in (lambda: model.decode(z), lambda: list(model.decode_blocks(z))):
        with pytest.raises(DecodeError, match="item 1 of 3 came out with NaN or infinite") as error:
            made()
        assert "\n" not in str(error.value) and error.value.exit_code == 1

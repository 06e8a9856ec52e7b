import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.errors import ConformanceError, InputError
from dgm_audio.families.autoregressive.wavenet import WaveNet, WaveNetConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Classes, ConditionSpec
from dgm_audio.testing import CHECKS, check_generator


def flow(**config: object) -> ToyFlow:
    return ToyFlow(replace(ToyFlowConfig(), **config))


GOOD = {
    "stream": flow,
    "sample by sample": lambda: flow(hop=1),
    "one code per clip": lambda: flow(streams=False),
    "factor": lambda: ToyFactor(ToyFactorConfig()),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_sound_model_passes_and_what_it_lacks_is_skipped_with_a_reason(name: str) -> None:
    results = check_generator(GOOD[name]())
    assert [result.name for result in results] == list(CHECKS)
    skipped = {result.name: result.detail for result in results if result.outcome == "skipped"}
    lacking = {"registry", "stream"} | ({"condition"} if name == "factor" else {"elbo"})
    assert set(skipped) == lacking and all(skipped.values())


# Broken models, at least one per check -----------------------------------------------------------


@dataclass
class ThawedConfig:
    length: int = 24
    codes: int = 3


class Thawed(ToyFactor):
    config_class = ThawedConfig


class ForgetfulOfSpecs(ToyFlow):
    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        self.latent = (4, 4)  # type: ignore[assignment]


class Usurper(ToyFlow):
    family = "vae"


class OneTooMany(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return torch.cat([super()._decode(z, condition, length)] * 2, dim=2)[..., : length + 1]


class TooLoud(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return 3 * super()._decode(z, condition, length)


class OddOnesNaN(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(z, condition, length) * (math.nan if length % 2 else 1.0)


class NoiseOfTheBatch(ToyFlow):
    def noise(self, batch: int, **arguments: object) -> Tensor:
        return super().noise(batch, **arguments) * (1 + 0.1 * batch)  # type: ignore[arg-type]


class Restless(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        x = super()._decode(z, condition, length)
        return 0.9 * x + 0.01 * torch.rand_like(x)


class DeafToLatents(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(torch.zeros_like(z), condition, length)


class CoolHead(ToyFlow):
    def sample(self, batch: int = 1, **arguments: object) -> Tensor:
        super().sample(batch, **arguments)  # type: ignore[arg-type]
        return super().sample(batch, **(arguments | {"temperature": 1.0}))  # type: ignore[arg-type]


class Backwards(ToyFlow):
    def interpolate(self, z0: Tensor, z1: Tensor, steps: int, condition: object = None) -> Tensor:
        return super().interpolate(z1, z0, steps, condition)  # type: ignore[arg-type]


class Straight(ToyFlow):
    def interpolate(self, z0: Tensor, z1: Tensor, steps: int, condition: object = None) -> Tensor:
        weights = torch.linspace(0, 1, steps)[:, None, None]
        super().interpolate(z0, z1, steps, condition)  # type: ignore[arg-type]
        return self.decode((1 - weights) * z0 + weights * z1, condition)  # type: ignore[arg-type]


class Sociable(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(z - 0.1 * z.mean(0), condition, length)


class SociableEncoder(ToyFlow):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        z = super().encode(x, condition)  # type: ignore[arg-type]
        return z / z.std()


class Halting(ToyFlow):
    def decode_blocks(
        self, z: Tensor, condition: object = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        yield self.decode(z, condition, length=length)[..., :-1]  # type: ignore[arg-type]


class Stumbling(ToyFlow):
    def decode_blocks(
        self, z: Tensor, condition: object = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        x = self.decode(z, condition, length=length)  # type: ignore[arg-type]
        yield x[..., :9]
        yield 0.999 * x[..., 9:]


class LastIsDefault(Classes):
    def default(self, batch: int) -> Tensor:
        return torch.full((batch,), len(self.names) - 1)


class OtherDefault(ToyFlow):
    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        self.condition = ConditionSpec(
            {**self.condition.fields, "class": LastIsDefault(config.classes)}
        )


class Counting(ToyFlow):
    steps: Tensor

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        self.steps += 1
        return super()._decode(z, condition, length)


class Gambler(ToyFlow):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        torch.rand(1)
        return super().encode(x, condition)  # type: ignore[arg-type]


class Trusting(ToyFlow):
    def _check_latents(self, z: Tensor) -> Tensor:
        return z.to(self.device, self.dtype)


class TrustingEncoder(ToyFlow):
    def _check_audio(self, x: Tensor) -> Tensor:
        return x


class OnlyFloat32(ToyFlow):
    def matrix(self) -> Tensor:
        return self.lower.tril(-1) + self.log_scale.exp().diag()


class IdleWeight(ToyFlow):
    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        self.idle = nn.Parameter(torch.zeros(3))


class Detached(ToyFlow):
    def shift(self, condition: dict[str, Tensor]) -> Tensor:
        return super().shift(condition).detach()


class ExplodingGradient(ToyFlow):
    def matrix(self) -> Tensor:
        return super().matrix() + (0 * self.log_scale.float().sum()).sqrt()


class RoughEncoder(ToyFlow):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        return 1.01 * super().encode(x, condition)  # type: ignore[arg-type]


class BlindEncoder(ToyFactor):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        return 0 * super().encode(x, condition) + 1  # type: ignore[arg-type]


class FramelessEncoder(ToyFlow):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        return super().encode(x, condition)[..., :1]  # type: ignore[arg-type]


class PerSample(ToyFlow):
    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        return super().log_prob(x, condition)[:, None]  # type: ignore[arg-type]


class BoundCalledExact(ToyFlow):
    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        return super().log_prob(x, condition) - torch.rand(len(x))  # type: ignore[arg-type]


class MassAboveOne(ToyFlow):
    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        self.audio = replace(self.audio, levels=256)

    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        return super().log_prob(x, condition) + 10 * x.shape[2]  # type: ignore[arg-type]


class NoConstant(ToyFlow):
    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        constant = 0.5 * math.log(2 * math.pi)
        return super().log_prob(x, condition) + constant * x.shape[2]  # type: ignore[arg-type]


class NoJacobian(ToyFactor):
    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        nats = super().log_prob(x, condition)  # type: ignore[arg-type]
        return nats + torch.log1p(-x.square()).sum((1, 2))


class Boastful(ToyFactor):
    def elbo(self, x: Tensor, condition: object = None) -> Tensor:
        return self.log_prob(x, condition) + 0.1 * x.shape[2]  # type: ignore[arg-type]


class ScalarElbo(ToyFactor):
    def elbo(self, x: Tensor, condition: object = None) -> Tensor:
        return super().elbo(x, condition).mean()  # type: ignore[arg-type]


class Unsaved(ToyFlow):
    """Its sound depends on a number that is not in the state."""

    made = 0

    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        Unsaved.made += 1
        self.offset = 0.001 * Unsaved.made

    def shift(self, condition: dict[str, Tensor]) -> Tensor:
        return super().shift(condition) + self.offset


class DoublePrecision(ToyFlow):
    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__(config)
        self.register_buffer("table", torch.zeros(3, dtype=torch.float64))


def broken(kind: type[AudioGenerator]) -> Callable[[], AudioGenerator]:
    config = ToyFactorConfig() if issubclass(kind, ToyFactor) else ToyFlowConfig()
    return lambda: kind(ThawedConfig() if kind is Thawed else config)  # type: ignore[call-arg]


MUTANTS: dict[str, list[type[AudioGenerator]]] = {
    "description": [Thawed, ForgetfulOfSpecs],
    "registry": [Usurper],
    "shape": [OneTooMany, TooLoud, OddOnesNaN],
    "seed_and_index": [NoiseOfTheBatch],
    "same_seed": [Restless, DeafToLatents],
    "sample_is_decode": [CoolHead],
    "interpolation": [Backwards, Straight],
    "batch_independence": [Sociable, SociableEncoder],
    "stream": [Halting, Stumbling],
    "condition": [OtherDefault],
    "no_side_effects": [Counting, Gambler],
    "errors": [Trusting, TrustingEncoder],
    "precision": [OnlyFloat32],
    "gradients": [IdleWeight, Detached, ExplodingGradient],
    "encode": [RoughEncoder, BlindEncoder, FramelessEncoder],
    "log_prob": [PerSample, BoundCalledExact, MassAboveOne],
    "log_prob_is_exact": [NoConstant, NoJacobian],
    "elbo": [Boastful, ScalarElbo],
    "save_and_load": [Unsaved, DoublePrecision],
}


def test_every_check_has_a_mutant() -> None:
    assert list(MUTANTS) == list(CHECKS)


@pytest.mark.parametrize(
    ("check", "kind"), [(check, kind) for check, kinds in MUTANTS.items() for kind in kinds]
)
def test_every_check_can_fail(check: str, kind: type[AudioGenerator]) -> None:
    with pytest.raises(ConformanceError, match=f"{kind.family}: {check}: ") as error:
        check_generator(broken(kind)(), only=[check])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [CoolHead, OtherDefault, IdleWeight, NoJacobian, Boastful])
def test_a_fault_is_reported_by_its_own_check_only(kind: type[AudioGenerator]) -> None:
    results = check_generator(broken(kind)(), raise_on_failure=False)
    failed = [result.name for result in results if result.outcome == "failed"]
    assert failed == [check for check, kinds in MUTANTS.items() if kind in kinds]
    assert len(results) == len(CHECKS)


def test_an_encoder_can_be_held_to_an_error() -> None:
    model = ToyFactor(ToyFactorConfig())
    (result,) = check_generator(model, only=["encode"])
    error = float(result.detail.rpartition(" ")[2])
    assert 0 < error < 0.1
    check_generator(model, only=["encode"], encode_error=1.1 * error)
    with pytest.raises(ConformanceError, match="differs from x by"):
        check_generator(model, only=["encode"], encode_error=0.9 * error)


def test_the_tolerance_decides() -> None:
    with pytest.raises(ConformanceError):
        check_generator(broken(Restless)(), only=["same_seed"])
    check_generator(broken(Restless)(), only=["same_seed"], tolerance=0.05)


def test_the_model_is_left_as_it_was() -> None:
    model = flow().train().requires_grad_(False)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    check_generator(model)
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_masses_of_a_discrete_model_must_sum_to_one() -> None:
    torch.manual_seed(0)
    sizes = {"width": 16, "skip": 16, "depth": 2, "levels": 15, "components": 2}
    discrete = WaveNet(WaveNetConfig(**sizes, output="logistics"))
    with torch.no_grad():  # every symbol is likely, however far from the expected one
        discrete.network.head.bias[4:] = -5.0
    (result,) = check_generator(discrete, only=["log_prob_is_exact"])
    assert (
        result.outcome == "passed" and "13 values" in result.detail
    )  # two at each end clip to one
    exact = discrete.log_prob
    discrete.log_prob = lambda x, c=None: exact(x, c) - 0.1  # type: ignore[method-assign]
    with pytest.raises(ConformanceError, match="but decode makes them"):
        check_generator(discrete, only=["log_prob_is_exact"])
    density = flow(hop=1)
    density.audio = replace(density.audio, levels=256)
    with pytest.raises(ConformanceError, match=r"audio\.levels is 256"):
        check_generator(density, only=["log_prob_is_exact"])


def test_large_clips_are_not_called_exact_unverified() -> None:
    results = check_generator(ToyFactor(ToyFactorConfig(length=1024)), only=["log_prob_is_exact"])
    assert results[0].outcome == "passed"
    wide = ToyFactor(ToyFactorConfig(length=1024))
    wide.audio = replace(wide.audio, channels=2)
    results = check_generator(wide, only=["log_prob_is_exact"])
    assert results[0].outcome == "skipped" and "not verified" in results[0].detail


def test_unknown_checks_are_refused() -> None:
    with pytest.raises(InputError, match="there is no check 'shapes'; there are description"):
        check_generator(flow(), only=["shapes"])


def test_every_check_says_what_it_checks() -> None:
    assert all((check.__doc__ or "").strip().endswith(".") for check in CHECKS.values())

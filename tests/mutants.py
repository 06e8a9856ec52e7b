"""Broken models, at least one for each check of `dgm_audio.testing`."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import sleep

import torch
from torch import Tensor, nn
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Classes, ConditionSpec


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
    def default(self, batch: int, known: object = None) -> Tensor:
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


class Shared(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        self.latest = z
        sleep(0.001)  # another thread comes in between
        return super()._decode(self.latest, condition, length)


class Swapping(ToyFlow):
    def encode(self, x: Tensor, condition: object = None) -> Tensor:
        self.lower = nn.Parameter(self.lower.detach().clone())
        return super().encode(x, condition)  # type: ignore[arg-type]


class Obedient(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return 0.3 * super()._decode(z, condition, length) / torch.full((1,), 0.3)


class FollowsTheType(ToyFlow):
    def log_prob(self, x: Tensor, condition: object = None) -> Tensor:
        nats = super().log_prob(x, condition)  # type: ignore[arg-type]
        return nats + torch.arange(1, device=x.device) / 3


class Mute(ToyFlow):
    @torch.no_grad()
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(z, condition, length)


class SteppedLatents(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode((100 * z).round() / 100, condition, length)


class EndlessSlope(ToyFlow):
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return super()._decode(z + (0 * z).sqrt(), condition, length)


class Nameless(ToyFlow):
    def _check_gradients(self, z: Tensor, condition: object) -> None:
        if z.requires_grad:
            raise InputError("no gradients")


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
    "threads": [Shared, Swapping],
    "torch_defaults": [Obedient, FollowsTheType],
    "gradients": [IdleWeight, Detached, ExplodingGradient],
    "input_gradients": [Mute, SteppedLatents, EndlessSlope, Nameless],
    "encode": [RoughEncoder, BlindEncoder, FramelessEncoder],
    "log_prob": [PerSample, BoundCalledExact, MassAboveOne],
    "log_prob_is_exact": [NoConstant, NoJacobian],
    "elbo": [Boastful, ScalarElbo],
    "save_and_load": [Unsaved, DoublePrecision],
}

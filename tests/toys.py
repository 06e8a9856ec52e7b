"""Small but real generators, for tests of what every generator must keep.

`ToyFlow` streams and is invertible; `ToyFactor` has one code per clip, an exact likelihood and a
bound. Both live in (-1, 1) through x = tanh(y), so log p(x) = log p(y) - sum log(1 - x^2).
`ToyChain` is discrete: its entropy is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.companding import mu_law_decode, mu_law_encode
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, LatentSpec, Scalar

EDGE = 1 - 1e-6


def log_normal(y: Tensor) -> Tensor:
    return -0.5 * y.square() - 0.5 * math.log(2 * math.pi)


def untanh(x: Tensor) -> tuple[Tensor, Tensor]:
    """y = atanh(x) and log|dy/dx|, per sample."""
    x = x.clamp(-EDGE, EDGE)
    return torch.atanh(x), -torch.log1p(-x.square())


@dataclass(frozen=True)
class ToyFlowConfig:
    hop: int = field(default=4, metadata={"low": 1, "high": 64})
    length: int = 32
    streams: bool = True
    classes: tuple[str, ...] = ("low", "high")


class ToyFlow(AudioGenerator):
    """A linear flow on frames of `hop` samples: y = A z + b_c with A lower triangular.

    A is triangular, so that the first samples of a frame have an exact marginal: log_prob holds
    for every length.
    """

    family = "toy-flow"
    config_class = ToyFlowConfig

    def __init__(self, config: ToyFlowConfig) -> None:
        super().__init__()
        self.config = config
        frame = config.hop if config.streams else config.length
        self.audio = AudioSpec(8000, 1, config.length, None if config.streams else config.length)
        self.latent = LatentSpec(frame, hop=frame if config.streams else None)
        self.condition = ConditionSpec(
            {"class": Classes(config.classes), "gain": Scalar(0.5, 2.0, "times", 1.0)}
        )
        rng = torch.Generator().manual_seed(0)
        self.lower = nn.Parameter(0.1 * torch.randn(frame, frame, generator=rng))
        self.log_scale = nn.Parameter(0.1 * torch.randn(frame, generator=rng) - 1)
        self.bias = nn.Parameter(0.1 * torch.randn(len(config.classes), frame, generator=rng))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def matrix(self) -> Tensor:
        return self.lower.float().tril(-1) + self.log_scale.float().exp().diag()

    def shift(self, condition: dict[str, Tensor]) -> Tensor:
        return (self.bias.float()[condition["class"]] * condition["gain"].float()[:, None])[
            ..., None
        ]

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        y = self.matrix() @ z.float() + self.shift(condition)
        return torch.tanh(y.transpose(1, 2).flatten(1))[:, None, :length]

    def latents(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """z (B, D, L) of zero-padded audio and log|dy/dx| (B, T)."""
        y, log_det = untanh(self._check_audio(x)[:, 0])
        values = self._check_condition(condition, len(x))
        frame = self.latent.channels
        frames = F.pad(y, (0, -y.shape[1] % frame)).unflatten(1, (-1, frame)).transpose(1, 2)
        z = torch.linalg.solve_triangular(self.matrix(), frames - self.shift(values), upper=False)
        return z, log_det

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        return self.latents(x, condition)[0]

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        z, log_det = self.latents(x, condition)
        nats = log_normal(z) - self.log_scale.float()[:, None]
        return (nats.transpose(1, 2).flatten(1)[:, : x.shape[2]] + log_det).sum(1)


@dataclass(frozen=True)
class ToyFactorConfig:
    length: int = field(default=24, metadata={"low": 1, "high": 1024})
    codes: int = field(default=3, metadata={"low": 1, "high": 64})


class ToyFactor(AudioGenerator):
    """Factor analysis, a linear VAE: y = W z + noise of deviation s; the posterior is Gaussian.

    The bound uses a posterior with independent entries, which the true one has not.
    """

    family = "toy-factor"
    config_class = ToyFactorConfig

    def __init__(self, config: ToyFactorConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioSpec(8000, 1, config.length, config.length)
        self.latent = LatentSpec(config.codes)
        self.condition = ConditionSpec()
        rng = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(0.5 * torch.randn(config.length, config.codes, generator=rng))
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        y = z[:, :, 0].float() @ self.weight[:length].float().T
        return torch.tanh(y)[:, None]

    def weight_and_noise(self, length: int) -> tuple[Tensor, Tensor]:
        """W of the first samples (T, D), and s^2."""
        return self.weight[:length].float(), (2 * self.log_noise.float()).exp()

    def before_tanh(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """y and log|dy/dx| (B, T) of audio that is allowed."""
        y, log_det = untanh(self._check_audio(x)[:, 0])
        self._check_condition(condition, len(x))
        return y, log_det

    def posterior(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, D) and precision (D, D) of p(z | y)."""
        weight, noise = self.weight_and_noise(y.shape[1])
        one = torch.eye(weight.shape[1], dtype=y.dtype, device=y.device)
        precision = one + weight.T @ weight / noise
        return torch.linalg.solve(precision, (y @ weight / noise).T).T, precision

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        y, _ = self.before_tanh(x, condition)
        return self.posterior(y)[0][..., None]

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        y, log_det = self.before_tanh(x, condition)
        weight, noise = self.weight_and_noise(y.shape[1])
        one = torch.eye(len(weight), dtype=y.dtype, device=y.device)
        covariance = weight @ weight.T + noise * one
        density = torch.distributions.MultivariateNormal(
            torch.zeros(len(weight), dtype=y.dtype, device=y.device), covariance
        )
        return density.log_prob(y) + log_det.sum(1)

    def elbo(self, x: Tensor, condition: Condition = None) -> Tensor:
        """log p(x) - KL(q || p(z | x)), with q = prod_i N(mean_i, 1 / precision_ii)."""
        y, _ = self.before_tanh(x, condition)
        _, precision = self.posterior(y)
        gap = 0.5 * (precision.diagonal().log().sum() - torch.logdet(precision))
        return self.log_prob(x, condition) - gap


@dataclass(frozen=True)
class ToyChainConfig:
    levels: int = field(default=8, metadata={"low": 2, "high": 256})
    length: int = 64
    classes: tuple[str, ...] = ("calm", "wild")


class ToyChain(AudioGenerator):
    """A Markov chain over K mu-law symbols that stays where it is, or jumps to any other.

    A calm sound stays with probability 0.9, a wild one with 0.2; the first symbol is any.
    """

    family = "toy-chain"
    config_class = ToyChainConfig
    differentiable = False

    def __init__(self, config: ToyChainConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioSpec(8000, 1, config.length, levels=config.levels)
        self.latent = LatentSpec(1, hop=1)
        self.condition = ConditionSpec({"class": Classes(config.classes)})
        self.logit = nn.Parameter(torch.logit(torch.linspace(0.9, 0.2, len(config.classes))))

    def matrix(self) -> Tensor:
        """p(next | symbol) of every class, (classes, K, K)."""
        stay, levels = torch.sigmoid(self.logit.double())[:, None, None], self.config.levels
        same = torch.eye(levels, dtype=torch.float64, device=stay.device)
        return stay * same + (1 - stay) / (levels - 1) * (1 - same)

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        u = torch.special.ndtr(z[:, 0].double())
        edges = self.matrix()[condition["class"]].cumsum(2)
        symbols = [(u[:, 0] * self.config.levels).floor().long()]
        for step in range(1, length):
            row = edges[torch.arange(len(z), device=z.device), symbols[-1]]
            symbols.append((row < u[:, step, None]).sum(1).clamp(max=self.config.levels - 1))
        return mu_law_decode(torch.stack(symbols, 1), self.config.levels)[:, None]

    def symbols(self, x: Tensor) -> Tensor:
        return mu_law_encode(self._check_audio(x)[:, 0], self.config.levels)

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        symbols, values = self.symbols(x), self._check_condition(condition, len(x))
        rows = self.matrix().log()[values["class"]]
        items = torch.arange(len(x), device=self.device)[:, None]
        steps = rows[items, symbols[:, :-1], symbols[:, 1:]]
        return steps.sum(1) - math.log(self.config.levels)


@dataclass(frozen=True)
class ToyToneConfig:
    length: int = field(default=4096, metadata={"low": 64, "high": 65536})
    variety: float = 1.0
    classes: tuple[str, ...] = ()


class ToyTone(AudioGenerator):
    """A decaying tone without a likelihood: z says pitch and decay, as far as `variety` lets it.

    With a variety of 0 it ignores z: all sounds of a class are one.
    """

    family = "toy-tone"
    config_class = ToyToneConfig

    def __init__(self, config: ToyToneConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioSpec(8000, 1, config.length, config.length)
        self.latent = LatentSpec(2)
        fields = {"class": Classes(config.classes)} if config.classes else {}
        self.condition = ConditionSpec(fields)
        self.variety = nn.Parameter(torch.tensor(float(config.variety)))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        samples = torch.arange(length, device=z.device, dtype=torch.float32)
        seconds = samples / self.audio.sample_rate
        said = self.variety * z[:, :, 0].float()
        octave = condition.get("class", z.new_zeros(len(z))).float()
        hertz, decay = 200 * 2 ** (octave + 0.7 * said[:, 0]), 15 * 2 ** said[:, 1]
        tone = torch.sin(2 * math.pi * hertz[:, None] * seconds)
        return (0.9 * tone * torch.exp(-decay[:, None] * seconds))[:, None]

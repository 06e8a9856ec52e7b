"""Probabilistic principal components: the linear ancestor of the variational autoencoder.

    x = mu_c + W z + noise of deviation s,    z ~ N(0, I)

    z (B, D, 1) -> W (T, D) -> + mu_c (K, T) -> x (B, 1, T)

References:
    Tipping and Bishop, "Probabilistic principal component analysis", 1999.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dgm_audio import AudioGenerator, AudioSpec, ConditionSpec, LatentSpec
from dgm_audio.specs import Classes, Condition


@dataclass(frozen=True)
class PPCAConfig:
    """Sizes of a `PPCA`; the ranges are those that a config.json may have."""

    sample_rate: int = field(default=16000, metadata={"low": 1000, "high": 192000})
    length: int = field(default=8000, metadata={"low": 1, "high": 2**18})
    components: int = field(default=16, metadata={"low": 1, "high": 256})
    classes: tuple[str, ...] = ("all",)


class PPCA(AudioGenerator):
    """Sounds as a mean of their class and a few components (see the module)."""

    family = "ppca"
    config_class = PPCAConfig

    def __init__(self, config: PPCAConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioSpec(config.sample_rate, 1, config.length, config.length)
        self.latent = LatentSpec(config.components)
        self.condition = ConditionSpec({"class": Classes(config.classes)})
        rng = torch.Generator().manual_seed(0)
        shape = config.length, config.components
        self.components = nn.Parameter(0.01 * torch.randn(shape, generator=rng))
        self.mean = nn.Parameter(torch.zeros(len(config.classes), config.length))
        self.log_noise = nn.Parameter(torch.tensor(-2.0))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        x = self.mean[condition["class"]] + z[:, :, 0] @ self.components.T
        return x[:, None, :length].clamp(-1, 1)

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Posterior mean (B, D, 1) of z, given audio (B, 1, T): (W'W + s^2 I)^-1 W'(x - mu_c)."""
        x = self._check_audio(x)[:, 0]
        mean = self.mean[self._check_condition(condition, len(x))["class"], : x.shape[1]]
        w, noise = self.components[: x.shape[1]], (2 * self.log_noise).exp()
        inner = w.T @ w + noise.expand(w.shape[1]).diag()
        return torch.linalg.solve(inner, w.T @ (x - mean).T).T[:, :, None]

"""A Gaussian prior per class over the codes of an encoder.

    h = mean_c + scale_c z,    z ~ N(0, I)

Fitted to the codes of the training clips before every evaluation, so that z is standard normal and
decode(z, c) has codes like those that the decoder was trained on.

References:
    Ghosh et al., "From variational to deterministic autoencoders", 2020 (fitting the prior after).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_audio.errors import ConfigError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Condition

PRIOR_SHRINKAGE = 16
"""Shrinkage of covariances: clips of a class that weigh as much as those of all other classes."""


class ClassPriorGenerator(AudioGenerator):
    """A generator whose codes h are an affine map of z, one map per class (see the module).

    A family calls `set_up_prior` in its constructor, after `condition` is set.
    """

    prior_mean: Tensor
    prior_scale: Tensor

    def set_up_prior(self, classes: int, latent: int) -> None:
        """Buffers of the identity map for every class; one map if there are no classes.

        Raises:
            ConfigError: if the name of the class condition is no identifier.

        """
        label = self.config.label
        if not label.isidentifier():
            raise ConfigError(f"config.label is {label!r:.60}; it must be an identifier")
        count = max(classes, 1)
        self.register_buffer("prior_mean", torch.zeros(count, latent))
        self.register_buffer("prior_scale", torch.eye(latent).repeat(count, 1, 1))

    def labels(self, condition: dict[str, Tensor], batch: int) -> Tensor:
        """Class indices (B,); zeros if there are no classes."""
        if self.config.classes:
            return condition[self.config.label]
        return torch.zeros(batch, dtype=torch.long, device=self.device)

    def codes(self, z: Tensor, condition: Condition = None) -> Tensor:
        """Codes h (B, D, 1) of latents z (B, D, 1).

        Raises:
            InputError: if a shape, a value or a name is not allowed.
        """
        z = self._check_latents(z)
        labels = self.labels(self._check_condition(condition, len(z)), len(z))
        return self.code_of_latent(z[:, :, 0], labels)[:, :, None]

    def latents(self, h: Tensor, condition: Condition = None) -> Tensor:
        """Latents z (B, D, 1) of codes h (B, D, 1).

        Raises:
            InputError: if a shape, a value or a name is not allowed.
        """
        h = self._check_latents(h)
        labels = self.labels(self._check_condition(condition, len(h)), len(h))
        return self.latent_of_code(h[:, :, 0], labels)[:, :, None]

    def code_of_latent(self, z: Tensor, labels: Tensor) -> Tensor:
        """h = mean_c + scale_c z, (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return mean + (scale @ z.float()[:, :, None])[:, :, 0]

    def latent_of_code(self, code: Tensor, labels: Tensor) -> Tensor:
        """z = scale_c^-1 (h - mean_c), (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return torch.linalg.solve_triangular(scale, (code - mean)[:, :, None], upper=False)[:, :, 0]

    @torch.no_grad()
    def fit_prior(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> None:
        """Fit the Gaussian of each class to the aggregate posterior of the training clips.

        Covariances of classes with few clips are shrunk towards the pooled one, with weight
        16 / (16 + n_c).

        Args:
            mean: posterior means (N, D).
            log_variance: posterior log-variances (N, D).
            labels: class indices (N,); ignored by an unconditional model.
        """
        if not self.config.classes:
            labels = torch.zeros_like(labels)
        centre = torch.stack(
            [
                mean[labels == k].mean(0) if (labels == k).any() else mean.mean(0)
                for k in range(len(self.prior_mean))
            ]
        ).double()
        residual = mean.double() - centre[labels]
        pooled = residual.T @ residual / len(mean) + log_variance.double().exp().mean(0).diag()
        for k in range(len(self.prior_mean)):
            own = labels == k
            count = int(own.sum())
            covariance = pooled
            if count:
                scatter = residual[own].T @ residual[own] / count
                scatter = scatter + log_variance[own].double().exp().mean(0).diag()
                weight = PRIOR_SHRINKAGE / (PRIOR_SHRINKAGE + count)
                covariance = weight * pooled + (1 - weight) * scatter
            self.prior_mean[k] = centre[k]
            self.prior_scale[k] = torch.linalg.cholesky(covariance)

"""Training by maximum likelihood; the loop, its budget and what is kept are dgm_audio's."""

import torch
from torch import Tensor

from dgm_audio import AudioGenerator
from dgm_audio.data import ClipSet
from dgm_audio.objective import Losses, Objective, Task, take_weights
from dgm_audio_ppca.model import PPCA, PPCAConfig


class PPCAObjective(Objective):
    """-log N(x; mu_c, W W' + s^2 I) / T, by the identities of Woodbury and Sylvester."""

    def __init__(self, generator: PPCA) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Mean negative log-likelihood of audio (B, 1, T), in nats per sample."""
        model = self.generator
        w, noise = model.components, (2 * model.log_noise).exp()
        rest, size, latent = x[:, 0] - model.mean[labels], *w.shape
        inner = w.T @ w + noise.expand(latent).diag()
        projected = rest @ w
        explained = (projected * torch.linalg.solve(inner, projected.T).T).sum(1)
        log_det = torch.logdet(inner) + 2 * (size - latent) * model.log_noise
        distance = (rest.square().sum(1) - explained) / noise
        return Losses({"nll": 0.5 * (distance + log_det).mean() / size})


class PPCATask(Task):
    """Starts from the means and principal components of some of the clips."""

    batch = 64
    rate = 1e-4

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        config = PPCAConfig(clips.sample_rate, clips.audio.shape[2], 16, clips.classes)
        model = PPCA(config)
        if start is not None:
            take_weights(model, start)
        else:
            rows = range(0, len(clips), -(-len(clips) // 1024))
            x, labels = clips.tensor(rows)[:, 0], torch.as_tensor(clips.labels[rows])
            for label in labels.unique():
                model.mean.data[label] = x[labels == label].mean(0)
            rest = x - model.mean.data[labels]
            _, deviation, axes = torch.pca_lowrank(rest, q=min(16, len(x)), center=False)
            model.components.data[:, : axes.shape[1]] = axes * deviation / len(x) ** 0.5
            model.log_noise.data = (rest - rest @ axes @ axes.T).std().clamp_min(1e-3).log()
        self.objective = PPCAObjective(model)

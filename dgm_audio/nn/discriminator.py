"""A discriminator of short sounds: small 2-D networks on log-spectrograms of several windows.

    D_k(x, c) = mean over patches of [w_k . f_k(x) + e_k(c) . f_k(x)],    k = 1 .. windows

References:
    Miyato and Koyama, "cGANs with projection discriminator", 2018 (the class term).
    Jang et al., "UnivNet", 2021 (multi-resolution spectrogram discriminators).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from dgm_audio.signal.stft import STFT

WINDOWS = (2048, 512, 128)
FLOOR = 1e-4


class SpectrogramCritic(nn.Module):
    """Patch scores of the log-magnitudes at one window.

    Args:
        n_fft: window in samples; the hop is half of it.
        classes: K; 0 for no class term.
        channels: of the first layer; doubled twice.
    """

    def __init__(self, n_fft: int, classes: int, channels: int) -> None:
        super().__init__()
        self.stft = STFT(n_fft, n_fft // 2)
        widths = (1, channels, 2 * channels, 4 * channels, 4 * channels)
        kernels = ((5, 5), (3, 3), (3, 3), (3, 3))
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, k, stride=2, padding=(k[0] // 2, k[1] // 2)))
            for a, b, k in zip(widths[:-1], widths[1:], kernels, strict=True)
        )
        self.score = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))
        self.embedding = nn.Embedding(classes, widths[-1]) if classes else None
        if self.embedding is not None:
            nn.init.zeros_(self.embedding.weight)

    def forward(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Scores (N, patches) of audio (N, T), and the features of the layers."""
        x = F.pad(x, (0, -x.shape[-1] % self.stft.hop))
        magnitude = self.stft(x).abs()[:, 1:] * (4 / self.stft.n_fft)
        hidden = ((magnitude + FLOOR).log() + 5) * 0.4
        hidden, features = hidden[:, None], []
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        score = self.score(hidden).flatten(1)
        if self.embedding is not None and labels is not None:
            match = (self.embedding(labels) * hidden.mean(dim=(2, 3))).sum(1, keepdim=True)
            score = score + match
        return score, features


class SpectrogramDiscriminator(nn.Module):
    """One `SpectrogramCritic` per window.

    Args:
        classes: K; 0 for no class term.
        channels: of each critic's first layer.
        windows: in samples.
    """

    def __init__(
        self, classes: int = 0, channels: int = 16, windows: Sequence[int] = WINDOWS
    ) -> None:
        super().__init__()
        self.critics = nn.ModuleList(SpectrogramCritic(w, classes, channels) for w in windows)

    def forward(self, x: Tensor, labels: Tensor | None) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each critic for audio (N, T)."""
        return [critic(x, labels) for critic in self.critics]


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of max(0, 1 - D(real)) + max(0, 1 + D(fake))."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def feature_distance(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Mean |difference| of features over that of the real ones, over the layers."""
    terms = [
        (a.detach() - b).abs().mean() / a.detach().abs().mean()
        for a, b in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()

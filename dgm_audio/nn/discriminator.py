"""A discriminator of short sounds: small 2-D networks on log-spectrograms of several windows.

    D_k(x, c) = mean over patches of [w_k . f_k(x) + e_k(c) . f_k(x)],    k = 1 .. windows

    x (N, T) -> log-magnitudes (N, 1, F, L) -> 4 strided convolutions -> scores (N, P)

References:
    Miyato and Koyama, "cGANs with projection discriminator", 2018 (the class term).
    Jang et al., "UnivNet", 2021 (multi-resolution spectrogram discriminators).
    Karras et al., "Progressive growing of GANs", 2018 (the deviation within a batch).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from dgm_audio.nn.conditional_augmentation import N_PARAMETERS, ConditionalAugmentation
from dgm_audio.signal.stft import STFT

WINDOWS = (2048, 512, 128)
FLOOR = 1e-4
GROUP = 4
"""Most sounds over whose features the deviation within a batch is taken."""
MIN_FRAMES = 16
"""Fewest frames of a critic's spectrogram, which it halves four times."""


def windows_for(length: int) -> list[int]:
    """Those of `WINDOWS` that give at least `MIN_FRAMES` frames of clips of `length` samples.

    >>> windows_for(65536), windows_for(8192)
    ([2048, 512, 128], [512, 128])
    """
    return [window for window in WINDOWS if length >= MIN_FRAMES * window // 2]


class CriticOutput(NamedTuple):
    """Scores of a critic and what they were computed from.

    Attributes:
        score: of patches (N, P), higher is more real.
        features: outputs of the hidden layers, each (N, C, F, L) with its own sizes.
        spectrogram: scaled log-magnitudes (N, 1, F, L), the input of the first layer.
    """

    score: Tensor
    features: list[Tensor]
    spectrogram: Tensor


class SpectrogramCritic(nn.Module):
    """Patch scores of the log-magnitudes at one window.

    Args:
        n_fft: window in samples; the hop is half of it.
        classes: K; 0 for no class term.
        channels: of the first layer; doubled twice.
        few: regularise for little data: the deviation within a batch is a feature, the parameters
            of the augmentation are a condition, and the scoring layer has a spectral norm, which
            one learned number scales.
    """

    def __init__(self, n_fft: int, classes: int, channels: int, few: bool = False) -> None:
        super().__init__()
        self.stft, self.few = STFT(n_fft, n_fft // 2), few
        widths = (1, channels, 2 * channels, 4 * channels, 4 * channels)
        kernels = ((5, 5), (3, 3), (3, 3), (3, 3))
        layers = [
            nn.Conv2d(a, b, k, stride=2, padding=(k[0] // 2, k[1] // 2))
            for a, b, k in zip(widths[:-1], widths[1:], kernels, strict=True)
        ]
        if few:  # scores of size 1 from the first step on: there are few steps
            for layer in layers:
                nn.init.kaiming_normal_(layer.weight, a=0.2)
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        norm = spectral_norm if few else weight_norm
        self.score = norm(nn.Conv2d(widths[-1] + few, 1, 3, padding=1))
        self.gain = nn.Parameter(torch.ones(())) if few else 1.0
        # embeds the augmentation's parameters; the attribute is a key of saved training states
        self.told = nn.Linear(N_PARAMETERS, widths[2]) if few else None
        self.embedding = nn.Embedding(classes, widths[-1]) if classes else None
        if self.embedding is not None:
            nn.init.zeros_(self.embedding.weight)
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(
        self, x: Tensor, labels: Tensor | None, augmented: Tensor | None = None, group: int = 1
    ) -> CriticOutput:
        """Score patches of audio.

        Args:
            x: audio (N, T).
            labels: class indices (N,), or None.
            augmented: parameters (N, N_PARAMETERS) of the audio's augmentation, or None.
            group: see `SpectrogramDiscriminator`.
        """
        x = F.pad(x, (0, -x.shape[-1] % self.stft.hop))
        magnitude = self.stft(x).abs()[:, 1:] * (4 / self.stft.n_fft)
        spectrogram = ((magnitude + FLOOR).log() + 5)[:, None] * 0.4
        hidden, features = spectrogram.contiguous(memory_format=torch.channels_last), []
        for place, layer in enumerate(self.layers):
            hidden = layer(hidden)
            if place == 1 and self.told is not None and augmented is not None:
                hidden = hidden + self.told(augmented)[:, :, None, None]
            hidden = F.leaky_relu(hidden, 0.2)
            features.append(hidden)
        last = _with_deviation(hidden, group) if self.few else hidden
        score = self.gain * self.score(last).flatten(1)
        if self.embedding is not None and labels is not None:
            match = (self.embedding(labels) * hidden.mean(dim=(2, 3))).sum(1, keepdim=True)
            score = score + match
        return CriticOutput(score, features, spectrogram)


class SpectrogramDiscriminator(nn.Module):
    """One `SpectrogramCritic` per window.

    Args:
        sample_rate: in Hz.
        classes: K; 0 for no class term.
        channels: of each critic's first layer.
        windows: in samples.
        few: regularise the critics for little data, and augment their input.
    """

    def __init__(
        self,
        sample_rate: int,
        classes: int = 0,
        channels: int = 16,
        windows: Sequence[int] = WINDOWS,
        few: bool = False,
    ) -> None:
        super().__init__()
        self.augmentation = ConditionalAugmentation(sample_rate) if few else None
        self.critics = nn.ModuleList(
            SpectrogramCritic(window, classes, channels, few) for window in windows
        )

    def forward(self, x: Tensor, labels: Tensor | None, group: int = 1) -> list[CriticOutput]:
        """The output of each critic.

        Args:
            x: audio (N, T).
            labels: class indices (N,), or None.
            group: sounds in a row over which the deviation is taken; a divisor of N.
        """
        augmented = None
        if self.augmentation is not None:
            x, augmented = self.augmentation(x)
        return [critic(x, labels, augmented, group) for critic in self.critics]


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


def gradient_penalty(outputs: Sequence[CriticOutput]) -> Tensor:
    """R1: mean squared norm of the scores' gradient by the spectrograms of real sounds, per patch.

    References:
        Mescheder et al., "Which training methods for GANs do actually converge?", 2018.
    """
    total = torch.stack([output.score.float().sum() for output in outputs]).sum()
    gradients = torch.autograd.grad(
        total, [output.spectrogram for output in outputs], create_graph=True
    )
    terms = [
        gradient.float().square().sum() / output.score.numel()
        for gradient, output in zip(gradients, outputs, strict=True)
    ]
    return torch.stack(terms).mean()


def _with_deviation(hidden: Tensor, group: int) -> Tensor:
    """(N, C, F, L) and a channel: how much the sounds of a group differ, on average."""
    groups = hidden.float().unflatten(0, (-1, group))
    deviation = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    channel = deviation.repeat_interleave(group)[:, None, None, None].to(hidden.dtype)
    return torch.cat([hidden, channel.expand(-1, 1, *hidden.shape[2:])], dim=1)

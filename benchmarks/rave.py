"""RAVE v2's decoder layout from plain torch layers, with random weights, to measure against.

Sizes are those of its published configuration: 16 bands of a filter bank, ratios 4, 4, 4, 2,
capacity 96, residual units of dilations 1, 3, 9 where the rate rises, a latent of 128 numbers per
2048 samples; 15.5 million weights. Its weight norm is folded, as it is for inference.

References:
    Caillon and Esling, "RAVE: a variational autoencoder for fast and high-quality neural audio
    synthesis", 2021.
"""

from __future__ import annotations

from torch import Tensor, nn

from dgm_audio.signal.pqmf import PQMF

BANDS, RATIOS, CAPACITY, LATENT = 16, (4, 4, 4, 2), 96, 128
DILATIONS = ((1, 3, 9), (1, 3, 9), (1, 3, 9), (1, 3))
"""Of each stage's residual units."""
SLOPE = 0.2


class Residual(nn.Module):
    """A dilated convolution of three taps and a mixture of channels, around which x goes."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, T) -> (N, width, T)."""
        return x + self.steps(x)


class RaveDecoder(nn.Module):
    """Latents (N, 128, L) -> audio (N, 1, 2048 L).

    Args:
        channels: of audio; its bands are made together.
    """

    hop, latent = 2048, LATENT

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        width = CAPACITY * 2 ** len(RATIOS)
        layers: list[nn.Module] = [nn.Conv1d(LATENT, width, 3, padding=1)]
        for ratio, dilations in zip(RATIOS[::-1], DILATIONS[::-1], strict=True):
            up = nn.ConvTranspose1d(width, width // 2, 2 * ratio, ratio, padding=ratio // 2)
            width //= 2
            layers += [nn.LeakyReLU(SLOPE), up, *(Residual(width, step) for step in dilations)]
        self.channels = channels
        last = nn.Conv1d(width, 2 * BANDS * channels, 7, padding=3)  # a wave and its loudness
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(SLOPE), last)
        self.bank = PQMF(BANDS)

    def forward(self, z: Tensor) -> Tensor:
        """The sound, with amplitude modulation as RAVE has it."""
        wave, loud = self.layers(z).chunk(2, dim=1)
        bands = (wave.tanh() * loud.sigmoid()).unflatten(1, (self.channels, BANDS)).flatten(0, 1)
        return self.bank.synthesis(bands).unflatten(0, (-1, self.channels)).flatten(1, 2)

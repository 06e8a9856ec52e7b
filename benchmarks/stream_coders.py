"""Two ways to code music, at equal processor time: strided convolutions or frames.

    python benchmarks/stream_coders.py --minutes 8

Trains two coders from scratch on Debian's Wesnoth score, each for so many minutes of processor
time on one core, with the same spectral losses and no adversary, and prints how far test music and
what they make of it are apart (`dgm_audio.evaluation.multiscale`; less is better):

    frames    principal components and ConvNeXt blocks over STFT frames, partials and noise: the
              family "vae-stream"
    bands     strided convolutions over the bands of a filter bank, and back to bands and noise: the
              layout of RAVE, at a size that takes as long per step
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from dgm_audio.data import ClipSet
from dgm_audio.data.excerpts import Excerpts
from dgm_audio.data.sets import music
from dgm_audio.data.sets.named import named_splits
from dgm_audio.evaluation.multiscale import multiscale_distance
from dgm_audio.families.vae_stream.training import (
    BAND_WINDOWS,
    BANDS,
    KL_WEIGHT,
    QUIET,
    WINDOWS,
    StreamTask,
)
from dgm_audio.nn.causal import History
from dgm_audio.nn.spectral_distance import SpectralEnergyDistance
from dgm_audio.objective import cosine_rate
from dgm_audio.signal.pqmf import PQMF

HOPS, AHEAD, BATCH, TESTED = 64, 2, 8, 64
HEARD = slice(2048, HOPS * 1024 - 2048)
"""Samples of a piece that are compared: of others the coders lack what is beyond the ends."""


class Residual(nn.Module):
    """x + mix(snake(conv(x))), the convolution dilated."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, W, L) -> (N, W, L)."""
        hidden = self.conv(x)
        return x + self.mix(hidden - hidden.cos())


class BandCoder(nn.Module):
    """RAVE's layout: filter bank, strided convolutions to codes and back, waveform and noise."""

    def __init__(self, channels: int, latent: int, bands: int = 16) -> None:
        super().__init__()
        widths: tuple[int, ...] = (64, 128, 256, 512)
        factor = 4
        self.bank, self.channels = PQMF(bands), channels
        size = channels * bands
        self.inward = nn.Sequential(
            nn.Conv1d(size, widths[0], 7, padding=3),
            *(
                nn.Sequential(
                    Residual(a, 1), Residual(a, 3), nn.Conv1d(a, b, 2 * factor, factor, 2)
                )
                for a, b in pairwise(widths)
            ),
            nn.Conv1d(widths[-1], 2 * latent, 3, padding=1),
        )
        self.outward = nn.Sequential(
            nn.Conv1d(latent, widths[-1], 3, padding=1),
            *(
                nn.Sequential(
                    nn.ConvTranspose1d(b, a, 2 * factor, factor, 2), Residual(a, 1), Residual(a, 3)
                )
                for b, a in pairwise(widths[::-1])
            ),
            nn.Conv1d(widths[0], 3 * size, 7, padding=3),
        )

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of audio (N, C, T)."""
        seen = self.bank.analysis(x.flatten(0, 1)[:, None]).unflatten(0, x.shape[:2]).flatten(1, 2)
        mean, log_variance = self.inward(8 * seen).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 4)

    def renderings(self, code: Tensor) -> list[Tensor]:
        """Two sounds (N, C, T) of codes, with different noise."""
        wave, gain, breath = self.outward(code).float().chunk(3, dim=1)
        loud, noisy = wave * torch.exp(gain.clamp(-12, 2) - 3), torch.exp(breath.clamp(-12, 2) - 6)
        made = [loud + noisy * torch.randn_like(noisy) for _ in range(2)]
        shape = (self.channels, self.bank.bands)
        return [
            self.bank.synthesis(y.unflatten(1, shape).flatten(0, 1)).unflatten(
                0, (len(code), self.channels)
            )[:, :, 0]
            for y in made
        ]

    def anchor(self, x: Tensor) -> Tensor:
        """It has no levels to compare."""
        return x.new_zeros(())


class FrameCoder(nn.Module):
    """The stream VAE's encoder and decoder, started as its training starts them."""

    def __init__(self, clips: ClipSet) -> None:
        super().__init__()
        self.objective = StreamTask(clips, mixed=True).objective
        self.model = self.objective.generator

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of audio (N, C, T)."""
        mean, log_variance = self.model.encode_with_history(x, History())
        return mean[..., self.model.delay :], log_variance[..., self.model.delay :]

    def renderings(self, code: Tensor) -> list[Tensor]:
        """Two sounds (N, C, T) of codes, with different noise."""
        self.controls = self.model.controls(code, History())
        harmonic, head = self.model.head.harmonic(self.controls, History()), self.model.head
        white = (torch.randn_like(harmonic) for _ in range(2))
        return [harmonic + head.noise(self.controls, one, History()) for one in white]

    def anchor(self, x: Tensor) -> Tensor:
        """How far its levels are from those of the sound."""
        return self.objective.level_distance(x, self.controls)


@dataclass(frozen=True)
class StreamCoders:
    """Compare two coders of music.

    Args:
        minutes: of processor time for each coder.
        seed: of weights, pieces and noise.
    """

    minutes: float = 8.0
    seed: int = 0


def train(coder: BandCoder | FrameCoder, pieces: Excerpts, rows: int, args: StreamCoders) -> int:
    """Train a coder until its processor time is used up; returns the number of steps."""
    energy, bank = SpectralEnergyDistance(WINDOWS, QUIET), PQMF(BANDS)
    band_energy = SpectralEnergyDistance(BAND_WINDOWS, QUIET / 3)
    optimizer = torch.optim.AdamW(coder.parameters(), 1e-3, (0.9, 0.99))
    order, began, step, share = np.random.default_rng(args.seed), time.process_time(), 0, 0.0
    while share < 1:
        optimizer.param_groups[0]["lr"] = 1e-3 * cosine_rate(share)
        x = pieces.tensor(order.integers(rows, size=BATCH), args.seed + step)
        with torch.autocast("cpu", torch.bfloat16):
            mean, log_variance = coder.posterior(x)
            code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            made = coder.renderings(code)
        real, *two = (y[..., HEARD].flatten(0, 1).float() for y in (x, *made))
        split = [bank.analysis(y[:, None]).flatten(0, 1) for y in (real, *two)]
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean((0, 2)).sum()
        loss = 2 * energy.some(real, *two, 2) + band_energy.some(*split, 1)
        loss = loss + KL_WEIGHT * kl + coder.anchor(x)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(coder.parameters(), 5.0)
        optimizer.step()
        step += 1
        share = (time.process_time() - began) / (60 * args.minutes)
    return step


@torch.no_grad()
def distance(coder: BandCoder | FrameCoder, x: Tensor) -> Tensor:
    """Multi-scale STFT distance (N,) of pieces (N, C, T)."""
    found = []
    for part in x.split(BATCH):
        made = coder.renderings(coder.posterior(part)[0])[0].clamp(-1, 1)
        found.append(multiscale_distance(part[..., HEARD], made[..., HEARD]))
    return torch.cat(found)


def main(args: StreamCoders) -> None:
    """Train both, print both."""
    torch.set_num_threads(1)
    splits = named_splits(music.NAME, replace(music.CLIPS, length=20 * 44100))
    length = (HOPS + AHEAD) * 1024
    pieces = Excerpts(splits.train, length)
    tested = Excerpts(splits.test, length).tensor(np.arange(TESTED) % len(splits.test), seed=0)
    builds = {"frames": lambda: FrameCoder(splits.train), "bands": lambda: BandCoder(2, 64)}
    for name, build in builds.items():
        torch.manual_seed(args.seed)
        coder = build()
        size = sum(weight.numel() for weight in coder.parameters()) / 1e6
        steps = train(coder, pieces, len(splits.train), args)
        found = distance(coder, tested)
        error = float(found.std() / len(found) ** 0.5)
        print(
            f"{name:8} {size:5.1f} M parameters {steps:6} steps in {args.minutes:g} min   "
            f"distance {float(found.mean()):.2f} +- {error:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main(tyro.cli(StreamCoders))

"""Training a waveform GAN on few sounds: a start from learned codes, then a game on new sounds.

    start   2 E(x; y, y') + w |h_i|^2 / 2,  y = G(h_i + s e, c),    h_i a learned code of clip i
    game    the same on a few sounds, and - D(G(z, c), c) on as many new ones as there are real

An implicit generator has no encoder and no likelihood. Instead each training clip has a code of its
own, which is learned as a weight is, from the principal components of the log-mel spectrograms on;
blurred by noise, so that what lies near a code sounds, too. Then a Gaussian per class is fitted to
the codes, and the game begins on samples of it.

References:
    Bojanowski et al., "Optimizing the latent space of generative networks" (GLO), 2018.
    Hoshen et al., "Non-adversarial image synthesis with generative latent nearest neighbors", 2019.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dgm_audio.families.gan.waveform import FACTOR, WaveformGAN, WaveformGANConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.discriminator import SpectrogramDiscriminator, windows_for
from dgm_audio.signal.mel import LogMel, MelSpec
from dgm_audio.training.losses import SpectralEnergyDistance
from dgm_audio.training.spectrogram import ENERGY_WEIGHT, WINDOWS_PER_STEP
from dgm_audio.training.task import Losses, Objective, Task, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ADVERSARIAL_START = 0.5
START_AGAIN = 0.1
"""The same from a trained start, which knows no codes of these clips."""
RECONSTRUCTED, ANCHOR = 4, 0.5
"""During the game one of so many sounds is reconstructed, too, and counts so much."""
CODE_WEIGHT = 1e-4
"""Of half the squared length of a code: what pulls codes to N(0, I)."""
CODE_RATE = 10.0
"""Codes move so many times as far in a step as weights do, since few steps see each of them."""
BLUR = 0.3
"""Deviation of the noise on codes."""
MELS, MEL_FRAMES, MEL_FLOOR = 40, 32, 1e-3
"""The spectrograms that codes start from."""


class WaveformObjective(Objective):
    """Losses of one batch; `rows` says which clips it holds.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        clips: the training clips, in the order that rows count in.
    """

    generator: WaveformGAN
    game_began: Tensor

    def __init__(self, generator: WaveformGAN, mixed: bool, clips: ClipSet) -> None:
        super().__init__()
        self.generator, self.mixed, self.clips = generator, mixed, clips
        self.adversarial_start = ADVERSARIAL_START
        self.energy = SpectralEnergyDistance()
        self.slow_codes = nn.Parameter(first_codes(clips, generator.config.latent) / CODE_RATE)
        self.register_buffer("game_began", torch.tensor(False))

    @property
    def codes(self) -> Tensor:
        """The code of every training clip (N, D)."""
        return CODE_RATE * self.slow_codes

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Sounds of codes and, in the game, new sounds from the prior."""
        model, game = self.generator, progress >= self.adversarial_start
        if game and not self.game_began:
            self.fit_prior(model)
            self.game_began.fill_(True)
        again = max(1, len(x) // RECONSTRUCTED) if game else len(x)
        rows = self.rows[:again]
        code = self.codes[torch.as_tensor(rows).to(x.device)]
        # not the changed sound: a code stands for one
        real = model.padded(self.clips.tensor(rows).to(x.device))
        blurred, all_labels = code + BLUR * torch.randn_like(code), labels[:again]
        if game:
            new = torch.randn(len(x), code.shape[1]).to(code)
            blurred = torch.cat([blurred, model.code_of_latent(new, labels)])
            all_labels = torch.cat([all_labels, labels])
        made, second = self.twice(blurred, all_labels, again)
        terms = {
            "energy": self.weighted_energy(real, made[:again], second),
            "code": 0.5 * CODE_WEIGHT * code.square().sum(1).mean(),
        }
        known = labels if model.config.classes else None
        return Losses(
            terms={name: (ANCHOR if game else 1.0) * term for name, term in terms.items()},
            report={"code_deviation": float(code.detach().std())},
            real=model.padded(x),
            fake=made[again:],
            labels=known,
            fake_labels=known,
        )

    def twice(self, code: Tensor, labels: Tensor, again: int) -> tuple[Tensor, Tensor]:
        """Sounds (N, T) of codes, and the first of them again with other noise."""
        model = self.generator
        with torch.autocast(code.device.type, torch.bfloat16, enabled=self.mixed):
            style = model.styled(code, labels)
            curves = model.pyramid.curves(model.pyramid(style), style)
        both, noise = torch.cat([curves, curves[:again]]), None
        if model.texture is not None:
            noise = torch.randn(len(both), model.config.length).to(both)
        made = model.rendered(both, noise)
        return made[: len(code)], made[len(code) :]

    def weighted_energy(self, real: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy distance of two renderings to the real sounds, at some of the windows."""
        return ENERGY_WEIGHT * self.energy.some(real, first, second, WINDOWS_PER_STEP)

    def fit_prior(self, model: WaveformGAN) -> None:
        """Fit the prior of a model to the blurred codes."""
        codes = self.codes.detach()
        labels = torch.as_tensor(self.clips.labels).to(codes.device)
        model.fit_prior(codes, torch.full_like(codes, 2 * math.log(BLUR)), labels)


class WaveformTask(Task):
    """The waveform GAN's size follows the clips: their length, rate and classes."""

    objective: WaveformObjective
    penalised = watched = True
    widths = WaveformGANConfig.widths
    blocks = WaveformGANConfig.blocks

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        config = self.config_for(clips)
        self.objective = WaveformObjective(WaveformGAN(config), mixed, clips)
        if start is not None:
            take_weights(self.objective.generator, start)
            self.objective.adversarial_start = START_AGAIN
        self.discriminator = SpectrogramDiscriminator(
            config.sample_rate, len(config.classes), windows=windows_for(config.length), few=True
        )

    def config_for(self, clips: ClipSet) -> WaveformGANConfig:
        """Sizes for these clips."""
        step = WaveformGANConfig.bands * FACTOR ** (len(self.widths) - 1)
        return WaveformGANConfig(
            sample_rate=clips.sample_rate,
            length=-(-clips.audio.shape[2] // step) * step,
            classes=clips.classes if len(clips.classes) > 1 else (),
            label=clips.label_name,
            widths=self.widths,
            blocks=self.blocks,
        )

    def settle(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Fit the prior to the codes of the training clips."""
        assert isinstance(generator, WaveformGAN)
        self.objective.fit_prior(generator)


@torch.no_grad()
def first_codes(clips: ClipSet, size: int) -> Tensor:
    """Codes (N, size) of unit variance on average: principal components of log-mel spectrograms.

    Near sounds get near codes. A component's deviation is the root of what it is in the
    spectrograms, so that the first ones do not drown the others.
    """
    hop = max(1, clips.audio.shape[2] // MEL_FRAMES)
    front = LogMel(
        MelSpec(
            clips.sample_rate,
            n_fft=2 * hop,  # so that nothing of the sound lies between the windows
            hop=hop,
            n_mels=MELS,
            f_max=clips.sample_rate / 2,
            floor=MEL_FLOOR,
        )
    )
    parts = [
        front(clips.tensor(range(at, min(at + 64, len(clips))))[:, 0]).flatten(1)
        for at in range(0, len(clips), 64)
    ]
    seen = torch.cat(parts).double()
    seen = seen - seen.mean(0)
    values, vectors = torch.linalg.eigh(seen.T @ seen / len(seen))
    best = values.clamp_min(0).argsort(descending=True, stable=True)[:size]
    codes = seen @ vectors[:, best] * values[best].clamp_min(1e-9) ** -0.25
    codes = codes / codes.square().mean().sqrt().clamp_min(1e-9)
    return torch.nn.functional.pad(codes, (0, size - len(best))).float()

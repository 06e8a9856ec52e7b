"""Synthetic drums with real variability, and models that play them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.signal import butter, sosfilt

from dgm_audio.data import ClipSet, Splits
from dgm_audio.evaluation.spectra import log_mel
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec

RATE, LENGTH = 16000, 8192
KINDS = ("kick", "snare", "hat", "tom")


def drum(kind, rng):
    t = np.arange(LENGTH) / RATE
    noise = rng.standard_normal(LENGTH)
    if kind in ("kick", "tom"):
        low = rng.uniform(40, 80) if kind == "kick" else rng.uniform(110, 300)
        pitch = low * (1 + rng.uniform(0.5, 4) * np.exp(-t * rng.uniform(20, 90)))
        tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE + rng.uniform(0, 6))
        click = noise * np.exp(-t * rng.uniform(200, 900)) * rng.uniform(0.02, 0.4)
        sound = tone * np.exp(-t * rng.uniform(6, 30)) + click
    else:
        edge = rng.uniform(400, 2500) if kind == "snare" else rng.uniform(3500, 6500)
        order = int(rng.integers(2, 6))
        hiss = sosfilt(butter(order, edge, "highpass", fs=RATE, output="sos"), noise)
        sound = hiss * np.exp(-t * rng.uniform(8, 60))
        if kind == "snare":
            body = np.sin(2 * np.pi * rng.uniform(150, 260) * t)
            sound = sound + body * np.exp(-t * rng.uniform(15, 50)) * rng.uniform(0.2, 1.5)
    sound[int(LENGTH * rng.uniform(0.4, 1)) :] = 0
    return 0.95 * sound / np.abs(sound).max()


def drums(count, seed):
    """Audio (N, 1, T) and the name of each clip's class."""
    rng = np.random.default_rng(seed)
    names = [KINDS[index % len(KINDS)] for index in range(count)]
    return np.stack([drum(name, rng) for name in names])[:, None].astype(np.float32), names


def clip_set(count, seed):
    audio, names = drums(count, seed)
    groups = [f"kit{index // len(KINDS) % 3}" for index in range(count)]
    return ClipSet.from_arrays(audio, RATE, labels=names, groups=groups)


def make_splits(train=160, test=80, unseen=0, seed=0, validation=0):
    clips = clip_set(train + test + unseen + validation, seed)
    edges = np.cumsum([0, train, test, unseen, validation])
    sides = (clips.subset(np.arange(a, b)) for a, b in pairwise(edges))
    return Splits(**dict(zip(("train", "test", "unseen", "validation"), sides, strict=True)))


def with_noise(audio, db, seed=0):
    """White noise at `db` below the root mean square of each clip's loudest tenth of a second."""
    rng = torch.Generator().manual_seed(seed)
    loud = audio.unfold(2, RATE // 10, RATE // 20).square().mean(3).amax(2, keepdim=True).sqrt()
    return audio + torch.randn(audio.shape, generator=rng) * loud * 10 ** (-db / 20)


@dataclass(frozen=True)
class Config:
    pass


class Noise(AudioGenerator):
    """z is the sound itself; no encoder and no condition."""

    family = "test-noise"

    def __init__(self, length=LENGTH):
        super().__init__()
        self.config = Config()
        self.audio = AudioSpec(RATE, 1, length, length)
        self.latent = LatentSpec(length)
        self.condition = ConditionSpec()
        self.gain = torch.nn.Parameter(torch.tensor(0.1))

    def _decode(self, z, condition, length):
        return (z.transpose(1, 2) * self.gain).clamp(-1, 1)[:, :, :length]


class Echo(Noise):
    """A perfect encoder; its prior plays a fixed set of clips, chosen by class and latent."""

    family = "test-echo"

    def __init__(self, clips):
        super().__init__()
        self.condition = ConditionSpec({"class": Classes(KINDS)})
        self.gain.data.fill_(1e-3)
        self.clips = clips.tensor()
        self.kinds = torch.tensor([KINDS.index(clips.classes[label]) for label in clips.labels])

    def encode(self, x, condition=None):
        return self._check_audio(x).transpose(1, 2) * 1000

    def _decode(self, z, condition, length):
        drawn = z.flatten(1).square().mean(1).sub(1).abs() < 0.2  # noise has a mean square of one
        kinds = condition["class"]
        played = torch.stack([self._pick(*pair) for pair in zip(z, kinds, strict=True)])
        return torch.where(drawn[:, None, None], played, super()._decode(z, condition, length))

    def _pick(self, z, kind):
        own = self.clips[self.kinds == kind]
        return own[int(z.abs().sum() * 1e3) % len(own)]


def blurred(x):
    """The same envelope, pitch and loudness, but a magnitude smoothed over time and frequency."""
    window = torch.hann_window(512)
    spectrum = torch.stft(x[:, 0], 512, 128, window=window, return_complex=True)
    level = torch.nn.functional.avg_pool2d((spectrum.abs() + 1e-4).log()[:, None], 5, 1, 2)
    smooth = spectrum / spectrum.abs().clamp_min(1e-6) * level[:, 0].exp()
    return torch.istft(smooth, 512, 128, window=window, length=x.shape[2])[:, None]


def mels(x, bands=32):
    return log_mel(x, RATE, bands=bands, window=512, hop=128)

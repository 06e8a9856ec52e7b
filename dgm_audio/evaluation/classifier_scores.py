"""Scores of samples by a classifier of their labels: FID, IS, modified IS and AM, as for SC09.

    FID = |m_X - m_Y|^2 + tr(C_X + C_Y - 2 (C_X^1/2 C_Y C_X^1/2)^1/2),    features X, and Y of real
    IS  = exp E_x KL(p(y|x) || p(y)),              p(y) = E_x p(y|x)
    mIS = exp E_{x, x'} KL(p(y|x) || p(y|x'))
    AM  = KL(p_train(y) || p(y)) + E_x H(p(y|x))

p(y|x) is what a classifier trained on real clips says, its features are those of the last layer
but one. FID and AM are the better the lower, IS (1 to K, the number of classes) and modified IS
(from 1) the higher; the latter also grows with the variety within a class.

The classifier is trained here, in minutes, on the set at hand. Published tables of SC09 used
another one, so that numbers compare with theirs only in order of size. All but FID can be flattered
by sounds that are merely typical of a class, such as noise with its mean spectrum: they mean little
without the rows of real clips and of such noise.

References:
    Salimans et al., "Improved techniques for training GANs", 2016 (IS).
    Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", 2017 (FID).
    Gurumurthy, Sarvadevabhatla and Babu, "DeLiGAN: generative adversarial networks for diverse and
    limited data", 2017 (modified IS).
    Zhou et al., "Activation maximization generative adversarial nets", 2018 (AM).
    Kong et al., "DiffWave: a versatile diffusion model for audio synthesis", 2021 (all on SC09).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from dgm_audio._standard_error import stderr
from dgm_audio.errors import DataError
from dgm_audio.evaluation.distances import frechet_distance
from dgm_audio.evaluation.spectra import batches, log_mel, peak_normalised, window_length

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet
    from dgm_audio.data.clip_set import ClipArray

BANDS, WINDOW = 64, 0.032
"""Mel bands, and seconds of a window; windows overlap by half."""
WIDTHS, FEATURES = (32, 64, 96, 128), 128
"""Channels of the convolutions, and of the last layer but one."""
STEPS, BATCH, RATE = 1200, 64, 3e-3
"""Of the training, by default: a few minutes on two cores."""
SMOOTHING, DROPPED = 0.05, 0.3
"""Of the labels, and share of the features that a step leaves out."""
SHIFT, MASK = 0.1, 0.15
"""Largest share of a clip that it is shifted by, and of bands or frames that are hidden."""
_BATCH = 128


class Outputs(NamedTuple):
    """What a classifier makes of N clips, float64.

    Args:
        features: of the last layer but one (N, E).
        log_p: natural logarithms of the probabilities of the classes (N, K).
    """

    features: Tensor
    log_p: Tensor


@dataclass(frozen=True)
class ClassifierScores:
    """Scores of a set of samples (see the module)."""

    fid: float
    inception: float
    modified_inception: float
    am: float

    @classmethod
    def of(cls, made: Outputs, real: Outputs, prior: Tensor) -> ClassifierScores:
        """The scores of samples.

        Args:
            made: of the samples.
            real: of the real clips that FID compares with.
            prior: p_train(y), share of each class among the training clips (K,).
        """
        return cls(
            frechet_distance(made.features, real.features),
            inception_score(made.log_p),
            modified_inception_score(made.log_p),
            am_score(made.log_p, prior),
        )

    def __str__(self) -> str:
        return (
            f"FID {self.fid:8.3f}   IS {self.inception:6.2f}   "
            f"mIS {self.modified_inception:8.1f}   AM {self.am:6.3f}"
        )


def inception_score(log_p: Tensor) -> float:
    """exp E_x KL(p(y|x) || p(y)) of log p(y|x) (N, K): 1 to K."""
    p = log_p.exp()
    return math.exp(float(entropy(p.mean(0)) - entropy(p).mean()))


def modified_inception_score(log_p: Tensor) -> float:
    """exp E KL(p(y|x) || p(y|x')) over pairs of different samples, of log p(y|x) (N, K)."""
    p, count = log_p.exp(), len(log_p)
    own = (p * log_p).sum(1).mean()
    every = (p.mean(0) * log_p.mean(0)).sum()  # pairs of a sample with itself included: 0 each
    return math.exp(float(own - every) * count / (count - 1))


def am_score(log_p: Tensor, prior: Tensor) -> float:
    """KL(p_train(y) || p(y)) + E_x H(p(y|x)) in nats, of log p(y|x) (N, K) and p_train (K,)."""
    p = log_p.exp()
    mean, prior = p.mean(0), prior.double()
    there = prior > 0
    balance = (prior[there] * (prior[there] / mean[there]).log()).sum()
    return float(balance + entropy(p).mean())


def entropy(p: Tensor) -> Tensor:
    """H (...) in nats of distributions (..., K)."""
    return torch.special.entr(p).sum(-1)


class ClipClassifier(nn.Module):
    """A small convolutional network over log-mel spectrograms.

    Args:
        classes: K.
        sample_rate: of the clips, in Hz.
    """

    def __init__(self, classes: int, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        layers: list[nn.Module] = []
        for before, width in zip((1, *WIDTHS), WIDTHS, strict=False):
            convolution = nn.Conv2d(before, width, 3, stride=2, padding=1)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.last = nn.Linear(2 * WIDTHS[-1], FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, E) and logits (N, K) of spectrograms (N, M, L)."""
        maps = self.body(x[:, None].float()).flatten(2)
        pooled = torch.cat([maps.mean(2), maps.amax(2)], dim=1)
        features = F.gelu(self.last(pooled))
        return features, self.head(F.dropout(features, DROPPED, self.training))

    def spectrograms(self, audio: Tensor | ClipArray) -> Tensor:
        """Log-mels (N, M, L), float16 and about -2 to 2, of clips (N, C, T) at one peak level."""
        window = window_length(WINDOW, self.sample_rate)
        parts = [
            log_mel(
                peak_normalised(x), self.sample_rate, bands=BANDS, window=window, hop=window // 2
            )
            for x in batches(audio, _BATCH)
        ]
        return (torch.cat(parts) / 20 + 2).half()

    @torch.no_grad()
    def outputs(self, audio: Tensor | ClipArray) -> Outputs:
        """Features and probabilities of clips (N, C, T)."""
        self.eval()
        found = [self(part) for part in self.spectrograms(audio).split(_BATCH)]
        features, logits = (torch.cat(parts).double() for parts in zip(*found, strict=True))
        return Outputs(features, logits.log_softmax(1))


def train_classifier(
    train: ClipSet, *, steps: int = STEPS, seed: int = 0, progress: bool = True
) -> ClipClassifier:
    """Train a classifier of the labels of a set.

    Args:
        train: clips with two classes or more.
        steps: of 64 clips each.
        seed: of the weights and of all that is drawn.
        progress: show a bar on stderr.

    Raises:
        DataError: if the clips have one class only.
    """
    if len(train.classes) < 2:
        raise DataError(
            f"the clips have one class ({', '.join(train.classes)}); two or more are needed"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ClipClassifier(len(train.classes), train.sample_rate)
        spectrograms = model.spectrograms(train.audio)
        labels = torch.from_numpy(train.labels).long()
        optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        hidden = None if progress else True
        for _ in tqdm(range(steps), "training", leave=False, file=stderr(), disable=hidden):
            rows = torch.randint(len(labels), (min(BATCH, len(labels)),))
            _, logits = model.train()(_augmented(spectrograms[rows].float()))
            loss = F.cross_entropy(logits, labels[rows], label_smoothing=SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def _augmented(x: Tensor) -> Tensor:
    """Spectrograms (N, M, L) shifted in time, with a stretch of bands and of frames hidden."""
    bands, frames = x.shape[1:]
    most = int(SHIFT * frames)
    x = torch.stack([row.roll(int(torch.randint(-most, most + 1, ())), 1) for row in x])
    for dim, size in ((1, bands), (2, frames)):
        width = int(MASK * size * torch.rand(()))
        start = int(torch.randint(size - width + 1, ()))
        x.narrow(dim, start, width).zero_()
    return x

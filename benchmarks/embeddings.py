"""What the embeddings of `dgm_audio.evaluation` hear, on real drums.

    python benchmarks/embeddings.py [MODEL ...] [--n N] [--json]

Three tables, for each embedding and for both together (each in units of its median distance):

    labels         share of drums whose class 7 nearest neighbours in other kits vote for
    degradations   training clips made worse, against test clips: MMD,
                   1 as they are; and how far a clip moves, in median distances of two clips
    models         (floor - model) / (floor - ceiling) of MMD

The drums are fetched if they are not there; models are those of 44.1 kHz, by default drums-vae and
drums-gan.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

import dgm_audio
from dgm_audio.data import ClipConfig, ClipSet, Splits
from dgm_audio.data.sets.hydrogen import NAME
from dgm_audio.data.sets.named import named_splits
from dgm_audio.evaluation import EMBEDDINGS
from dgm_audio.evaluation.distances import mmd, squared_distances
from dgm_audio.evaluation.embedding import embed
from dgm_audio.evaluation.opus import through_opus
from dgm_audio.evaluation.sampling import choose, draw, proportional_labels
from dgm_audio.evaluation.shaped_noise import ShapedNoise
from dgm_audio.evaluation.spectra import peak_normalised
from dgm_audio.evaluation.standardised_reference import StandardisedReference

RATE, LENGTH = 44100, 65536
NEIGHBOURS = 7
MODELS = ("drums-vae", "drums-gan")

Numbers = dict[str, Tensor]
"""By the name of an embedding: numbers (N, E)."""


def numbers(x: Tensor) -> Numbers:
    """What the embeddings make of clips (N, 1, T), peak-normalised first."""
    audio = peak_normalised(x)
    return {name: embed(audio, RATE, embedding) for name, embedding in EMBEDDINGS.items()}


class Spaces:
    """The standardised spaces of the embeddings of reference clips, and of both together."""

    def __init__(self, reference: Numbers) -> None:
        self._each = {name: StandardisedReference.of(rows) for name, rows in reference.items()}
        self.reference = self(reference)

    def __call__(self, rows: Numbers) -> Numbers:
        """Points by the name of an embedding; distances are in median distances."""
        points = {name: each(rows[name]) / each.bandwidth for name, each in self._each.items()}
        return points | {"both": torch.cat(list(points.values()), 1)}

    def roots(self, rows: Numbers) -> dict[str, float]:
        """MMD to the reference; 0 where the unbiased estimate is below 0."""
        return {
            name: max(0.0, mmd(points, self.reference[name])) for name, points in self(rows).items()
        }


def label_accuracy(points: Tensor, labels: Tensor, groups: np.ndarray) -> float:
    """Leave-one-kit-out accuracy of 7 nearest neighbours; the nearest decides between equals."""
    distance = squared_distances(points, points)
    same = torch.from_numpy(groups[:, None] == groups[None])
    nearest = distance.masked_fill(same, torch.inf).topk(NEIGHBOURS, largest=False).indices
    weight = 1 - 0.01 * torch.arange(NEIGHBOURS, dtype=torch.float64)
    votes = torch.zeros(len(labels), int(labels.max()) + 1, dtype=torch.float64)
    votes.scatter_add_(1, labels[nearest], weight.expand(len(labels), -1))
    return float((votes.argmax(1) == labels).double().mean())


def noisy(db: float) -> Callable[[Tensor], Tensor]:
    """White noise, so many dB beneath the loudest tenth of a second of each clip."""

    def degrade(x: Tensor) -> Tensor:
        size = RATE // 10
        loud = x.unfold(2, size, size // 2).square().mean(3).amax(2, keepdim=True).sqrt()
        return x + _white(x) * loud * 10 ** (db / 20)

    return degrade


def tail(x: Tensor) -> Tensor:
    """White noise of 77 dB beneath full scale, as decoders leave it where a drum is silent."""
    return x + _white(x) * 10 ** (-77 / 20)


def opus(kbps: float) -> Callable[[Tensor], Tensor]:
    """Through the codec Opus."""
    return lambda x: torch.stack([through_opus(clip, RATE, kbps).audio for clip in x])


def tilted(x: Tensor) -> Tensor:
    """1 dB more treble than bass: a gain in dB that rises from 50 Hz to 12.8 kHz, 8 octaves."""
    frequency = torch.fft.rfftfreq(x.shape[2], 1 / RATE).clamp(50, 12800)
    gain = 10 ** (((frequency / 50).log2() / 8 - 0.5) / 20)
    return torch.fft.irfft(torch.fft.rfft(x) * gain, x.shape[2])


def smeared(x: Tensor) -> Tensor:
    """Other phases in windows of 23 ms: the spectrogram stays, attacks spread over a window."""
    window = torch.hann_window(1024)
    flat = x.flatten(0, 1)
    spectrum = torch.stft(flat, 1024, 256, window=window, pad_mode="constant", return_complex=True)
    phase = torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(0)) * 2 * torch.pi
    turned = torch.polar(spectrum.abs(), phase)
    return torch.istft(turned, 1024, 256, window=window, length=x.shape[2]).view(x.shape)


DEGRADATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "noise at -30 dB": noisy(-30),
    "noise at -45 dB": noisy(-45),
    "tail noise at -77 dB": tail,
    "Opus, 64 kbit/s": opus(64),
    "Opus, 16 kbit/s": opus(16),
    "1 dB of treble": tilted,
    "attacks smeared by 23 ms": smeared,
}


def _white(x: Tensor) -> Tensor:
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def labels_table(splits: Splits) -> dict[str, float]:
    """Label accuracy by embedding, over all clips."""
    parts = (splits.train, splits.validation, splits.test, splits.unseen)
    rows = numbers(torch.cat([part.tensor() for part in parts]))
    labels = torch.cat([torch.from_numpy(part.labels).long() for part in parts])
    groups = np.array([group for part in parts for group in part.groups])
    points = Spaces(rows).reference
    return {name: label_accuracy(part, labels, groups) for name, part in points.items()}


class Drums:
    """Held-out drums as a reference, training clips of the same classes, and noise."""

    def __init__(self, splits: Splits, count: int) -> None:
        self.classes, train = splits.train.classes, splits.train
        self.labels = proportional_labels(_labels(splits.test), count)
        self.spaces = Spaces(numbers(splits.test.tensor()))
        chosen = choose(_labels(train), self.labels, seed=0)
        self.training = peak_normalised(train.tensor(chosen.numpy()))
        self.as_they_are = numbers(self.training)
        self.ceiling = self.spaces.roots(self.as_they_are)
        noise = ShapedNoise(train.audio, _labels(train), len(self.classes), RATE)
        self.floor = self.spaces.roots(numbers(noise.draw(self.labels, seed=0)))

    def degraded(self, degrade: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """By embedding: the distance in units of the ceiling, and how far clips move."""
        made = numbers(degrade(self.training))
        roots, found = self.spaces.roots(made), {}
        before, after = self.spaces(self.as_they_are), self.spaces(made)
        for name, root in roots.items():
            found[name] = root / self.ceiling[name]
            found[name + ", moved"] = float((after[name] - before[name]).norm(dim=1).median())
        return found

    def model(self, name: str) -> dict[str, float]:
        """By embedding: how much of the way from noise to training clips a model went."""
        model = dgm_audio.load(name)
        sounds = draw(model, self.labels, self.classes, LENGTH, seed=0)
        roots = self.spaces.roots(numbers(sounds))
        return {
            key: (self.floor[key] - root) / (self.floor[key] - self.ceiling[key])
            for key, root in roots.items()
        }


def _labels(clips: ClipSet) -> Tensor:
    return torch.from_numpy(clips.labels).long()


def show(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """A table of rows of the same columns."""
    columns = list(next(iter(rows.values())))
    print(f"\n{title:30}" + "".join(f"{column:>19}" for column in columns))
    for name, values in rows.items():
        print(f"{name:30}" + "".join(f"{values[column]:19.3f}" for column in columns))


def main() -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--n", type=int, default=256, help="sounds to compare")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    splits = named_splits(NAME, ClipConfig(sample_rate=RATE, length=LENGTH))
    drums = Drums(splits, arguments.n)
    tables = {
        "labels": {"7 neighbours, other kits": labels_table(splits)},
        "roots of distances": {"floor": drums.floor, "ceiling": drums.ceiling},
        "degradations": {name: drums.degraded(step) for name, step in DEGRADATIONS.items()},
        "models": {name: drums.model(name) for name in arguments.models},
    }
    if arguments.json:
        print(json.dumps(tables, indent=2))
        return
    for title, rows in tables.items():
        if rows:
            show(title, rows)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

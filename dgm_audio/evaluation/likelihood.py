"""Likelihood in bits per sample, beside what needs no network.

    bits per sample = -log2 p(x) / (C T)            p: a mass over K symbols per sample
                    = -log2 p(x) / (C T) + 15       p: a density, times the step 2 / 2^16 of 16 bits

A density is that of the sound plus uniform noise of one such step, the same in every call: sound
that was rounded to 16 bits would else have no density at all. A vocoder is given the mel of each
clip.

A mass and a density are different quantisations of the sound: only figures with the same number of
levels may be compared, and `levels_of` says which one it is. Only the valid samples of a clip
count, not the zeros that fill it up. Three baselines stand beside a model:

    uniform     log2 K (16 for a density): nothing is known
    Markov      every symbol given the one before it, counted on the training clips
    linear      every symbol given a linear prediction from the sound's past; nothing is fitted
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.capabilities import HasElbo, HasLogProb, HasSymbols
from dgm_audio.errors import InputError
from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.figures import ratio_closed, ratio_of
from dgm_audio.evaluation.linear_predictor import Codec, LinearPredictor, Pcm
from dgm_audio.evaluation.markov import MarkovChain
from dgm_audio.evaluation.sampling import asked_for
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Condition
from dgm_audio.vocoded import is_vocoder

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

DENSITY_BITS = 16
"""A density is turned into the mass of a step of 2 / 2**16, that of 16-bit audio."""
BATCH_SAMPLES = 2**16
"""Samples that one call of log_prob gets at most, unless a single clip is longer."""
MAX_MARKOV_LEVELS = 1024
"""A Markov chain has K^2 numbers: with more levels there is none."""


def likelihood_of(model: AudioGenerator) -> HasLogProb:
    """The model as one that has an exact likelihood.

    Raises:
        InputError: if it has none.
    """
    if isinstance(model, HasLogProb):
        return model
    why = "the ELBO that they have is a bound, and no likelihood of the sound itself"
    raise InputError(
        f"models of the family {model.family!r} have no exact likelihood (log_prob)"
        + (f"; {why}" if isinstance(model, HasElbo) else "")
    )


def levels_of(model: AudioGenerator) -> int:
    """Levels per sample that bits are counted at: the model's K, or 2^16 for a density."""
    return model.audio.levels or 2**DENSITY_BITS


def bits_of(model: AudioGenerator, x: Tensor, condition: Condition = None) -> Tensor:
    """Bits per sample (B,), float64, of whole sounds x (B, C, T).

    Raises:
        InputError: if the model has no likelihood, or does not take the sound or the condition.
    """
    scorer = likelihood_of(model)
    with torch.no_grad():
        nats = scorer.log_prob(x if model.audio.levels else dequantised(x), condition)
    nats = nats.double().cpu()
    bits = -nats / (math.log(2) * x[0].numel())
    return bits if model.audio.levels else bits + (DENSITY_BITS - 1)


def dequantised(x: Tensor) -> Tensor:
    """Audio with uniform noise of a step of 16 bits, always the same, within [-1, 1]."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    return (x + 2.0 ** (1 - DENSITY_BITS) * noise.to(x)).clamp(-1, 1)


def bits_per_sample(
    model: AudioGenerator, x: Tensor, lengths: Tensor, labels: Tensor, classes: tuple[str, ...]
) -> Tensor:
    """Bits per valid sample (N,), float64, of clips; 0 for a clip without valid samples.

    Clips that are longer than the model's longest are scored up to there. A clip is scored without
    the zeros behind it, since models need not be causal.

    Args:
        model: with a likelihood.
        x: clips (N, C, T).
        lengths: valid samples of each (N,).
        labels: their classes (N,), indices into `classes`.
        classes: names of the classes of the data.

    Raises:
        InputError: as `bits_of` does.
    """
    bits = torch.zeros(len(x), dtype=torch.float64)
    for rows, part in _prefixes(model, x, lengths):
        condition = asked_for(model, classes, labels[rows])
        if is_vocoder(model):
            condition["mel"] = model.mel(part)  # type: ignore[operator]
        bits[rows] = bits_of(model, part, condition)
    return bits


def mean_bits(model: AudioGenerator, clips: ClipSet) -> float:
    """Bits per valid sample over all clips together: every sample counts the same."""
    bits, counts = _clip_bits(model, clips)
    return float(bits @ counts / counts.sum())


def baseline_bits(model: AudioGenerator, training: ClipSet, clips: ClipSet) -> float:
    """Bits per valid sample without a network: of a Markov chain, or of a uniform density.

    Args:
        model: with a likelihood; its symbols, if it has few enough, are what the chain counts.
        training: clips that the chain is fitted on.
        clips: that are scored.
    """
    chain = Likelihood(model, training).chain
    if chain is None:
        return math.log2(levels_of(model))
    symbols = _symbols(model, clips)
    return sum(map(chain.bits, symbols)) / max(1, sum(map(len, symbols)))


class Likelihood:
    """The figures of a model's likelihood, as far as it has one, on sets of clips.

    Args:
        model: any.
        training: clips that the Markov chain is fitted on.
    """

    def __init__(self, model: AudioGenerator, training: ClipSet) -> None:
        self.model = model
        self.chain: MarkovChain | None = None
        discrete = isinstance(model, HasLogProb) and isinstance(model, HasSymbols)
        if discrete and levels_of(model) <= MAX_MARKOV_LEVELS:
            self.chain = MarkovChain(levels_of(model)).fit(_symbols(model, training))
        self.linear = linear_predictor_of(model)

    def figures(self, clips: ClipSet, suffix: str) -> dict[str, Figure]:
        """Bits per sample of model and baselines, by what the set "reference" + suffix counts.

        Empty without a likelihood; without symbols there is no Markov chain, and without a known
        meaning of the symbols no linear predictor.
        """
        if not isinstance(self.model, HasLogProb):
            return {}
        name, uniform = "reference" + suffix, math.log2(levels_of(self.model))
        bits, counts = _clip_bits(self.model, clips)
        figures = {
            "bits_per_sample": ratio_of(bits * counts, counts, name),
            "bits_per_sample_uniform": lambda _: uniform,
        }
        for baseline, total in self._baselines(clips).items():
            known = ratio_of(total, counts, name)
            below = ratio_closed(known, figures["bits_per_sample"], lambda _: 0.0)
            figures |= {f"bits_per_sample_{baseline}": known, f"bits_below_{baseline}": below}
        return {key + suffix: figure for key, figure in figures.items()}

    def _baselines(self, clips: ClipSet) -> dict[str, Tensor]:
        """Bits of all valid samples of each clip (N,), float64, by the name of a baseline."""
        found = {}
        if self.chain is not None:
            sequences = _symbols(self.model, clips)
            found["markov"] = torch.tensor(
                [self.chain.bits(sequence) for sequence in sequences], dtype=torch.float64
            )
        if self.linear is not None:
            found["linear"] = total = torch.zeros(len(clips), dtype=torch.float64)
            for rows, part in _prefixes(self.model, clips.tensor(), _lengths(clips)):
                bits = self.linear.bits(part.flatten(0, 1)).unflatten(0, part.shape[:2])
                total[rows] = bits.mean(1).sum(1)  # of a sample, on average over channels
        return found

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the bits; nothing if there are none."""
        if not isinstance(self.model, HasLogProb):
            return []
        return [f"bits per sample: {quantisation(self.model)}, over the clips' valid samples"]


def linear_predictor_of(model: AudioGenerator) -> LinearPredictor | None:
    """Linear prediction at the model's own levels; None if it is not known what they stand for.

    They are those of its `codec`, if it has a `Codec`, or the steps of a density.
    """
    if not isinstance(model, HasLogProb):
        return None
    if not model.audio.levels:
        return LinearPredictor(Pcm(DENSITY_BITS))
    codec = getattr(model, "codec", None)
    return LinearPredictor(codec) if isinstance(codec, Codec) else None


def quantisation(model: AudioGenerator) -> str:
    """In words, what kind of likelihood it is, and what a uniform one has."""
    levels = levels_of(model)
    kind = f"{levels} levels" if model.audio.levels else f"a density at {DENSITY_BITS} bits"
    return f"{kind} (uniform: {math.log2(levels):.3f})"


def _clip_bits(model: AudioGenerator, clips: ClipSet) -> tuple[Tensor, Tensor]:
    """Bits per valid sample of each clip, and its number of valid samples; both (N,), float64."""
    lengths, labels = _lengths(clips), torch.from_numpy(clips.labels).long()
    bits = bits_per_sample(model, clips.tensor(), lengths, labels, clips.classes)
    return bits, _scored(model, lengths).double()


def _lengths(clips: ClipSet) -> Tensor:
    return torch.from_numpy(clips.lengths)


def _scored(model: AudioGenerator, lengths: Tensor) -> Tensor:
    """Valid samples of each clip that the model can take (N,), int64."""
    longest = model.audio.max_length
    return lengths.long() if longest is None else lengths.long().clamp(max=longest)


def _prefixes(model: AudioGenerator, x: Tensor, lengths: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows (B,) of clips with the same number of valid samples, and these samples (B, C, T)."""
    counts = _scored(model, lengths)
    for count in counts[counts > 0].unique().tolist():
        for rows in (counts == count).nonzero()[:, 0].split(max(1, BATCH_SAMPLES // count)):
            yield rows, x[rows, :, :count]


def _symbols(model: AudioGenerator, clips: ClipSet) -> list[np.ndarray]:
    """The symbols (T,) of the valid samples of each clip."""
    sequences = [np.zeros(0, np.int64)] * len(clips)
    for rows, part in _prefixes(model, clips.tensor(), _lengths(clips)):
        symbols = model.symbols(part).cpu().numpy()  # type: ignore[operator]
        for row, sequence in zip(rows.tolist(), symbols, strict=True):
            sequences[row] = sequence
    return sequences

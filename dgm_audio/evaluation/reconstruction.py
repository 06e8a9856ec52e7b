"""Reconstruction: how far is decode(encode(x)) from x, beside a clip that knows the class only?

The error of a clip is the mean of |A - B| over all cells of two log-mel spectrograms in dB: 80
bands from 0 Hz to half the sample rate, windows of about 23 ms, hop a quarter, 0 dB = sine of full
scale, floored at -80 dB, over the whole clip with its padding (a sound after the decay is an error,
too). The class-mean clip is the mean of the training clips' log-mel spectrograms, class by class;
classes without training clips get the mean of all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.figures import ratio_closed, ratio_of
from dgm_audio.evaluation.sampling import asked_for
from dgm_audio.evaluation.shaped_noise import class_means
from dgm_audio.evaluation.spectra import batch_size, batches, log_mel, window_length
from dgm_audio.generator import AudioGenerator, Encoder

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet
    from dgm_audio.data.clip_array import ClipArray

BANDS = 80
WINDOW = 0.023
MOST = 96
"""Of more clips so many, evenly spread, are reconstructed: an encoder may be a slow search, and the
two-sample test of models is comparable only if all have as many."""
_BATCH = 16


def levels(x: Tensor, sample_rate: int) -> Tensor:
    """Log-mel spectrogram (N, 80, L) in dB of clips (N, C, T)."""
    window = window_length(WINDOW, sample_rate)
    return log_mel(x, sample_rate, bands=BANDS, window=window, hop=window // 4)


def class_mean_levels(
    training: Tensor | ClipArray, labels: Tensor, classes: int, sample_rate: int
) -> Tensor:
    """The class-mean clips (K + 1, 80, L) in dB; the last is the mean of all.

    Args:
        training: clips (M, C, T) that the means are taken of.
        labels: their classes (M,).
        classes: K.
        sample_rate: in Hz.
    """
    parts = (levels(part, sample_rate) for part in batches(training, _BATCH))
    return class_means(parts, labels, classes).float()


def class_mean_errors(x: Tensor, labels: Tensor, means: Tensor, sample_rate: int) -> Tensor:
    """Error in dB (N,) of the class-mean clip for clips x (N, C, T).

    Args:
        x: clips to be described.
        labels: their classes (N,).
        means: as `class_mean_levels` gives them.
        sample_rate: in Hz.
    """
    errors = [
        (levels(part, sample_rate) - means[label]).abs().mean((1, 2))
        for part, label in zip(x.split(_BATCH), labels.split(_BATCH), strict=True)
    ]
    return torch.cat(errors).double()


class Reconstructions(NamedTuple):
    """What `reconstruct` found of R clips.

    Args:
        rows: which clips of the set (R,).
        errors: in dB (R,).
        features: of the reconstructions.
    """

    rows: Tensor
    errors: Tensor
    features: ClipFeatures


def reconstruct(
    model: AudioGenerator, clips: ClipSet, progress: Callable[[int], None] = lambda _: None
) -> Reconstructions | None:
    """decode(encode(x)) of some clips, evenly spread, with their classes and pitches.

    Clips that are longer than the model's longest are compared up to there.

    Args:
        model: any; without an encoder there is nothing.
        clips: real ones.
        progress: takes the number of clips that are done.
    """
    if not isinstance(model, Encoder):
        return None
    rows = torch.linspace(0, len(clips) - 1, min(len(clips), MOST)).round().long()
    rate, length = clips.sample_rate, clips.audio.shape[2]
    taken = min(length, model.audio.max_length or length)
    errors, features = [], []
    for some in rows.split(batch_size(_BATCH, length)):
        part = clips.subset(some.numpy())
        x, labels = part.tensor(), torch.from_numpy(part.labels).long()
        condition = asked_for(model, part.classes, labels, torch.from_numpy(part.pitches))
        back = reconstructed(model, x[:, :, :taken], condition)
        errors.append((levels(back, rate) - levels(x[:, :, :taken], rate)).abs().mean((1, 2)))
        whole = torch.nn.functional.pad(back, (0, length - taken))
        features.append(
            ClipFeatures.of(whole, labels, rate, embeddings={}, parts=("patterns",)).arrays()
        )
        progress(len(some))
    joined = {name: torch.cat([part[name] for part in features]) for name in features[0]}
    return Reconstructions(rows, torch.cat(errors).double(), ClipFeatures.from_arrays(joined))


def reconstructed(model: Encoder, x: Tensor, condition: dict[str, Any]) -> Tensor:
    """decode(encode(x)) (N, C, T) of clips x (N, C, T), on the CPU."""
    with torch.no_grad():
        z = model.encode(x, condition)
        return model.decode(z, condition, length=x.shape[2]).cpu()  # type: ignore[attr-defined]


def reconstruction_figures(
    found: Reconstructions, clips: ClipSet, means: Tensor, suffix: str
) -> dict[str, Figure]:
    """Errors of the model and of the class-mean clip, and the share that the model closes.

    Args:
        found: what `reconstruct` made of the clips.
        clips: the set "reference" + suffix.
        means: what `class_mean_levels` gives.
        suffix: "" for test clips, "_unseen" for unseen groups.
    """
    chosen = torch.zeros(len(clips), dtype=torch.float64)
    chosen[found.rows] = 1
    part = clips.subset(found.rows.numpy())
    worst = class_mean_errors(
        part.tensor(), torch.from_numpy(part.labels).long(), means, part.sample_rate
    )
    error, mean = (
        ratio_of(chosen.index_copy(0, found.rows, values), chosen, "reference" + suffix)
        for values in (found.errors, worst)
    )
    figures = {
        "reconstruction_db": error,
        "reconstruction_db_class_mean": mean,
        "reconstruction_closed": ratio_closed(mean, error, lambda _: 0.0),
    }
    return {key + suffix: figure for key, figure in figures.items()}

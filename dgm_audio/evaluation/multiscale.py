"""The multi-scale STFT distance by which RAVE is trained and compared, here of whole clips.

    d(x, y) = sum_n |S_n(x) - S_n(y)|_F / |S_n(x)|_F + mean |log(S_n(x) + e) - log(S_n(y) + e)|

S_n is the magnitude of the STFT with a Hann window of n = 2048, 1024, 512, 256 and 128 samples, hop
a quarter, times n^-1/2: a sine of full scale has sqrt(n) / 4. e = 1e-7. The norm and the mean are
over all channels, bins and frames of one clip. So it is in RAVE's code; the paper writes the log of
the L1 norm of the difference in place of the second term.

Beside a model stand two yardsticks on the same clips: the sound itself, and Opus at 16 kbit/s.

References:
    Caillon and Esling, "RAVE: a variational autoencoder for fast and high-quality neural audio
    synthesis", 2021, and its code at version 1 (github.com/acids-ircam/RAVE).
    Engel, Hantrakul, Gu and Roberts, "DDSP: differentiable digital signal processing", 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.evaluation import opus
from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.figures import mean_of
from dgm_audio.evaluation.reconstruction import reconstructed
from dgm_audio.evaluation.sampling import asked_for
from dgm_audio.evaluation.spectra import SILENT
from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.signal.stft import centred_stft

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

WINDOWS = (2048, 1024, 512, 256, 128)
EPSILON = 1e-7
KBPS = 16
"""Of Opus, with all channels."""
MOST, LONGEST = 16, 20.0
"""So many clips, evenly spread, are compared, and so many seconds of each: 320 s of sound."""

Way = Callable[[Tensor], Tensor]
"""What becomes of a clip (1, C, T)."""


class Distances(NamedTuple):
    """What `multiscale_figures` found: figures, the clusters of their clips, lines for a reader."""

    figures: dict[str, Figure]
    clusters: dict[str, Tensor]
    notes: list[str]


def multiscale_distance(x: Tensor, y: Tensor) -> Tensor:
    """Distance (N,) of clips y to the recordings x, both (N, C, T); 0 if they are equal.

    Clips shorter than the longest window are followed by zeros. A silent recording has a finite
    distance, which means little.

    >>> x = torch.rand(1, 2, 4000) - 0.5
    >>> multiscale_distance(x, x).tolist(), round(float(multiscale_distance(x, 0.5 * x)), 1)
    ([0.0], 6.0)

    Raises:
        InputError: if the shapes are not the same (N, C, T).
    """
    if x.ndim != 3 or 0 in x.shape or x.shape != y.shape:
        raise InputError(
            f"the clips have shapes {tuple(x.shape)} and {tuple(y.shape)}; "
            "both must be the same (N, C, T)"
        )
    short = max(0, WINDOWS[0] - x.shape[2])
    x, y = (F.pad(part.detach().float(), (0, short)) for part in (x, y))
    return torch.stack([_at_window(x, y, window) for window in WINDOWS]).sum(0)


def multiscale_figures(
    model: AudioGenerator, clips: ClipSet, clusters: Tensor, suffix: str
) -> Distances:
    """Mean distance of decode(encode(x)), of Opus and of x itself from x; none but for live models.

    Clips without sound do not count.

    Args:
        model: any; it has these figures if it has an encoder and runs live.
        clips: real ones.
        clusters: near copies share a number (N,).
        suffix: "" for test clips, "_unseen" for unseen groups.
    """
    if not (isinstance(model, Encoder) and isinstance(model, RunsLive)):
        return Distances({}, {}, [])
    rows = torch.linspace(0, len(clips) - 1, min(len(clips), MOST)).round().long()
    sounds = [_sound(clips, row) for row in rows.tolist()]
    kept = [index for index, x in enumerate(sounds) if float(x.abs().max()) >= SILENT]
    if not kept:
        return Distances({}, {}, [f"all of the {len(rows)} clips to be reconstructed are silent"])
    rows, sounds = rows[kept], [sounds[index] for index in kept]
    part, name = clips.subset(rows.numpy()), "reconstructed" + suffix
    labels, pitches = torch.from_numpy(part.labels).long(), torch.from_numpy(part.pitches)
    conditions = [
        asked_for(model, part.classes, label, pitch)
        for label, pitch in zip(labels.split(1), pitches.split(1), strict=True)
    ]
    made = [reconstructed(model, x, c) for x, c in zip(sounds, conditions, strict=True)]
    found = {"": _mean(sounds, made, name), "_identity": _mean(sounds, sounds, name)}
    coded, note = _coded(sounds, clips.sample_rate, suffix)
    if coded:
        found["_opus"] = _mean(sounds, coded, name)
    figures = {f"stft_distance{role}{suffix}": figure for role, figure in found.items()}
    return Distances(figures, {name: clusters[rows]}, [note])


def _at_window(x: Tensor, y: Tensor, window: int) -> Tensor:
    a, b = _magnitude(x, window), _magnitude(y, window)
    size = a.square().sum((1, 2)).sqrt().clamp_min(EPSILON)
    linear = (a - b).square().sum((1, 2)).sqrt() / size
    logs = ((a + EPSILON).log() - (b + EPSILON).log()).abs().mean((1, 2))
    return (linear + logs).double()


def _magnitude(x: Tensor, window: int) -> Tensor:
    """S_n (N, C * F, L) of clips (N, C, T)."""
    hann = torch.hann_window(window, device=x.device)
    spectrum = centred_stft(x, hann, window // 4, "reflect") / window**0.5
    return spectrum.abs().flatten(1, 2)


def _sound(clips: ClipSet, row: int) -> Tensor:
    """The valid samples (1, C, T) of a clip, of its first 20 s."""
    count = min(int(clips.lengths[row]), int(LONGEST * clips.sample_rate))
    return clips.tensor([row])[:, :, : max(1, count)]


def _mean(sounds: list[Tensor], made: list[Tensor], name: str) -> Figure:
    pairs = zip(sounds, made, strict=True)
    return mean_of(torch.cat([multiscale_distance(x, y) for x, y in pairs]), name)


def _coded(sounds: list[Tensor], rate: int, suffix: str) -> tuple[list[Tensor], str]:
    """The sounds after Opus, none if it cannot be had, and what to say of it."""
    reason = opus.hindrance(sounds[0].shape[1], KBPS)
    if reason:
        return [], f"STFT distance of Opus is left out: {reason}"
    coded = [opus.through_opus(x[0], rate, KBPS) for x in sounds]
    seconds = sum(x.shape[2] for x in sounds) / rate
    kbps = 8e-3 * sum(item.size for item in coded) / seconds
    where = "unseen" if suffix else "test"
    amount = f"{len(sounds)} {where} clips, {seconds:.0f} s"
    note = f"STFT distance: {amount}; Opus took {kbps:.1f} kbit/s"
    return [item.audio[None] for item in coded], note

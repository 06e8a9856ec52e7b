"""The default embedding: a clip becomes numbers that see envelope, timbre *and* texture.

At three STFT resolutions (about 46, 12 and 3 ms), in dB over mel bands:

    levels      mean and standard deviation over time of every mel band
    course      mean level in sections of time that double in length, in coarse bands
    flux        |D[l+1] - D[l]|, mean and root mean square over the frames that sound
    flatness    10 log10(geometric / arithmetic mean power), mean and deviation, where it sounds
    modulation  log energy of D over time in octaves of modulation frequency

Means and deviations alone cannot tell noise from tone, nor a blurred sound from a crisp one; flux,
flatness and modulation can. The numbers are to be standardised on a reference, as `Reference` does.

References:
    Dubnov, "Generalization of spectral flatness measure for non-Gaussian linear processes", 2004.
    McDermott and Simoncelli, "Sound texture perception via statistics of the auditory periphery",
    2011 (marginal statistics and modulation power as a description of texture).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation.spectra import (
    check_clips,
    decibels,
    mel_partition,
    power,
    window_length,
)

Embedding = Callable[[Tensor, int], Tensor]
"""Maps clips (N, C, T) and their sample rate in Hz to numbers (N, E); a user's own network too."""

FLOOR_DB = -60.0
"""Lower levels are not told apart: noise 50 dB under a clip is not to outweigh its timbre."""

AUDIBLE_DB = 10.0
"""A frame sounds in a band if its level is this far above the floor."""

_BATCH = 16


@dataclass(frozen=True)
class TextureEmbedding:
    """Envelope, timbre and texture statistics (N, E) of clips (N, C, T); channels are averaged.

    Args:
        windows: STFT windows in seconds; each becomes a power of two in samples, hop a quarter.
        bands: mel bands per resolution.
        coarse: coarse bands (equally wide in mel) for course and modulation; twice as many for
            flux and flatness, so that texture counts as much as envelope.
        sections: sections of time, each twice as long as the one before.
        octaves: octaves of modulation frequency, counted down from half the frame rate.
    """

    windows: tuple[float, ...] = (0.046, 0.0116, 0.0029)
    bands: tuple[int, ...] = (32, 24, 16)
    coarse: int = 6
    sections: int = 6
    octaves: int = 6

    def __call__(self, x: Tensor, sample_rate: int) -> Tensor:
        """Float32 numbers (N, E)."""
        clips = check_clips(x)
        return torch.cat([self._embed(part, sample_rate) for part in clips.split(_BATCH)])

    def _embed(self, x: Tensor, sample_rate: int) -> Tensor:
        audio = x.flatten(0, 1)
        numbers = [
            self._at_resolution(audio, sample_rate, window_length(seconds, sample_rate), bands)
            for seconds, bands in zip(self.windows, self.bands, strict=True)
        ]
        return torch.cat(numbers, dim=1).unflatten(0, x.shape[:2]).mean(1)

    def _at_resolution(self, x: Tensor, sample_rate: int, window: int, bands: int) -> Tensor:
        spectrum = power(x, window, window // 4)
        fine = decibels(mel_partition(bands, window, sample_rate) @ spectrum, FLOOR_DB)
        coarse = decibels(mel_partition(self.coarse, window, sample_rate) @ spectrum, FLOOR_DB)
        groups = mel_partition(2 * self.coarse, window, sample_rate)
        level = decibels(groups @ spectrum, FLOOR_DB)
        sounds = (level > FLOOR_DB + AUDIBLE_DB).float()
        parts = [
            fine.mean(2),
            (fine.square().mean(2) - fine.mean(2).square()).clamp_min(0).sqrt(),
            _course(coarse, self.sections),
            _flux(level, sounds),
            _flatness(spectrum, groups, sounds),
            _modulation(coarse, self.octaves),
        ]
        return torch.cat([part.flatten(1) for part in parts], dim=1)


def embed(x: Tensor, sample_rate: int, embedding: Embedding | None = None) -> Tensor:
    """Float64 numbers (N, E) of clips (N, C, T) under the given embedding, or the default one.

    Raises:
        InputError: if the embedding does not return one row of finite numbers per clip.
    """
    with torch.no_grad():
        numbers = torch.as_tensor((embedding or TextureEmbedding())(x, sample_rate))
    numbers = numbers.detach().to("cpu", torch.float64)
    if numbers.ndim != 2 or len(numbers) != len(x) or not bool(torch.isfinite(numbers).all()):
        raise InputError(
            f"the embedding returned {tuple(numbers.shape)} for {len(x)} clips; "
            f"expected finite numbers ({len(x)}, E)"
        )
    return numbers


def _course(level: Tensor, sections: int) -> Tensor:
    """Mean level (N, M, sections) of (N, M, L) in sections of doubling length."""
    frames = level.shape[2]
    edges = [round(frames * (2**i - 1) / (2**sections - 1)) for i in range(sections + 1)]
    return _means_between(level, edges)


def _flux(level: Tensor, sounds: Tensor) -> Tensor:
    """Mean and root mean square change (N, M, 2) of (N, M, L) per frame in dB, where it sounds."""
    change, weight = level.diff(dim=2).abs(), sounds[:, :, 1:].maximum(sounds[:, :, :-1])
    return torch.stack([_mean(change, weight), _mean(change.square(), weight).sqrt()], 2)


def _flatness(spectrum: Tensor, groups: Tensor, sounds: Tensor) -> Tensor:
    """Mean and deviation (N, M, 2) of the flatness in dB (0: flat), over the frames that sound."""
    share = groups / groups.sum(1, keepdim=True)
    floored = spectrum + 10 ** (FLOOR_DB / 10 - 2)
    flatness = 10 * (share @ floored.log10() - (share @ floored).log10())
    mean = _mean(flatness, sounds)
    variance = _mean((flatness - mean[:, :, None]).square(), sounds)
    return torch.stack([mean, variance.sqrt()], 2)


def _modulation(level: Tensor, octaves: int) -> Tensor:
    """Log energy (N, M, octaves) of the level's changes, by octave of modulation frequency."""
    frames = level.shape[2]
    centred = level - level.mean(2, keepdim=True)
    energy = torch.fft.rfft(centred * torch.hann_window(frames)).abs().square() / frames
    edges = [0] + [energy.shape[2] >> i for i in range(octaves - 1, -1, -1)]
    return (_means_between(energy, edges) + 1e-2).log10()


def _means_between(values: Tensor, edges: list[int]) -> Tensor:
    """Means (N, M, len(edges) - 1) of (N, M, L) between the edges, over one frame at least."""
    starts = [min(edge, values.shape[2] - 1) for edge in edges[:-1]]
    pieces = [values[:, :, a : max(b, a + 1)] for a, b in zip(starts, edges[1:], strict=True)]
    return torch.stack([piece.mean(2) for piece in pieces], 2)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over time, zero where nothing sounds."""
    return (values * weight).sum(2) / weight.sum(2).clamp_min(1)

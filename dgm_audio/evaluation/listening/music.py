"""What is noticed of music: beat, key, harmony that returns, width, dynamics.

References:
    Lartillot, Eerola, Toiviainen and Fornari, "Multi-feature modeling of pulse clarity: design,
    validation and optimization", 2008 (the highest autocorrelation of the onset strength).
    Krumhansl, "Cognitive foundations of musical pitch", 1990 (key profiles).
    Fujishima, "Realtime chord recognition of musical sound", 1999 (chroma).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.evaluation.listening.sounds import Sounds
from dgm_audio.evaluation.spectra import log_mel, power, window_length
from dgm_audio.signal.pitch import frequency

ONSET_HOP, RISE, BANDS = 0.012, 3, 40
TEMPOGRAM = 8.0
"""Seconds of a window of the tempogram; tempo may change from one to the next."""
BPM = (40.0, 240.0)

CHROMA_WINDOW = 0.37
NOTES = (48, 96)
"""MIDI numbers, C3 to B6: 131 Hz to 2 kHz, where the window tells semitones apart."""
SILENT_DB = -60.0
APART = 6.0
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""Krumhansl and Kessler's, from the tonic upwards."""

LOUDNESS_HOP, LOUDNESS_WIDTH = 0.1, 5


def beat_strength(sounds: Sounds) -> Tensor:
    """Highest autocorrelation (B,) of the onset strength between 40 and 240 beats a minute.

    The onset strength is the mean over 40 mel bands of how far each has risen in dB within 36 ms,
    less its mean over a second; the autocorrelation, 1 at lag 0, is averaged over windows of 8 s,
    since tempo changes. Noise has 0.1 by chance, a metronome 1. NaN for clips below 16 s.
    """
    rate, hop = sounds.sample_rate, sounds.hop(ONSET_HOP)
    window = window_length(0.046, rate)
    level = log_mel(sounds.mono[:, None], rate, bands=BANDS, window=window, hop=hop).double()
    onset = (level[:, :, RISE:] - level[:, :, :-RISE]).clamp_min(0).mean(1)
    size, second = (round(seconds * rate / hop) for seconds in (TEMPOGRAM, 1.0))
    if onset.shape[1] < 2 * size - RISE - 1:
        return torch.full((len(sounds),), torch.nan, dtype=torch.float64)
    onset = onset - F.avg_pool1d(
        onset[:, None], 2 * (second // 2) + 1, 1, second // 2, count_include_pad=False
    ).squeeze(1)
    hann = torch.hann_window(size, dtype=torch.float64)
    found = _autocorrelation(onset.unfold(1, size, size // 4) * hann).sum(1)
    expected = _autocorrelation(hann)
    tempogram = found / found[:, :1].clamp_min(1e-12) * expected[0] / expected
    low, high = (round(60 / bpm * rate / hop) for bpm in reversed(BPM))
    return sounds.nan_where_silent(tempogram[:, low : high + 1].amax(1))


def key_clarity(sounds: Sounds) -> Tensor:
    """Highest correlation (B,) of the mean chroma with the 24 profiles of major and minor keys."""
    chroma, heard = _chroma(sounds)
    mean = _standardised((chroma * heard[:, :, None]).sum(1))
    rows = [torch.tensor(mode).roll(tonic) for mode in (MAJOR, MINOR) for tonic in range(12)]
    profiles = _standardised(torch.stack(rows).double())
    return sounds.nan_where_silent((mean @ profiles.T).amax(1))


def chroma_similarity(sounds: Sounds) -> Tensor:
    """Mean correlation (B,) of the chroma of moments more than 6 s apart.

    Of 0.37 s each; 1 if the harmony never changes, 0 if nothing returns, as in noise. NaN if the
    clip has no two such moments.
    """
    chroma, heard = _chroma(sounds)
    frames = _standardised(chroma)
    places = torch.arange(chroma.shape[1], dtype=torch.float64) * CHROMA_WINDOW
    apart = (places[:, None] - places).abs() > APART
    pairs = heard[:, :, None] * heard[:, None, :] * apart
    mean = (frames @ frames.mT * pairs).sum((1, 2)) / pairs.sum((1, 2))
    return sounds.nan_where_silent(mean)


def stereo_correlation(sounds: Sounds) -> Tensor:
    """Correlation of the left and the right channel (B,); NaN without two that sound."""
    if sounds.audio.shape[1] < 2:
        return torch.full((len(sounds),), torch.nan, dtype=torch.float64)
    x = sounds.audio[:, :2].double()
    x = x - x.mean(2, keepdim=True)
    size = x.square().sum(2).sqrt().prod(1)
    return sounds.nan_where_silent(x.prod(1).sum(1) / size.where(size > 0, torch.nan))


def level_range_db(sounds: Sounds) -> Tensor:
    """The 95th minus the 10th percentile of the level in 400 ms, in dB (B,).

    Levels below -60 dB of the loudest count as that; what lies behind the valid samples does not
    count.
    """
    level = sounds.level(LOUDNESS_HOP, LOUDNESS_WIDTH)
    level = level.maximum(level.amax(1, keepdim=True) + SILENT_DB)
    place = torch.arange(level.shape[1]) * sounds.hop(LOUDNESS_HOP)
    level = level.where(place < sounds.lengths[:, None], torch.nan)
    low, high = level.nanquantile(torch.tensor([0.1, 0.95], dtype=torch.float64), dim=1)
    return sounds.nan_where_silent(high - low)


def _autocorrelation(x: Tensor) -> Tensor:
    """At lags from 0 on (..., L) of x (..., L)."""
    spectrum = torch.fft.rfft(x, 2 * x.shape[-1])
    return torch.fft.irfft(spectrum.abs().square())[..., : x.shape[-1]]


def _chroma(sounds: Sounds) -> tuple[Tensor, Tensor]:
    """Amplitude by pitch class (B, L, 12), C first, every 0.37 s, and where there is sound (B, L).

    Of each note that of its highest bin over what the highest of as many bins of noise has, so that
    neither tones nor noise favour a pitch; the mean over octaves. A frame counts if it is less than
    60 dB below the loudest.
    """
    window = sounds.hop(CHROMA_WINDOW)
    spectrum = power(sounds.mono, window, window).double()
    edges = note_edges(window, sounds.sample_rate)
    highest = [spectrum[:, a:b].amax(1) / _expected_highest(b - a) for a, b in pairwise(edges)]
    notes = torch.stack(highest, 2).sqrt()
    chroma = notes.unflatten(2, (-1, 12)).mean(2)
    level = spectrum.sum(1)
    heard = level > level.amax(1, keepdim=True) * 10 ** (SILENT_DB / 10)
    return chroma / chroma.sum(2, keepdim=True).clamp_min(1e-30), heard.double()


def _expected_highest(bins: int) -> float:
    """Mean of the largest of so many independent exponential variables of mean one.

    >>> _expected_highest(2)
    1.5
    """
    return sum(1 / k for k in range(1, bins + 1))


def note_edges(window: int, sample_rate: int) -> list[int]:
    """The first bin of each note, and the one behind the last; notes meet a quarter tone away.

    >>> note_edges(5920, 16000)[:4]
    [48, 50, 53, 56]
    """
    halves = torch.arange(NOTES[0], NOTES[1] + 1) - 0.5
    return (frequency(halves) * window / sample_rate).ceil().long().tolist()


def _standardised(x: Tensor) -> Tensor:
    """Rows with mean 0 and norm 1, so that products are correlations; constant rows are 0."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / centred.norm(dim=-1, keepdim=True).clamp_min(1e-12)

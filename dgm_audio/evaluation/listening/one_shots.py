"""What is noticed of one-shots: a second stroke, a tail that does not end, the attack, partials."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.evaluation.listening.sounds import Sounds, levels

FALL_DB, RISE_DB = 12.0, 9.0
AUDIBLE_DB = -50.0
"""Below the loudest: what goes on further down is room noise."""
HOP, WIDTH = 0.005, 11
"""Levels of 55 ms: a tone of 30 Hz makes no ripple."""
BRIDGE = 17
"""Hops: dips of up to 80 ms are beats or chance, and flams; no second stroke."""

TAIL = 0.02
SILENT_DB, GOING_DB = -90.0, -40.0

ATTACK_HOP, ATTACK_WIDTH = 0.0005, 5
ATTACK_FROM, ATTACK_TO = -20.0, -3.0

SPECTRUM = 0.2
AROUND_HZ, PEAKS = 150.0, 10


def begins_anew(sounds: Sounds) -> Tensor:
    """1 for a sound that begins anew or swells after it has died away, else 0 (B,).

    Its level, in 55 ms, has fallen by 12 dB below the loudest so far and later rises by 9 dB above
    the lowest since; both above -50 dB of the loudest. Dips shorter than 80 ms are bridged before
    (a closing), since partials that beat and narrow noise have such; so are flams and hand claps.
    """
    level = sounds.level(HOP, WIDTH)
    level = level.maximum(level.amax(1, keepdim=True) + AUDIBLE_DB)
    level = -_highest_around(-_highest_around(level))
    fallen = level <= level.cummax(1).values - FALL_DB
    lowest = level.where(fallen, torch.inf).cummin(1).values
    return sounds.nan_where_silent((level >= lowest + RISE_DB).any(1))


def never_silent(sounds: Sounds) -> Tensor:
    """1 if the last 20 ms are above -90 dB of the loudest 20 ms, else 0 (B,).

    Of 16 bits the last has -90 dB: what is lower is digital silence, and what is higher hisses
    where a recording has ended.
    """
    return sounds.nan_where_silent(_end_level(sounds) > SILENT_DB)


def cut_off(sounds: Sounds) -> Tensor:
    """1 if the last 20 ms are above -40 dB of the loudest 20 ms, else 0 (B,)."""
    return sounds.nan_where_silent(_end_level(sounds) > GOING_DB)


def attack_ms(sounds: Sounds) -> Tensor:
    """Milliseconds (B,) in which the level, in 2.5 ms, rises from -20 to -3 dB of its maximum.

    Until -3 dB is first reached, and from the last time that -20 dB was passed before; so neither
    a noise before the stroke nor a late maximum counts. A step has 1 ms, and nothing less.
    """
    hop = sounds.hop(ATTACK_HOP)
    level = levels(F.pad(sounds.audio, (ATTACK_WIDTH * hop, 0)), hop, ATTACK_WIDTH)
    level = level - level.amax(1, keepdim=True)
    places = torch.arange(level.shape[1])
    end = (level >= ATTACK_TO).int().argmax(1)
    low = (level < ATTACK_FROM) & (places < end[:, None])
    start = (low * places).amax(1)
    span = _crossing(level, end - 1, ATTACK_TO) - _crossing(level, start, ATTACK_FROM)
    return sounds.nan_where_silent(1000 * span * hop / sounds.sample_rate)


def peakiness_db(sounds: Sounds) -> Tensor:
    """By how many dB (B,) the ten strongest partials stand above the spectrum around them.

    In the 200 ms that begin with the loudest 55 ms, or the last 200 ms that sound, under a Hann
    window: the median over the ten highest local maxima of their height above the median within
    150 Hz on both sides. White noise has about 9 dB. NaN if there are fewer than ten maxima above
    -60 dB of the highest.
    """
    level = sounds.level(HOP, WIDTH)
    half = WIDTH // 2 + 1
    length = sounds.hop(SPECTRUM)
    start = (level.argmax(1) - half).clamp_min(0) * sounds.hop(HOP)
    start = start.minimum((sounds.sounding - length).clamp_min(0))
    rows = start[:, None] + torch.arange(length)
    x = F.pad(sounds.mono, (0, length)).gather(1, rows)
    power = torch.fft.rfft(x * torch.hann_window(length)).abs().square().double()
    return sounds.nan_where_silent(_heights(power, round(AROUND_HZ * SPECTRUM)))


def _heights(power: Tensor, around: int) -> Tensor:
    """Median height (B,) of the strongest maxima of (B, F) over `around` bins on each side."""
    loudest = power.amax(1, keepdim=True).clamp_min(1e-30)
    spectrum = 10 * (power / loudest).clamp_min(1e-9).log10()
    inner = spectrum[:, 1:-1]
    top = (inner > spectrum[:, :-2]) & (inner >= spectrum[:, 2:]) & (inner >= -60)
    values, places = inner.where(top, -torch.inf).topk(PEAKS, dim=1)
    padded = F.pad(spectrum[:, None], (around, around), mode="reflect")[:, 0]
    windows = padded.unfold(1, 2 * around + 1, 1)
    near = windows.gather(1, (places + 1)[:, :, None].expand(-1, -1, windows.shape[2]))
    height = values - near.median(2).values
    return height.quantile(0.5, dim=1).where(values.isfinite().all(1), torch.nan)


def _highest_around(level: Tensor) -> Tensor:
    return F.max_pool1d(level, BRIDGE, stride=1, padding=BRIDGE // 2)


def _end_level(sounds: Sounds) -> Tensor:
    """Level (B,) of the last 20 ms in dB relative to the loudest 20 ms."""
    hop = sounds.hop(TAIL)
    level = levels(F.pad(sounds.audio, (-sounds.audio.shape[2] % hop, 0)), hop)
    return level[:, -1] - level.amax(1)


def _crossing(level: Tensor, place: Tensor, height: float) -> Tensor:
    """Where (B,), in hops, the amplitude crosses a height in dB between `place` and the next."""
    before, after = (10 ** (_at(level, index) / 20) for index in (place, place + 1))
    part = (10 ** (height / 20) - before) / (after - before).clamp_min(1e-12)
    return place + part.clamp(0, 1)


def _at(values: Tensor, places: Tensor) -> Tensor:
    return values.gather(1, places.clamp(0, values.shape[1] - 1)[:, None])[:, 0]

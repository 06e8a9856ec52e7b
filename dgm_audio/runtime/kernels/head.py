"""Steps of `StreamHead` that PyTorch would take many small calls for, compiled."""

from __future__ import annotations

import math

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled, part

ROUND = np.float32(2 * math.pi)


@part
def clipped(x, low, high):
    """The number, or the end of the range."""
    return np.float32(min(max(x, low), high))


@compiled
def curves(output, outline, level, spread, unit, tonal_range, noise_range, tonal, noisy):
    """Written: tonal (N, L, C, F), noisy (N, C, L, steps, held, bands); see `StreamHead.controls`.

    Args:
        output: (N, L, C F + steps C bands), of the network.

        outline: (N, L, C F).
        level: (F,), of the partials.
        spread: (F,).
        unit: level of white noise in the STFT.
        tonal_range: low and high.
        noise_range: low and high.
        tonal: room.
        noisy: room.
    """
    items, frames, channels, bins = tonal.shape
    steps, bands = noisy.shape[3], noisy.shape[5]
    wide = (bins - 1) // bands
    for item in range(items):
        for frame in range(frames):
            own, base = output[item, frame], outline[item, frame]
            for c in range(channels):
                for k in range(bins):
                    value = level[k] + spread[k] * (own[c * bins + k] + base[c * bins + k])
                    tonal[item, frame, c, k] = clipped(value, tonal_range[0], tonal_range[1])
    for band in range(bands):
        near = slice(band * wide, (band + 1) * wide)
        mean, deviation = level[near].mean() - unit, spread[near].mean()
        for item in range(items):
            for frame in range(frames):
                for c in range(channels):
                    for step in range(steps):
                        at = (bins + step * bands) * channels + c * bands + band
                        value = mean + deviation * output[item, frame, at]
                        value = clipped(value, noise_range[0], noise_range[1])
                        noisy[item, c, frame, step, :, band] = value


@compiled
def overlap(pieces, window, rest, audio):
    """Written: audio (N, hop L) of windowed pieces (N, L, n_fft), begun with rest (N, n_fft - hop).

    Audio has room for the whole last piece (N, hop (L - 1) + n_fft).
    """
    items, frames, length = pieces.shape
    hop = length - rest.shape[1]
    for item in range(items):
        out = audio[item]
        out[: length - hop] = rest[item]
        out[length - hop :] = 0
        for frame in range(frames):
            piece = pieces[item, frame]
            for i in range(length):
                out[frame * hop + i] += piece[i] * window[i]


@compiled
def spectrum(turns, loud, made):
    """Written: the spectrum (N, C, L, F, 2) of magnitudes (N, L, C, F) with phases (N, L, F)."""
    items, frames, channels, bins = loud.shape
    for item in range(items):
        for frame in range(frames):
            turn, real, imaginary = np.float32(0), np.float32(1), np.float32(0)
            for k in range(bins):
                if turns[item, frame, k] != turn:  # bins around a peak share their phase
                    turn = turns[item, frame, k]
                    angle = ROUND * turn
                    real, imaginary = math.cos(angle), math.sin(angle)
                sign = np.float32(1 - 2 * (k % 2))  # from the frame's start, not its centre
                for c in range(channels):
                    size = sign * loud[item, frame, c, k]
                    made[item, c, frame, k, 0] = size * real
                    made[item, c, frame, k, 1] = size * imaginary


@compiled
def angles(projected, frequency, offset, turn, first, made):
    """Written: the angles (N, L, T) of `FrameTexture` for projected codes (N, L, features)."""
    items, frames, length = made.shape
    for item in range(items):
        for frame in range(frames):
            out = made[item, frame]
            for i in range(length):
                turned = (first + frame) * turn[i]
                out[i] = ROUND * (np.float32(turned - np.floor(turned)) + offset[i])
            for feature in range(len(frequency)):
                size = projected[item, frame, feature]
                for i in range(length):
                    out[i] += size * frequency[feature, i]

"""The iterations of `Inversion`, compiled: the same bits on every processor.

Sums, products, quotients and square roots of float64 are rounded in one way everywhere, and are
taken here in one order: there is no call of a library's transform or cosine, and no product is
fused with a sum. Frames lie beside each other, eight to a vector, so that the transform of one is
that of eight.

The transform of N real samples is that of N / 2 complex ones, x[2 m] + i x[2 m + 1], in place and
by fours; frequencies come in the order of `Tables.place`, and go back from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled, inlined, part
from dgm_audio.runtime.kernels.vectors import EIGHT, eight, larger, load_eight, square_root, store


class Tables(NamedTuple):
    """What the loops read; N samples of a frame, R = N / 2 rows of vectors."""

    window: np.ndarray
    """(N,)"""
    level: np.ndarray
    """(T,) what sums of frames are divided by: N times those of squared windows."""
    cosine: np.ndarray
    """(N,) cos(2 pi n / N)"""
    sine: np.ndarray
    """(N,) sin(2 pi n / N)"""
    place: np.ndarray
    """(R,) the row in which a frequency lies, int64."""


class Room(NamedTuple):
    """What the loops write, for `groups` of eight frames; vectors lie one behind the other."""

    re: np.ndarray
    """(R * 8,) real parts, of samples or of frequencies."""
    im: np.ndarray
    """(R * 8,)"""
    last_re: np.ndarray
    """(groups, (R + 1) * 8) spectra that were found in the iteration before."""
    last_im: np.ndarray
    """(groups, (R + 1) * 8)"""
    wanted: np.ndarray
    """(groups, (R + 1) * 8) magnitudes."""
    total: np.ndarray
    """(T,) sum of windowed frames."""


@part
def new_room(bins, groups, samples):
    """Zeros to work in."""
    return Room(
        np.zeros((bins - 1) * EIGHT),
        np.zeros((bins - 1) * EIGHT),
        np.zeros((groups, bins * EIGHT)),
        np.zeros((groups, bins * EIGHT)),
        np.zeros((groups, bins * EIGHT)),
        np.zeros(samples),
    )


def places(rows: int) -> np.ndarray:
    """The row in which `forward` leaves each frequency."""

    def order(size: int) -> np.ndarray:
        if size < 4:
            return np.arange(size)
        return np.concatenate([4 * order(size // 4) + k for k in range(4)])

    return np.argsort(order(rows))


@inlined
def turned(tables, n, re, im):
    """Complex numbers times exp(-2 pi i n / N)."""
    c, s = eight(tables.cosine[n]), eight(tables.sine[n])
    return re * c + im * s, im * c - re * s


@inlined
def turned_back(tables, n, re, im):
    """Complex numbers times exp(2 pi i n / N)."""
    c, s = eight(tables.cosine[n]), eight(tables.sine[n])
    return re * c - im * s, im * c + re * s


@inlined
def put(room, row, re, im):
    """Write a row."""
    store(room.re, row * EIGHT, re)
    store(room.im, row * EIGHT, im)


@inlined
def take(room, row):
    """Read a row."""
    return load_eight(room.re, row * EIGHT), load_eight(room.im, row * EIGHT)


@part
def by_twos(room, rows):
    """Sums and differences of neighbours: the last stage of `forward`, the first of `backward`."""
    for row in range(0, rows, 2):
        a_re, a_im = take(room, row)
        b_re, b_im = take(room, row + 1)
        put(room, row, a_re + b_re, a_im + b_im)
        put(room, row + 1, a_re - b_re, a_im - b_im)


@part
def forward(tables, room):
    """Samples to frequencies."""
    rows = len(tables.place)
    size = rows
    while size > 2:
        quarter = size // 4
        for j in range(quarter):
            n = 2 * j * (rows // size)
            for row in range(j, rows, size):
                a_re, a_im = take(room, row)
                b_re, b_im = take(room, row + quarter)
                c_re, c_im = take(room, row + 2 * quarter)
                d_re, d_im = take(room, row + 3 * quarter)
                s_re, s_im, t_re, t_im = a_re + c_re, a_im + c_im, a_re - c_re, a_im - c_im
                u_re, u_im, v_re, v_im = b_re + d_re, b_im + d_im, b_re - d_re, b_im - d_im
                put(room, row, s_re + u_re, s_im + u_im)
                x_re, x_im = turned(tables, n, t_re + v_im, t_im - v_re)
                put(room, row + quarter, x_re, x_im)
                x_re, x_im = turned(tables, 2 * n, s_re - u_re, s_im - u_im)
                put(room, row + 2 * quarter, x_re, x_im)
                x_re, x_im = turned(tables, 3 * n, t_re - v_im, t_im + v_re)
                put(room, row + 3 * quarter, x_re, x_im)
        size = quarter
    if size == 2:
        by_twos(room, rows)


@part
def backward(tables, room):
    """Frequencies to samples, R times as large."""
    rows = len(tables.place)
    size = rows
    while size > 2:
        size //= 4
    if size == 2:
        by_twos(room, rows)
    while size < rows:
        quarter, size = size, 4 * size
        for j in range(quarter):
            n = 2 * j * (rows // size)
            for row in range(j, rows, size):
                a_re, a_im = take(room, row)
                b_re, b_im = take(room, row + quarter)
                c_re, c_im = take(room, row + 2 * quarter)
                d_re, d_im = take(room, row + 3 * quarter)
                b_re, b_im = turned_back(tables, n, b_re, b_im)
                c_re, c_im = turned_back(tables, 2 * n, c_re, c_im)
                d_re, d_im = turned_back(tables, 3 * n, d_re, d_im)
                s_re, s_im, t_re, t_im = a_re + c_re, a_im + c_im, a_re - c_re, a_im - c_im
                u_re, u_im, v_re, v_im = b_re + d_re, b_im + d_im, b_re - d_re, b_im - d_im
                put(room, row, s_re + u_re, s_im + u_im)
                put(room, row + quarter, t_re - v_im, t_im + v_re)
                put(room, row + 2 * quarter, s_re - u_re, s_im - u_im)
                put(room, row + 3 * quarter, t_re + v_im, t_im - v_re)


@inlined
def bins_of(tables, room, k):
    """Bins k and R - k of the real samples' spectrum, 0 < k <= R / 2."""
    rows, half = len(tables.place), eight(0.5)
    p_re, p_im = take(room, tables.place[k])
    q_re, q_im = take(room, tables.place[rows - k])
    even_re, even_im = half * (p_re + q_re), half * (p_im - q_im)
    odd_re, odd_im = turned(tables, k, half * (p_im + q_im), half * (q_re - p_re))
    return even_re + odd_re, even_im + odd_im, even_re - odd_re, odd_im - even_im


@inlined
def put_bins(tables, room, k, p_re, p_im, q_re, q_im):
    """What `bins_of` undoes, twice as large."""
    rows = len(tables.place)
    even_re, even_im = p_re + q_re, p_im - q_im
    odd_re, odd_im = turned_back(tables, k, p_re - q_re, p_im + q_im)
    put(room, tables.place[k], even_re - odd_im, even_im + odd_re)
    put(room, tables.place[rows - k], even_re + odd_im, odd_re - even_im)


@inlined
def steered(room, group, k, re, im, momentum, least):
    """A bin that goes on in the direction of its last change and has its magnitude."""
    at = k * EIGHT
    last_re, last_im = load_eight(room.last_re[group], at), load_eight(room.last_im[group], at)
    new_re, new_im = re + momentum * (re - last_re), im + momentum * (im - last_im)
    power = new_re * new_re + new_im * new_im
    factor = load_eight(room.wanted[group], at) / square_root(larger(power, least))
    return new_re * factor, new_im * factor


@inlined
def remember(room, group, k, re, im):
    """A bin as it was found, or as it became."""
    store(room.last_re[group], k * EIGHT, re)
    store(room.last_im[group], k * EIGHT, im)


@part
def steer(tables, room, group, momentum, least, last):
    """All bins get their magnitudes; after the last iteration it is these that are remembered."""
    rows, zero = len(tables.place), eight(0.0)
    momentum, least = eight(momentum), eight(least)
    re, im = take(room, tables.place[0])
    p_re, q_re = re + im, re - im
    a_re, a_im = steered(room, group, 0, p_re, zero, momentum, least)
    b_re, b_im = steered(room, group, rows, q_re, zero, momentum, least)
    remember(room, group, 0, a_re if last else p_re, zero)
    remember(room, group, rows, b_re if last else q_re, zero)
    put(room, tables.place[0], a_re + b_re, a_re - b_re)
    for k in range(1, rows // 2 + 1):
        p_re, p_im, q_re, q_im = bins_of(tables, room, k)
        a_re, a_im = steered(room, group, k, p_re, p_im, momentum, least)
        b_re, b_im = steered(room, group, rows - k, q_re, q_im, momentum, least)
        if last:
            remember(room, group, k, a_re, a_im)
            remember(room, group, rows - k, b_re, b_im)
        else:
            remember(room, group, k, p_re, p_im)
            remember(room, group, rows - k, q_re, q_im)
        put_bins(tables, room, k, a_re, a_im, b_re, b_im)


@part
def cut(tables, room, sound, first, hop, frames):
    """Windowed frames of a sound (T,), the first of which starts at `first`, a hop apart."""
    for row in range(len(tables.place)):
        n, at = 2 * row, row * EIGHT
        even, odd = tables.window[n], tables.window[n + 1]
        for lane in range(frames):
            room.re[at + lane] = sound[first + lane * hop + n] * even
            room.im[at + lane] = sound[first + lane * hop + n + 1] * odd


@part
def add(tables, room, first, hop, frames):
    """Windowed frames are added to the sum."""
    for lane in range(frames):
        start = first + lane * hop
        for row in range(len(tables.place)):
            n, at = 2 * row, row * EIGHT + lane
            room.total[start + n] += room.re[at] * tables.window[n]
            room.total[start + n + 1] += room.im[at] * tables.window[n + 1]


@compiled
def iterate(tables, hop, iterations, momentum, least, past, future, magnitudes, spectra):
    """Write the spectra (B, n, F, 2) of the first frames, and update the future (B, t)."""
    frames, bins = magnitudes.shape[1:]
    known, groups = past.shape[1], -(-frames // EIGHT)
    sound = np.empty(known + future.shape[1])
    for item in range(len(past)):
        work = new_room(bins, groups, len(sound))
        sound[:known], sound[known:] = past[item], future[item]
        for frame in range(frames):
            work.wanted[frame // EIGHT, frame % EIGHT :: EIGHT] = magnitudes[item, frame]
        for i in range(iterations):
            work.total[:] = 0.0
            for group in range(groups):
                first, count = group * EIGHT * hop, min(EIGHT, frames - group * EIGHT)
                cut(tables, work, sound, first, hop, count)
                forward(tables, work)
                last = i == iterations - 1
                steer(tables, work, group, momentum if i else 0.0, least, last)
                backward(tables, work)
                add(tables, work, first, hop, count)
            for t in range(known, len(sound)):
                sound[t] = work.total[t] / tables.level[t]
        future[item] = sound[known:]
        for frame in range(spectra.shape[1]):
            group, lane = frame // EIGHT, frame % EIGHT
            spectra[item, frame, :, 0] = work.last_re[group, lane::EIGHT]
            spectra[item, frame, :, 1] = work.last_im[group, lane::EIGHT]


@compiled
def overlapped(tables, hop, spectra, weights, out):
    """Hops (B, H), written: of the frames (B, n, F, 2) that see them, bins weighted (B, n, F)."""
    frames, bins = spectra.shape[1:3]
    known, rows = len(tables.window) - hop, bins - 1
    for item in range(len(spectra)):
        work = new_room(bins, 1, known + frames * hop)
        for first in range(0, frames, EIGHT):
            count = min(EIGHT, frames - first)
            for lane in range(count):
                seen, weight = spectra[item, first + lane], weights[item, first + lane]
                work.last_re[0, lane::EIGHT] = seen[:, 0] * weight
                work.last_im[0, lane::EIGHT] = seen[:, 1] * weight
            a, b = load_eight(work.last_re[0], 0), load_eight(work.last_re[0], rows * EIGHT)
            put(work, tables.place[0], a + b, a - b)
            for k in range(1, rows // 2 + 1):
                at, other = k * EIGHT, (rows - k) * EIGHT
                put_bins(
                    tables,
                    work,
                    k,
                    load_eight(work.last_re[0], at),
                    load_eight(work.last_im[0], at),
                    load_eight(work.last_re[0], other),
                    load_eight(work.last_im[0], other),
                )
            backward(tables, work)
            add(tables, work, first * hop, hop, count)
        out[item] = work.total[known : known + hop] / tables.level[known : known + hop]

# type: ignore  (a kernel is Triton's language, which only looks like Python)
"""The step of a WaveNet as one persistent Triton kernel: the loop over time runs on the GPU.

Streams do not need each other, so each program owns a tile of 16 of them (the fewest rows of a
tensor-core product) from the first step of a block to the last, and never waits for another
program. What a step needs:

    weights   half precision; 1 MB for 20 layers of 64 channels, so they stay in the L2 cache. The
              loop over layers is pipelined: while one layer is computed, the next ones' weights
              and past are on their way to shared memory.
    h, skip   float32, in registers; a product's operands are rounded, its sums are not.
    past h    half precision, in global memory: a ring of 2 d slots per layer.
    prior     float64 like the predictor: the last P samples times coefficients, and mean errors.
              Coefficients are renewed between two launches (see `cuda_prediction`), so a launch
              ends where a hop does.
    mixture   float32, through global memory: what a thread then needs of it are its rows' numbers.
    choice    float64 as in `distribution`: deep tails stay exact. Which symbols are real, and no
              padding, is read as a tile of bytes: so the compiler gives each thread 16 neighbours
              of one row, and the sums along a row stay within half a warp.

Sampling and scoring run the same machine code, which computes both a symbol from a tail and the
tail of a symbol. So what one finds the other meets bit for bit, and a row's result depends neither
on its neighbours nor on the batch. The caller forbids the contraction of a * b + c, which would
round x otherwise than the codec does.

Threads of a program hand h over through the rings. Step t writes slot t mod 2d and reads slot
(t - d) mod 2d, never the same one: within a step no thread reads what another one writes, however
early the pipeline issues a layer's loads. It runs empty at the end of a step, and begins the next
one after the barrier. What step t writes is read d >= 1 steps later, and overwritten 2d steps
later, d steps after that: the one barrier between any two steps separates both. The samples of a
hop lie one behind the other: step t writes a place that only later steps read.
"""

from __future__ import annotations

from dgm_audio.runtime.kernels.wavenet_cuda_mixture import (
    between,
    corrected,
    counted,
    guarded,
    jit,
    tl,
)


@jit
def position_of(x, POSITIONS: tl.constexpr, LOG: tl.constexpr):
    """Mu-law codes of samples x; LOG is log(POSITIONS)."""
    mu = POSITIONS - 1
    y = tl.log(1 + mu * tl.abs(x)) / LOG
    y = tl.where(x < 0, -y, y)
    return tl.floor((y + 1) / 2 * mu + 0.5).to(tl.int32)


@jit
def gate(tanh_part, sigmoid_part):
    """Gated units tanh(a) sigmoid(b)."""
    return (2 * tl.sigmoid(2 * tanh_part) - 1) * tl.sigmoid(sigmoid_part)


@jit
def embedded(tables, code, R: tl.constexpr):
    """Rows of the tables."""
    return tl.load(tables + code[:, None] * R + tl.arange(0, R)[None, :])


@jit(
    # One machine code for all calls, or rounding could differ between them.
    do_not_specialize=["batch", "length", "frames", "done", "steps", "start", "since", "given"],
    do_not_specialize_on_alignment=["wanted_tails", "given_symbols"],
)
def run_steps(
    # weights
    tables,
    past,
    present,
    residual,
    skip,
    hidden,
    hidden_bias,
    head,
    head_bias,
    values,
    edges,
    spread_edges,
    real_symbols,
    # state: rings of h, last symbol and sample, samples and state of the prediction; a mixture
    rings,
    last_symbol,
    last_x,
    samples,
    coefficients,
    errors,
    mixture,
    # what is given, and results
    bias,
    wanted_tails,
    given_symbols,
    symbols,
    x,
    tails,
    masses,
    # sizes
    batch,
    length,
    frames,
    done,
    steps,
    start,
    since,
    given,
    LAYERS: tl.constexpr,
    DEPTH: tl.constexpr,
    R: tl.constexpr,
    S: tl.constexpr,
    HEAD: tl.constexpr,
    LEVELS: tl.constexpr,
    PADDED: tl.constexpr,
    OUT: tl.constexpr,
    POSITIONS: tl.constexpr,
    LOG: tl.constexpr,
    FRAME: tl.constexpr,
    EMPHASIS: tl.constexpr,
    GUARD: tl.constexpr,
    MIN_LOGIT: tl.constexpr,
    LEAST: tl.constexpr,
    TAPS: tl.constexpr,
    ROOM: tl.constexpr,
    HOP: tl.constexpr,
    SPREADS: tl.constexpr,
    LEAK: tl.constexpr,
    SMALLEST: tl.constexpr,
    NEAR: tl.constexpr,
    FAR: tl.constexpr,
    RELEASE: tl.constexpr,
    COMPONENTS: tl.constexpr,
    SCALE: tl.constexpr,
    SHARPEST: tl.constexpr,
    FARTHEST: tl.constexpr,
    LEAST_MASS: tl.constexpr,
    TILE: tl.constexpr,
    CHUNK: tl.constexpr,
    STAGES: tl.constexpr,
):
    """Move a tile of streams on by `steps`, within a hop (see `cuda` for the shapes).

    The first is `done` of what is given, `start` of the rings, and `since` of the hop.
    """
    half = past.dtype.element_ty
    tile = tl.program_id(0)
    row = tile * TILE + tl.arange(0, TILE)
    real = row < batch
    stream = tl.minimum(row, batch - 1).to(tl.int64)  # rows beyond the batch repeat its last one
    r, s = tl.arange(0, R), tl.arange(0, S)
    c, k = tl.arange(0, CHUNK), tl.arange(0, PADDED)
    o = tl.arange(0, OUT)[None, :]
    by_r, by_s = r[:, None] * R + r[None, :], r[:, None] * S + s[None, :]
    slots = 2 * (2**DEPTH - 1) * (LAYERS // DEPTH)
    in_slot = tl.arange(0, TILE)[:, None] * R + r[None, :]
    ring = rings + tile.to(tl.int64) * (slots * TILE * R) + in_slot
    bias += stream[:, None] * frames * (LAYERS * 2 * R) + r[None, :]

    taps = tl.arange(0, TAPS)[None, :]
    samples += row.to(tl.int64)[:, None] * (ROOM + HOP) + ROOM + since
    coefficients += row[:, None] * TAPS + taps
    mixture += row[:, None] * OUT
    errors += 3 * row

    symbol = tl.load(last_symbol + row)
    sample = tl.load(last_x + row)
    near, far, most = tl.load(errors), tl.load(errors + 1), tl.load(errors + 2)
    for step in tl.range(steps, disable_licm=True):  # what is hoisted would cost registers
        place = stream * length + done + step
        wanted = tl.load(wanted_tails + place, mask=real & (given == 0), other=0.25)
        forced = tl.load(given_symbols + place, mask=real & (given != 0), other=0).to(tl.int32)
        latest = tl.load(samples + (step - TAPS + taps)).to(tl.float64)
        p = tl.sum(latest * tl.load(coefficients), 1)
        p = tl.minimum(tl.maximum(LEAK * p, -1.0), 1.0).to(tl.float32)
        d = (p - EMPHASIS * sample)[:, None]
        spread = (near + SMALLEST).to(tl.float32)[:, None]
        wide = (far + SMALLEST).to(tl.float32)[:, None]
        widest = (most + SMALLEST).to(tl.float32)[:, None]
        table = tables
        h = embedded(table, symbol, R)
        table += LEVELS * R
        h += embedded(table, position_of(sample, POSITIONS, LOG), R)
        table += POSITIONS * R
        h += embedded(table, counted(tl.load(edges + k)[None, :] <= d) - 1, R)
        table += LEVELS * R
        levels = tl.load(spread_edges + tl.arange(0, SPREADS))[None, :]
        h += embedded(table, counted(levels <= spread), R)
        table += SPREADS * R
        h += embedded(table, counted(levels <= wide), R)
        table += SPREADS * R
        h += embedded(table, counted(levels <= widest), R)
        total_skip = tl.zeros((TILE, S), tl.float32)
        frame_bias = bias + (done + step) // FRAME * (LAYERS * 2 * R)

        for layer in tl.range(0, LAYERS, num_stages=STAGES):
            level = layer % DEPTH
            dilation = 1 << level
            first = layer // DEPTH * 2 * (2**DEPTH - 1) + 2 * (dilation - 1)
            time = start + step
            write = first + (time & (2 * dilation - 1))
            read = first + ((time + dilation) & (2 * dilation - 1))
            matrix = layer * (R * R)
            then = tl.load(ring + read * (TILE * R))
            a = tl.dot(then, tl.load(past + 2 * matrix + by_r), input_precision="ieee")
            b = tl.dot(then, tl.load(past + 2 * matrix + R * R + by_r), input_precision="ieee")
            now = h.to(half)
            tl.store(ring + write * (TILE * R), now)
            a = tl.dot(now, tl.load(present + 2 * matrix + by_r), a, input_precision="ieee")
            b = tl.dot(now, tl.load(present + 2 * matrix + R * R + by_r), b, input_precision="ieee")
            a += tl.load(frame_bias + layer * (2 * R))
            b += tl.load(frame_bias + layer * (2 * R) + R)
            gated = gate(a, b).to(half)
            h = tl.dot(gated, tl.load(residual + matrix + by_r), h, input_precision="ieee")
            matrix = layer * (R * S)
            total_skip = tl.dot(
                gated, tl.load(skip + matrix + by_s), total_skip, input_precision="ieee"
            )

        active = tl.maximum(total_skip, 0).to(half)
        numbers = tl.zeros((TILE, OUT), tl.float32) + tl.load(head_bias + o)
        for part in tl.range(0, HEAD, CHUNK, num_stages=STAGES):
            weight = tl.load(hidden + s[:, None] * HEAD + part + c[None, :])
            unit = tl.dot(active, weight, input_precision="ieee")
            unit = tl.maximum(unit + tl.load(hidden_bias + part + c)[None, :], 0).to(half)
            weight = tl.load(head + (part + c)[:, None] * OUT + o)
            numbers = tl.dot(unit, weight, numbers, input_precision="ieee")

        inside = tl.load(tl.broadcast_to(real_symbols + k[None, :], (TILE, PADDED))) != 0
        begin = tl.where(inside, tl.load(edges + k)[None, :], 0)
        end = tl.where(inside, tl.load(edges + k + 1)[None, :], 0)
        if COMPONENTS:
            numbers = corrected(numbers, d, SCALE * wide, o, COMPONENTS, SHARPEST)
            tl.store(mixture + o, numbers)
            tl.debug_barrier()  # now each thread has the whole mixture of its rows
            e = tl.zeros((TILE, PADDED), tl.float32)
            for m in range(COMPONENTS):
                mean = tl.load(mixture + COMPONENTS + m)
                inverse = tl.load(mixture + 2 * COMPONENTS + m)
                e += tl.load(mixture + m) * between(mean - begin, mean - end, inverse, FARTHEST)
            e = tl.maximum(e, LEAST_MASS)
        else:
            e = between(d - begin, d - end, 1 / (SCALE * spread), FARTHEST)
            e = (e + between(d - begin, d - end, 1 / (SCALE * wide), FARTHEST)) / 2
            h = tl.where(inside, numbers, float("-inf"))
            h = tl.maximum(h - tl.max(h, 1)[:, None], MIN_LOGIT)
            e = tl.exp(h) * tl.maximum(e, LEAST_MASS)
        w = guarded(e, inside, GUARD, LEAST)
        total = tl.sum(w, 1)
        share = 1 / total
        bound = (tl.abs(wanted) * total)[:, None]
        from_below = counted(inside & (tl.cumsum(w, 1) <= bound))
        from_above = LEVELS - 1 - counted(inside & (tl.cumsum(w, 1, reverse=True) <= bound))
        picked = tl.where(wanted < 0, from_below, from_above)
        symbol = tl.where(given != 0, forced, tl.minimum(tl.maximum(picked, 0), LEVELS - 1))

        own = tl.sum(tl.where(k[None, :] == symbol[:, None], w, 0), 1)
        below = tl.sum(tl.where(k[None, :] < symbol[:, None], w, 0), 1)
        above = tl.sum(tl.where(k[None, :] > symbol[:, None], w, 0), 1)
        lower = below < above
        tail = (tl.maximum(tl.where(lower, below, above), 0) + own / 2) * share
        sample = EMPHASIS * sample + tl.load(values + symbol)
        sample = tl.minimum(tl.maximum(sample, -1.0), 1.0)
        error = tl.abs(sample.to(tl.float64) - p.to(tl.float64))
        near += (error - near) / NEAR
        far += (error - far) / FAR
        most = tl.maximum(RELEASE * most, far)
        tl.store(samples + step, sample[:, None])
        tl.store(symbols + place, symbol.to(tl.int64), mask=real)
        tl.store(x + place, sample, mask=real)
        tl.store(tails + place, tl.where(lower, -tail, tail), mask=real)
        tl.store(masses + place, own * share, mask=real)
        tl.debug_barrier()  # rings and samples are written before the next step reads them

    tl.store(last_symbol + row, symbol)
    tl.store(last_x + row, sample)
    tl.store(errors, near)
    tl.store(errors + 1, far)
    tl.store(errors + 2, most)

"""Speed of the VAE of recordings: whole sounds, live blocks, and RAVE's decoder beside it.

    python benchmarks/stream.py [MODEL] [--json] [--quick]

Rows: what makes sound of latents, and of codes only (without the prior: what RAVE's decoder does),
on two CPU threads; encoding; and blocks that are encoded and decoded one after the other on one
core: to z and back ("both"), and through the codes, as `dgm-audio live` does. RAVE v2's decoder has
random weights and makes as many channels (see `rave.py`). The share is that of the float32
operations that the cores of a row can do, measured in the same run, and counts matrix products and
convolutions only.

Repeats of all rows take turns; one during which other work kept cores busy does not count, and is
taken again while there is time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads stall where cores are busy

import torch
from machine import QUIET, Load, Peaks, facts
from rave import RaveDecoder
from rows import cpu_threads
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import dgm_audio
from dgm_audio.errors import DgmAudioError
from dgm_audio.families.vae_stream.model import CHUNK, StreamConfig, StreamVAE
from dgm_audio.families.vae_stream.stream import Stream
from dgm_audio.nn.causal import History

SECONDS, LIVE_SECONDS, RAVE_SECONDS = 20.0, 2.0, 5.0
"""Of sound per repeat."""
BLOCKS = (1024, 2048, 4096)
REPEATS = 5
BUDGET, QUICK_BUDGET = 90.0, 20.0
"""Seconds in which to repeat."""
GOALS = {"times_real_time": 100, "times_real_time_live": 15, "ratio_to_rave": 2}
"""At least: a whole sound on two threads, blocks of `GOAL_BLOCK` on one core, beside RAVE."""
GOAL_BLOCK = 2048
DECODE, CODES, ENCODE, RAVE = "z to sound", "codes to sound", "encode", "RAVE v2's decoder"


@dataclass
class Row:
    """A line of the table; `make` makes so many seconds of sound."""

    name: str
    threads: int
    seconds: float
    make: Callable[[], object]
    like: tuple[str, ...] = ()
    """Rows that do the same operations per second of sound; those of live blocks are hidden."""
    flops: float = 0.0
    speeds: list[tuple[float, float]] = field(default_factory=list)
    """Times real time, and cores that other work kept busy, of each repeat."""

    def prepare(self) -> None:
        """Compile, and count operations where they can be seen: compiled loops make no graph."""
        with torch.inference_mode():
            self.make()
        if not self.like:
            with torch.enable_grad(), FlopCounterMode(display=False) as counter:
                self.make()
            self.flops = counter.get_total_flops()

    def repeat(self) -> None:
        """Measure once more."""
        with cpu_threads(self.threads), torch.inference_mode(), Load() as load:
            start = time.perf_counter()
            self.make()
            taken = time.perf_counter() - start
        self.speeds.append((self.seconds / taken, load.others))

    @property
    def quiet(self) -> list[float]:
        """Speeds of the repeats that nothing disturbed."""
        return [speed for speed, others in self.speeds if others <= QUIET]

    @property
    def speed(self) -> float:
        """Times real time, median."""
        enough = len(self.quiet) >= REPEATS
        return statistics.median(self.quiet if enough else [speed for speed, _ in self.speeds])

    def line(self, peaks: Peaks) -> dict[str, Any]:
        """What is known of it."""
        done = self.flops / self.seconds * self.speed
        return {
            "name": self.name,
            "threads": self.threads,
            "times_real_time": round(self.speed, 2),
            "gflops": round(done / 1e9, 1),
            "share_of_float32_limit": round(done / (self.threads * peaks.flops), 3),
            "quiet_repeats": len(self.quiet),
            "repeats": len(self.speeds),
        }


def load_model(name: str | None) -> tuple[StreamVAE, str]:
    """The model, and what to call it.

    Raises:
        DgmAudioError: if it cannot be loaded.
    """
    if name is None:
        return StreamVAE(StreamConfig()).eval(), "random weights, default config"
    model = dgm_audio.load(name, device="cpu")
    if not isinstance(model, StreamVAE):
        raise SystemExit(f"error: {name} is no VAE of recordings")
    return model, name


def sound_of_codes(model: StreamVAE, code: Tensor) -> list[Tensor]:
    """Blocks of sound, as `decode` makes them."""
    history = History()
    return [model.decode_clipped(part, history) for part in code.split(CHUNK, dim=2)]


def live(model: StreamVAE, block: int, what: str) -> Row:
    """Blocks of a sound that goes on, on one core."""
    count = max(1, round(LIVE_SECONDS * model.audio.sample_rate / block))
    x = 0.1 * torch.randn(1, model.audio.channels, block).clamp(-5, 5)
    z = torch.randn(1, model.latent.channels, block // model.hop)
    stream: Stream = model.stream()
    makes: dict[str, Callable[[], object]] = {
        "encode": lambda: stream.encode(x),
        "decode": lambda: stream.decode(z),
        "both": lambda: stream.decode(stream.encode(x)),
        "through codes": lambda: stream.decode_axes(stream.encode_axes(x)),
    }
    while not stream.encode(x).shape[2]:
        pass  # the first blocks give no frames
    seconds = count * block / model.audio.sample_rate
    like = {"encode": (ENCODE,), "decode": (DECODE,)}.get(what, (ENCODE, DECODE))
    make = makes[what]
    return Row(f"live, {block}: {what}", 1, seconds, lambda: [make() for _ in range(count)], like)


def rows_of(model: StreamVAE) -> list[Row]:
    """What is measured."""
    threads, rate, channels = (
        min(2, os.cpu_count() or 1),
        model.audio.sample_rate,
        model.audio.channels,
    )
    frames = round(SECONDS * rate / model.hop)
    z, seconds = torch.randn(1, model.latent.channels, frames), frames * model.hop / rate
    x = 0.1 * torch.randn(1, channels, frames * model.hop).clamp(-5, 5)
    peer = RaveDecoder(channels).eval()
    latent = torch.randn(1, peer.latent, round(RAVE_SECONDS * rate / peer.hop))
    short = latent.shape[2] * peer.hop / rate
    return [
        Row(DECODE, threads, seconds, lambda: model.decode(z)),
        Row(CODES, threads, seconds, lambda: sound_of_codes(model, z)),
        Row(ENCODE, threads, seconds, lambda: model.encode(x)),
        Row(RAVE, threads, short, lambda: peer(latent)),
        Row(DECODE, 1, seconds, lambda: model.decode(z)),
        Row(RAVE, 1, short, lambda: peer(latent)),
        *(
            live(model, block, what)
            for block in BLOCKS
            if block % model.hop == 0
            for what in ("encode", "decode", "both", "through codes")
        ),
    ]


def report(rows: list[Row], peaks: Peaks, model: StreamVAE, name: str) -> dict[str, Any]:
    """All that was found."""
    speed = {}
    for row in rows:
        speed.setdefault(row.name, row.speed)  # the first one has the most threads
    stream = model.stream()
    return {
        "model": name,
        "times_real_time": round(speed[DECODE], 1),
        "times_real_time_codes": round(speed[CODES], 1),
        "times_real_time_encode": round(speed[ENCODE], 1),
        "times_real_time_rave_decoder": round(speed[RAVE], 1),
        "ratio_to_rave": round(speed[DECODE] / speed[RAVE], 2),
        "ratio_to_rave_codes": round(speed[CODES] / speed[RAVE], 2),
        "times_real_time_live": round(speed[f"live, {GOAL_BLOCK}: through codes"], 1),
        "times_real_time_live_one_core": {
            row.name: round(row.speed, 1) for row in rows if row.name.startswith("live")
        },
        "latency_ms": {str(block): round(stream.latency_ms(block), 1) for block in BLOCKS},
        "peak_gflops_one_core": round(peaks.flops / 1e9, 1),
        "quiet": all(len(row.quiet) >= REPEATS for row in rows),
        "machine": facts(),
        "rows": [row.line(peaks) for row in rows],
    }


def tell(found: dict[str, Any]) -> None:
    """Print the table, and what it says."""
    machine = found["machine"]
    print(
        f"{found['model']}; {machine['processor']}, {machine['cores']} cores; "
        f"torch {machine['torch']}; {found['peak_gflops_one_core']} GFLOP/s per core\n"
    )
    print(f"{'':28}{'threads':>9}{'x real time':>13}{'GFLOP/s':>10}{'share':>8}")
    for row in found["rows"]:
        disturbed = "" if row["quiet_repeats"] >= REPEATS else " *"
        print(
            f"{row['name']:28}{row['threads']:>9}{row['times_real_time']:>13.1f}"
            f"{row['gflops']:>10.1f}{row['share_of_float32_limit']:>8.0%}{disturbed}"
        )
    delays = ", ".join(f"{ms} ms ({block})" for block, ms in found["latency_ms"].items())
    print(
        f"\nA whole sound: {found['times_real_time']:.0f} times real time, "
        f"{found['ratio_to_rave']:.1f} times RAVE v2's decoder; of codes only, "
        f"{found['times_real_time_codes']:.0f} times and {found['ratio_to_rave_codes']:.1f} times."
        f"\nLatency with blocks of so many samples: {delays}."
    )
    for name, least in GOALS.items():
        reached = "reached" if found[name] >= least else "MISSED"
        print(f"goal: {name} {found[name]:g}, at least {least}: {reached}")
    if not found["quiet"]:
        print("warning: other work kept cores busy (*); these figures are too low")


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("model", nargs="?", help="random weights if none is named")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="less patience with other load")
    arguments = parser.parse_args()
    deadline = time.monotonic() + (QUICK_BUDGET if arguments.quick else BUDGET)
    try:
        model, name = load_model(arguments.model)
    except DgmAudioError as error:
        raise SystemExit(f"error: {error}") from None
    rows, peaks = rows_of(model), Peaks()
    for row in rows:
        row.prepare()
    for row in rows:
        if row.like:
            same = {other.name: other.flops / other.seconds for other in rows}
            row.flops = row.seconds * sum(same[name] for name in row.like)
    while left := [row for row in rows if len(row.quiet) < REPEATS]:
        peaks.measure(set())
        for row in left:
            if not row.speeds or time.monotonic() < deadline:
                row.repeat()
        if time.monotonic() > deadline:
            break
    found = report(rows, peaks, model, name)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        tell(found)


if __name__ == "__main__":
    main()

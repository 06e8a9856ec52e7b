"""Speed of a one-shot decoder: times real time at several batch sizes, and a cold start.

    python benchmarks/vae.py [MODEL] [--json]

Decoding is timed on up to two CPU threads (and on a GPU, if there is one), median of several runs,
with float32 weights and with bfloat16 ones (`model.bfloat16()`: fast where the processor multiplies
it). First the script waits for quiet cores; it prints the share that stayed busy.
The cold start is the whole command `dgm-audio sample`: eight sounds, a new process each time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import product

import torch

import dgm_audio

BATCHES = (1, 8, 64)
RUNS = 9
QUIET_LOAD = 0.15
WAIT_SECONDS = 20.0


def busy_share(seconds: float = 0.3) -> float:
    """Share of all cores that other work kept busy in the last moment (Linux; else 0)."""
    try:
        first = _ticks()
        time.sleep(seconds)
        second = _ticks()
    except OSError:
        return 0.0
    total, idle = (b - a for a, b in zip(first, second, strict=True))
    return 1 - idle / max(total, 1)


def _ticks() -> tuple[int, int]:
    with open("/proc/stat", encoding="ascii") as stream:
        numbers = [int(word) for word in stream.readline().split()[1:]]
    return sum(numbers), numbers[3] + numbers[4]


def wait_until_quiet() -> float:
    """Wait for quiet cores, at most `WAIT_SECONDS`; the busy share that is left."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (busy := busy_share()) > QUIET_LOAD and time.monotonic() < deadline:
        pass
    return busy


def decode_speed(model: dgm_audio.AudioGenerator, batch: int) -> tuple[float, float]:
    """Seconds of audio per second of wall time (median), and the load found."""
    z = model.noise(batch, seed=0).to(model.device)
    audio = batch * model.audio.seconds
    with torch.inference_mode():
        for _ in range(3):
            model.decode(z)
        busy, speeds = wait_until_quiet(), []
        for _ in range(RUNS):
            start = time.perf_counter()
            model.decode(z)
            if model.device.type == "cuda":
                torch.cuda.synchronize()
            speeds.append(audio / (time.perf_counter() - start))
    return statistics.median(speeds), busy


def cold_start(name: str, runs: int = 3) -> float:
    """Seconds of `dgm-audio sample` in a new process, median."""
    seconds = []
    for _ in range(runs):
        wait_until_quiet()
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "dgm_audio", "sample", name, "--out", folder]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("model", nargs="?", default="drums-vae")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    report: dict[str, object] = {"model": arguments.model, "threads": torch.get_num_threads()}
    for device, dtype in product(devices, (torch.float32, torch.bfloat16)):
        model = dgm_audio.load(arguments.model, device=device).to(dtype)
        for batch in BATCHES:
            speed, busy = decode_speed(model, batch)
            case = f"{device}_{str(dtype).removeprefix('torch.')}_batch{batch}"
            report[f"times_real_time_{case}"] = round(speed, 1)
            report[f"busy_share_{case}"] = round(busy, 2)
    report["cold_start_seconds"] = round(cold_start(arguments.model), 2)
    if arguments.json:
        print(json.dumps(report, indent=2))
        return
    for key, value in report.items():
        print(f"{key:40} {value}")


if __name__ == "__main__":
    main()

"""Speed of autoregressive sampling: one table, measured in one run.

    python benchmarks/autoregressive.py [MODEL] [--json] [--quick]

The same network step by step in eager PyTorch with caches (as the package's reference, and with
nothing but a plain draw), torchaudio's WaveRNN (another network, with random weights, at the sizes
of its TACOTRON2_WAVERNN pipelines), and this package's sampler. A row of this package is the whole
work of sampling: conditions, latents, steps. Compilation is timed apart.

No T cores make samples faster than they multiply, nor faster than they read the weights that each
step of a batch of B needs from the cache that holds them. That is the limit of a row:

    limit = T min(peak FLOP/s / FLOPs per sample, B peak bytes/s / bytes of weights per step)

Both peaks of one core are measured in the same run. The repeats of all rows take turns; one during
which other work kept cores busy does not count, and is taken again while there is time. Ratios are
to one stream on one thread.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from machine import Peaks, facts
from rows import Row, measure, print_table
from torch import Tensor, nn

import dgm_audio
from dgm_audio.errors import DgmAudioError
from dgm_audio.families.autoregressive.contract import Sampler
from dgm_audio.families.autoregressive.distribution import tails_of_latents
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.reference import ReferenceSampler
from dgm_audio.families.autoregressive.sampler import CompiledSampler

DEFAULT = "drums-wavenet"
RATE = 16000
SECONDS, QUICK_SECONDS = 0.5, 0.25
"""Aimed at for one repeat."""
BUDGET, QUICK_BUDGET = 150.0, 60.0
"""Seconds in which to repeat; on machines that are very busy, rows go without some repeats."""
GPU_BATCH = 4096

EAGER, PLAIN, WAVERNN = "eager PyTorch", "eager, plain draw", "torchaudio WaveRNN"
OURS = "dgm_audio"
WAVERNN_SIZES = {
    "upsample_scales": [5, 5, 11],
    "n_classes": 256,
    "hop_length": 275,
    "n_res_block": 10,
    "n_rnn": 512,
    "n_fc": 512,
    "kernel_size": 5,
    "n_freq": 80,
    "n_hidden": 128,
    "n_output": 128,
}
WAVERNN_PER_SAMPLE = ("fc", "rnn1", "rnn2", "fc1", "fc2", "fc3")
"""Its parts that run at every sample; the others run once per frame."""


# --- the rows --------------------------------------------------------------------------------


class PlainDraw(ReferenceSampler):
    """What eager PyTorch needs at least: it draws, and reports no tails and masses."""

    def advance(self, bias: Tensor, *, tails: Tensor | None = None, **_: object) -> None:  # type: ignore[override]
        """The next T steps."""
        assert tails is not None
        for t in range(tails.shape[1]):
            masses = self.log_masses(bias[:, t // self.model.config.frame])
            self.symbol = torch.multinomial(masses.softmax(-1), 1)[:, 0]
            value = self.values[self.symbol]
            self.x = (self.model.codec.emphasis * self.x + value).clamp(-1, 1)
            self.predictor.update(self.x)


def stream(model: WaveNet, sampler: Sampler, batch: int) -> Callable[[int], object]:
    """A function that moves a batch on, with all that decoding does beside the steps."""
    frame, drawn = model.config.frame, model.condition.parse(None, batch)
    condition = {key: value.to(model.device) for key, value in drawn.items()}

    def advance(steps: int) -> object:
        tails = tails_of_latents(torch.randn(batch, steps, device=model.device))
        first = torch.zeros(batch, dtype=torch.long, device=model.device)
        bias = model.conditioner(condition, first, -(-steps // frame))
        return sampler.advance(bias.float(), tails=tails)

    return advance


def weights_of(module: nn.Module) -> int:
    """Numbers in the matrices of a module, without tables that are only looked up."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    return sum(p.numel() for p in module.parameters() if p.ndim > 1 and id(p) not in tables)


def cpu_rows(model: WaveNet) -> list[Row]:
    """Eager PyTorch, torchaudio's WaveRNN, and the compiled sampler."""
    count, unit = weights_of(model.network), model.config.frame
    rows = []
    for kind, name in ((ReferenceSampler, EAGER), (PlainDraw, PLAIN)):
        for batch, threads in ((1, 1), (16, 1), (16, 2)):
            advance = stream(model, kind(model, batch), batch)
            rows.append(Row(name, batch, threads, count, 4 * count, 4 * count, advance, 1))
    rows.append(wavernn_row())
    cases: list[tuple[int, int, Literal["float32", "int16"]]] = [
        *((batch, threads, "float32") for threads in (1, 2) for batch in (1, 4, 16, 64)),
        *((batch, threads, "int16") for batch, threads in ((1, 1), (16, 1), (16, 2))),
    ]
    for batch, threads, weights in cases:
        sampler = CompiledSampler(model, batch, weights=weights, threads=threads)
        stack = sampler.weights.stack
        sizes = stack.matrices.packed.nbytes, round(stack.bytes_per_step)
        name, advance = f"{OURS} {weights}", stream(model, sampler, batch)
        rows.append(Row(name, batch, threads, count, *sizes, advance, unit))
    return rows


def wavernn_row() -> Row:
    """`torchaudio.models.WaveRNN.infer` on a mel-spectrogram of a few frames."""
    from torchaudio.models import WaveRNN

    network, hop = WaveRNN(**WAVERNN_SIZES).eval(), WAVERNN_SIZES["hop_length"]

    def advance(steps: int) -> object:
        frames = steps // hop
        return network.infer(
            torch.randn(1, WAVERNN_SIZES["n_freq"], frames), torch.tensor([frames])
        )

    count = sum(weights_of(getattr(network, part)) for part in WAVERNN_PER_SAMPLE)
    return Row(WAVERNN, 1, 1, count, 4 * count, 4 * count, advance, hop)


def gpu_rows(model: WaveNet) -> list[Row]:
    """What the package takes for a GPU."""
    model = copy.deepcopy(model).to("cuda")
    rows = []
    for batch in (1, GPU_BATCH):
        sampler, count = model.sampler(batch), weights_of(model.network)
        name, advance = f"{OURS} GPU {type(sampler).__name__}", stream(model, sampler, batch)
        rows.append(Row(name, batch, 0, count, 0, 0, advance, model.config.frame))
    return rows


# --- telling ---------------------------------------------------------------------------------


def load_model(name: str | None) -> tuple[WaveNet, str]:
    """The model, and what to call it.

    Raises:
        DgmAudioError: if it cannot be loaded.
    """
    shipped = [model.name for model in dgm_audio.list_models()]
    if name is None and DEFAULT not in shipped:
        return WaveNet(WaveNetConfig()).eval(), "random weights, default config"
    model = dgm_audio.load(name or DEFAULT, device="cpu")
    if not isinstance(model, WaveNet):
        raise SystemExit(f"error: {name} is no autoregressive model")
    return model, name or DEFAULT


def warnings(rows: list[Row]) -> list[str]:
    """Why the figures may be wrong."""
    noisy = [row for row in rows if not row.is_quiet]
    if not noisy:
        return []
    load, fewest = max(row.others for row in noisy), min(len(row.repeats) for row in noisy)
    return [
        f"other work kept up to {load:.2f} cores busy (median of a row) while {len(noisy)} of "
        f"{len(rows)} rows were measured (*), with {fewest} repeats or more; their figures are too "
        "low, and ratios uncertain"
    ]


def report(rows: list[Row], peaks: Peaks, model: WaveNet, name: str) -> dict[str, Any]:
    """All that was found."""
    speed = {(row.name, row.batch, row.threads): row for row in rows}
    one = speed[f"{OURS} float32", 1, 1]
    sixteen = speed[f"{OURS} float32", 16, 2]
    eager, plain, other = (speed[kind, 1, 1].speed for kind in (EAGER, PLAIN, WAVERNN))
    eager_sixteen = max(speed[EAGER, 16, threads].speed for threads in (1, 2))
    table = [row.line(peaks, RATE, eager, other) for row in rows]
    limit, limited_by = one.limit(peaks) or (math.inf, "")
    return {
        "model": name,
        "layers": len(model.network.layers),
        "channels": model.config.width,
        "samples_per_second_one_core": round(one.speed),
        "samples_per_second_batch16": round(sixteen.speed),
        "ratio_to_eager": round(one.speed / eager, 2),
        "ratio_to_eager_plain_draw": round(one.speed / plain, 2),
        "ratio_to_eager_batch16": round(sixteen.speed / eager_sixteen, 2),
        "ratio_to_torchaudio_wavernn": round(one.speed / other, 2),
        "ratio_of_batch16_to_one_stream": round(sixteen.speed / one.speed, 2),
        "share_of_limit": round(one.speed / limit, 3),
        "limited_by": limited_by,
        "in_core_time": {
            "samples_per_second_one_core": round(one.core_speed),
            "ratio_to_eager": round(one.core_speed / speed[EAGER, 1, 1].core_speed, 2),
            "ratio_to_eager_plain_draw": round(one.core_speed / speed[PLAIN, 1, 1].core_speed, 2),
            "ratio_to_torchaudio_wavernn": round(
                one.core_speed / speed[WAVERNN, 1, 1].core_speed, 2
            ),
            "share_of_limit": round(one.core_speed / limit, 3),
        },
        "quiet": all(row.is_quiet for row in rows),
        "others_busy_cores": max(line["others_busy_cores"] for line in table),
        "peak_gflops_one_core": round(peaks.flops / 1e9, 1),
        "peak_gigabytes_one_core": {
            str(size): round(rate / 1e9, 1) for size, rate in sorted(peaks.bandwidth.items())
        },
        "first_call_seconds": round(max(row.first_call for row in rows if OURS in row.name), 2),
        "wavernn_size_ratio": round(speed[WAVERNN, 1, 1].weights / one.weights, 2),
        "machine": facts(),
        "warnings": warnings(rows),
        "rows": table,
    }


def tell(found: dict[str, Any]) -> None:
    """Print the table, and what it says."""
    machine = found["machine"]
    print(
        f"{found['model']}: {found['layers']} layers x {found['channels']} channels; "
        f"{machine['processor']}, {machine['cores']} cores; torch {machine['torch']}, "
        f"numba {machine['numba']}\n"
    )
    print_table(found["rows"])
    peaks = found["peak_gigabytes_one_core"].items()
    reads = {f"{int(size) / 1e6:.2f} MB": f"at {rate:.0f} GB/s" for size, rate in peaks}
    reads = ", ".join(" ".join(item) for item in reads.items())
    print(
        f"\nPeaks of one core: {found['peak_gflops_one_core']:.0f} GFLOP/s float32; reads {reads}."
        f"\nOne stream, one core, float32: {found['samples_per_second_one_core']:,} samples/s, "
        f"{found['ratio_to_eager']:.1f} times eager ({found['ratio_to_eager_plain_draw']:.1f} "
        f"with a plain draw), {found['ratio_to_torchaudio_wavernn']:.1f} times WaveRNN (whose "
        f"weights are {found['wavernn_size_ratio']:.1f} times as many), "
        f"{found['share_of_limit']:.0%} of the limit ({found['limited_by']})."
        f"\nA batch of 16 on two threads: {found['samples_per_second_batch16']:,} samples/s, "
        f"{found['ratio_of_batch16_to_one_stream']:.1f} times the single stream, "
        f"{found['ratio_to_eager_batch16']:.1f} times the better eager one of that batch."
        f"\nFirst call (compiles, or reads numba's cache): {found['first_call_seconds']:.1f} s."
    )
    if machine["gpu"] is None:
        print("There is no CUDA GPU: no rows for one.")
    for warning in found["warnings"]:
        core = found["in_core_time"]
        print(
            f"warning: {warning}. Per second of CPU time, one stream makes "
            f"{core['samples_per_second_one_core']:,} samples, {core['ratio_to_eager']:.1f} times "
            f"eager ({core['ratio_to_eager_plain_draw']:.1f} with a plain draw), "
            f"{core['ratio_to_torchaudio_wavernn']:.1f} times WaveRNN, "
            f"{core['share_of_limit']:.0%} of the limit."
        )


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("model", nargs="?", help=f"{DEFAULT} if it is there, else random weights")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--quick", action="store_true", help="half as long repeats, less patience with other load"
    )
    arguments = parser.parse_args()
    seconds = QUICK_SECONDS if arguments.quick else SECONDS
    deadline = time.monotonic() + (QUICK_BUDGET if arguments.quick else BUDGET)
    try:
        model, name = load_model(arguments.model)
        rows = cpu_rows(model)
        if torch.cuda.is_available():
            rows += gpu_rows(model)
    except DgmAudioError as error:
        raise SystemExit(f"error: {error}") from None
    for row in rows:
        row.prepare(seconds)
    peaks = measure(rows, deadline)
    found = report(rows, peaks, model, name)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        tell(found)


if __name__ == "__main__":
    main()

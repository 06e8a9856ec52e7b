"""Speed of vocoders: the flow, WaveGlow's layout and Griffin-Lim, measured in one run.

    python benchmarks/flow.py [MODEL] [--json] [--quick]

A row is the whole work of making sound of a mel spectrogram at the model's sample rate. WaveGlow is
its published layout (12 flows, groups of 8 samples, 2 channels out early every 4 flows, 8 layers of
256 channels) built from plain torch layers with random weights: the number of operations is that
of the original, at the same sample rate as the flow, without the weight norm that inference folds.

Repeats of all rows take turns; one during which other work kept cores busy does not count, and is
taken again while there is time.

References:
    Prenger et al., "WaveGlow: a flow-based generative network for speech synthesis", 2018.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from machine import QUIET, Load, facts
from rows import cpu_threads
from torch import Tensor, nn

import dgm_audio
from dgm_audio.errors import DgmAudioError
from dgm_audio.families.flow.model import InversionFlow
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.signal.mel import MelSpec

DEFAULT = "vocoder-flow"
REPEATS = 5
BUDGET, QUICK_BUDGET = 180.0, 60.0
"""Seconds in which to repeat."""
LONG, SHORT = 4.0, 0.5
"""Seconds of sound per repeat, for what is fast and for WaveGlow."""

OURS, WAVEGLOW, GRIFFIN_LIM = "flow", "WaveGlow layout", "Griffin-Lim, 60 iterations"


class GatedConvolutions(nn.Module):
    """WaveGlow's network of a coupling: dilated gated convolutions over groups."""

    def __init__(self, inputs: int, bands: int, layers: int = 8, width: int = 256) -> None:
        super().__init__()
        self.width = width
        self.start = nn.Conv1d(inputs, width, 1)
        self.mel = nn.Conv1d(bands, 2 * width * layers, 1)
        self.taps = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, dilation=2**i, padding=2**i) for i in range(layers)
        )
        self.out = nn.ModuleList(
            nn.Conv1d(width, 2 * width if i + 1 < layers else width, 1) for i in range(layers)
        )
        self.end = nn.Conv1d(width, 2 * inputs, 1)

    def forward(self, x: Tensor, mel: Tensor) -> Tensor:
        """Shifts and log scales of the other half."""
        h, total = self.start(x), torch.zeros(())
        conditions = self.mel(mel).chunk(len(self.taps), dim=1)
        for tap, out, condition in zip(self.taps, self.out, conditions, strict=True):
            a, b = (tap(h) + condition).chunk(2, dim=1)
            more = out(torch.tanh(a) * torch.sigmoid(b))
            if more.shape[1] > self.width:
                h, more = h + more[:, : self.width], more[:, self.width :]
            total = total + more
        return self.end(total)


class WaveGlowLayout(nn.Module):
    """What WaveGlow computes to make sound of a mel spectrogram, with random weights."""

    def __init__(self, mel: MelSpec, flows: int = 12, group: int = 8, early: int = 4) -> None:
        super().__init__()
        self.group, self.early, self.hop = group, early, mel.hop
        self.upsample = nn.ConvTranspose1d(mel.n_mels, mel.n_mels, mel.n_fft, stride=mel.hop)
        widths = [group - 2 * (i // early) for i in range(flows)]
        self.mixers = nn.ModuleList(nn.Conv1d(width, width, 1, bias=False) for width in widths)
        self.networks = nn.ModuleList(
            GatedConvolutions(width // 2, mel.n_mels * group) for width in widths
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Sound (B, T) of a mel (B, M, L)."""
        up = self.upsample(mel)[:, :, : mel.shape[2] * self.hop]
        up = up.unflatten(2, (-1, self.group)).transpose(2, 3).flatten(1, 2)
        x = torch.randn(len(mel), self.mixers[-1].weight.shape[0], up.shape[2])
        for i in reversed(range(len(self.mixers))):
            kept, other = x.chunk(2, dim=1)
            shift, scale = self.networks[i](kept, up).chunk(2, dim=1)
            x = self.mixers[i](torch.cat([kept, (other - shift) * torch.exp(-scale)], dim=1))
            if i and i % self.early == 0:
                x = torch.cat([torch.randn(len(mel), 2, x.shape[2]), x], dim=1)
        return x.transpose(1, 2).flatten(1)


@dataclass
class Row:
    """A line of the table; `make` makes that many seconds of each of a batch of sounds."""

    name: str
    batch: int
    threads: int
    seconds: float
    parameters: int
    make: Callable[[], object]
    speeds: list[tuple[float, float]] = field(default_factory=list)
    """Times real time, and cores that other work kept busy, of each repeat."""

    def repeat(self) -> None:
        """Measure once more."""
        with cpu_threads(self.threads), torch.inference_mode(), Load() as load:
            start = time.perf_counter()
            self.make()
            taken = time.perf_counter() - start
        self.speeds.append((self.batch * self.seconds / taken, load.others))

    @property
    def quiet(self) -> list[float]:
        """Speeds of the repeats that nothing disturbed."""
        return [speed for speed, others in self.speeds if others <= QUIET]

    @property
    def speed(self) -> float:
        """Times real time, median."""
        enough = len(self.quiet) >= REPEATS
        return statistics.median(self.quiet if enough else [speed for speed, _ in self.speeds])


def load_model(name: str | None) -> tuple[InversionFlow, str]:
    """The vocoder, and what to call it.

    Raises:
        DgmAudioError: if it cannot be loaded.
    """
    shipped = [model.name for model in dgm_audio.list_models()]
    if name is None and DEFAULT not in shipped:
        return InversionFlow().eval(), "random weights, default config"
    model = dgm_audio.load(name or DEFAULT, device="cpu")
    if not isinstance(model, InversionFlow) or model.front is None:
        raise SystemExit(f"error: {name} is no flow with a condition 'mel'")
    return model, name or DEFAULT


def rows_of(model: InversionFlow) -> list[Row]:
    """The flow in one and in eight streams, WaveGlow and Griffin-Lim."""
    spec = model.config.mel
    rate = spec.sample_rate

    def mels(batch: int, seconds: float) -> Tensor:
        noise = 0.1 * torch.randn(batch, 1, round(seconds * rate))
        return model.mel(noise)

    def decode(vocoder: dgm_audio.AudioGenerator, batch: int, seconds: float) -> Callable:
        mel, length = mels(batch, seconds), round(seconds * rate)
        z = vocoder.noise(batch, length=length, seed=0)
        return lambda: vocoder.decode(z, {"mel": mel}, length=length)

    peer, mel = WaveGlowLayout(spec).eval(), mels(1, SHORT)[:, :, :-1]
    griffin_lim = GriffinLim(GriffinLimConfig(mel=spec))
    own, other = (sum(p.numel() for p in network.parameters()) for network in (model, peer))
    short = mel.shape[2] * spec.hop / rate
    return [
        Row(OURS, 1, 1, LONG, own, decode(model, 1, LONG)),
        Row(OURS, 1, 2, LONG, own, decode(model, 1, LONG)),
        Row(OURS, 8, 2, LONG, own, decode(model, 8, LONG)),
        Row(WAVEGLOW, 1, 1, short, other, lambda: peer(mel)),
        Row(WAVEGLOW, 1, 2, short, other, lambda: peer(mel)),
        Row(GRIFFIN_LIM, 1, 2, LONG, 0, decode(griffin_lim, 1, LONG)),
    ]


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("model", nargs="?", help=f"{DEFAULT} if it is there, else random weights")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="less patience with other load")
    arguments = parser.parse_args()
    deadline = time.monotonic() + (QUICK_BUDGET if arguments.quick else BUDGET)
    try:
        model, name = load_model(arguments.model)
        rows = rows_of(model)
    except DgmAudioError as error:
        raise SystemExit(f"error: {error}") from None
    for row in rows:
        row.repeat()
        row.speeds.clear()  # the first call compiles
    while left := [row for row in rows if len(row.quiet) < REPEATS]:
        for row in left:
            row.repeat()
        if time.monotonic() > deadline:
            break
    speed = {(row.name, row.batch, row.threads): row.speed for row in rows}
    found = {
        "model": name,
        "times_real_time": round(speed[OURS, 1, 2], 2),
        "times_real_time_one_thread": round(speed[OURS, 1, 1], 2),
        "times_real_time_batch8": round(speed[OURS, 8, 2], 2),
        "ratio_to_waveglow": round(speed[OURS, 1, 2] / speed[WAVEGLOW, 1, 2], 1),
        "ratio_to_griffin_lim": round(speed[OURS, 1, 2] / speed[GRIFFIN_LIM, 1, 2], 2),
        "quiet": all(len(row.quiet) >= REPEATS for row in rows),
        "machine": facts(),
        "rows": [
            {
                "name": row.name,
                "batch": row.batch,
                "threads": row.threads,
                "parameters": row.parameters,
                "times_real_time": round(row.speed, 3),
                "quiet_repeats": len(row.quiet),
                "repeats": len(row.speeds),
            }
            for row in rows
        ],
    }
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    machine = found["machine"]
    print(f"{name}; {machine['processor']}, {machine['cores']} cores; torch {machine['torch']}\n")
    print(f"{'':30}{'batch':>6}{'threads':>9}{'parameters':>14}{'x real time':>13}")
    for row in rows:
        disturbed = "" if len(row.quiet) >= REPEATS else " *"
        sizes = f"{row.batch:>6}{row.threads:>9}{row.parameters:>14,}"
        print(f"{row.name:30}{sizes}{row.speed:>13.2f}{disturbed}")
    print(
        f"\nOne sound on two threads: {found['times_real_time']:.1f} times real time, "
        f"{found['ratio_to_waveglow']:.1f} times WaveGlow's layout, "
        f"{found['ratio_to_griffin_lim']:.2f} times Griffin-Lim."
    )
    if not found["quiet"]:
        print("warning: other work kept cores busy (*); these figures are too low")


if __name__ == "__main__":
    main()

"""Every shipped model on every code path that one processor can play.

    python tests/portability.py

Libraries choose their code by the processor: torch, MKL and OpenBLAS by its vectors, oneDNN by
its matrix units, numba by its name. Environment variables choose as another processor would. A
process for each path makes the same sounds; the table says how far they are from those of the first
path, and from the fingerprints that were stored when the models were saved, relative to the peak.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

TOLERANCE = 1e-3
"""Of the peak: to this sounds agree over processors, threads and batches."""
LENGTH, SHORT = 4096, 1024


@dataclass(frozen=True)
class CodePath:
    """How the libraries are told to compute."""

    variables: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    onednn: bool = True
    slow: bool = False
    """Short sounds only, without those that were stored: without FMA wavenets take their time."""


PLAIN = "as it comes"
PATHS = {
    PLAIN: CodePath(),
    "ATen default, oneDNN AVX2": CodePath(
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    ),
    "ATen AVX2, MKL, OpenBLAS oldest": CodePath(
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Prescott",
        },
        threads=2,
    ),
    "without oneDNN": CodePath(onednn=False),
    "numba generic": CodePath({"NUMBA_CPU_NAME": "generic"}, slow=True),
}


def play(path: CodePath, file: Path) -> dict[str, np.ndarray]:
    """What `make` makes on a path, in a process of its own."""
    variables = {
        **path.variables,
        "OMP_NUM_THREADS": str(path.threads),
        "OMP_WAIT_POLICY": "passive",
    }
    settings = path.threads, int(path.onednn), int(path.slow)
    command = [sys.executable, __file__, str(file), *map(str, settings)]
    subprocess.run(command, env={**os.environ, **variables}, check=True)
    with np.load(file) as made:
        return dict(made)


def make(file: str, threads: int, onednn: int, slow: int) -> None:
    """Write the sounds of all shipped models: a batch, one of its items alone, a stored print."""
    import torch

    import dgm_audio
    from dgm_audio.fingerprint import example_condition, verify_fingerprint
    from dgm_audio.streaming import StreamingGenerator

    torch.set_num_threads(threads)
    torch.backends.mkldnn.set_flags(bool(onednn))
    made: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for shipped in dgm_audio.list_models():
            model = dgm_audio.load(shipped.name, device="cpu")
            length = min(LENGTH, model.audio.length)
            z = model.noise(3, length=length, seed=1)
            if slow and model.family == "autoregressive":
                length, z = SHORT, z[..., :SHORT]  # causal: it is how the longer sound begins
            given = example_condition(model, 3, length)
            if isinstance(model, StreamingGenerator) and model.front is not None:
                clips = 0.1 * torch.randn(3, 1, length, generator=torch.Generator().manual_seed(0))
                given = {"mel": model.mel(clips)}
            whole = model.decode(z, given, length=length)
            one = {key: value[1:2] for key, value in given.items()}
            alone = model.decode(z[1:2], one, length=length)
            made[f"{model.name}/batch"] = whole.numpy()
            made[f"{model.name}/alone"] = (whole[1:2] - alone).abs().amax().numpy()
            stored = 0.0 if slow else verify_fingerprint(model, float("inf"))
            made[f"{model.name}/stored"] = np.asarray(stored)
    np.savez(file, **made)


def differences(made: dict[str, np.ndarray], plain: dict[str, np.ndarray]) -> dict[str, float]:
    """By model: the largest difference of a path to the plain one, to the batch, to the print."""
    found = {}
    for name in (key.removesuffix("/batch") for key in made if key.endswith("/batch")):
        whole, first = made[f"{name}/batch"], plain[f"{name}/batch"]
        first = first[..., : whole.shape[-1]]
        between = max(np.abs(whole - first).max(), made[f"{name}/alone"]) / np.abs(first).max()
        found[name] = max(float(between), float(made[f"{name}/stored"]))
    return found


def main() -> int:
    """Print the table; 1 if something differs by more than is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        played = {name: play(path, Path(folder, "made.npz")) for name, path in PATHS.items()}
    columns = {name: differences(made, played[PLAIN]) for name, made in played.items()}
    print(f"{'':33}" + "".join(f"{name:>16}" for name in next(iter(columns.values()))))
    for name, column in columns.items():
        print(f"{name:33}" + "".join(f"{value:>16.1e}" for value in column.values()))
    return int(max(value for column in columns.values() for value in column.values()) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(make(sys.argv[1], *map(int, sys.argv[2:])) if len(sys.argv) > 1 else main())

"""Fingerprint of a model: what decode makes of latents that anyone can draw again.

Stored in every model folder, it tells whether another machine, device or version of torch makes
the same sounds from the same weights: to 0.001 of the peak, as all shipped models do over the code
paths that libraries choose by the processor (`tests/portability.py`). Checking costs one decode, so
loading does not do it; call `verify_fingerprint(model)` or `dgm-audio info MODEL --verify`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import CheckpointError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Frames

FINGERPRINT_BATCH = 2
FINGERPRINT_SAMPLES = 8192
FINGERPRINT_VALUES = 64


def example_condition(model: AudioGenerator, batch: int, length: int) -> dict[str, Tensor]:
    """A valid condition for `length` samples: the defaults, and seeded noise where frames are due.

    Args:
        model: any generator.
        batch: B.
        length: T.
    """
    condition = {}
    for key, field in model.condition:
        if isinstance(field, Frames):
            shape = (batch, field.channels, -(-length // field.hop))
            noise = np.random.Generator(np.random.Philox(key=[0, 0])).standard_normal(shape)
            plausible = noise.clip(field.low, field.high)
            condition[key] = torch.from_numpy(plausible.astype(np.float32))
        else:
            condition[key] = field.default(batch, condition)
    return condition


def fingerprint(model: AudioGenerator) -> dict[str, Any]:
    """Samples of decode(noise(seed 0)), evenly spaced over the start of two clips.

    Returns:
        {"length": T, "peak": the largest magnitude, "values": 64 numbers}.
    """
    length = min(model.audio.length, FINGERPRINT_SAMPLES)
    z = model.noise(FINGERPRINT_BATCH, length=length, seed=0)
    condition = example_condition(model, FINGERPRINT_BATCH, length)
    with torch.no_grad():
        x = model.decode(z, condition, length=length).double().cpu().flatten()
    count = min(FINGERPRINT_VALUES, len(x))
    picks = torch.linspace(0, len(x) - 1, count, dtype=torch.float64, device="cpu").long()
    values = [round(float(value), 7) for value in x[picks]]
    return {"length": length, "peak": round(float(x.abs().max()), 7), "values": values}


def verify_fingerprint(model: AudioGenerator, tolerance: float = 1e-3) -> float:
    """Decode again and compare with the fingerprint in the model's folder.

    Args:
        model: a model that `load` gave.
        tolerance: allowed difference, relative to the peak of the stored sound.

    Returns:
        The largest difference found, relative to the peak.

    Raises:
        CheckpointError: if there is no fingerprint, or the difference is above the tolerance.
    """
    stored = model.fingerprint
    if stored is None:
        raise CheckpointError("this model was not loaded from a folder: it has no fingerprint")
    found = fingerprint(model)
    try:
        expected = np.asarray(stored["values"], dtype=np.float64)
        peak = max(float(stored["peak"]), 1e-6)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the fingerprint of {model.name} is damaged: {error!r}") from error
    if expected.shape != (len(found["values"]),) or stored.get("length") != found["length"]:
        raise CheckpointError(f"the fingerprint of {model.name} is of another length")
    difference = float(np.abs(expected - found["values"]).max()) / peak
    if not difference <= tolerance:
        raise CheckpointError(
            f"{model.name} does not sound as it did when it was saved: decode differs by "
            f"{difference:.2g} of the peak; allowed are {tolerance:g}"
        )
    return difference

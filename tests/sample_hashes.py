"""A hash of seeded sounds per shipped model, which a change that is not to be heard leaves alone.

    python -m tests.sample_hashes

On one thread of the CPU; other processors have other last bits (see `tests/portability.py`).
"""

import hashlib

import torch

import dgm_audio
from dgm_audio.fingerprint import example_condition
from dgm_audio.vocoded import is_vocoder

LENGTH = 8192


def sample_hash(name: str) -> str:
    """The first 16 digits of the sha256 of two short sounds."""
    model = dgm_audio.load(name, device="cpu")
    length = min(LENGTH, model.audio.length)
    condition = example_condition(model, 2, length)
    if is_vocoder(model):
        rng = torch.Generator().manual_seed(0)
        condition = {"mel": model.mel(0.1 * torch.randn(2, 1, length, generator=rng))}
    with torch.no_grad():
        x = model.decode(model.noise(2, length=length, seed=7), condition, length=length)
    return hashlib.sha256(x.numpy().tobytes()).hexdigest()[:16]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for info in dgm_audio.list_models():
        print(info.name, sample_hash(info.name))

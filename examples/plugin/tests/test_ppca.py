"""What a plugin tests in its own CI: the interface, and that training learns."""

import numpy as np
import torch
from dgm_audio_ppca.model import PPCA, PPCAConfig
from dgm_audio_ppca.training import PPCAObjective, PPCATask

from dgm_audio.data import ClipSet
from dgm_audio.testing import check_generator


def test_it_keeps_the_interface() -> None:
    """Every promise of an `AudioGenerator`, one check each."""
    check_generator(PPCA(PPCAConfig(8000, 32, 3, ("low", "high"))))


def test_training_learns() -> None:
    """From random weights the loss falls; the task starts where that would end."""
    sounds = np.random.default_rng(0).standard_normal((64, 1, 3)) @ np.eye(3, 200) * 0.2
    clips = ClipSet.from_arrays(sounds, 8000, labels=["a", "b"] * 32)
    batch = torch.from_numpy(sounds).float(), torch.tensor([0, 1] * 32)
    objective = PPCAObjective(PPCA(PPCAConfig(8000, 200, 3, ("a", "b"))))
    optimizer = torch.optim.Adam(objective.parameters(), 0.02)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        losses.append(objective(*batch, progress=0.0).terms["nll"])
        losses[-1].backward()
        optimizer.step()
    best = PPCATask(clips, mixed=False).objective(*batch, progress=0.0).terms["nll"]
    assert best < losses[-1] < losses[0] - 1

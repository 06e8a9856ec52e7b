"""The batch of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.augment import SPEED, augment
from dgm_audio.objective import Task
from dgm_audio.training.order import partnered

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet


@dataclass(frozen=True)
class Batch:
    """The data of a training step.

    Args:
        rows: of the training clips (B,).
        x: their sounds, a little changed (B, C, T).
        labels: their class indices (B,).
        pitch: their MIDI numbers (B,), if the clips have a pitch.
    """

    rows: np.ndarray
    x: Tensor
    labels: Tensor
    pitch: Tensor | None


def draw_batch(
    task: Task, clips: ClipSet, rows: np.ndarray, groups: np.ndarray, device: torch.device
) -> Batch:
    """The batch of given rows; its random parts follow from torch's seed.

    Args:
        task: which says what of the clips is learned from.
        clips: the training clips.
        rows: of the batch; of notes the second half gives way to partners of the first.
        groups: number of the group of every clip.
        device: to put the batch on.
    """
    pitch, speed = None, SPEED
    if "pitch" in clips.condition_spec.fields:
        rows, speed = partnered(rows, groups, torch.initial_seed()), 0.0
        pitch = torch.as_tensor(clips.pitches[rows]).to(device)
    if task.represented:
        x = torch.empty(len(rows), clips.audio.shape[1], 0)
        return Batch(rows, x, torch.as_tensor(clips.labels[rows]).to(device), pitch)
    sounds = task.sounds(clips, rows, torch.initial_seed())
    x = augment(sounds, torch.default_generator, speed).to(device)
    return Batch(rows, x, torch.as_tensor(clips.labels[rows]).to(device), pitch)

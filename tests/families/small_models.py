"""What the small models of several families have in common."""

from typing import TypeVar

import torch
from torch import nn

from dgm_audio.families.spectrogram import SpectrogramConfig

Model = TypeVar("Model", bound=nn.Module)

SPECTROGRAM = SpectrogramConfig(
    sample_rate=8000,
    length=4096,
    classes=("a", "b"),
    n_fft=256,
    hop=128,
    width=16,
    latent=4,
    blocks=(1, 1, 1),
)


@torch.no_grad()
def shaken(model: Model, amount: float) -> Model:
    """The model in evaluation mode, its weights moved by noise so that every one matters."""
    for weight in model.parameters():
        weight.add_(amount * torch.randn_like(weight))
    return model.eval()

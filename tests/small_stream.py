"""A small model that streams, with weights by chance."""

import torch

from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE

RATE, HOP, LATENT = 8000, 256, 3


def small_stream(channels=2):
    torch.manual_seed(0)
    config = StreamConfig(
        sample_rate=RATE,
        channels=channels,
        length=RATE,
        n_fft=512,
        hop=HOP // 2,
        width=8,
        latent=LATENT,
        encoder=(1, 1),
        decoder=(1, 1),
        prior=8,
    )
    model = StreamVAE(config).eval()
    with torch.no_grad():
        model.head.project.bias.add_(3)
        model.head.project.weight.mul_(3)
    model.order_axes(torch.randn(100, LATENT) * torch.tensor([1.0, 3.0, 2.0]), torch.zeros(1, 1))
    return model


def burst(seconds=1.0, start=0.4, level=0.2):
    """Silence, then noise: (1, 2, T)."""
    rng = torch.Generator().manual_seed(1)
    x = level * torch.randn(1, 2, int(seconds * RATE), generator=rng).clamp(-3, 3)
    x[:, :, : int(start * RATE)] = 0
    return x

"""The mel front end: one definition for every model, metric and picture that speaks mel.

log_mel = log(max(mel(|STFT(x)|), floor)), natural logarithm, magnitudes (not power).

References:
    Slaney, "Auditory Toolbox", 1998 (the mel scale and the filters' area normalisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks


@dataclass(frozen=True)
class MelSpec:
    """What a mel spectrogram is; two models fit together if their specs are equal.

    Args:
        sample_rate: in Hz.
        n_fft: window length in samples (Hann).
        hop: samples between frames.
        n_mels: M.
        f_min: lower edge in Hz.
        f_max: upper edge in Hz.
        floor: smallest magnitude before the logarithm.
    """

    sample_rate: int
    n_fft: int = 1024
    hop: int = 256
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float = 8000.0
    floor: float = 1e-5


class LogMel(nn.Module):
    """Natural log of the mel magnitudes, equal to librosa's (Slaney scale, Slaney norm).

    Frames are centred at multiples of the hop, with zero padding:
    (..., T) -> (..., M, 1 + T // hop).
    """

    window: Tensor
    filters: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", torch.hann_window(spec.n_fft), persistent=False)
        filters = melscale_fbanks(
            n_freqs=spec.n_fft // 2 + 1,
            f_min=spec.f_min,
            f_max=spec.f_max,
            n_mels=spec.n_mels,
            sample_rate=spec.sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", filters.T.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log-mel spectrogram (..., M, 1 + T // hop) of audio (..., T)."""
        spec = self.spec
        magnitude = torch.stft(
            x.reshape(-1, x.shape[-1]),
            spec.n_fft,
            spec.hop,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        ).abs()
        mel = (self.filters @ magnitude).clamp_min(spec.floor).log()
        return mel.reshape(*x.shape[:-1], *mel.shape[-2:])

"""The mel front end: one definition for every model, metric and picture that speaks mel.

log_mel = log(max(mel(|STFT(x)|), floor)), natural logarithm, magnitudes (not power).

References:
    Slaney, "Auditory Toolbox", 1998 (the mel scale and the filters' area normalisation).
"""

from __future__ import annotations

from dataclasses import dataclass, field

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

    sample_rate: int = field(metadata={"low": 1000, "high": 384000})
    n_fft: int = field(default=1024, metadata={"low": 16, "high": 2**16})
    hop: int = field(default=256, metadata={"low": 1, "high": 2**14})
    n_mels: int = field(default=80, metadata={"low": 1, "high": 1024})
    f_min: float = field(default=0.0, metadata={"low": 0.0, "high": 2e5})
    f_max: float = field(default=8000.0, metadata={"low": 0.0, "high": 2e5})
    floor: float = field(default=1e-5, metadata={"low": 1e-12, "high": 1.0})


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
        mel = self._of(magnitude)
        return mel.reshape(*x.shape[:-1], *mel.shape[-2:])

    def frame(self, x: Tensor) -> Tensor:
        """The log-mel (..., M) of single frames (..., n_fft)."""
        return self._of(torch.fft.rfft(x * self.window).abs()[..., None])[..., 0]

    def _of(self, magnitude: Tensor) -> Tensor:
        return (self.filters @ magnitude).clamp_min(self.spec.floor).log()

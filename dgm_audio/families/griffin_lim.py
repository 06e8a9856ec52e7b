"""Griffin-Lim as a vocoder: no weights, no training, for any mel spectrogram.

    x = istft(S exp(i phi)),    S = magnitudes of the mel, phi from iterations that begin at z

    mel (B, M, L) -> S (B, F, L);  z (B, 1, T) -> initial phases (B, F, L);  both -> x (B, 1, T)

z is white noise of the size of x, whose phases are the initial ones: other latents give other,
equally likely sounds; the latents' scale does not matter. It is the fallback where there is no
trained vocoder, and the baseline of trained ones.

References:
    See `dgm_audio.signal.griffin_lim`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import ConfigError
from dgm_audio.signal.griffin_lim import griffin_lim, linear_magnitudes
from dgm_audio.signal.mel import LogMel, MelSpec
from dgm_audio.specs import AudioSpec, ConditionSpec, Frames, LatentSpec
from dgm_audio.streaming import StreamingGenerator

BLOCK_SECONDS = 16
"""About the length of a block: a long sound needs constant memory beside itself."""


@dataclass(frozen=True)
class GriffinLimConfig:
    """Settings of a `GriffinLim`.

    Args:
        mel: the features.
        iterations: of the phases.
        momentum: of the fast algorithm, as torchaudio's; 0 is the original one.
        magnitudes: "smooth", found by multiplicative updates, or "least-squares", as usual.
    """

    mel: MelSpec = field(default_factory=lambda: MelSpec(16000))
    iterations: int = field(default=60, metadata={"low": 1, "high": 10000})
    momentum: float = field(default=0.99, metadata={"low": 0.0, "high": 0.999})
    magnitudes: Literal["smooth", "least-squares"] = "smooth"


class GriffinLim(StreamingGenerator):
    """Sound from a mel spectrogram by iteration, without a trained model (see the module)."""

    family = "griffin-lim"
    config_class = GriffinLimConfig
    front: LogMel

    def __init__(self, config: GriffinLimConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GriffinLimConfig()
        mel = config.mel
        if mel.hop > mel.n_fft // 2:
            raise ConfigError(
                f"config.mel.hop is {mel.hop}; frames of {mel.n_fft} samples must overlap by half: "
                f"at most {mel.n_fft // 2}"
            )
        self.audio = AudioSpec(mel.sample_rate, 1, 2 * mel.sample_rate)
        self.latent = LatentSpec(1, hop=1)
        self.condition = ConditionSpec({"mel": Frames.of_mel(mel)})
        self.front = LogMel(mel)
        self.margin = -(-mel.n_fft // mel.hop) * mel.hop
        self.block = BLOCK_SECONDS * mel.sample_rate // mel.hop * mel.hop

    def _blocks(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Iterator[Tensor]:
        """A block is solved with the audio before it fixed, and with a look-ahead.

        It then fades in from the continuation that the block before had for it.
        """
        self._check_frames(condition, length)
        mel, noise = self._frames(condition["mel"], length), z[:, 0].float()
        hop, margin = self.config.mel.hop, self.margin
        held = ahead = noise[:, :0]
        for start in range(0, length, self.block):
            stop = min(start + self.block, length)
            first, last = max(start - margin, 0), min(stop + margin + hop, length)
            x = self._solve(mel[..., first // hop : last // hop + 1], noise[:, first:last], held)
            x = x[:, start - first :]
            rise = torch.linspace(0, 1, ahead.shape[1], dtype=x.dtype, device=x.device)
            x[:, : ahead.shape[1]] += (1 - rise) * (ahead - x[:, : ahead.shape[1]])
            count = stop - start
            yield x[:, None, :count].clamp(-1, 1)
            held, ahead = x[:, count - margin : count], x[:, count : count + hop]

    def _solve(self, mel: Tensor, noise: Tensor, held: Tensor) -> Tensor:
        """Audio (B, T) of log-mel frames (B, M, 1 + T // hop)."""
        filters = self.front.filters.float()
        if self.config.magnitudes == "smooth":
            magnitude = linear_magnitudes(mel.exp(), filters)
        else:
            magnitude = (torch.linalg.pinv(filters) @ mel.exp()).clamp_min(0)
        return griffin_lim(
            magnitude,
            noise,
            self.front.window.float(),
            self.config.mel.hop,
            iterations=self.config.iterations,
            momentum=self.config.momentum,
            known=held,
        )

    def _frames(self, mel: Tensor, length: int) -> Tensor:
        """Float32 frames (B, M, 1 + length // hop); one that only the end needs is repeated."""
        count = 1 + length // self.config.mel.hop
        mel = mel[..., :count].float()
        return F.pad(mel, (0, count - mel.shape[2]), mode="replicate")

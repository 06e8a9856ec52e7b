"""Training inversion flows: magnitudes by their distance, the residual by its likelihood.

    mean |log S - log |X|| + 2 mean (sqrt S - sqrt |X|)^2 / mean |X| - mean log p(x | past, S)

Spectrogram inversion is chaotic, so that its gradients are useless. So magnitudes are trained on
spectrograms, and only coherence and gains on the likelihood, of a few hops of a few clips per step.
In the last part of the budget magnitudes are not trained any more, and more clips are scored.

References:
    See `dgm_audio.families.flow.model`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.model import InversionFlow
from dgm_audio.families.flow.network import following
from dgm_audio.families.flow.residual import floored, latents_of
from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Losses, Objective, Task, take_weights
from dgm_audio.signal.lapped import cosine_iv, fold
from dgm_audio.signal.mel import MelSpec
from dgm_audio.signal.stft import centred_stft

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 16384
"""Samples of a crop, one per clip and step."""
QUIETEST = -30.0
"""Least gain in dB of the half of the crops that are attenuated."""
SMALLEST = 1e-3
"""Magnitude, about, below which differences do not count."""
SCORED, HOPS, FIRST = 2, 20, 4
"""Clips per step whose likelihood is computed, of how many hops, and the first hops left out."""
MAGNITUDES_END, SCORED_THEN = 0.85, 12
"""Share of the budget after which magnitudes are not trained, and clips that are scored then."""
STEP = 2.0**-15
"""A step of 16 bits: the width of the uniform dequantisation noise."""


class VocoderObjective(Objective):
    """Losses of one crop per clip.

    Args:
        generator: the model.
        mixed: run its network in bfloat16.
    """

    generator: InversionFlow

    def __init__(self, generator: InversionFlow, mixed: bool) -> None:
        super().__init__()
        self.generator, self.mixed = generator, mixed

    def losses(self, distances: dict[str, Tensor], nats: Tensor, progress: float) -> Losses:
        """The negative log-likelihood and, until MAGNITUDES_END, the distances of magnitudes."""
        bits = float(nats.detach()) / math.log(2) + 15
        report = {"bits_per_sample": bits}
        if progress < MAGNITUDES_END:
            return Losses({**distances, "negative_log_likelihood": nats}, report)
        report |= {name: float(term.detach()) for name, term in distances.items()}
        return Losses({"negative_log_likelihood": nats}, report)

    def some(self, progress: float) -> slice:
        """The clips of a batch that are scored."""
        return slice(SCORED if progress < MAGNITUDES_END else SCORED_THEN)

    def negative_log_likelihood(
        self, x: Tensor, first: int, magnitudes: Tensor, coherence: Tensor, gain: Tensor
    ) -> Tensor:
        """Negative log-likelihood in nats per sample of n hops.

        Hops that do not begin at the start of the sound are scored from the FIRST-th one on.

        Args:
            x: sounds (b, T).
            first: number of the first hop.
            magnitudes: of the hops (b, n, ahead + 1, F).
            coherence: (b, n, F).
            gain: (b, n, H).
        """
        hop, count = self.generator.config.mel.hop, gain.shape[1]
        x = x + STEP * (torch.rand(x.shape).to(x.device) - 0.5)
        before, x = x[:, : first * hop], x[:, first * hop : (first + count) * hop]
        with torch.no_grad():
            inversion = self.generator.inversion(len(x))
            inversion.update(before.double())
            spectra = []
            for k, samples in enumerate(x.double().split(hop, dim=1)):
                spectra.append(inversion.predict(magnitudes[:, k].double()).to(torch.complex64))
                inversion.update(samples)
        mean = inversion.weighted(torch.stack(spectra, dim=1), coherence[:, :, None])
        residual = fold(x.unflatten(1, (-1, hop)) - mean)
        half = hop // 2
        blocks = torch.cat([residual[:, :-1, half:], residual[:, 1:, :half]], dim=2)
        gain = floored(gain[:, :-1])
        coefficients = (blocks @ cosine_iv(hop, x.device)).float()
        z, slope = latents_of(coefficients, gain, self.generator.network.tails())
        nats = 0.5 * z.square() + 0.5 * math.log(2 * math.pi) + slope.log()
        return nats[:, min(FIRST, count - 1) if first else 0 :].mean()

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Distances of magnitudes, and negative log-likelihood in nats per scored sample."""
        model, network, spec = self.generator, self.generator.network, self.generator.config.mel
        missing = max(2 * spec.hop - x.shape[2], -x.shape[2] % spec.hop)
        audio = crops(F.pad(x[:, 0], (0, missing)))
        mel = model.front(audio)
        wanted = centred_stft(audio, model.front.window, spec.hop)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            h = network.features(mel)
            detail = network.detail(h)
        magnitudes = network.magnitudes(mel, detail.float())  # products of many steps: in float32
        log, root = distances(magnitudes, wanted.abs().transpose(1, 2))

        some, ahead = self.some(progress), model.config.ahead
        first, hops = scored_hops(audio.shape[1] // spec.hop)
        now = magnitudes[some].detach()
        frames = F.pad(now, (0, 0, network.early, ahead)).unfold(1, ahead + 1, 1).mT
        residual = network.residual(h[some].detach().float(), now, following(now))
        parts = (part[:, hops] for part in (frames, *residual))
        nats = self.negative_log_likelihood(audio[some], first, *parts)
        return self.losses({"log_magnitude": log, "magnitude": 2 * root}, nats, progress)


def scored_hops(count: int) -> tuple[int, slice]:
    """The first of the hops, of `count`, that are scored, and all of them; half the time from 0."""
    last = max(0, count - HOPS)
    first = int(torch.randint(last + 1, ())) if float(torch.rand(())) < 0.5 else 0
    return first, slice(first, min(first + HOPS, count))


def crops(x: Tensor) -> Tensor:
    """Crops (B, CROP) of clips (B, T) at random places and, half of them, at lower levels."""
    length = min(CROP, x.shape[1])
    begin = (torch.rand(len(x), 1) * (x.shape[1] - length + 1)).long().to(x.device)
    gain = 10 ** (QUIETEST / 20 * (2 * torch.rand(len(x), 1) - 1).clamp_min(0))
    return x.gather(1, begin + torch.arange(length, device=x.device)) * gain.to(x.device)


def distances(magnitudes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Mean difference of logarithms, and squared one of roots, relative to the clip's mean."""
    log = ((magnitudes + SMALLEST).log() - (wanted + SMALLEST).log()).abs().mean()
    unit = wanted.mean((1, 2), keepdim=True) + SMALLEST
    root = (magnitudes + SMALLEST**2).sqrt() - (wanted + SMALLEST**2).sqrt()
    return log, (root.square() / unit).mean()


def mel_of(rate: int) -> MelSpec:
    """The mel spectrogram of a flow of this sample rate."""
    return MelSpec(rate, f_max=min(rate / 2, 8000.0) if rate <= 24000 else rate / 2)


class VocoderTask(Task):
    """A flow vocoder, for clips of any classes."""

    rate = 1.5e-3
    purpose = "learns to make sound of mel spectrograms, and no new sounds by itself"
    crop = CROP

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        model = InversionFlow(FlowConfig(mel_of(clips.sample_rate), clips.audio.shape[2]))
        if start is not None:
            take_weights(model, start)
        self.objective = VocoderObjective(model, mixed)

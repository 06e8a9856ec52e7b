"""Training inversion flows: magnitudes by their distance, what is unexpected by its likelihood.

    vocoder     mean |log S - log |X|| + 2 mean (sqrt S - sqrt |X|)^2 / mean |X|
    otherwise   mean |log-mel - foretold log-mel| over the next hops
    both        - mean log p(x | past, S)

Spectrogram inversion is chaotic, and its gradients say nothing. So magnitudes learn from
spectrograms, and only coherence and gains from the likelihood, on a few hops of a few clips per
step. In the last part of the budget magnitudes are settled, and more clips are followed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.model import InversionFlow, floored, latents_of
from dgm_audio.families.flow.network import PAST, MelReader, PastReader, following
from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Losses, Objective, Task, take_weights
from dgm_audio.signal.lapped import cosine_iv, fold
from dgm_audio.signal.mel import MelSpec
from dgm_audio.signal.stft import centred_stft

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 16384
"""Samples that a step looks at in each clip."""
QUIETEST = -30.0
"""Gain in dB down to which half of a vocoder's crops are turned."""
SMALLEST = 1e-3
"""Magnitudes are compared where they are larger, about."""
FOLLOWED, HOPS, FIRST = 2, 20, 4
"""Clips of a step whose hops are followed, how many hops, and those that are not scored."""
SETTLED, FOLLOWED_THEN = 0.85, 12
"""Share of the budget after which magnitudes are settled, and clips that are followed then."""
STEP = 2.0**-15
"""Of 16 bits: the width of the noise that makes a density of them."""
ERRING, DRIFTING, BROAD = 0.15, 0.4, 8
"""Standard deviations of errors in past log-mels: of each band, and of so many broad ones at once.

A flow that hears its own past must come back to the level that a sound should have."""


class FlowObjective(Objective):
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
        """The negative log-likelihood and, before they are settled, distances of magnitudes."""
        bits = float(nats.detach()) / math.log(2) + 15
        report = {"bits_per_sample": bits}
        if progress < SETTLED:
            return Losses({**distances, "negative_log_likelihood": nats}, report)
        report |= {name: float(term.detach()) for name, term in distances.items()}
        return Losses({"negative_log_likelihood": nats}, report)

    def some(self, progress: float) -> slice:
        """The clips of a batch that are followed."""
        return slice(FOLLOWED if progress < SETTLED else FOLLOWED_THEN)

    def surprise(
        self, x: Tensor, first: int, magnitudes: Tensor, coherence: Tensor, gain: Tensor
    ) -> Tensor:
        """Negative log-likelihood per sample of n hops, without the first few of those within.

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
            inversion.hear(before.double())
            spectra = []
            for k, heard in enumerate(x.double().split(hop, dim=1)):
                spectra.append(inversion.expect(magnitudes[:, k].double()).to(torch.complex64))
                inversion.hear(heard)
        mean = inversion.weighted(torch.stack(spectra, dim=1), coherence[:, :, None])
        rest = fold(x.unflatten(1, (-1, hop)) - mean)
        half = hop // 2
        blocks = torch.cat([rest[:, :-1, half:], rest[:, 1:, :half]], dim=2)
        gain = floored(gain[:, :-1])
        coefficients = (blocks @ cosine_iv(hop, x.device)).float()
        z, slope = latents_of(coefficients, gain, self.generator.network.tails())
        nats = 0.5 * z.square() + 0.5 * math.log(2 * math.pi) + slope.log()
        return nats[:, min(FIRST, count - 1) if first else 0 :].mean()


class VocoderObjective(FlowObjective):
    """A vocoder's losses."""

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Distances of magnitudes, and negative log-likelihood in nats per scored sample."""
        model, network, spec = self.generator, self.generator.network, self.generator.config.mel
        assert isinstance(network, MelReader)
        audio = crops(x[:, 0])
        mel = model.frames(audio)
        wanted = centred_stft(audio, model.frames.window, spec.hop)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            h = network.features(mel)
            detail = network.detail(h)
        magnitudes = network.magnitudes(mel, detail.float())  # products of many steps: in float32
        log, root = distances(magnitudes, wanted.abs().transpose(1, 2))

        some, ahead = self.some(progress), model.config.ahead
        first, hops = followed(audio.shape[1] // spec.hop)
        now = magnitudes[some].detach()
        frames = F.pad(now, (0, 0, network.early, ahead)).unfold(1, ahead + 1, 1).mT
        said = network.unexpected(h[some].detach().float(), now, following(now))
        nats = self.surprise(audio[some], first, frames[:, hops], *(part[:, hops] for part in said))
        return self.losses({"log_magnitude": log, "magnitude": 2 * root}, nats, progress)


class SoundObjective(FlowObjective):
    """The losses of a flow that makes sounds of a class by itself."""

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Distance of foretold log-mels, and negative log-likelihood in nats per scored sample."""
        model, network, spec = self.generator, self.generator.network, self.generator.config.mel
        assert isinstance(network, PastReader)
        audio, ahead = x[:, 0], model.config.ahead
        count = audio.shape[1] // spec.hop
        padded = F.pad(audio, (PAST * spec.hop + spec.n_fft - spec.hop, (ahead + 1) * spec.hop))
        mel = model.frames.frame(padded.unfold(1, spec.n_fft, spec.hop))
        past = mel.unfold(1, PAST, 1)[:, :count].mT
        wanted = mel.unfold(1, ahead + 1, 1)[:, PAST : PAST + count].mT
        label = labels if model.config.classes else None
        every = torch.arange(count, device=x.device)
        erring = drifted(past)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            h = network.features(erring, every, label)
            foretold = network.foretold(h, erring).float()
        level = (foretold - wanted).abs().mean()

        some, (first, hops) = self.some(progress), followed(count)
        now = foretold[some, hops].detach()
        magnitudes = network.magnitudes(now.flatten(0, 1).mT).unflatten(0, now.shape[:2])
        around = network.around(magnitudes)
        said = network.unexpected(h[some, hops].float().detach(), *around)
        nats = self.surprise(audio[some], first, magnitudes, *said)
        return self.losses({"log_mel": level}, nats, progress)


def drifted(past: Tensor) -> Tensor:
    """Log-mels (B, L, n, M) with errors as they come of foretelling; none is below the floor."""
    broad = DRIFTING * torch.randn(*past.shape[:2], BROAD).to(past)
    drift = (
        F.interpolate(broad, past.shape[3], mode="linear")
        + torch.randn(*past.shape[:2], 1).to(past) * DRIFTING
    )
    error = ERRING * torch.randn(past.shape).to(past) + drift[:, :, None]
    return (past + error).clamp_min(past.min())


def followed(count: int) -> tuple[int, slice]:
    """The first of the hops that are followed, of `count`, and all of them; half the time 0."""
    last = max(0, count - HOPS)
    first = int(torch.randint(last + 1, ())) if float(torch.rand(())) < 0.5 else 0
    return first, slice(first, first + HOPS)


def crops(x: Tensor) -> Tensor:
    """Crops (B, CROP) of clips (B, T) at random places and, half of them, at lower levels."""
    length = min(CROP, x.shape[1])
    begin = (torch.rand(len(x), 1) * (x.shape[1] - length + 1)).long().to(x.device)
    gain = 10 ** (QUIETEST / 20 * (2 * torch.rand(len(x), 1) - 1).clamp_min(0))
    return x.gather(1, begin + torch.arange(length, device=x.device)) * gain.to(x.device)


def distances(magnitudes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Mean difference in nats, and that of the roots, squared, in units of the clip's mean."""
    log = ((magnitudes + SMALLEST).log() - (wanted + SMALLEST).log()).abs().mean()
    unit = wanted.mean((1, 2), keepdim=True) + SMALLEST
    root = (magnitudes + SMALLEST**2).sqrt() - (wanted + SMALLEST**2).sqrt()
    return log, (root.square() / unit).mean()


def mel_of(rate: int) -> MelSpec:
    """The mel in which a flow of this sample rate thinks."""
    return MelSpec(rate, f_max=min(rate / 2, 8000.0) if rate <= 24000 else rate / 2)


class FlowTask(Task):
    """A flow that makes sounds of the clips' classes."""

    rate = 1.5e-3
    fewest = 300

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        classes = clips.classes if len(clips.classes) > 1 else ()
        config = FlowConfig(mel_of(clips.sample_rate), clips.audio.shape[2], False, classes)
        model = InversionFlow(config)
        if start is not None:
            take_weights(model, start)
        self.objective = SoundObjective(model, mixed)


class VocoderTask(Task):
    """A flow that makes sound of a mel spectrogram, for clips of any classes."""

    rate = 1.5e-3
    purpose = "learns to make sound of mel spectrograms, and no new sounds by itself"
    crop = CROP

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        model = InversionFlow(FlowConfig(mel_of(clips.sample_rate), clips.audio.shape[2]))
        if start is not None:
            take_weights(model, start)
        self.objective = VocoderObjective(model, mixed)

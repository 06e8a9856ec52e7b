"""A flow between white noise and sound by spectrogram inversion, hop by hop.

    x = a p + r,    r = C^T (g z)        p: the next hop, as `Inversion` finds it
                                         C: an orthonormal lapped transform (`signal.lapped`)

p follows from all samples before and from the magnitudes S that a network (`network`) says: so
phases go on as they were, and levels are right. The network also says how far the hop correlates
with it (rho, which gives a), and how large each coefficient of the rest r is (g). Given the past
the map is affine in z, and the Jacobian is triangular but for the orthonormal C:

    log p(x | c) = sum log N(z; 0, 1) - log g

A vocoder reads S from the mel spectrogram of the whole sound. A flow that makes sounds of a class
by itself foretells the mel spectrogram from that of the past.

Noise of full size is what is likeliest, but not what sounds best. Less noise must not mean less
sound: what was unexpected of late, T^2 = mean z^2, says how much is left to what is expected,

    a = sqrt(1 - T^2 (1 - rho^2)),      so that a = rho where T = 1

Inversion is chaotic. So that `decode` meets what `encode` met, samples are rounded to 18 bits
before they are heard again; `encode` gives latents that decode to the sound so rounded, bit for
bit.

Latents here are white noise: interpolating them is valid, but no morph. Temperature scales z: 1 is
the model's own distribution, 0 the clearest sound.

References:
    Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017.
    Papamakarios et al., "Masked autoregressive flow for density estimation", 2017.
    Prenger et al., "WaveGlow: a flow-based generative network for speech synthesis", 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import chain, islice
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from dgm_audio.errors import ConfigError
from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.network import PAST, MelReader, PastReader, Said
from dgm_audio.signal.inversion import Inversion
from dgm_audio.signal.lapped import Analysis, Synthesis, block_sizes
from dgm_audio.signal.mel import LogMel
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, Frames, LatentSpec
from dgm_audio.streaming import StreamingGenerator

BLOCK = 64
"""Hops that a network reads at a time: what a long sound needs beside itself is constant."""
STEPS = 2.0**18
"""Per unit, to which samples are rounded before they are heard again."""
FLOOR = 1e-5
"""Least gain: a third of a unit of 16 bits."""
MEMORY = 8.0
"""Hops of which T^2 is the mean."""


class Step(NamedTuple):
    """What a hop adds: samples x (B, H), and blocks of latents z and gains g (B, n), float64.

    A block lies half a hop before its samples, so that of n of the first one there are H / 2, and
    the last step may have two blocks.
    """

    x: Tensor
    z: Tensor
    gain: Tensor


class InversionFlow(StreamingGenerator):
    """Spectrogram inversion as an invertible map (see the module).

    Attributes:
        front: of a vocoder's condition "mel"; None if the model is no vocoder.
        frames: the mel frames in which the model thinks.
    """

    family = "flow"
    config_class = FlowConfig

    def __init__(self, config: FlowConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FlowConfig()
        mel = config.mel
        if mel.n_fft % (2 * mel.hop):
            raise ConfigError(
                f"config.mel.n_fft is {mel.n_fft} and its hop {mel.hop}; "
                "frames must be a multiple of two hops"
            )
        if config.vocoder and config.classes:
            raise ConfigError("config.classes has names; a vocoder has none, its condition is mel")
        self.audio = AudioSpec(mel.sample_rate, 1, config.length)
        self.latent = LatentSpec(1, hop=1)
        self.frames = LogMel(mel)
        self.front = self.frames if config.vocoder else None
        fields: dict[str, Classes | Frames] = {}
        if config.vocoder:
            fields["mel"] = Frames(mel.n_mels, mel.hop)
        elif config.classes:
            fields["class"] = Classes(config.classes)
        self.condition = ConditionSpec(fields)
        self.network: MelReader | PastReader = (
            MelReader(self.frames, config.width, config.blocks, config.updates)
            if config.vocoder
            else PastReader(
                self.frames, config.width, len(config.classes), config.ahead, config.updates
            )
        )

    # --- the interface -------------------------------------------------------------------------

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latents (B, 1, T) of audio (B, 1, T), which decode to it, rounded to 18 bits.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        steps = self._scored(rounded(self._check_audio(x)), condition)
        return torch.cat([step.z for step in steps], dim=1)[:, None].float()

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Log density of audio (B, 1, T) in nats per clip (B,); exact.

        It may be differentiated by the weights. What was heard was rounded, so that by the audio
        only a hop's own derivatives are left.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        total = torch.zeros(len(x), dtype=torch.float64, device=self.device)
        for step in self._scored(x, condition):
            nats = -0.5 * step.z.square() - 0.5 * math.log(2 * math.pi) - step.gain.log()
            total = total + nats.sum(1)
        return total.float()

    # --- hop by hop ----------------------------------------------------------------------------

    @torch.no_grad()
    def _blocks(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Iterator[Tensor]:
        made: list[Tensor] = []
        for step in self.steps(condition, length, z=z[:, 0]):
            made.append(step.x)
            if len(made) == BLOCK:
                yield _joined(made)
                made = []
        if made:
            yield _joined(made)

    def _scored(self, x: Tensor, condition: Condition) -> Iterator[Step]:
        return self.steps(self._check_condition(condition, len(x)), x.shape[2], x=x[:, 0])

    def steps(
        self,
        condition: dict[str, Tensor],
        length: int,
        *,
        z: Tensor | None = None,
        x: Tensor | None = None,
    ) -> Iterator[Step]:
        """The hops of sounds, whose latents z (B, T) or samples x (B, T) are given.

        Samples that come of latents are those that are heard: rounded. A block of latents reaches
        from the middle of a hop to that of the next one: its gain is said of the first.
        """
        given = x if z is None else z
        assert given is not None
        hop, sizes = self.config.mel.hop, block_sizes(length, self.config.mel.hop)
        inversion = self.inversion(len(given))
        said = self._said(inversion, condition, len(given), length)
        synthesis, exact, rough = Synthesis(hop), Analysis(sizes, hop), Analysis(sizes, hop)
        energy = torch.ones(len(given), 1, 1, dtype=torch.float64, device=self.device)
        todo, latents = iter(sizes), iter([] if z is None else z.double().split(sizes, dim=1))
        gains: list[Tensor] = []
        for start in range(0, length, hop):
            size = min(hop, length - start)
            magnitudes, coherence, gain = next(said)
            for block in islice(todo, 1 if start else 2):
                place = torch.arange(block, device=self.device) * hop // block
                gains.append(gain[:, 0, place])
                if z is not None:
                    synthesis.push(gains[-1] * next(latents))
            spectra = inversion.expect(magnitudes)
            weight = (1 - energy.clamp(max=1) * (1 - coherence.square())).sqrt()
            mean = inversion.weighted(spectra, weight)[:, :size]
            if x is None:
                sound = rounded(mean + synthesis.pull(size))
            else:
                sound = x[:, start : start + size].double()
            heard = rounded(sound).detach()
            blocks = exact.push(sound - mean)
            done, gains = torch.cat(gains[: len(blocks)], dim=1), gains[len(blocks) :]
            yield Step(sound, torch.cat(blocks, dim=1) / done, done)
            unexpected = torch.cat(rough.push(heard - mean), dim=1) / done
            power = unexpected.detach().square().mean(1)[:, None, None]
            energy = energy + (power - energy) / MEMORY
            inversion.hear(F.pad(heard, (0, hop - size)))

    def inversion(self, batch: int) -> Inversion:
        """A new inversion of a batch."""
        config, mel = self.config, self.config.mel
        sizes = batch, mel.n_fft, mel.hop, config.ahead, config.iterations
        return Inversion(*sizes, device=self.device)

    def _said(
        self, inversion: Inversion, condition: dict[str, Tensor], batch: int, length: int
    ) -> Iterator[Said]:
        """For each hop the magnitudes (B, ahead + 1, F), coherence (B, 1, F) and gain (B, 1, H).

        Networks run in float64 and their results are rounded to float32, so that neither batch
        nor machine matters.
        """
        count = -(-length // self.config.mel.hop)
        if self.config.vocoder:
            self._check_frames(condition, length)
            said = self._read(condition["mel"].double(), count)
        else:
            said = self._foretold(inversion, condition.get("class"), batch, count)
        for values in said:
            magnitudes, coherence, gain = (value.float().double() for value in values)
            yield Said(magnitudes, coherence, floored(gain))

    def _read(self, mel: Tensor, count: int) -> Iterator[Said]:
        """From the mel spectrogram, block by block."""
        assert isinstance(self.network, MelReader)
        network, reach, early = exact(self.network), self.network.reach, self.network.early
        ahead, found = self.config.ahead, mel.shape[2]
        for first in range(0, count, BLOCK):
            hops = min(BLOCK, count - first)
            start, stop = max(first - early, 0), min(first + hops + ahead, found)
            seen = slice(max(start - reach, 0), min(stop + reach, found))
            said = network(mel[:, :, seen])
            said = Said(*(part[:, start - seen.start : stop - seen.start] for part in said))
            missing = start - first + early, first + hops + ahead - early - stop
            magnitudes = F.pad(said.magnitudes, (0, 0, *missing))
            for k in range(hops):
                own = slice(first + k - start, first + k - start + 1)
                frames = magnitudes[:, k : k + ahead + 1]
                yield Said(frames, said.coherence[:, own], said.gain[:, own])

    def _foretold(
        self, inversion: Inversion, label: Tensor | None, batch: int, count: int
    ) -> Iterator[Said]:
        """From what was heard, hop by hop."""
        network, spec, frames = exact(self.network), self.config.mel, deepcopy(self.frames).double()
        past = torch.full(
            (batch, 1, PAST, spec.n_mels), math.log(spec.floor), device=self.device
        ).double()
        heard = inversion.heard.new_zeros(batch, spec.n_fft)
        for hop in range(count):
            yield network(past, torch.full((1,), hop, device=self.device), label)
            heard = torch.cat([heard, inversion.heard[:, -spec.hop :]], dim=1)[:, spec.hop :]
            past = torch.cat([past[:, :, 1:], frames.frame(heard)[:, None, None]], dim=2)


def exact(network: nn.Module) -> Callable[..., Said]:
    """The network in float64; gradients reach its own weights."""
    tensors = chain(network.named_parameters(), network.named_buffers())
    weights = {name: tensor.double() for name, tensor in tensors}
    return lambda *inputs: functional_call(network, weights, inputs)


def floored(gain: Tensor) -> Tensor:
    """Gains of which none is nothing."""
    return (gain.square() + FLOOR**2).sqrt()


def rounded(x: Tensor) -> Tensor:
    """Samples to 18 bits; gradients pass."""
    return x + ((x * STEPS).round() / STEPS - x).detach()


def _joined(hops: list[Tensor]) -> Tensor:
    return torch.cat(hops, dim=1)[:, None].float().clamp(-1, 1)

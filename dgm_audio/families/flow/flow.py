"""A flow that predicts: audio becomes white noise by linear prediction and a network, and back.

    u_t = x_t - sum_i a_i x_{t-i}                        a: the envelope that the mel describes
    z_t = ((u_t - p_t) / s_t - mu_t) exp(-r_t)           p: linear prediction of u from its past

a and the scale s come from the mel condition (without one, a = 0 and s is the latest error), p from
the last 2,048 samples, and mu and r from a network that sees all groups of samples before the
present one. Each z_t depends on x_t and on what came before, so the Jacobian is triangular, and

    log p(x | c) = sum_t log N(z_t; 0, 1) - log s_t - r_t

`encode` finds all z at once. `decode` goes through time in a compiled kernel, a group of samples
per step of the network: it is the exact inverse, up to rounding. With a mel condition the model is
a vocoder; without one it makes sounds of a class by itself.

Latents here are white noise: interpolating them is valid, but no morph. Temperature scales z; 0.7
to 0.9 sounds cleaner than 1.

References:
    Papamakarios et al., "Masked autoregressive flow for density estimation", 2017.
    Prenger et al., "WaveGlow: a flow-based generative network for speech synthesis", 2018.
    Valin and Skoglund, "LPCNet: improving neural speech synthesis through linear prediction", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.network import LOUDEST, FlowNetwork
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.conditioner import Conditioner, exact_biases
from dgm_audio.signal.envelope import HOP, MelEnvelope
from dgm_audio.signal.mel import LogMel
from dgm_audio.signal.prediction import BackwardPrediction
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, Frames, LatentSpec

BLOCK = 8192
"""Samples that are made at a time: what a long sound needs beside itself is constant."""
SCORED = 65536
"""Samples that the network sees at a time when a sound is known."""


class Known(NamedTuple):
    """What is known of sounds before the network speaks.

    Attributes:
        error: u - p (B, T), float64, T a multiple of 64.
        scale: s (B, T), float64.
        features: (B, T / N, 3 N + 2).
    """

    error: Tensor
    scale: Tensor
    features: Tensor


class PredictiveFlow(AudioGenerator):
    """Linear prediction, and a gated network for what it leaves (see the module)."""

    family = "flow"
    config_class = FlowConfig

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        for name, unit in (("group", HOP), ("predictor", 16)):
            value = getattr(config, name)
            fits = unit % value == 0 if name == "group" else value % unit == 0
            if not fits:
                relation = "divide" if name == "group" else "be a multiple of"
                raise ConfigError(f"config.{name} is {value}; it must {relation} {unit}")
        if config.mel and config.mel.sample_rate != config.sample_rate:
            raise ConfigError(
                f"config.mel.sample_rate is {config.mel.sample_rate}; "
                f"it must be that of the model, {config.sample_rate}"
            )
        self.audio = AudioSpec(config.sample_rate, 1, config.length)
        self.latent = LatentSpec(1, hop=1)
        fields: dict[str, Classes | Frames] = {}
        if config.classes:
            fields["class"] = Classes(config.classes)
        if config.mel:
            fields["mel"] = Frames(config.mel.n_mels, config.mel.hop)
        self.condition = ConditionSpec(fields)
        self.front = LogMel(config.mel) if config.mel else None
        self.envelope = MelEnvelope(config.mel, config.envelope) if config.mel else None
        self.order = config.envelope if config.mel else 0
        self.predictor = BackwardPrediction(config.predictor)
        self.network = FlowNetwork(
            config.group,
            config.width,
            config.skip,
            tuple(2**level for _ in range(config.cycles) for level in range(config.depth)),
            config.hidden,
        )
        self.conditioner = Conditioner(
            len(self.network.layers),
            config.width,
            len(config.classes),
            config.mel.n_mels if config.mel else 0,
            config.mel.hop if config.mel else 1,
            HOP,
            config.sample_rate,
            config.clock,
        )

    # --- the interface -------------------------------------------------------------------------

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return torch.cat(list(self._decoded(z, condition, length)), dim=2)

    def decode_blocks(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        """What decode(z, c) gives, in blocks (B, 1, 8192) as they are made.

        Raises:
            InputError: as `decode`.
        """
        yield from self._decoded(*self._check_call(z, condition, length))

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latents (B, 1, T) of audio (B, 1, T), which decode to it.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        z, _ = self.transform(self._check_audio(x)[:, 0], self._check_condition(condition, len(x)))
        return z[:, None].float()

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Log density of audio (B, 1, T) in nats per clip (B,); exact.

        Sound that was rounded to 16 bits is scored with the noise of a uniform dequantisation by
        `dgm-audio score` and `evaluate`, not here.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        z, log_scale = self.transform(
            self._check_audio(x)[:, 0], self._check_condition(condition, len(x))
        )
        nats = -0.5 * z.square() - 0.5 * math.log(2 * math.pi) - log_scale
        return nats.sum(1).float()

    def mel(self, x: Tensor) -> Tensor:
        """The condition "mel" (B, M, 1 + T // hop) that describes audio (B, 1, T), for a vocoder.

        Raises:
            InputError: if the model has no such condition, or the audio is not allowed.
        """
        if self.front is None:
            raise InputError("this model has no condition 'mel'")
        return self.front(self._check_audio(x)[:, 0])

    # --- all at once ---------------------------------------------------------------------------

    def transform(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Latents z and log scales log dx/dz (B, T), float64, of audio (B, T).

        Args:
            x: of any length.
            condition: checked.
        """
        length = x.shape[1]
        self._check_frames(condition, length)
        known = self.known(F.pad(x, (0, -length % HOP)), condition)
        parts = []
        for start in range(0, length, SCORED):
            stop = min(start + SCORED, known.error.shape[1])
            part = slice(start, stop)
            shift, factor = self.spoken(known, condition, part)
            z = (known.error[:, part] / known.scale[:, part] - shift) * (-factor).exp()
            parts.append((z, known.scale[:, part].log() + factor))
        z, log_scale = (torch.cat(column, dim=1)[:, :length] for column in zip(*parts, strict=True))
        return z, log_scale

    def known(self, x: Tensor, condition: dict[str, Tensor]) -> Known:
        """What is known of audio (B, T) from its start, T a multiple of 64."""
        past, scale = self._envelope_of(x, condition)
        u = x.double() - past
        expected = self.predictor(u)
        recent = expected.spread.double().prod(-1).sqrt() * _recent()
        if scale is None:
            scale = recent
        error = u - expected.mean
        return Known(error, scale, self._features(x, u, error, scale, recent))

    def spoken(
        self, known: Known, condition: dict[str, Tensor], part: slice
    ) -> tuple[Tensor, Tensor]:
        """Shifts and log factors (B, t) of a part of a sound that begins at a multiple of 64."""
        group, frame = self.config.group, HOP // self.config.group
        first = max(0, part.start - self.network.receptive_field * group) // HOP
        count = -(-part.stop // HOP) - first
        features = known.features[:, first * frame : (first + count) * frame]
        start = torch.full((len(features),), first, device=features.device)
        bias = self.conditioner(condition, start, count)
        spoken = self.network(features, bias, frame)
        shift, factor = (value[:, part.start - first * HOP :].double() for value in spoken)
        return shift, factor

    def _envelope_of(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """What the envelope expects of x (B, T), float64, and the scale of what is left."""
        if self.envelope is None:
            return torch.zeros_like(x, dtype=torch.float64), None
        from dgm_audio.signal._envelope_loops import predict

        a, level = self.envelope(condition["mel"], 0, x.shape[1] // HOP)
        known = x.detach().double().cpu().contiguous().numpy()
        past = torch.from_numpy(predict(known, a.cpu().contiguous().numpy(), HOP))
        return past.to(x.device), level.repeat_interleave(HOP, dim=1)

    def _features(
        self, x: Tensor, u: Tensor, error: Tensor, scale: Tensor, recent: Tensor
    ) -> Tensor:
        """Inputs of the network (B, G, 3 N + 2): the group before in units of the scale."""
        group = self.config.group
        scale, recent = scale[:, ::group, None], recent[:, ::group, None]
        before = [
            F.pad(value.unflatten(1, (-1, group)), (0, 0, 1, -1)) for value in (x / 8, u, error)
        ]
        units = (torch.cat(before, dim=2) / scale).clamp(-LOUDEST, LOUDEST)
        levels = [scale.log() / 2 + 3, (recent / scale).log().clamp(-4, 4)]
        return torch.cat([units, *levels], dim=2).to(self.dtype)

    # --- through time --------------------------------------------------------------------------

    def _decoded(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Iterator[Tensor]:
        for part, advance in self._walk(condition, len(z), length):
            yield advance(z[:, 0, part])[:, None].clamp(-1, 1).to(self.device)

    def _walk(
        self, condition: dict[str, Tensor], batch: int, length: int
    ) -> Iterator[tuple[slice, Callable[[Tensor], Tensor]]]:
        """The blocks of a sound: which samples, and what makes them of their latents."""
        from dgm_audio.families.flow.sampler import Sampler

        self._check_frames(condition, length)
        sampler = Sampler(self, batch)
        conditioner = deepcopy(self.conditioner).double()
        hops = BLOCK // HOP
        for start in range(0, length, BLOCK):
            first = start // HOP
            bias = exact_biases(conditioner, condition, batch, first, hops)
            filters = self.envelope and self.envelope(condition["mel"], first, hops)
            advance = partial(sampler.advance, bias, filters)
            yield slice(start, min(start + BLOCK, length)), advance

    def _check_frames(self, condition: dict[str, Tensor], length: int) -> None:
        if self.config.mel is None:
            return
        needed, found = -(-length // self.config.mel.hop), condition["mel"].shape[2]
        if found < needed:
            raise InputError(
                f"condition 'mel' has {found} frames; {length} samples need at least {needed}"
            )


def _recent() -> float:
    """The scale that the latest errors suggest, per mean error."""
    from dgm_audio.signal._prediction_loops import RECENT

    return RECENT

"""WaveNet: every sample depends on all before it, with an exact likelihood.

    p(k | c) = prod_t p(k_t | k_{<t}, c),    k_t = F_t^{-1}(Phi(z_t)),    x = the audio of k

    symbols k_{<t} -> codes (B, T, 6) -> gated stack (B, T, S) -> head (B, T, O) --+
    samples x_{<t} -> linear prediction -> LPC prior (B, T) -----------------------+-> F_t
    z (B, 1, T) -> Phi(z_t) -> F_t^{-1} -> k (B, T) -> x (B, 1, T)

k are mu-law symbols (see `dgm_audio.signal.differential`), F_t is the distribution function of the
network at step t, and z_t ~ N(0, 1) is one latent per sample: decode is deterministic, and encode
finds latents that decode to exactly the same quantised sound. A symbol is a step function of its z,
so gradients are zero or undefined: decode refuses latents that require one, and cannot be exported.

Latents are white noise: an interpolation is valid, each point on it is a proper sample, but it is
no morph; a change of one early latent changes all that follows. Temperature scales z: 0 takes the
median of every step, which is dull and may fall silent; a little below 1 keeps noise from growing.

References:
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016.
    Valin and Skoglund, "LPCNet: improving neural speech synthesis through linear prediction", 2019.
    Devroye, "Non-uniform random variate generation", 1986 (inversion of the distribution function).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio._renamed import old_method
from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.autoregressive.config import WaveNetConfig
from dgm_audio.families.autoregressive.contract import Sampler, Steps
from dgm_audio.families.autoregressive.distribution import (
    latents_of_tails,
    log_probability,
    tails_of_latents,
)
from dgm_audio.families.autoregressive.lpc_prior import (
    LPCPrior,
    StepInputs,
    edges_of,
    first_bias,
    head_size,
    log_masses,
)
from dgm_audio.families.autoregressive.network import (
    WaveNetwork,
    position_codes,
)
from dgm_audio.families.autoregressive.reference import ReferenceSampler
from dgm_audio.nn.conditioner import Conditioner, exact_biases
from dgm_audio.signal.differential import DifferentialMuLaw
from dgm_audio.signal.mel import LogMel
from dgm_audio.signal.prediction import BackwardPrediction, Prediction
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, Frames, LatentSpec
from dgm_audio.streaming import StreamingGenerator

BLOCK = 1024
"""Samples per block, about: a long sound needs constant memory beside itself."""
SCORED = 65536
"""Samples that are scored at a time."""


class WaveNet(StreamingGenerator):
    """Dilated causal convolutions over mu-law symbols (see the module)."""

    family = "autoregressive"
    config_class = WaveNetConfig
    differentiable = False
    cpu_weights: Literal["float32", "int16"] = "float32"
    """Precision of the weights that the CPU's sampler reads; int16 is faster for a single stream,
    but its sounds are not those of float32."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        if config.levels % 2 == 0:
            raise ConfigError(f"config.levels is {config.levels}; it must be odd")
        if config.predictor % 16:
            raise ConfigError(
                f"config.predictor is {config.predictor}; allowed are multiples of 16"
            )
        if config.mel and config.mel.sample_rate != config.sample_rate:
            raise ConfigError(
                f"config.mel.sample_rate is {config.mel.sample_rate}; "
                f"it must be that of the model, {config.sample_rate}"
            )
        self.codec = DifferentialMuLaw(config.levels, config.emphasis)
        self.audio = AudioSpec(config.sample_rate, 1, config.length, levels=config.levels)
        self.latent = LatentSpec(1, hop=1)
        self.predictor = BackwardPrediction.of_order(config.predictor)
        fields: dict[str, Classes | Frames] = {}
        if config.classes:
            fields["class"] = Classes(config.classes)
        if config.mel:
            fields["mel"] = Frames.of_mel(config.mel)
        self.condition = ConditionSpec(fields)
        self.front = LogMel(config.mel) if config.mel else None
        self.network = WaveNetwork(
            config.levels,
            config.width,
            config.skip,
            tuple(2**level for _ in range(config.cycles) for level in range(config.depth)),
            head_size(config.output, config.levels, config.components),
        )
        with torch.no_grad():
            bias = self.network.head.bias
            bias.copy_(first_bias(config.output, len(bias)))
        self.conditioner = Conditioner(
            len(self.network.layers),
            config.width,
            len(config.classes),
            config.mel.n_mels if config.mel else 0,
            config.mel.hop if config.mel else 1,
            config.frame,
            config.sample_rate,
            config.clock,
        )

    # --- the interface -------------------------------------------------------------------------

    def sample_blocks(
        self,
        batch: int = 1,
        *,
        seconds: float | None = None,
        condition: Condition = None,
        seed: int | None = None,
        temperature: float = 1.0,
    ) -> Iterator[Tensor]:
        """As `sample`, in blocks (B, 1, about 1024), each as soon as it is sampled.

        Needs constant memory, however long the sound; iteration may stop at any block.

        Raises:
            InputError: as `sample`.
        """
        length = self.audio.resolve_length(seconds)
        draw = self._noise_source(batch, seed, temperature)
        values = self._check_condition(condition, batch)
        for part, advance in self._walk(values, batch, length):
            z = draw(part.stop - part.start).to(self.device)
            yield advance(tails=tails_of_latents(z[:, 0])).x[:, None]

    stream = old_method("sample_blocks")

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latents (B, 1, T) of audio (B, 1, T), which decode to `quantise(x)` bit for bit.

        Each lies in the middle of the interval that gives its symbol.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        symbols = self.symbols(x)
        values = self._check_condition(condition, len(x))
        steps = [
            advance(symbols=symbols[:, part])
            for part, advance in self._walk(values, *symbols.shape)
        ]
        return latents_of_tails(torch.cat([block.tails for block in steps], dim=1))[:, None]

    def symbols(self, x: Tensor) -> Tensor:
        """The modelled symbols (B, T), int64, 0 to levels - 1, of audio (B, 1, T).

        Raises:
            InputError: if the audio is not allowed.
        """
        return self.codec.encode(self._check_audio(x)[:, 0])

    def quantise(self, x: Tensor) -> Tensor:
        """Audio (B, 1, T) quantised as the model does: the audio of its symbols.

        Raises:
            InputError: if the audio is not allowed.
        """
        return self.codec.decode(self.symbols(x))[:, None]

    def log_prob(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Log mass of the symbols of audio (B, 1, T), in nats per clip (B,); exact.

        At full scale several symbols are clipped to one sample, of which the nearest is scored.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        symbols = self.symbols(x)
        inputs = self.step_inputs(symbols)
        total = torch.zeros(len(x), dtype=torch.float64, device=self.device)
        for start in range(0, symbols.shape[1], SCORED):
            part = slice(start, min(start + SCORED, symbols.shape[1]))
            masses = self.log_masses(inputs, values, part)
            total = total + log_probability(masses, symbols[:, part]).double().sum(1)
        return total.float()

    # --- stepping ------------------------------------------------------------------------------

    def sampler(self, batch: int) -> Sampler:
        """The fastest sampler for this device."""
        if self.device.type == "cpu":
            from dgm_audio.families.autoregressive.sampler import CompiledSampler

            return CompiledSampler(self, batch, weights=self.cpu_weights)
        if self.device.type == "cuda":
            from dgm_audio.families.autoregressive.cuda import make_sampler

            return make_sampler(self, batch)
        return ReferenceSampler(self, batch)

    def _blocks(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Iterator[Tensor]:
        for part, advance in self._walk(condition, len(z), length):
            yield advance(tails=tails_of_latents(z[:, 0, part])).x[:, None]

    def _walk(
        self, condition: dict[str, Tensor], batch: int, length: int
    ) -> Iterator[tuple[slice, Callable[..., Steps]]]:
        """The blocks of a clip: their samples, and the function that steps through them."""
        if torch.compiler.is_exporting():
            raise InputError(
                f"models of the family {self.family!r} cannot be exported: each sample waits for "
                "the one before, in compiled loops that are no part of a graph"
            )
        self._check_frames(condition, length)
        sampler, frame = self.sampler(batch), self.config.frame
        conditioner = deepcopy(self.conditioner).double()
        block = max(BLOCK // frame, 1) * frame
        for start in range(0, length, block):
            part = slice(start, min(start + block, length))
            bias = exact_biases(conditioner, condition, batch, start // frame, block // frame)
            yield part, partial(sampler.advance, bias)

    # --- the parts that training uses ----------------------------------------------------------

    def log_masses(self, inputs: StepInputs, condition: dict[str, Tensor], part: slice) -> Tensor:
        """Log masses (B, t, K) of the symbols in a part of a clip, all at once.

        Args:
            inputs: of the whole clip.
            condition: checked.
            part: the t samples; those in their receptive field are computed, too.
        """
        batch, length = inputs.codes.shape[:2]
        self._check_frames(condition, length)
        frame = self.config.frame
        first = max(0, part.start - self.network.receptive_field) // frame
        count = self.conditioner.frames(part.stop - first * frame)
        window = slice(first * frame, (first + count) * frame)
        codes = F.pad(inputs.codes[:, window], (0, 0, 0, max(window.stop - length, 0)))
        start = torch.full((batch,), first, dtype=torch.long, device=codes.device)
        head = self.network(codes, self.conditioner(condition, start, count), frame)
        wanted = head[:, part.start - window.start : part.stop - window.start]
        prior = LPCPrior(*(values[:, part] for values in inputs.prior))
        return log_masses(wanted.float(), prior, self.edges, self.config.output)

    @property
    def edges(self) -> Tensor:
        """Edges of the symbols' differences (K + 1,)."""
        return edges_of(self.codec.values().to(self.device))

    def step_inputs(self, symbols: Tensor) -> StepInputs:
        """The inputs of each step of symbols (B, T) of clips from their start."""
        x = self.codec.decode(symbols)
        before, last = F.pad(x, (1, -1)), F.pad(symbols, (1, -1), value=self.codec.silence)
        prior = self.lpc_prior(before, self.predictor(x))
        return StepInputs(self.codes(last, before, prior), prior)

    def lpc_prior(self, before: Tensor, prediction: Prediction) -> LPCPrior:
        """The LPC prior of differences (...), from the samples before and predictions (...)."""
        difference = prediction.mean.to(before.device) - self.codec.emphasis * before
        return LPCPrior(difference, prediction.spread.to(before.device))

    def codes(self, last: Tensor, before: Tensor, prior: LPCPrior) -> Tensor:
        """The network's inputs (..., 6) of last symbols (...), their samples and the prior."""
        own = torch.stack([last, position_codes(before)], dim=-1)
        return torch.cat([own, prior.codes(self.edges)], dim=-1)

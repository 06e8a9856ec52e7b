"""Flow matching: a velocity field carries Gaussian noise to a representation of sound.

    dx/dt = v(x, t, c),   x(0) = z ~ N(0, I),   y = x(1),   sound = representation^-1(y)

    z (B, D, L) -> fixed steps of a solver -> y (B, D, L) -> vocoder or autoencoder -> x (B, C, T)

The representation is smooth, where waveforms are not: log-mel frames, or the codes of an
autoencoder (see `representation` and `codes` in `families.flow_matching`). The field is learned by
regression: with noise x_0 and data x_1, x_t = (1 - t) x_0 + t x_1, the mean of x_1 - x_0 given x_t
is v.

decode is the solver's deterministic map with the steps of the config; encode is its exact inverse,
step by step; `representation_log_prob` is the log density of y, not of the waveform. Guidance
(`config.guidance`) changes the field, and not what the density says of it.

Steps are computed in float64, so that the same latents give the same sound on every processor, in
whatever batch: a vocoder that goes by phases hears the last bit.

Interpolating z on a great circle changes one sound into another; where a text or a class is given,
what is said or played stays, and the manner changes.

References:
    Lipman et al., "Flow matching for generative modeling", 2023.
    Liu, Gong and Liu, "Flow straight and fast: rectified flow", 2023.
    Mehta et al., "Matcha-TTS: a fast TTS architecture with conditional flow matching", 2024.
"""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.coded_clips import heldout_losses
from dgm_audio.families.flow_matching.codes import ClipCodes, StreamCodes
from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.families.flow_matching.field import FlowField, Given
from dgm_audio.families.flow_matching.guidance import guided
from dgm_audio.families.flow_matching.likelihood import (
    Density,
    estimated_density,
    exact_density,
)
from dgm_audio.families.flow_matching.ode import Inverse, Velocity, grid, invert, solve
from dgm_audio.families.flow_matching.representation import MelFrames
from dgm_audio.families.flow_matching.sentences import Sentences, gaussian_loss, heldout_loss
from dgm_audio.families.flow_matching.style import condition_of
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Condition

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

Network = TypeVar("Network", bound=nn.Module)


class FlowMatching(AudioGenerator):
    """Flow matching over log-mel frames or codes, with classes or text (see the module)."""

    family = "flow-matching"
    config_class = FlowMatchingConfig
    weaker: FlowMatching | None = None

    def __init__(self, config: FlowMatchingConfig) -> None:
        super().__init__()
        self.config = config
        self.representation = _representation(config)
        self.audio, self.latent = self.representation.audio, self.representation.latent
        self.condition = condition_of(config)
        window = config.window if self.latent.hop else 0
        self.field = FlowField(config, self.latent.channels, window)

    @property
    def part(self) -> AudioGenerator:
        """What makes the representation audible: a vocoder, or an autoencoder."""
        own = self.representation
        return own.vocoder if isinstance(own, MelFrames) else own.autoencoder

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        y = solve(self.velocity(condition, z), z.double(), self.times, self.config.solver)
        return self.representation.decode(y, z, condition, length)

    def lengths(self, condition: Condition = None, batch: int = 1) -> list[int]:
        """Samples of each sound: the clip length, or as long as the text takes.

        Raises:
            InputError: if the condition is not allowed, or a text takes longer than a sound may be.
        """
        if self.config.text is None:
            return super().lengths(condition, batch)
        values = self._check_condition(condition, batch)
        with torch.no_grad():
            frames = exact(self.field).durations(_doubled(values)).ceil().clamp_min(1)
        found = [int(count) * (self.latent.hop or 1) for count in frames]
        longest = self.audio.max_length
        if longest is not None and max(found) > longest:
            raise InputError(
                f"the text takes {max(found) / self.audio.sample_rate:.0f} s; at most "
                f"{longest / self.audio.sample_rate:.0f} s are said at a time (`dgm-audio speak` "
                "says more)"
            )
        return found

    def heldout_loss(self, clips: ClipSet) -> float:
        """Mean squared error of the velocity on recordings, over times and noise drawn once."""
        frames, text = self.representation, self.config.text
        if not isinstance(frames, MelFrames):
            return heldout_losses(self.field, frames, clips, self.condition.fields)[0]
        assert text is not None
        with torch.no_grad():
            return heldout_loss(self.field, frames, Sentences.of(clips, text, frames))

    def heldout_floor(self, clips: ClipSet) -> float:
        """The same of independent standard normal numbers, whose velocity is known."""
        frames, text = self.representation, self.config.text
        if not isinstance(frames, MelFrames):
            return heldout_losses(self.field, frames, clips, self.condition.fields)[1]
        assert text is not None
        return gaussian_loss(frames, Sentences.of(clips, text, frames))

    # --- the flow ------------------------------------------------------------------------------

    @property
    def times(self) -> list[float]:
        """The solver's grid."""
        return grid(self.config.steps)

    def with_steps(self, steps: int) -> FlowMatching:
        """The same model with another number of steps; weights are shared."""
        other = copy(self)
        other.config = replace(self.config, steps=steps)
        return other

    def guided_by(self, weaker: FlowMatching, guidance: float) -> FlowMatching:
        """The same model, guided away from a weaker one of the same representation.

        Args:
            weaker: such as an early average of the weights (autoguidance).
            guidance: weight; 1 is none.

        Raises:
            InputError: if the two do not fit.
        """
        if weaker.condition != self.condition or weaker.latent != self.latent:
            raise InputError("a model is guided by one of the same latents and conditions")
        other = copy(self)
        other.config = replace(self.config, guidance=float(guidance))
        object.__setattr__(other, "weaker", weaker)  # a part of none of the two
        return other

    def velocity(
        self, condition: dict[str, Tensor], z: Tensor, guidance: float | None = None
    ) -> Velocity:
        """v(x, t) of x (B, D, L), float64, with the guidance of the config or a given one.

        Args:
            condition: parsed, one per latent.
            z: latents (B, D, L), whose number and length count only.
            guidance: weight; 1 is none.
        """
        field, condition = exact(self.field), _doubled(condition)
        given = field.given(condition, len(z), z.shape[2])
        weight = self.config.guidance if guidance is None else guidance
        if weight == 1:
            return _velocity_of(field, given)
        if self.weaker is None:
            other = _velocity_of(field, field.nothing(given))
        else:
            weak = exact(self.weaker.field)
            other = _velocity_of(weak, weak.given(condition, len(z), z.shape[2]))
        return guided(_velocity_of(field, given), other, weight, self.config.guided)

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, L) of audio (B, C, T), from which decode makes the same representation.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        return self.encode_with_residual(x, condition).z.float()

    def encode_with_residual(self, x: Tensor, condition: Condition = None) -> Inverse:
        """As `encode`, in float64, with the relative error (B,) of the representation.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        y = self.representation.encode(x, values).double()
        return invert(self.velocity(values, y), y, self.times, self.config.solver)

    def representation_log_prob(
        self, x: Tensor, condition: Condition = None, *, probes: int = 8, seed: int = 0
    ) -> Density:
        """Log density in nats (B,) of the representation y of audio (B, C, T), and its error (B,).

        It is that of D L standardised numbers, not of the waveform, without guidance. Of a single
        code it is exact; of a sequence the trace of the Jacobian is estimated, with `probes` random
        vectors.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        y = self.representation.encode(x, values).double()
        v, solver = self.velocity(values, y, guidance=1.0), self.config.solver
        if self.latent.hop is None:
            return exact_density(v, y, self.times, solver)
        return estimated_density(v, y, self.times, solver, probes=probes, seed=seed)


def _representation(config: FlowMatchingConfig) -> MelFrames | ClipCodes | StreamCodes:
    """What the config says is modelled."""
    if config.vocoder is not None:
        return MelFrames(config.vocoder, config.length, config.longest)
    return ClipCodes(config) if config.autoencoder is not None else StreamCodes(config)


def _velocity_of(field: FlowField, given: Given) -> Velocity:
    """The velocity with what is given."""

    def velocity(x: Tensor, t: float) -> Tensor:
        return field.velocity(x, x.new_full((len(x),), t), given)

    return velocity


def exact(module: Network) -> Network:
    """A copy in float64, for one call; gradients reach the module's own weights."""
    tensors = chain(module.parameters(), module.buffers())
    return deepcopy(module, {id(tensor): tensor.double() for tensor in tensors})


def _doubled(condition: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.double() if v.is_floating_point() else v for k, v in condition.items()}

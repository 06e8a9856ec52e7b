"""From a condition to the velocity: all of a flow-matching model that is trained."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.families.flow_matching.network import VelocityNetwork
from dgm_audio.families.flow_matching.path import gaussian_velocity, velocity_of_endpoint
from dgm_audio.families.flow_matching.style import Style
from dgm_audio.families.flow_matching.text import Read, TextEncoder, durations_of


class Given(NamedTuple):
    """A condition as the velocity field takes it: a style (B, S) and features (B, C, L)."""

    style: Tensor
    features: Tensor | None


class FlowField(nn.Module):
    """Everything between a condition and the velocity: what is trained.

    Args:
        config: of the model.
        channels: D of the representation.
        window: tokens that attention reaches; 0 for a single code.
    """

    def __init__(self, config: FlowMatchingConfig, channels: int, window: int) -> None:
        super().__init__()
        self.config = config
        self.style = Style(config)
        text = config.text
        self.text = TextEncoder(text, config.style, channels) if text else None
        features = self.text.features if self.text else 0
        self.network = VelocityNetwork(
            channels, features, config.style, config.width, config.blocks, config.patch, window
        )

    def given(self, condition: dict[str, Tensor], batch: int, length: int) -> Given:
        """A parsed condition for `batch` sounds of `length` frames; texts are stretched to them."""
        style = self.style(condition).expand(batch, -1)
        if self.text is None:
            return Given(style, None)
        read = self.text(condition["text"], style, self.pace_style(condition))
        durations = stretched(read, length)
        return Given(style, self.text.frames(read, durations, length))

    def nothing(self, given: Given) -> Given:
        """What is given if no condition is, in place of `given`: zeros."""
        style = self.style.nothing(len(given.style))
        return Given(style, None if given.features is None else torch.zeros_like(given.features))

    def pace_style(self, condition: dict[str, Tensor]) -> Tensor:
        """The style (B, S) of durations: transposed or not, a voice speaks as fast."""
        if "transpose" not in condition:
            return self.style(condition)
        return self.style({**condition, "transpose": torch.zeros_like(condition["transpose"])})

    def durations(self, condition: dict[str, Tensor]) -> Tensor:
        """Frames (B,) that texts take at their pace, not rounded."""
        assert self.text is not None
        style = self.pace_style(condition)
        read = self.text(condition["text"], style, style)
        return durations_of(read, condition["pace"].to(style.dtype)).sum(1)

    def durations_at(self, condition: dict[str, Tensor], length: int) -> Tensor:
        """Frames (B, N) of each symbol where texts are stretched to `length` frames."""
        assert self.text is not None
        style = self.pace_style(condition)
        return stretched(self.text(condition["text"], style, style), length)

    def velocity(self, x: Tensor, t: Tensor, given: Given, valid: Tensor | None = None) -> Tensor:
        """v (B, D, L) of x (B, D, L) at times (B,)."""
        found = self.network(x, t, given.style, given.features, valid)
        if self.config.target == "endpoint":
            return velocity_of_endpoint(found, x, t)
        if self.config.target == "correction":
            return gaussian_velocity(x, t) + found
        return found


def stretched(read: Read, length: int) -> Tensor:
    """Durations (B, N) of symbols that sum up to `length` frames."""
    durations = durations_of(read, torch.ones_like(read.log_duration[:, 0]))
    return durations * (length / durations.sum(1, keepdim=True))

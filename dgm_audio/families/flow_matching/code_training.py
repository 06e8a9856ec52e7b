"""Training a flow-matching model on the codes of clips.

Noise is paired with codes of its class by optimal transport.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dgm_audio.families.flow_matching.coded_clips import CodedClips, flow_error
from dgm_audio.families.flow_matching.codes import Codes
from dgm_audio.families.flow_matching.field import Given
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.flow_matching.pairing import paired
from dgm_audio.families.flow_matching.path import logit_normal
from dgm_audio.objective import Losses, Objective

CODES = 256
"""Codes in a step, several of a clip if there are fewer clips."""
DROPPED = 0.1
"""Share of codes whose condition is left out, so that guidance has a field without one."""


class CodeObjective(Objective):
    """The loss of codes; of a step's batch it needs the rows only.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        clips: those to learn from.
    """

    generator: FlowMatching

    def __init__(self, generator: FlowMatching, mixed: bool, clips: CodedClips) -> None:
        super().__init__()
        self.generator, self.mixed, self.clips = generator, mixed, clips

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Loss of codes of the clips of this step, each drawn several times."""
        model, device = self.generator, self.generator.device
        rows = torch.from_numpy(np.resize(self.rows, max(CODES, len(self.rows))))
        x1 = codes_of(model).whitened(self.clips.draw(rows).to(device))
        classes = self.clips.condition[model.config.label][rows] if model.config.classes else None
        x0 = paired(torch.randn_like(x1), x1, classes)
        condition = {name: value[rows].to(device) for name, value in self.clips.condition.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=self.mixed):
            given = model.field.given(condition, len(x1), x1.shape[2])
            nothing = model.field.nothing(given).style
            drop = torch.rand(len(x1), 1, device=device) < DROPPED
            given = Given(torch.where(drop, nothing, given.style), None)
            loss = flow_error(model.field, given, x0, x1, logit_normal(len(x1)).to(device))
        return Losses(terms={"flow": loss})


def codes_of(model: FlowMatching) -> Codes:
    """The representation of a model of codes."""
    assert isinstance(model.representation, Codes)
    return model.representation

"""The held-out metric by which training keeps its best model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dgm_audio.evaluation.reference import MIN_CLIPS, Reference, quick_distance
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from dgm_audio.data import Splits


def held_out_judge(splits: Splits) -> Callable[[AudioGenerator], float]:
    """Kernel distance of a model's sounds to the held-out clips.

    With fewer than 8 held-out clips the training clips stand in; a line on standard error says so.
    """
    clips = splits.heldout
    if len(clips) < MIN_CLIPS:
        print(
            f"only {len(clips)} held-out clips: models are judged by the distance to the "
            f"{len(splits.train)} training clips instead",
            file=sys.stderr,
        )
        clips = splits.train
    reference = Reference(clips)
    return lambda model: quick_distance(model, reference)

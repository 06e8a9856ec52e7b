"""Guidance: away from what a lesser model would do.

    v = v_o + w (v_c - v_o)

v_c is the velocity with the condition. The other one, v_o, is

- the model without the condition: classifier-free guidance;
- a weaker model with the condition, such as an average of early weights: autoguidance, which
  improves quality and does not narrow what the condition says.

w = 1 is no guidance; sounds become more typical of the condition, and less diverse, as w grows. At
times outside of an interval v = v_c: guidance harms where x is almost noise, and is not needed
where x is almost data.

References:
    Ho and Salimans, "Classifier-free diffusion guidance", 2022.
    Kynkäänniemi et al., "Applying guidance in a limited interval improves sample and distribution
    quality in diffusion models", 2024.
    Karras et al., "Guiding a diffusion model with a bad version of itself", 2024.
"""

from __future__ import annotations

from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.ode import Velocity


def guided(
    conditional: Velocity,
    other: Velocity,
    weight: float,
    interval: tuple[float, float] = (0.0, 1.0),
) -> Velocity:
    """The velocity v_o + w (v_c - v_o) at times of the interval, v_c at others.

    Args:
        conditional: v_c.
        other: v_o, evaluated only where it is needed: not at all if w is 1.
        weight: w, at least 0.
        interval: first and last time of guidance; both ends are included.

    Raises:
        InputError: if an argument is out of range.
    """
    low, high = interval
    if not 0 <= weight < float("inf"):
        raise InputError(f"guidance weight is {weight}; it must be a number from 0 upwards")
    if not 0 <= low <= high <= 1:
        raise InputError(f"guidance interval is {interval}; it must be two rising times in [0, 1]")
    if weight == 1:
        return conditional

    def velocity(x: Tensor, t: float) -> Tensor:
        toward = conditional(x, t)
        if not low <= t <= high:
            return toward
        away = other(x, t)
        return away + weight * (toward - away)

    return velocity

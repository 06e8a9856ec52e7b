"""The latent of a sound by descent, for every model whose decode passes gradients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_audio._checks import check_integer
from dgm_audio.apps.inversion import error_db
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.inversion import SHORTEST, invert, separately
from dgm_audio.specs import Condition

MAX_STEPS = 100_000


class Fit(NamedTuple):
    """What `fit_latent` found.

    Attributes:
        z: latents (B, D, L).
        error_db: how far each sound's decode(z, c) is off (B,): the mean absolute difference of
            log-mel levels in dB, as in `dgm_audio.evaluation.reconstruction`.
    """

    z: Tensor
    error_db: Tensor


def fit_latent(
    model: AudioGenerator,
    x: Tensor,
    condition: Condition = None,
    *,
    steps: int = 100,
    start: Tensor | None = None,
) -> Fit:
    """Latents whose sounds are as near to x as descent finds them (see `dgm_audio.inversion`).

    What `encode` says is where the search starts, if the model has it; else z = 0, the middle of
    all sounds. Nothing is random, and each sound is fitted by itself. The model stays as it is.

    Args:
        model: any whose decode passes gradients to z: `model.differentiable`.
        x: audio (B, C, T) in [-1, 1], T at least 128.
        condition: as in `decode`, the same during the search.
        steps: of Adam, each a decode and its gradient; from 0.1 on and falling, so that a number of
            z moves by up to steps / 20.
        start: latents (B, D, L) to start from instead.

    Returns:
        The latents, and how far their sounds are off.

    Raises:
        InputError: if an argument is not allowed, or no gradient flows through the model's decode.

    Example:
        >>> import dgm_audio
        >>> model = dgm_audio.load("drums-vae", device="cpu")
        >>> kick = model.sample(condition={"class": "kick"}, seed=0)
        >>> z, error_db = dgm_audio.fit_latent(model, kick, {"class": "kick"}, steps=1)
        >>> z.shape, bool(error_db < 10)
        (torch.Size([1, 64, 1]), True)
    """
    steps = check_integer("steps", steps, 1, MAX_STEPS)
    if not model.differentiable:
        raise InputError(
            f"no gradient flows through decode of {model.name or 'a model'} (family "
            f"{model.family!r}), so that nothing can be fitted by descent"
            + ("; encode finds its latents" if isinstance(model, Encoder) else "")
        )
    x = model._check_audio(x)
    length = x.shape[2]
    if length < SHORTEST:
        raise InputError(f"x has {length} samples; a fit needs at least {SHORTEST}")
    start = _start(model, x, condition) if start is None else model._check_latents(start)
    wanted = (len(x), model.latent.channels, model.latent.frames(length))
    if tuple(start.shape) != wanted:
        raise InputError(f"start has shape {tuple(start.shape)}; this sound needs {wanted}")
    starts = iter(start.float())

    def find(sound: Tensor, own: dict[str, Tensor]) -> Tensor:
        return invert(
            lambda z: model.decode(z, own, length=length), sound, next(starts)[None], steps
        )

    values = model._check_condition(condition, len(x))
    z = separately(find, x, values)
    with torch.no_grad():
        made = model.decode(z, values, length=length)
    rate = model.audio.sample_rate
    errors = [error_db(a[None], b[None], rate) for a, b in zip(x, made, strict=True)]
    return Fit(z, torch.tensor(errors, dtype=torch.float32, device="cpu"))


def _start(model: AudioGenerator, x: Tensor, condition: Condition) -> Tensor:
    if isinstance(model, Encoder):
        with torch.no_grad():
            return model.encode(x, condition)
    shape = len(x), model.latent.channels, model.latent.frames(x.shape[2])
    return x.new_zeros(shape)

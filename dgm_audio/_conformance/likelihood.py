"""Checks of encode, log_prob and elbo, for the families that have them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_audio._conformance.subject import NotApplicable, Subject, capability, require

JACOBIAN_NUMBERS = 512
GRID_POINTS = 4096
GRID_CHUNK = 512
GRID_LENGTH = 4096
NATS_PER_SAMPLE = 1e-3
ELBO_DRAWS = 16


def check_encode(subject: Subject) -> str:
    """encode gives latents that decode takes, that depend on the sound, and that bring it back.

    Where the latents have as many numbers as the audio, the map is invertible and the model's own
    sounds must come back within the tolerance. Elsewhere the error is reported, and required to
    be below `encode_error` if the caller gave one.
    """
    model, encode = subject.model, capability(subject.model, "encode")
    condition = subject.condition(2)
    x = subject.decode(subject.latents(2, seed=7), condition)
    with torch.no_grad():
        z, again = encode(x, condition), encode(x, condition)
        odd = encode(x[..., : x.shape[2] - 1], condition) if x.shape[2] > 1 else z
    expected = (2, model.latent.channels, model.latent.frames(x.shape[2]))
    require(z.shape == expected, f"encode has shape {tuple(z.shape)}, expected {expected}")
    frames = model.latent.frames(x.shape[2] - 1 or 1)
    require(odd.shape[2] == frames, f"encode of an odd length has {odd.shape[2]} frames")
    require(bool(torch.isfinite(z).all()), "encode gives NaN or infinite values")
    scale = float(z.abs().max().clamp_min(1))
    subject.close(z / scale, again / scale, "encode of the same sound twice")
    require(not torch.equal(z[0], z[1]), "encode gives the same latent for two sounds")
    error = float((subject.decode(z, condition) - x).norm() / x.norm().clamp_min(1e-12))
    if z.numel() == x.numel():
        subject.close(subject.decode(z, condition), x, "decode(encode(x)) and x")
    limit = math.inf if subject.encode_error is None else subject.encode_error
    require(error <= limit, f"decode(encode(x)) differs from x by {error:.3g}, allowed {limit:g}")
    return f"relative error of decode(encode(x)) {error:.3g}"


def check_log_prob(subject: Subject) -> str:
    """log_prob is finite, (B,), deterministic, independent of the batch; a mass is at most 1."""
    log_prob = capability(subject.model, "log_prob")
    x, condition = subject.sounds(2), subject.condition(1)
    with torch.no_grad():
        nats, again = log_prob(x, condition), log_prob(x, condition)
        alone = log_prob(x[1:], condition)
    require(nats.shape == (2,), f"log_prob has shape {tuple(nats.shape)}, expected (2,)")
    require(bool(torch.isfinite(nats).all()), "log_prob gives NaN or infinite values")
    require(torch.equal(nats, again), "log_prob of the same sound changes: it is a bound, no value")
    allowed = NATS_PER_SAMPLE * x[0].numel()
    difference = float((alone[0] - nats[1]).abs())
    require(difference <= allowed, f"log_prob of an item alone differs by {difference:.3g} nats")
    if subject.model.audio.levels is not None:
        require(float(nats.max()) <= 0, f"a log mass is {float(nats.max()):.3g}, above 0")
    return f"{float(nats.mean()) / x[0].numel():.3g} nats per sample"


def check_log_prob_is_exact(subject: Subject) -> str:
    """log_prob is the density of what decode makes, by one of two independent ways.

    If the latents have as many numbers as the audio: the change of variables on a very short clip,
    log_prob(x) = log N(encode(x); 0, I) + log|det d encode(x) / dx|, the Jacobian by autograd.
    Otherwise, if clips of one sample are cheap: the density must integrate to 1 over [-1, 1].
    Where log_prob is a mass: that of every sound of one sample must be the share of the quantiles
    of z that decode to it (at full scale at most, where a model may clip several sounds to one).
    """
    capability(subject.model, "log_prob")
    if subject.model.audio.levels is not None:
        return _total_mass(subject)
    length = _jacobian_length(subject)
    if length is not None:
        return _change_of_variables(subject, length)
    return _normalisation(subject)


def _jacobian_length(subject: Subject) -> int | None:
    """A short T at which x and z have equally many numbers; None if there is none."""
    model = subject.model
    hop = model.latent.hop
    length = model.audio.length if hop is None else hop * -(-8 // hop)
    if model.audio.max_length is not None:
        length = min(length, model.audio.max_length)
    numbers = model.audio.channels * length
    same = numbers == model.latent.channels * model.latent.frames(length)
    return length if same and numbers <= JACOBIAN_NUMBERS and hasattr(model, "encode") else None


def _change_of_variables(subject: Subject, length: int) -> str:
    model, invert = subject.model, capability(subject.model, "encode")
    condition = subject.condition(1, length)
    z = 0.5 * subject.latents(1, seed=11, length=length)
    with torch.no_grad():
        x = model.decode(z, condition, length=length)
        found = float(capability(model, "log_prob")(x, condition))

    def encode(flat: Tensor) -> Tensor:
        return invert(flat.reshape(x.shape), condition).flatten()

    require(
        encode(x.flatten().requires_grad_(True)).requires_grad,
        "encode passes no gradient, so its Jacobian cannot be computed",
    )
    jacobian = torch.autograd.functional.jacobian(encode, x.flatten())
    sign, log_det = torch.linalg.slogdet(jacobian.double())
    require(float(sign) != 0, "the Jacobian of encode is singular")
    code = encode(x.flatten()).detach().double()
    log_normal = -0.5 * float(code.square().sum()) - 0.5 * code.numel() * math.log(2 * math.pi)
    expected = log_normal + float(log_det)
    difference = abs(found - expected)
    require(
        difference <= NATS_PER_SAMPLE * x.numel(),
        f"log_prob is {found:.5g} nats, the change of variables gives {expected:.5g}",
    )
    return f"change of variables at {length} samples: difference {difference:.2g} nats"


def _total_mass(subject: Subject) -> str:
    model = subject.model
    if model.latent.frames(1) * model.latent.channels * model.audio.channels > 1 or (
        model.latent.hop is None
    ):
        raise NotApplicable("clips of one sample have more than one latent: mass is not verified")
    quantiles = (torch.arange(GRID_POINTS, dtype=torch.float64) + 0.5) / GRID_POINTS
    z = torch.special.ndtri(quantiles).float()[:, None, None]
    condition = subject.condition(1, 1)
    with torch.no_grad():
        values, counts = model.decode(z, condition, length=1).unique(return_counts=True)
        nats = capability(model, "log_prob")(values[:, None, None], condition)
    mass, share = nats.double().exp(), counts.double() / GRID_POINTS
    known, found = model.audio.levels or 0, len(values)
    require(found <= known, f"one sample takes {found} values; audio.levels is {known}")
    excess = float((mass - share)[values.abs() == 1].clamp_min(0).sum())
    inside = values.abs() < 1
    worst = float((mass - share)[inside].abs().max()) if inside.any() else 0.0
    total, expected = float(mass[inside].sum()), float(share[inside].sum())
    require(
        worst <= 0.01 and abs(total - expected) <= 0.02 and excess <= 0.01,
        f"the masses of {found} values of one sample sum to {total:.4g}, but decode makes them of "
        f"{expected:.4g} of the latents; a single one differs by {worst:.2g}",
    )
    return f"the masses of {found} values of one sample are how often decode makes them"


def _normalisation(subject: Subject) -> str:
    model, log_prob = subject.model, capability(subject.model, "log_prob")
    cheap = model.latent.hop is not None or model.audio.length <= GRID_LENGTH
    if model.audio.channels != 1 or not cheap:
        raise NotApplicable(
            "x and z differ in size, and clips of one sample are too dear for an integral: "
            "exactness is not verified"
        )
    grid = (torch.arange(GRID_POINTS, dtype=torch.float64) + 0.5) * 2 / GRID_POINTS - 1
    condition = subject.condition(1, 1)
    with torch.no_grad():
        density = torch.cat(
            [
                log_prob(part.float()[:, None, None], condition).double().cpu().exp()
                for part in grid.split(GRID_CHUNK)
            ]
        )
    mass, coarse = float(density.mean() * 2), float(density[::2].mean() * 2)
    if abs(mass - coarse) > 0.01 * max(mass, coarse):
        raise NotApplicable("the density of one sample is too peaked for the grid")
    require(abs(mass - 1) <= 0.02, f"the density of one sample integrates to {mass:.4g}, not to 1")
    return f"the density of one sample integrates to {mass:.4g}"


def check_elbo(subject: Subject) -> str:
    """Elbo is finite, (B,), and on average over its draws never above log_prob."""
    elbo = capability(subject.model, "elbo")
    model, x, condition = subject.model, subject.sounds(2), subject.condition(2)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nats = elbo(x, condition)
        require(nats.shape == (2,), f"elbo has shape {tuple(nats.shape)}, expected (2,)")
        require(bool(torch.isfinite(nats).all()), "elbo gives NaN or infinite values")
        if not hasattr(model, "log_prob"):
            return f"{float(nats.mean()):.4g} nats per clip; no log_prob to compare with"
        draws = torch.stack([elbo(x, condition) for _ in range(ELBO_DRAWS)]).double()
        exact = capability(model, "log_prob")(x, condition).double()
    spread = 3 * draws.std(0) / math.sqrt(ELBO_DRAWS)
    excess = float((draws.mean(0) - spread - exact).max())
    require(excess <= NATS_PER_SAMPLE * x[0].numel(), f"elbo is {excess:.3g} nats above log_prob")
    gap = float((exact - draws.mean(0)).mean())
    return f"{gap:.3g} nats per clip below log_prob"

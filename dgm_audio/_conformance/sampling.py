"""Checks of decode, sample and interpolate: the promises that every family keeps."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from dgm_audio._conformance.subject import NotApplicable, Subject, capability, first, require
from dgm_audio.interpolation import slerp
from dgm_audio.specs import Classes, Scalar


def check_shape(subject: Subject) -> str:
    """decode and sample give float32 (B, C, T) in [-1, 1] for every T, odd or even, even 1."""
    model = subject.model
    lengths = sorted({1, subject.length - 1, subject.length, subject.length // 2 | 1} - {0})
    for length in lengths:
        z = subject.latents(2, length=length)
        frames = model.latent.frames(length)
        require(
            z.shape == (2, model.latent.channels, frames),
            f"noise for {length} samples has shape {tuple(z.shape)}, expected "
            f"(2, {model.latent.channels}, {frames})",
        )
        condition = subject.condition(2, length)
        with torch.no_grad():
            x = model.decode(z, condition, length=length)
        _require_audio(model.audio.channels, length, x, f"decode of {length} samples")
        seconds = length / model.audio.sample_rate
        x = model.sample(2, seconds=seconds, condition=condition, seed=0)
        _require_audio(model.audio.channels, length, x, f"sample of {length} samples")
    return f"lengths {', '.join(map(str, lengths))}"


def _require_audio(channels: int, length: int, x: Tensor, what: str) -> None:
    expected = (2, channels, length)
    require(x.shape == expected, f"{what} has shape {tuple(x.shape)}, expected {expected}")
    require(x.dtype == torch.float32, f"{what} is {x.dtype}, expected torch.float32")
    require(bool(torch.isfinite(x).all()), f"{what} has NaN or infinite values")
    peak = float(x.abs().max())
    require(peak <= 1, f"{what} reaches {peak:.6g}, outside [-1, 1]")


def check_seed_and_index(subject: Subject) -> None:
    """Item i of sample(batch, seed) depends on (seed, i) only, whatever the batch size."""
    model, condition = subject.model, subject.condition(1)
    z = subject.latents(3)
    for index in range(3):
        alone = model.noise(1, length=subject.length, seed=0, first=index)
        require(torch.equal(z[index : index + 1], alone), f"latent {index} depends on the batch")
    seconds = subject.length / model.audio.sample_rate
    many = model.sample(3, seconds=seconds, condition=condition, seed=0)
    one = model.sample(1, seconds=seconds, condition=condition, seed=0)
    subject.close(many[:1], one, "item 0 in a batch of 3 and alone")


def check_same_seed(subject: Subject) -> None:
    """The same seed gives the same samples, another one others, and nothing random is left over.

    decode is a deterministic map: it neither reads nor moves the global random state.
    """
    model = subject.model
    seconds = subject.length / model.audio.sample_rate
    with torch.random.fork_rng(devices=[]):
        x = [
            model.sample(2, seconds=seconds, condition=subject.condition(2), seed=seed)
            for seed in (3, 3, 4)
        ]
    subject.close(x[0], x[1], "two samples of one seed")
    require(not torch.equal(x[0], x[2]), "samples of two seeds are equal: z does not matter")
    require(not torch.equal(x[0][0], x[0][1]), "items 0 and 1 of one seed are equal")


def check_sample_is_decode(subject: Subject) -> None:
    """sample(seed, temperature) = decode(temperature * noise(seed)), without gradients."""
    model, condition = subject.model, subject.condition(2)
    seconds = subject.length / model.audio.sample_rate
    for temperature in (1.0, 0.5):
        x = model.sample(2, seconds=seconds, condition=condition, seed=5, temperature=temperature)
        expected = subject.decode(temperature * subject.latents(2, seed=5), condition)
        subject.close(x, expected, f"sample at temperature {temperature} and decode of its latents")
        require(not x.requires_grad, "sample keeps the graph for gradients")


def check_interpolation(subject: Subject) -> None:
    """interpolate(z0, z1) starts at decode(z0), passes the great circle and ends at decode(z1)."""
    model, condition = subject.model, subject.condition(1)
    z = subject.latents(2)
    x = model.interpolate(z[0], z[1], 3, condition)
    path = torch.cat([z[:1], slerp(z[:1], z[1:], 0.5), z[1:]])
    with torch.no_grad():
        expected = model.decode(path, condition)
    require(x.shape == expected.shape, f"interpolate gives {tuple(x.shape)} for 3 steps")
    for index, name in enumerate(("first", "middle", "last")):
        subject.close(x[index], expected[index], f"the {name} step and decode of its latent")


def check_batch_independence(subject: Subject) -> None:
    """An item does not change with its neighbours, in decode and in encode."""
    z, others = subject.latents(3), subject.latents(3, seed=1)
    mixed = torch.cat([z[:1], others[1:]])
    x = subject.decode(z)
    subject.close(x[:1], subject.decode(mixed)[:1], "an item beside other neighbours")
    subject.close(x.flip(0), subject.decode(z.flip(0)), "a batch in reverse order")
    if hasattr(subject.model, "encode"):
        encode = capability(subject.model, "encode")
        sounds, condition = subject.sounds(2), subject.condition(1)
        with torch.no_grad():
            together, alone = encode(sounds, condition), encode(sounds[:1], condition)
        scale = float(together.abs().max().clamp_min(1))
        subject.close(together[:1] / scale, alone / scale, "encode of an item in a batch and alone")


def check_stream(subject: Subject) -> str:
    """The blocks of decode_blocks, one after the other, are what decode gives, bit for bit."""
    blocks = capability(subject.model, "decode_blocks")
    z, condition = subject.latents(2), subject.condition(2)
    with torch.no_grad():
        parts = list(blocks(z, condition, length=subject.length))
    x, whole = torch.cat(parts, dim=2), subject.decode(z, condition)
    require(x.shape == whole.shape, f"the blocks have {x.shape[2]} samples, not {whole.shape[2]}")
    require(torch.equal(x, whole), "the blocks are not what decode gives")
    return f"{len(parts)} blocks"


def check_condition(subject: Subject) -> str:
    """A condition means the same by name, by index and as a tensor; absent means the default."""
    fields = [(key, field) for key, field in subject.model.condition]
    forms = {key: _forms(field) for key, field in fields}
    if not any(forms.values()):
        raise NotApplicable("the model has no class and no scalar condition")
    z, base = subject.latents(1), subject.condition(1)
    for key, values in forms.items():
        outputs = [subject.decode(z, {**base, key: value}) for value in values]
        for value, output in zip(values[1:], outputs[1:], strict=True):
            subject.close(outputs[0], output, f"{key} given as {values[0]!r} and as {value!r}")
    return f"fields {', '.join(forms)}"


def _forms(field: object) -> list:
    """Ways to say the default of a field."""
    if isinstance(field, Classes):
        return [None, field.names[0], 0, [0], torch.tensor([0])]
    if isinstance(field, Scalar):
        return [None, field.default_value, [field.default_value]]
    return []


def check_no_side_effects(subject: Subject) -> None:
    """sample and encode leave weights, buffers, mode and the global random state as they were."""
    model = subject.model
    before = copy.deepcopy(model.state_dict())
    random_state = torch.get_rng_state()
    x = subject.decode(subject.latents(2), subject.condition(2))
    if hasattr(model, "encode"):
        with torch.no_grad():
            capability(model, "encode")(x.clamp(-0.999, 0.999), subject.condition(2))
    changed = [key for key, value in model.state_dict().items() if not value.equal(before[key])]
    require(not changed, f"decode or encode changes {first(changed)}")
    require(not model.training, "decode or encode switches to training mode")
    require(
        torch.equal(random_state, torch.get_rng_state()),
        "decode or encode draws from the global random state",
    )


def check_precision(subject: Subject) -> str:
    """Latents of any floating type are taken; a bfloat16 copy works and gives finite float32."""
    z, condition = subject.latents(2), subject.condition(2)
    expected = subject.decode(z, condition)
    subject.close(expected, subject.decode(z.double(), condition), "float64 and float32 latents")
    half = copy.deepcopy(subject.model).to(torch.bfloat16)
    with torch.no_grad():
        x = half.decode(z, condition, length=subject.length)
    _require_audio(subject.model.audio.channels, subject.length, x, "decode in bfloat16")
    error = float((x - expected).norm() / expected.norm().clamp_min(1e-12))
    return f"bfloat16 differs from float32 by {error:.2g}, relative"

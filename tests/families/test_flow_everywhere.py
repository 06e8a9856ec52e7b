"""A flow that others use at once, or on another machine, makes the same sound; its gradients."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from test_flow import condition, flow, sound

from dgm_audio.families.flow import model as module
from dgm_audio.families.flow.residual import rounded

NOISE = 2e-15
"""Relative difference of the networks' outputs on two processors."""


def everything(model, x: torch.Tensor, given: dict, seed: int) -> list[bytes]:
    """What the methods make."""
    z = model.noise(1, length=x.shape[2], seed=seed)
    found = model.decode(z, given), model.encode(x, given), model.log_prob(x, given).detach()
    return [tensor.numpy().tobytes() for tensor in found]


def test_eight_threads_make_what_one_makes_and_leave_the_model_alone():
    model, x = flow(), sound(1, 700)
    given = condition(model, x)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    parameters = list(model.parameters())
    expected = [everything(model, x, given, seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda seed: everything(model, x, given, seed % 8), range(16)))
    assert found == expected * 2
    assert all(one is two for one, two in zip(model.parameters(), parameters, strict=True))
    after = model.state_dict()
    assert all(value.dtype == after[key].dtype for key, value in state.items())
    assert all(torch.equal(value, after[key]) for key, value in state.items())


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_rounding_of_another_machine_changes_no_sound(temperature, monkeypatch):
    """Networks and the lapped transform in other last bits, for 1 s: the same bytes."""
    model, x = flow(), sound(1, 16000)
    given = condition(model, x)
    z = temperature * model.noise(1, length=16000, seed=0)
    expected = model.decode(z, given)
    exact, coefficients, rng = module.exact, module.coefficients, torch.Generator().manual_seed(0)

    def stir(value: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(value.shape, generator=rng, dtype=torch.float64)
        return value * (1 + NOISE * noise)

    def stirred(network):
        network = exact(network)
        network.register_forward_hook(
            lambda _, __, out: (
                stir(out) if isinstance(out, torch.Tensor) else type(out)(*map(stir, out))
            )
        )
        return network

    monkeypatch.setattr(module, "exact", stirred)
    monkeypatch.setattr(module, "coefficients", lambda *given: stir(coefficients(*given)))
    assert torch.equal(model.decode(z, given), expected)
    monkeypatch.setattr(module, "KEPT", 50)
    assert not torch.equal(model.decode(z, given), expected)


def test_the_mel_of_a_sound_is_the_same_whatever_the_last_bits():
    model, x = flow(), sound(1, 6400)
    mel, steps = model.mel(x), model.mel(x) * module.MEL_STEPS
    assert mel.dtype == torch.float32 and torch.equal(steps, steps.round())
    torch.testing.assert_close(mel, model.front(x[:, 0]), atol=0.51 / module.MEL_STEPS, rtol=0)


def test_gradients_of_decode_are_those_of_each_hop():
    """By latents and mel, where rounding is no step: of sums over the first hop."""
    model, x = flow(), sound(1, 256)
    mel = condition(model, x)["mel"].requires_grad_()
    z = model.noise(1, length=256, seed=0).requires_grad_()
    made = model.decode(z, {"mel": mel})
    direction = torch.randn(64, generator=torch.Generator().manual_seed(0))
    by_z, by_mel = torch.autograd.grad((made[0, 0, :64] * direction).sum(), (z, mel))

    def moved(step: float, by: torch.Tensor, of_mel: bool) -> float:
        with torch.no_grad():
            given = mel + step * by if of_mel else mel
            first = model.decode(z if of_mel else z + step * by, {"mel": given})[0, 0, :64]
        return float((first * direction).sum())

    for gradient, of_mel in ((by_z, False), (by_mel, True)):
        by = gradient / gradient.norm()
        slope = (moved(0.05, by, of_mel) - moved(-0.05, by, of_mel)) / 0.1
        assert slope == pytest.approx(float(gradient.norm()), rel=0.05)
    assert not by_z[..., 96:].any() and not any(p.grad is not None for p in model.parameters())


def test_a_latent_is_found_by_descent():
    """From zeros to a sound that the model made: the error falls to a fifth."""
    model, x = flow(), sound(1, 128)
    given = condition(model, x)
    target = model.decode(model.noise(1, length=128, seed=0), given)
    z = torch.zeros(1, 1, 128, requires_grad=True)
    optimizer, errors = torch.optim.Adam([z], lr=0.3), []
    for _ in range(25):
        error = (model.decode(z, given) - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.2 * errors[0]


def test_encode_has_the_gradient_of_the_audio():
    model, x = flow(), rounded(sound(1, 128))
    given = condition(model, x)
    z = model.encode(x.requires_grad_(), given)
    z.square().sum().backward()
    assert float(x.grad.abs().max()) > 0


def test_the_default_type_of_numbers_changes_no_sound():
    x, weights = sound(1, 640), flow().state_dict()
    z = flow().noise(1, length=640, seed=0)
    expected = flow().decode(z, condition(flow(), x))
    torch.set_default_dtype(torch.float64)
    try:
        model = module.InversionFlow(flow().config).eval()
        model.load_state_dict(weights)
        given = condition(model, x)
        assert given["mel"].dtype == torch.float32
        assert torch.equal(model.decode(z, given), expected)
    finally:
        torch.set_default_dtype(torch.float32)

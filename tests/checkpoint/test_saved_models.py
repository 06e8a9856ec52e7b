"""What is saved comes back: weights, header, fingerprint."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import safetensors.torch
import torch
from toys import ToyFlow

from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.errors import CheckpointError
from dgm_audio.fingerprint import verify_fingerprint
from dgm_audio.model_folder import CARD, FILES, HEADER, WEIGHTS


def test_a_loaded_model_is_the_saved_one(flow: ToyFlow, folder: Path) -> None:
    random_state = torch.get_rng_state()
    model = load_model(folder, "cpu")
    assert torch.equal(torch.get_rng_state(), random_state), "loading is not random"
    assert type(model) is ToyFlow and model.config == flow.config
    for key, value in flow.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)
    assert torch.equal(flow.sample(2, seed=1), model.sample(2, seed=1))
    assert not model.training and all(p.requires_grad for p in model.parameters())
    assert (model.name, model.card_path) == ("model", folder / CARD)
    assert model.weights_hash == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


@pytest.mark.parametrize("half", [False, True])
def test_saving_what_was_loaded_writes_the_same_bytes(
    flow: ToyFlow, tmp_path: Path, half: bool
) -> None:
    first = save_model(flow, tmp_path / "a" / "model", half=half)
    second = save_model(load_model(first, "cpu"), tmp_path / "b" / "model", half=half)
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_half_precision_is_rounded_on_the_disk_only(flow: ToyFlow, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in flow.state_dict().items()}
    path = save_model(flow, tmp_path / "half", half=True)
    assert all(torch.equal(value, before[key]) for key, value in flow.state_dict().items())
    stored = safetensors.torch.load((path / WEIGHTS).read_bytes())
    assert stored["lower"].dtype == torch.float16 and stored["steps"].dtype == torch.int64
    model = load_model(path, "cpu")
    assert torch.equal(model.lower, flow.lower.half().float()) and int(model.steps) == 12345
    assert model.dtype == torch.float32
    assert verify_fingerprint(model) == 0


def test_bfloat16_models_are_saved_without_loss(flow: ToyFlow, tmp_path: Path) -> None:
    model = load_model(save_model(flow.bfloat16(), tmp_path / "model"), "cpu")
    assert torch.equal(model.lower, flow.lower.float())


def test_the_header_says_what_and_from_where(flow: ToyFlow, tmp_path: Path) -> None:
    path = save_model(
        flow,
        tmp_path / "toy",
        recipe={"command": "dgm-audio train x", "budget": "20m"},
        data={"manifest": "ab" * 32, "license": "cc0-1.0", "clips": 12},
        seed=7,
        metrics={"copy_score": 0.5, "ci": {"copy_score": [0.4, 0.6]}},
    )
    header = json.loads((path / HEADER).read_text())
    assert header["format_version"] == 1 and header["family"] == "toy-flow"
    assert header["config"] == {
        "hop": 4, "length": 32, "streams": True, "classes": ["low", "high"]
    }  # fmt: skip
    assert header["seed"] == 7 and header["data"]["clips"] == 12 and header["dtype"] == "float32"
    assert {"dgm_audio", "torch", "python"} == set(header["versions"])
    assert len(header["fingerprint"]["values"]) == 64
    assert sorted(path.iterdir()) == sorted(path / name for name in FILES)


def test_fingerprint_tells_other_weights(folder: Path, flow: ToyFlow) -> None:
    model = load_model(folder, "cpu")
    assert verify_fingerprint(model) == 0
    with torch.no_grad():
        model.bias += 0.01
    with pytest.raises(CheckpointError, match="does not sound as it did when it was saved"):
        verify_fingerprint(model)
    assert verify_fingerprint(model, tolerance=0.1) > 1e-3
    with pytest.raises(CheckpointError, match="has no fingerprint"):
        verify_fingerprint(flow)
    for damaged in ({}, {"length": 32, "peak": 1, "values": [1]}, {"values": ["x"], "peak": 1}):
        model.fingerprint = damaged
        with pytest.raises(CheckpointError, match="the fingerprint of model is"):
            verify_fingerprint(model)


def test_a_model_is_loaded_as_it_is_whatever_is_set_for_torch(flow: ToyFlow, folder: Path) -> None:
    z = flow.noise(1, seed=0)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.device("meta"), torch.autocast("cpu", torch.bfloat16):
            loaded = load_model(folder, "cpu")
        assert torch.get_default_dtype() == torch.float64, "the caller's default stays"
    finally:
        torch.set_default_dtype(torch.float32)
    state = {key: value.dtype for key, value in flow.state_dict().items()}
    assert {key: value.dtype for key, value in loaded.state_dict().items()} == state
    assert loaded.device.type == "cpu" and torch.equal(loaded.decode(z), flow.decode(z))
    loaded.decode(z.requires_grad_()).sum().backward()  # it can be trained, and fitted
    assert all(weight.grad is not None for weight in loaded.parameters())


def test_threads_that_load_at_once_do_not_disturb_the_default_type(folder: Path) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with ThreadPoolExecutor(8) as pool:
            loaded = list(pool.map(lambda _: load_model(folder, "cpu"), range(16)))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert {model.dtype for model in loaded} == {torch.float32}

from pathlib import Path

import pytest
import torch
from toys import ToyFlow, ToyFlowConfig

from dgm_audio import registry
from dgm_audio.checkpoint import save_model


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = {
        "toy-flow": registry.Family("toys:ToyFlow"),
        "toy-factor": registry.Family("toys:ToyFactor"),
    }
    monkeypatch.setattr(registry, "FAMILIES", registry.FAMILIES | toys)


@pytest.fixture
def flow() -> ToyFlow:
    model = ToyFlow(ToyFlowConfig())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    model.steps += 12345
    return model.eval()


@pytest.fixture
def folder(flow: ToyFlow, tmp_path: Path) -> Path:
    return save_model(flow, tmp_path / "model", seed=3)

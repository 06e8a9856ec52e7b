"""A published model's card says what the model is, and shows the pictures that lie beside it."""

import numpy as np
import pytest
from PIL import Image
from toys import ToyFlow, ToyFlowConfig

from dgm_audio import registry
from dgm_audio.apps.publish import CURVED, Judgement, publish
from dgm_audio.checkpoint import save_model
from dgm_audio.data import ClipSet, Splits


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Publishes a toy with the arguments that a test adds."""
    run = save_model(ToyFlow(ToyFlowConfig()), tmp_path / "run", recipe={}, data={}, seed=0)
    monkeypatch.setattr(registry, "FAMILIES", registry.FAMILIES | {"toy-flow": "toys:ToyFlow"})
    audio = np.random.default_rng(0).uniform(-1, 1, (4, 1, 32))
    clips = ClipSet.from_arrays(audio, 8000, labels=["low", "high"] * 2)
    card = dict(summary="s", commands={}, limits="l", dataset="d", licences=["cc0-1.0"])

    def call(**more):
        splits, judgement = (
            Splits(clips, clips, clips, clips),
            Judgement("the table", {"bits": 1.0}),
        )
        return publish(run, tmp_path / "name", splits, judgement, **card, **more)

    return call


def test_the_curve_lies_beside_the_samples_and_the_card_shows_it(published):
    with Image.new("RGB", (4, 3)) as picture:
        folder = published(curve=picture)
    card = (folder / "README.md").read_text()
    assert f"](curve.png)\n\n{CURVED}" in card and "](samples.png)" in card
    assert (folder / "curve.png").is_file() and (folder / "samples.png").is_file()


def test_a_model_without_a_log_is_published_without_a_curve(published):
    folder = published()
    assert not (folder / "curve.png").exists()
    assert "curve.png" not in (folder / "README.md").read_text()

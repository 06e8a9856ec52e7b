"""A published model's card says what the model is, and shows the pictures that lie beside it."""

import numpy as np
import pytest
from PIL import Image
from toys import ToyFlow, ToyFlowConfig

from dgm_audio import registry
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import CheckpointError
from dgm_audio.model_folder import read_header
from dgm_audio.release.publish import CURVED, ModelEvaluation, publish, renew


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Publishes a toy with the arguments that a test adds."""
    run = save_model(ToyFlow(ToyFlowConfig()), tmp_path / "run", recipe={}, data={}, seed=0)
    monkeypatch.setattr(
        registry, "FAMILIES", registry.FAMILIES | {"toy-flow": registry.Family("toys:ToyFlow")}
    )
    audio = np.random.default_rng(0).uniform(-1, 1, (4, 1, 32))
    clips = ClipSet.from_arrays(audio, 8000, labels=["low", "high"] * 2)
    card = dict(summary="s", commands={}, limits="l", dataset="d", licences=["cc0-1.0"])

    def call(**more):
        evaluation = ModelEvaluation("the table", {"bits": 1.0})
        return publish(run, tmp_path / "name", call.splits, evaluation, **card, **more)

    call.splits = Splits(clips, clips, clips, clips)
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


def test_a_new_judgement_takes_the_place_of_the_old_one_and_nothing_else_changes(published):
    folder = published(note="trained twice")
    before, model = (folder / "README.md").read_text(), load_model(folder, "cpu")
    evaluation = ModelEvaluation(
        "another table", {"bits": 2.0, "ci": {"bits": [1.5, 2.5]}, "scale": {}}
    )
    renew(folder, published.splits, evaluation)
    after, header = (folder / "README.md").read_text(), read_header(folder)
    expected = before.replace("the table", "another table")
    expected = expected.replace("| bits | 1 |", "| bits | 2 [1.5, 2.5] |")
    assert after == expected
    assert header["metrics"] == evaluation.metrics
    assert load_model(folder, "cpu").weights_hash == model.weights_hash
    renew(folder, published.splits, evaluation)
    assert (folder / "README.md").read_text() == after


def test_a_card_without_an_evaluation_is_refused_in_one_line(published):
    folder = published()
    (folder / "README.md").write_text("# name\n")
    with pytest.raises(CheckpointError, match="no evaluation that could be renewed"):
        renew(folder, published.splits, ModelEvaluation("t", {}))

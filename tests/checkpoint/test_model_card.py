"""The card of a model, and the pictures beside it."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from PIL import Image
from toys import ToyFlow

from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.model_folder import CARD, CURVE, FILES, PICTURE


def test_the_hub_understands_the_card(flow: ToyFlow, tmp_path: Path) -> None:
    path = save_model(
        flow,
        tmp_path / "toy",
        card="Two sounds: one *low*, one high.\n\nMade for tests.",
        data={"license": ["cc0-1.0", "cc-by-4.0"], "sources": "a | b"},
        metrics={"copy_score": 0.51234, "coverage": 0.9, "ci": {"copy_score": [0.4, 0.6]}},
    )
    card = ModelCard.load(path / CARD)
    assert card.data.license == ["cc0-1.0", "cc-by-4.0"]
    assert card.data.library_name == "dgm_audio" and "toy-flow" in card.data.tags
    assert card.text.lstrip().startswith("# toy\n\nTwo sounds") and "a \\| b" in card.text
    assert "| copy_score | 0.5123 [0.4, 0.6] |" in card.text and "| coverage | 0.9 |" in card.text
    assert "(B, 4, L = ceil(T / 4)); conditions: `class`, `gain`" in card.text


def test_a_card_is_written_without_any_facts_and_a_whole_one_is_kept(
    flow: ToyFlow, tmp_path: Path
) -> None:
    plain = save_model(flow, tmp_path / "plain")
    card = ModelCard.load(plain / CARD)
    assert card.data.license == "unknown" and "A linear flow on frames" in card.text
    assert card.text.count("Not recorded.") == 2 and "Not measured." in card.text
    whole = "---\nlicense: mit\n---\n\n# Mine\n"
    assert (save_model(flow, tmp_path / "whole", card=whole) / CARD).read_text() == whole


@pytest.mark.parametrize(("given", "name"), [("picture", PICTURE), ("curve", CURVE)])
def test_a_picture_is_kept_beside_the_card(
    tmp_path: Path, flow: ToyFlow, given: str, name: str
) -> None:
    with Image.new("RGB", (4, 3), (255, 0, 0)) as picture:
        folder = save_model(flow, tmp_path / "toy", **{given: picture})
    with Image.open(folder / name) as kept:
        assert kept.size == (4, 3)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, name])
    save_model(flow, folder)  # a folder with a picture is still a model's
    assert not (folder / name).exists()


def test_a_model_needs_no_card(folder: Path) -> None:
    (folder / CARD).unlink()
    assert load_model(folder, "cpu").card_path is None

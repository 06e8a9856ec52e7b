"""Directions of models, found once and remembered for a while."""

import pytest
from dgm_audio._demo import changing
from dgm_audio._demo.shelf import Shelf
from dgm_audio._demo.studio import Studio

from dgm_audio.apps.directions import find_directions

NAME = "drums-vae"


@pytest.fixture
def studio(tmp_path):
    return Studio(Shelf(tmp_path / "sounds"), max_seconds=5.0)


def test_directions_are_looked_for_once_for_each_class(studio, monkeypatch):
    calls = []

    def found(model, count, *, condition, progress):
        calls.append(condition)
        return find_directions(model, count, condition=condition, draws=16)

    monkeypatch.setattr(changing, "find_directions", found)
    known, model = changing.KnownDirections(studio), studio.model("notes-vae")
    for pitch, instrument in ((60.0, "organ"), (61.5, "organ"), (60.0, "guitar")):
        known.of(model, {"instrument": instrument, "pitch": pitch}, print)
    assert calls == [{"instrument": "organ"}, {"instrument": "guitar"}]


def test_few_directions_are_remembered(studio, monkeypatch):
    directions = find_directions(studio.model(NAME), draws=16)
    monkeypatch.setattr(changing, "find_directions", lambda *_, **__: directions)
    known, model = changing.KnownDirections(studio), studio.model(NAME)
    for name in model.condition.fields["class"].names:
        known.of(model, {"class": name}, print)
    assert len(known._found) == changing._REMEMBERED == 8

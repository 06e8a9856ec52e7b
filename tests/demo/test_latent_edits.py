"""Latent directions of models are computed once per class and cached."""

import pytest
from dgm_audio._demo import latent_edits
from dgm_audio._demo.sound_cache import SoundCache
from dgm_audio._demo.studio import Studio

from dgm_audio.apps.directions import find_directions

NAME = "drums-vae"


@pytest.fixture
def studio(tmp_path):
    return Studio(SoundCache(tmp_path / "sounds"), max_seconds=5.0)


def test_directions_are_computed_once_per_class(studio, monkeypatch):
    calls = []

    def found(model, count, *, condition, progress):
        calls.append(condition)
        return find_directions(model, count, condition=condition, draws=16)

    monkeypatch.setattr(latent_edits, "find_directions", found)
    known, model = latent_edits.DirectionCache(studio), studio.model("notes-vae")
    for pitch, instrument in ((60.0, "organ"), (61.5, "organ"), (60.0, "guitar")):
        known.get(model, {"instrument": instrument, "pitch": pitch}, print)
    assert calls == [{"instrument": "organ"}, {"instrument": "guitar"}]


def test_few_directions_are_cached(studio, monkeypatch):
    directions = find_directions(studio.model(NAME), draws=16)
    monkeypatch.setattr(latent_edits, "find_directions", lambda *_, **__: directions)
    known, model = latent_edits.DirectionCache(studio), studio.model(NAME)
    for name in model.condition.fields["class"].names:
        known.get(model, {"class": name}, print)
    assert len(known._directions) == latent_edits._CACHED_DIRECTIONS == 8

"""Which clips a report is on, and what it says of models that were chosen by them."""

import json

from drum_sounds import Noise, make_splits

from dgm_audio.evaluation import references as module
from dgm_audio.evaluation.references import chosen_by_test, references


def folder_of(tmp_path, counts):
    (tmp_path / "config.json").write_text(json.dumps({"data": {"clips": counts}}))
    model = Noise()
    model.card_path = tmp_path / "README.md"
    return model


def test_a_model_that_the_test_clips_chose_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(
        module, "read_header", lambda f: json.loads((f / "config.json").read_text())
    )
    old = folder_of(tmp_path, {"train": 9, "heldout": 4, "unseen": 2})
    assert chosen_by_test(old)
    _, notes = references(old, make_splits(train=12, test=12))
    assert any("test figures may flatter" in note for note in notes)
    new = folder_of(tmp_path, {"train": 9, "validation": 4, "test": 4, "unseen": 2})
    assert not chosen_by_test(new) and not chosen_by_test(Noise())
    assert references(new, make_splits(train=12, test=12))[1] == []


def test_of_many_clips_some_evenly_spread_judge():
    splits = make_splits(train=12, test=17, unseen=8)
    chosen, _ = references(Noise(), splits, most=9)
    assert [splits.test.files.index(file) for file in chosen[""].files] == list(range(0, 17, 2))
    assert chosen["_unseen"].files == splits.unseen.files
    assert len(references(Noise(), splits, most=None)[0][""]) == 17


def test_few_unseen_clips_are_left_out_with_a_note():
    chosen, notes = references(Noise(), make_splits(train=12, test=12, unseen=7))
    assert set(chosen) == {""} and "7 unseen clips are too few" in notes[0]

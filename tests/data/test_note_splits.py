from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.sets.notes import HELD_OUT, note_splits
from dgm_audio.data.sets.soundfont import RATE
from dgm_audio.errors import DataError

from .sounds import too_few


def clips_of(presets: Mapping[str, str]) -> ClipSet:
    """Three clips of each preset, with its family."""
    groups, labels = zip(*(item for item in presets.items() for _ in range(3)), strict=True)
    audio = np.zeros((len(groups), 1, 8))
    return ClipSet.from_arrays(audio, RATE, labels=labels, groups=groups)


def test_whole_presets_are_held_out_by_name() -> None:
    groups = ["Koto", "Sitar", "Banjo", "Sitar"]
    clips = ClipSet.from_arrays(np.zeros((4, 1, 8)), RATE, groups=groups)
    splits = note_splits(clips)
    found = [set(side.groups) for side in (splits.train, splits.validation, splits.unseen)]
    assert found == [{"Sitar"}, {"Koto"}, {"Banjo"}] and len(splits.train) == 2
    assert splits.notes == (too_few(1),)
    with pytest.raises(DataError, match="no preset is left"):
        note_splits(clips.subset([0, 2]))


def test_of_another_soundfont_one_preset_per_family_is_drawn() -> None:
    pianos, organs = {f"Piano {n}" for n in range(6)}, {f"Organ {n}" for n in range(6)}
    clips = clips_of({n: n.split()[0].lower() for n in sorted(pianos | organs)} | {"Saw": "lead"})
    splits = note_splits(clips)
    piano, organ = sorted(set(splits.validation.groups), reverse=True)
    assert piano in pianos and organ in organs and piano[-1] != organ[-1]
    assert set(splits.train.groups) == (pianos | organs | {"Saw"}) - {piano, organ}
    assert len(splits.validation) == 6 and len(splits.unseen) == 0
    drawn, lacking, unseen, few = splits.notes
    assert drawn.endswith(f"trained on: {organ} (organ), {piano} (piano)")
    assert lacking == "nothing is held out, as there is one preset only, of: lead"
    assert unseen == "no preset is unseen" and few == too_few(6)
    again = note_splits(clips.subset(np.arange(len(clips))[::-1]))
    assert set(again.validation.groups) == {piano, organ}


def test_families_with_a_held_out_name_draw_none() -> None:
    families = {"Viola": "strings", "Cello": "strings", "Fiddle": "strings", "Violin": "strings"}
    splits = note_splits(clips_of({**families, "Banjo": "ethnic", "A": "piano", "B": "piano"}))
    assert set(splits.unseen.groups) == {"Cello", "Banjo"} and "Viola" in HELD_OUT
    assert set(splits.validation.groups) - {"A", "B"} == {"Viola"} and len(splits.validation) == 6
    drawn, few = splits.notes
    assert few == too_few(6)
    assert "(piano)" in drawn and "strings" not in drawn

from __future__ import annotations

import json
from pathlib import Path

from dgm_audio.data import Manifest, examine
from dgm_audio.data.layout import layout_notes
from dgm_audio.data.manifest import Entry

from .sounds import hit


def test_what_becomes_of_odd_folders_is_said(record, folder, config) -> None:
    for index in range(3):
        record(f"Open Hat/kit 1/{index}.wav", hit(index))
        record(f"open_hat/{index}.wav", hit(10 + index))
        record(f"{index}.wav", hit(20 + index))
    record("gong é/a.wav", hit(30))
    report = examine(folder, config)
    assert set(report.distinct) == {"Open Hat", "open_hat", "sound", "gong é"}
    loose, alike, nested, single = report.layout
    assert loose == "3 files lie beside the folders of classes; they make the class 'sound'"
    assert alike.startswith("Open Hat and open_hat are different classes")
    assert nested.endswith("such as Open Hat/kit 1 to Open Hat") and nested.startswith("3 files")
    assert single.endswith("held out: gong é")
    assert json.loads(report.to_json())["layout"] == [*report.layout]


def test_ordinary_folders_and_lists_need_no_words(tmp_path: Path) -> None:
    plain = tuple(Entry(f"{label}/{n}.wav", label, label) for label in "ab" for n in range(2))
    assert layout_notes(Manifest(tmp_path, plain, scanned=True)) == ()
    assert layout_notes(Manifest(tmp_path, (Entry("a.wav"),), scanned=True)) == ()
    odd = (Entry("Kick/a.wav", "Kick", "Kick"), Entry("kick/b.wav", "kick", "kick"))
    assert layout_notes(Manifest(tmp_path, odd)) == ()

"""A thread that reads files fails as nobody expected: the file is named, and nothing hangs."""

from __future__ import annotations

import os
import time

import pytest

from dgm_audio.data.clips import load_clips
from dgm_audio.data.source import Source
from dgm_audio.errors import DataError

from .sounds import hit


class Dying(Source):
    """It cannot live with one of the files."""

    error: Exception

    def clips(self):
        if self.path.name == "17.wav":
            raise self.error
        yield from super().clips()


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "error", [RuntimeError("the decoder\nis broken"), MemoryError(), ValueError("no")], ids=repr
)
def test_the_file_is_named_and_the_other_threads_end(
    record, folder, config, store, monkeypatch, error, figure
) -> None:
    for index in range(40):
        record(f"{index:02}.wav", hit(index))
    monkeypatch.setattr(Dying, "error", error, raising=False)
    start = time.monotonic()
    with pytest.raises(DataError) as told:
        load_clips(folder, config, cache_dir=store, progress=False, reader=Dying)
    figure("told after", time.monotonic() - start, "s")
    assert str(told.value).startswith(f"reading 17.wav failed: {type(error).__name__}")
    assert "\n" not in str(told.value) and told.value.__cause__ is error
    assert not [name for _, _, names in os.walk(store) for name in names], "no partial output"
    assert len(load_clips(folder, config, cache_dir=store, progress=False)) == 40

"""Work that is kept beside the clips is done again exactly when something that it needs changed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drum_sounds import clip_set
from test_auc_scale import on_disk

from dgm_audio.evaluation import EMBEDDINGS, disk_cache
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.embedding import TextureEmbedding


@pytest.fixture
def clips(tmp_path):
    return on_disk(clip_set(8, seed=0), tmp_path)


def counted():
    calls = []

    def work():
        calls.append(1)
        return {"numbers": np.arange(3.0)}

    return calls, work


def test_it_is_done_once_and_again_for_whatever_it_depends_on(clips, monkeypatch):
    calls, work = counted()
    for _ in range(2):
        assert disk_cache.cached(clips, "what", [1], work)["numbers"].tolist() == [0, 1, 2]
    assert len(calls) == 1
    other = [
        (clips, "other", [1]),
        (clips, "what", [2]),
        (clips.subset([1, 0]), "what", [1]),
        (replace(clips, labels=clips.labels[::-1].copy()), "what", [1]),
    ]
    for index, (some, what, given) in enumerate(other, start=2):
        disk_cache.cached(some, what, given, work)
        assert len(calls) == index
    monkeypatch.setattr(disk_cache, "_code", lambda: "an older version")
    disk_cache.cached(clips, "what", [1], work)
    assert len(calls) == len(other) + 2


def test_a_damaged_file_or_a_folder_that_cannot_be_written_costs_time_only(clips, monkeypatch):
    calls, work = counted()
    disk_cache.cached(clips, "what", [], work)
    (file,) = clips.audio.path.parent.glob("what-*.npz")
    file.write_bytes(file.read_bytes()[:20])
    assert disk_cache.cached(clips, "what", [], work)["numbers"].tolist() == [0, 1, 2]
    assert len(calls) == 2

    def refuse(*_, **__):
        raise OSError("read-only")

    monkeypatch.setattr(np, "savez", refuse)
    assert disk_cache.cached(clips, "elsewhere", [], work)["numbers"].tolist() == [0, 1, 2]


def test_features_are_the_same_when_they_were_cached(clips, monkeypatch):
    first = ClipFeatures.of_clips(clips, embeddings=EMBEDDINGS, kind="one-shots").arrays()
    monkeypatch.setattr(ClipFeatures, "of", None)  # nothing is worked out again
    again = ClipFeatures.of_clips(clips, embeddings=EMBEDDINGS, kind="one-shots").arrays()
    assert first.keys() == again.keys()
    for name, values in first.items():
        assert torch.equal(values.nan_to_num(7), again[name].nan_to_num(7)), name
        assert values.dtype == again[name].dtype
    with pytest.raises(TypeError):
        ClipFeatures.of_clips(
            clips, embeddings={"texture": TextureEmbedding(coarse=5)}, kind="one-shots"
        )


def test_an_embedding_of_ones_own_is_never_taken_from_the_cache(clips):
    """Nobody can tell whether a function is still the same."""

    def mine(factor):
        return lambda x, rate: factor * x.square().mean((1, 2))[:, None]

    one, two = (ClipFeatures.of_clips(clips, embeddings={"mine": mine(k)}) for k in (1, 2))
    assert torch.allclose(2 * one.embedded["mine"], two.embedded["mine"])

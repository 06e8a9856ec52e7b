import pytest
import torch
from drum_sounds import clip_set, drums, make_splits

from dgm_audio.evaluation import Reference, bootstrap


@pytest.fixture(scope="session")
def splits():
    return make_splits()


@pytest.fixture(scope="session")
def reference():
    return Reference(clip_set(64, seed=0))


@pytest.fixture(scope="session")
def others():
    return torch.from_numpy(drums(64, seed=1)[0])


@pytest.fixture(scope="module")
def few_rounds():
    """Intervals of twenty draws: of reports whose intervals are not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "ROUNDS", 20)
        yield

import pytest
import torch
from drum_sounds import clip_set, drums, make_splits

from dgm_audio.evaluation import Reference, bootstrap, speech_judges, steps


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


@pytest.fixture
def judges(monkeypatch):
    """Stand-ins for the judges of speech, who know loud sounds, which are noisy, from clean ones.

    Of a clean sound "test one" is understood, and of a noisy one nothing.
    """

    def clean(x):
        return float(x.abs().max()) < 0.4

    class Recogniser:
        def __call__(self, x, rate):
            return "test one" if clean(x) else ""

    def embedding(x, rate):
        return torch.tensor([1.0, 0.0] if clean(x) else [0.6, 0.8])

    monkeypatch.setattr(speech_judges, "Recogniser", Recogniser)
    monkeypatch.setattr(speech_judges, "dnsmos", lambda: lambda x, rate: 4.0 if clean(x) else 2.0)
    monkeypatch.setattr(speech_judges, "SpeakerEncoder", lambda: embedding)
    monkeypatch.setattr(steps, "Recogniser", Recogniser)

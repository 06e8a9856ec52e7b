"""The speaker encoder against the package whose weights it has."""

import importlib.util
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from vocoders import voice

from dgm_audio.errors import InputError
from dgm_audio.evaluation import speaker
from dgm_audio.evaluation.speaker import SIZE, SpeakerEncoder, centroid

HAS = importlib.util.find_spec("resemblyzer") is not None
needed = pytest.mark.skipif(not HAS, reason="needs resemblyzer")


@pytest.fixture(scope="module")
def encoder():
    return SpeakerEncoder()


@pytest.fixture
def package(monkeypatch):
    """The package itself, with a stand-in for the module that has gone from setuptools."""
    gone = types.ModuleType("pkg_resources")
    gone.get_distribution = lambda _: types.SimpleNamespace(version="0")
    monkeypatch.setitem(sys.modules, "pkg_resources", gone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("resemblyzer")


@needed
@pytest.mark.parametrize("seconds", [0.5, 1.6, 2.9, 3.2, 5.0])
def test_embeddings_are_those_of_the_package(encoder, package, seconds):
    x = 0.5 * voice(seconds, pitch=110, seed=3)[0]
    peer = package.VoiceEncoder("cpu", verbose=False)
    sound = package.audio.normalize_volume(speaker._without_pauses(x.numpy()), -30)
    wanted = peer.embed_utterance(sound.astype(np.float32))
    assert np.abs(encoder(x, 16000).numpy() - wanted).max() < 1e-4


@needed
def test_an_embedding_is_of_length_1_and_a_voice_is_nearer_to_itself(encoder):
    one, again, other = (
        encoder(voice(2.0, pitch=pitch, seed=seed)[0], 16000)
        for pitch, seed in ((100, 0), (100, 1), (240, 2))
    )
    assert one.shape == (SIZE,) and float(one.norm()) == pytest.approx(1, abs=1e-5)
    assert float(one @ again) > float(one @ other) + 0.05


@needed
def test_the_level_pauses_and_silence_do_not_matter(encoder):
    x = voice(2.0, pitch=120, seed=0)[0]
    whole = encoder(x, 16000)
    apart = torch.cat([torch.zeros(16000), 0.05 * x, torch.zeros(8000)])
    assert float(whole @ encoder(apart, 16000)) > 0.97
    assert encoder(torch.zeros(8000), 16000).isfinite().all()


def test_the_centroid_is_the_direction_of_the_mean():
    assert centroid(torch.tensor([[1.0, 0], [0, 1.0]])).tolist() == pytest.approx([0.5**0.5] * 2)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(speaker, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"resemblyzer is not installed \(dgm_audio\[judge\]\)"):
        SpeakerEncoder()

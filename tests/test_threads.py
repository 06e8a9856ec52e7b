"""Several threads at one model; the conformance suite holds what is not said here."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from families.small_models import SPECTROGRAM, shaken
from small_stream import small_stream
from vocoders import ToyMels, ToyVocoder

from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.testing import check_generator
from dgm_audio.vocoded import Vocoded


@pytest.mark.parametrize("name", ["vae", "vae-stream"])
def test_bounds_of_eight_threads_are_those_of_one(name):
    """A bound draws a code; each thread brings the state that it is drawn from."""
    torch.manual_seed(0)
    model = shaken(SpectrogramVAE(SPECTROGRAM), 0.05) if name == "vae" else small_stream()
    x = model.sample(8, seconds=0.3, seed=0)

    @torch.no_grad()
    def bound(item):
        rng = torch.Generator().manual_seed(item)
        return float(model.elbo(x[item : item + 1], rng=rng))

    before = torch.get_rng_state()
    usual = [bound(item) for item in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bound, range(8))) == usual
    assert len(set(usual)) == 8 and torch.equal(before, torch.get_rng_state())


def test_a_composed_model_may_be_shared_and_passes_gradients_through_both_parts():
    model = Vocoded(ToyMels(), ToyVocoder())
    check_generator(model, only=["threads", "torch_defaults", "input_gradients"])
    mute = ToyVocoder()
    mute.differentiable = False
    (result,) = check_generator(Vocoded(ToyMels(), mute), only=["input_gradients"])
    assert result.detail == "decode refuses them"

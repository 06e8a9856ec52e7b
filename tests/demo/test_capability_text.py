"""The reasons why a tab is unavailable, for every shipped model."""

import pytest
from dgm_audio._demo.capability_text import pitch_spec, why_no_encoding, why_no_map, why_no_sample

import dgm_audio

MEL = (
    "vocoder-flow makes sounds from a given mel and cannot sample without one. "
    "Give it a recording under Transform."
)
PER_HOP = (
    "{} has one latent per {}, so that a clip is no single point of a map. "
    "Choose a model with one code per clip."
)
NO_LATENTS = "vocoder-flow cannot encode recordings."

REFUSED = {
    "drums-gan": {},
    "drums-vae": {},
    "drums-wavenet": {"map": PER_HOP.format("drums-wavenet", "sample")},
    "music-vae": {"map": PER_HOP.format("music-vae", "1024 samples")},
    "notes-gan": {},
    "notes-vae": {},
    "speech-wavenet": {"map": PER_HOP.format("speech-wavenet", "sample")},
    "vocoder-flow": {"sample": MEL, "map": MEL, "encoding": NO_LATENTS},
}
WHY = {"sample": why_no_sample, "map": why_no_map, "encoding": why_no_encoding}


def test_every_shipped_model_is_in_the_table():
    assert sorted(REFUSED) == sorted(info.name for info in dgm_audio.list_models())


@pytest.mark.parametrize("name", REFUSED)
def test_missing_capabilities_have_a_reason(name):
    model = dgm_audio.load(name, "cpu")
    found = {what: why(model) for what, why in WHY.items() if why(model)}
    assert found == REFUSED[name]
    assert (pitch_spec(model) is not None) == name.startswith("notes")

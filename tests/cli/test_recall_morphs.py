"""recall of what the demo makes: morphs and paths."""

from pathlib import Path

import pytest

import dgm_audio
from dgm_audio.apps.latents import pack, write_beside
from dgm_audio.apps.render import provenance_for, render
from dgm_audio.io import write_audio

SEEDS = [{"seed": seed, "index": 0} for seed in (1, 2)]
CONDITION = {"class": "snare", "gain": 1.0}
CALLS = {
    "morph": {"x": 0.3, "y": 0.0},
    "path": {"conditions": [CONDITION] * 2, "points": [[0, 0, 0], [0.004, 1, 0]], "fade": 0.001},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("packed", [False, True])
def test_recall_makes_the_same_bytes(dgm, models, call, packed):
    model = dgm_audio.load("drums-vae", device="cpu")
    beside = {}
    ends = [pack(model.noise(1, seed=seed), beside) for seed in (1, 2)] if packed else SEEDS
    write_beside(beside, Path())
    values = {"corners": ends, "length": 64, "condition": CONDITION}
    provenance = provenance_for(model, "drums-vae", call, **values, **CALLS[call])
    path = write_audio(f"{call}.wav", render(model, provenance), 8000, provenance=provenance)
    result = dgm("recall", path, "--out", "again").ok()
    assert "same bytes" in result.out
    assert Path("again", path.name).read_bytes() == path.read_bytes()

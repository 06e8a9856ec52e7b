"""Griffin-Lim keeps the contract of a generator and of a vocoder."""

import math

import pytest
import torch
from vocoders import SMALL, SPEC, voice

from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.signal.mel import MelSpec
from dgm_audio.testing import check_generator

DB = 20 / math.log(10)


def resynthesised(model, x, seed=0):
    z = model.noise(1, length=x.shape[-1], seed=seed)
    return model.decode(z, {"mel": model.mel(x[None])}, length=x.shape[-1])[0]


def off(model, x, y):
    return float((model.mel(x[None]) - model.mel(y[None])).abs().mean()) * DB


def test_it_conforms():
    results = check_generator(GriffinLim(GriffinLimConfig(SMALL, iterations=8)))
    assert {"stream", "save_and_load"} <= {r.name for r in results if r.outcome == "passed"}


def test_the_sound_has_the_mel():
    model, x = GriffinLim(), voice(1.5)
    y = resynthesised(model, x)
    assert y.shape == x.shape and torch.equal(y, resynthesised(model, x))
    assert off(model, x, y) < 2
    assert off(model, x, resynthesised(model, x, seed=1)) < 2
    assert not torch.equal(y, resynthesised(model, x, seed=1))
    assert off(model, x, voice(1.5, pitch=180)) > 4


def test_iterations_and_momentum_help():
    x = voice(1.5)
    errors = [
        off(model, x, resynthesised(model, x))
        for model in (
            GriffinLim(GriffinLimConfig(iterations=2)),
            GriffinLim(GriffinLimConfig(momentum=0)),
            GriffinLim(),
        )
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("length", [1, 63, 64, 1000, 12000])
@pytest.mark.parametrize("more", [0, 1])
def test_lengths(length, more):
    """ceil(T / hop) frames are enough, 1 + T // hop are used."""
    model = GriffinLim(GriffinLimConfig(SMALL, iterations=2))
    frames = -(-length // SMALL.hop) + more
    z = model.noise(2, length=length, seed=0)
    x = model.decode(z, {"mel": torch.full((2, 20, frames), -3.0)}, length=length)
    assert x.shape == (2, 1, length) and x.isfinite().all()
    with pytest.raises(InputError, match="frames"):
        model.decode(z, {"mel": torch.zeros(2, 20, max(frames - 2, 0))}, length=length)


def test_long_sounds_come_in_blocks_without_seams():
    model, x = GriffinLim(GriffinLimConfig(SPEC)), voice(3.0)
    whole = resynthesised(model, x)
    model.block = 40 * SPEC.hop
    z = model.noise(1, length=x.shape[1], seed=0)
    blocks = list(model.decode_blocks(z, {"mel": model.mel(x[None])}, length=x.shape[1]))
    assert [block.shape[2] for block in blocks] == [10240] * 4 + [7040]
    y = torch.cat(blocks, 2)[0]
    assert torch.equal(y, resynthesised(model, x))
    assert off(model, x, y) < 1.15 * off(model, x, whole)
    seams = [40 * k for k in range(1, 5)]

    def off_at_seams(y):
        errors = (model.mel(x[None]) - model.mel(y[None])).abs().mean(1)[0] * DB
        return float(torch.cat([errors[seam - 2 : seam + 3] for seam in seams]).mean())

    assert off_at_seams(y) < 1.4 * off_at_seams(whole)
    steps = (y[0, 1:] - y[0, :-1]).abs()
    curves = (steps[1:] - steps[:-1]).abs()
    assert max(float(curves[seam * SPEC.hop - 2]) for seam in seams) < 0.5 * curves.max()


def test_what_cannot_be_inverted_is_refused():
    with pytest.raises(ConfigError, match="hop is 600"):
        GriffinLim(GriffinLimConfig(MelSpec(16000, hop=600)))

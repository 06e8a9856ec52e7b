"""The picture of a live model: which sounds it shows, and that a published card has it."""

import numpy as np
import pytest
import torch
from families.small_models import shaken
from PIL import Image

from dgm_audio.apps.transfer import transfer
from dgm_audio.checkpoint import save_model
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import InputError
from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE
from dgm_audio.release import music_picture as app
from dgm_audio.release.music_picture import music_picture
from dgm_audio.release.publish import PLAYED, ModelEvaluation, publish
from dgm_audio.signal.mel import LogMel

RATE, LENGTH = 8000, 8192


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = StreamConfig(
        RATE, 2, LENGTH, 512, 128, width=8, latent=2, encoder=(1, 1), decoder=(1, 1), prior=8
    )
    return shaken(StreamVAE(config), 0.05)


@pytest.fixture
def drawn(monkeypatch):
    """The rows of every picture that is drawn."""
    seen = []
    draw = app.mel_picture
    monkeypatch.setattr(
        app, "mel_picture", lambda rows, spec, **more: seen.append(rows) or draw(rows, spec, **more)
    )
    return seen


def sound(seed, length=LENGTH):
    return 0.3 * torch.randn(2, length, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)


def test_the_rows_are_recording_reconstruction_transfer_and_sample(model, drawn):
    x, other = sound(0), sound(1)
    picture = music_picture(model, x, other)
    (rows,) = drawn
    log_mel = LogMel(app._mel_spec(RATE))
    with torch.no_grad():
        rebuilt = model.decode(model.encode(x[None]), length=LENGTH)
        sample = model.sample(1, seconds=LENGTH / RATE, seed=0)
    sounds = x[None], rebuilt, transfer(model, other[None]), sample
    for row, y in zip(rows, sounds, strict=True):
        assert torch.allclose(row.mel, log_mel(y[0].mean(0)), atol=1e-4), row.title
    assert [row.title.split()[0] for row in rows] == [
        "recording",
        "reconstruction",
        "transfer",
        "sample",
    ]
    assert picture.size == (1322, 92 + 4 * (40 + 240 + 34 + 20))


def test_long_sounds_are_cut_and_a_short_foreign_one_is_padded(model, drawn, monkeypatch):
    monkeypatch.setattr(app, "PICTURE_SECONDS", 1)
    music_picture(model, sound(0, 9999), sound(1, 1000))
    (rows,) = drawn
    frames = 1 + RATE // app._mel_spec(RATE).hop
    assert {tuple(row.mel.shape) for row in rows} == {(128, frames)}
    floor = float(np.log(1e-5))
    assert float(rows[2].mel[:, frames // 2 :].max()) == pytest.approx(floor)


@pytest.mark.parametrize("shape", [(1, 500), (2, 0), (500,)])
def test_a_sound_of_another_shape_is_refused(model, shape):
    with pytest.raises(InputError, match=r"the recording has shape .*; expected \(2, T\)"):
        music_picture(model, torch.zeros(shape), sound(1))
    with pytest.raises(InputError, match="the foreign sound has shape"):
        music_picture(model, sound(0), torch.zeros(shape))


def test_a_published_live_model_has_this_picture(model, drawn, tmp_path):
    run = save_model(model, tmp_path / "run", recipe={}, data={}, seed=0)
    audio = torch.stack([sound(seed) for seed in range(6)])
    clips = ClipSet.from_arrays(audio, RATE)
    splits = Splits(
        clips.subset([0, 1]), clips.subset([]), clips.subset([2, 3]), clips.subset([4, 5])
    )
    folder = publish(
        run,
        tmp_path / "name",
        splits,
        ModelEvaluation("table", {}),
        summary="s",
        commands={},
        limits="l",
        dataset="d",
        licences=["cc0-1.0"],
    )
    assert PLAYED in (folder / "README.md").read_text()
    with Image.open(folder / "samples.png") as picture:
        assert picture.size[0] == 1322
    (rows,) = drawn
    log_mel = LogMel(app._mel_spec(RATE))
    assert torch.allclose(rows[0].mel, log_mel(audio[3].mean(0)), atol=1e-4)
    played = transfer(model, audio[5][None])[0].mean(0)
    assert torch.allclose(rows[2].mel, log_mel(played), atol=1e-2)

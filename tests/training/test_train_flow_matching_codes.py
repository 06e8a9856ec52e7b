"""Flow matching learns the codes that a small autoencoder finds in tones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dgm_audio.data import ClipSet
from dgm_audio.errors import DataError, InputError
from dgm_audio.families.flow_matching import coded_clips, training
from dgm_audio.families.flow_matching.code_config import heard_as
from dgm_audio.families.flow_matching.code_training import codes_of
from dgm_audio.families.flow_matching.coded_clips import CodedClips
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.flow_matching.ode import solve
from dgm_audio.families.flow_matching.training import FlowMatchingTask
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE

RATE, LENGTH = 8000, 4096
SIZES = SpectrogramConfig(RATE, LENGTH, ("high", "low"), "class", (), 256, 128, 16, 4, (1, 1, 1))


def tones(count: int, seed: int, classes: tuple[str, str] = ("low", "high")) -> ClipSet:
    """Tones of two classes, each with one of two overtones: codes of two islands in a class."""
    rng, time = np.random.default_rng(seed), np.arange(LENGTH) / RATE
    audio = np.zeros((count, 1, LENGTH))
    for row in range(count):
        pitch = (200, 900)[row % 2] * rng.uniform(0.97, 1.03)
        over = (2, 3.5)[rng.integers(2)]
        tone = np.sin(2 * np.pi * pitch * time) + np.sin(2 * np.pi * pitch * over * time)
        audio[row, 0] = 0.4 * tone * np.exp(-4 * time)
    return ClipSet.from_arrays(audio, RATE, labels=[classes[row % 2] for row in range(count)])


def autoencoder(clips: ClipSet, config: SpectrogramConfig = SIZES) -> SpectrogramVAE:
    """An untrained one, with its Gaussians fitted."""
    torch.manual_seed(0)
    model = SpectrogramVAE(config).eval()
    labels = torch.as_tensor(clips.labels)
    with torch.no_grad():
        model.encoder.code.bias[4:] = -12  # sure of its codes
        model.fit_prior(*model.posterior(clips.tensor(), {"class": labels}), labels)
    return model


@pytest.fixture(scope="module")
def learned() -> FlowMatching:
    """A small model after 150 steps."""
    clips = tones(48, 0)
    usual = training.config_for_codes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            training,
            "config_for_codes",
            lambda *args: replace(usual(*args), width=32, blocks=2, style=8),
        )
        patch.setattr(coded_clips, "VARIATIONS", 3)
        torch.manual_seed(0)
        task = FlowMatchingTask(clips, mixed=False, start=autoencoder(clips))
    objective = task.objective
    optimiser = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], 5e-3)
    for step in range(150):
        objective.rows = np.random.default_rng(step).choice(48, 16, replace=False)
        loss = objective(torch.empty(16, 1, 0), torch.zeros(16), step / 150).terms["flow"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return objective.generator.eval()


def test_it_learns_more_than_a_gaussian_knows(learned):
    clips = tones(32, 1)
    loss, floor = learned.heldout_loss(clips), learned.heldout_floor(clips)
    assert loss < 0.85 * floor
    assert loss == learned.heldout_loss(clips), "times and noise are drawn once"


def test_codes_of_classes_are_told_apart(learned):
    clips = tones(64, 1)
    real = CodedClips.of(clips, codes_of(learned), learned.condition.fields)
    y = codes_of(learned).whitened(real.mean[0])[:, :, 0]
    centre = torch.stack([y[0::2].mean(0), y[1::2].mean(0)])
    z = learned.noise(64, seed=0)
    labels = torch.arange(64) % 2
    values = learned.condition.parse({"class": ["low", "high"] * 32}, 64)
    with torch.no_grad():
        velocity = learned.velocity(values, z)
        made = solve(velocity, z.double(), learned.times, "heun")[:, :, 0].float()
    nearest = torch.cdist(made, centre).argmin(1)
    assert (nearest == labels).float().mean() > 0.9


def test_densities_prefer_the_own_class(learned):
    clips = tones(16, 2)
    own, other = (
        learned.representation_log_prob(clips.tensor(), {"class": names}).nats
        for names in (["low", "high"] * 8, ["high", "low"] * 8)
    )
    assert (own > other).float().mean() > 0.9


def test_classes_are_heard_as_those_of_the_same_name_or_of_like_codes():
    clips = tones(48, 0)
    model = autoencoder(clips)
    assert heard_as(tones(8, 1, ("high", "low")), model) == (0, 1)
    assert heard_as(tones(8, 1, ("a low one", "not low")), model) == (1, 0)
    one = ClipSet.from_arrays(tones(16, 1).audio[1::2], RATE)
    assert heard_as(one, model) == (0,), "high tones without a class"


def test_a_model_of_a_stream_is_trained_on_its_codes():
    torch.manual_seed(0)
    sizes = StreamConfig(RATE, 1, LENGTH, 512, 128, 2, 8, 3, (1, 1), (1, 1), 8)
    clips = tones(12, 0)
    objective = FlowMatchingTask(clips, mixed=False, start=StreamVAE(sizes).eval()).objective
    assert objective.generator.latent.hop == 256
    objective.rows = np.arange(12)
    loss = objective(torch.empty(12, 1, 0), torch.zeros(12), 0.0).terms["flow"]
    loss.backward()
    assert torch.isfinite(loss) and objective.generator.heldout_loss(clips) > 0


def test_training_goes_on_with_its_own_whitening(learned):
    task = FlowMatchingTask(tones(12, 5), mixed=False, start=autoencoder(tones(48, 0)))
    started = FlowMatchingTask(tones(12, 6), mixed=False, start=task.objective.generator)
    first, second = (codes_of(one.objective.generator) for one in (task, started))
    assert torch.equal(first.scale, second.scale) and torch.equal(first.mean, second.mean)


def test_what_the_autoencoder_cannot_encode_is_named():
    clips = tones(8, 0)
    notes = replace(SIZES, classes=(), pitches=(40.0, 60.0))
    for wrong, said in (
        (replace(SIZES, sample_rate=16000), "at 8000 Hz; the autoencoder takes 1 at 16000 Hz"),
        (replace(SIZES, length=2048), "4096 samples; the autoencoder takes at most 2048"),
        (notes, "no pitch"),
    ):
        with pytest.raises(DataError, match=said):
            FlowMatchingTask(clips, mixed=False, start=SpectrogramVAE(wrong))
    with pytest.raises(InputError, match="autoencoder of family"):
        FlowMatchingTask(clips, mixed=False, start=None)

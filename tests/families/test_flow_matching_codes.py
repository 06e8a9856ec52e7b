"""Flow matching over the codes of autoencoders."""

from dataclasses import replace

import pytest
import torch
from small_models import SPECTROGRAM, shaken
from small_stream import small_stream

from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.config import from_dict, to_dict
from dgm_audio.errors import ConfigError
from dgm_audio.families.flow_matching.code_config import take_autoencoder
from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.families.flow_matching.likelihood import normal_density
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.testing import check_generator

SIZES = {"vocoder": None, "width": 16, "blocks": 2, "style": 8, "patch": 1}
CLIPS = FlowMatchingConfig(
    autoencoder=SPECTROGRAM, length=4096, heard_as=(1, 0), classes=("x", "y"), **SIZES
)
NOTES = FlowMatchingConfig(
    autoencoder=replace(SPECTROGRAM, pitches=(40.0, 60.0), classes=()),
    length=4096,
    pitches=(40.0, 60.0),
    **SIZES,
)
LONG = FlowMatchingConfig(
    stream=small_stream().config, length=4096, longest=65536, window=4, **SIZES
)


def model_of(config: FlowMatchingConfig, amount: float = 0.05) -> FlowMatching:
    """An untrained model; with no velocity where the amount is 0."""
    torch.manual_seed(0)
    model = FlowMatching(config)
    given = small_stream()
    if config.autoencoder:
        given = shaken(SpectrogramVAE(config.autoencoder), 0.05)
    take_autoencoder(model.representation, given)
    return shaken(model, amount)


@pytest.mark.parametrize("config", [CLIPS, LONG], ids=["clips", "stream"])
def test_it_keeps_the_contract(config):
    assert check_generator(model_of(config))


@pytest.mark.parametrize("config", [CLIPS, NOTES, LONG], ids=["clips", "notes", "stream"])
def test_a_folder_holds_all_that_the_model_needs(config, tmp_path):
    model = model_of(config)
    model.representation.fit(torch.randn(50, model.latent.channels, 1), 50)
    loaded = load_model(save_model(model, tmp_path / "model"), "cpu")
    assert torch.equal(loaded.sample(2, seed=0), model.sample(2, seed=0))
    assert from_dict(FlowMatchingConfig, to_dict(config)) == config


def test_without_a_velocity_it_is_the_autoencoder_with_one_gaussian():
    model = model_of(CLIPS, 0.0)
    mean, scale = torch.randn(4), torch.randn(4, 4).tril() + 3 * torch.eye(4)
    model.representation.mean[:], model.representation.scale[:] = mean, scale
    vae = SpectrogramVAE(SPECTROGRAM).eval()
    vae.load_state_dict(model.part.state_dict(), strict=False)  # without the scale of its loss
    vae.prior_mean[:], vae.prior_scale[:] = mean, scale
    z = model.noise(2, seed=1)
    theirs = vae.decode(z, {"class": ["b", "a"]})
    torch.testing.assert_close(model.decode(z, {"class": ["x", "y"]}), theirs, atol=1e-5, rtol=0)


def test_a_network_of_corrections_begins_as_a_gaussian():
    model = model_of(replace(CLIPS, target="correction", steps=64, solver="heun"), 0.0)
    x = 0.1 * torch.randn(2, 1, 4096, generator=torch.Generator().manual_seed(1))
    y = model.representation.encode(x, model.condition.parse(None, 2))
    found = model.encode_with_residual(x)
    torch.testing.assert_close(found.z.float(), y, atol=1e-2, rtol=0)
    nats = model.representation_log_prob(x).nats
    torch.testing.assert_close(nats.float(), normal_density(y).float(), atol=1e-2, rtol=0)


def test_a_stream_without_a_velocity_decodes_its_codes():
    model, stream, z = model_of(LONG, 0.0), small_stream(), model_of(LONG).noise(1, seed=0)
    theirs = stream.decode(stream.latents(z), length=4096)
    torch.testing.assert_close(model.decode(z), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("config", [CLIPS, NOTES, LONG], ids=["clips", "notes", "stream"])
def test_encode_leads_back_to_the_codes(config):
    model = model_of(config)
    x = 0.1 * torch.randn(2, model.audio.channels, 2048, generator=torch.Generator().manual_seed(1))
    found = model.encode_with_residual(x)
    assert (found.residual < 1e-5).all()
    y = model.representation.encode(x, model.condition.parse(None, 2))
    assert found.z.shape == y.shape and not torch.allclose(found.z.float(), y, atol=1e-3)


def test_codes_are_white_after_the_fit_and_come_back():
    codes = model_of(replace(CLIPS, autoencoder=replace(SPECTROGRAM, latent=3))).representation
    turn = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.1, 0.0], [1.0, 1.0, 0.0]])
    h = turn @ torch.randn(500, 3, 4, generator=torch.Generator().manual_seed(0)) + 5
    codes.fit(h, 10**9)
    y = codes.whitened(h)
    frames = y.transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(frames.T.cov(), torch.eye(3), atol=1e-2, rtol=0)
    torch.testing.assert_close(frames.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(codes.codes(y), h, atol=1e-4, rtol=0)


@pytest.mark.parametrize("config", [CLIPS, LONG], ids=["clips", "stream"])
def test_few_codes_lean_on_those_that_the_autoencoder_knows(config):
    """A third on 64 clips, against codes that are drawn from what the autoencoder says."""
    codes, inner = model_of(config).representation, model_of(config).part
    rng = torch.Generator().manual_seed(0)
    if config is CLIPS:
        inner.prior_mean[:] = torch.randn(2, 4, generator=rng)
        inner.prior_scale[:] = torch.randn(2, 4, 4, generator=rng).tril()
        noise = torch.randn(40000, 4, generator=rng)
        classes = torch.arange(40000) % 2
        known = inner.code_of_latent(noise, classes)
        codes.autoencoder = inner
    else:
        known = inner.code_of(torch.randn(1, 3, 40000, generator=rng))[0].T
    torch.testing.assert_close(codes.covariance().float(), known.T.cov(), atol=0.15, rtol=0.05)
    same = torch.ones(64, inner.latent.channels, 1)
    codes.fit(same, 64)
    covariance = codes.scale @ codes.scale.T
    torch.testing.assert_close(covariance, codes.covariance().float() / 3)


def test_the_density_of_a_code_is_exact():
    model = model_of(CLIPS, 0.0)
    x = 0.1 * torch.randn(2, 1, 4096, generator=torch.Generator().manual_seed(1))
    nats, error = model.representation_log_prob(x)
    y = model.representation.encode(x, model.condition.parse(None, 2))
    torch.testing.assert_close(nats.float(), normal_density(y).float())
    assert not error.any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heard_as": (0,)}, "2 indices of the autoencoder's 2 classes"),
        ({"heard_as": (0, 2)}, "heard_as"),
        ({"pitches": (40.0, 50.0)}, "pitches"),
    ],
)
def test_what_does_not_fit_the_autoencoder_is_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        replace(CLIPS, **changes)

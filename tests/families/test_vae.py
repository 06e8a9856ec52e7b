from dataclasses import replace

import pytest
import torch
from small_models import SPECTROGRAM

from dgm_audio.errors import ConfigError
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.testing import check_generator


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SpectrogramVAE(SPECTROGRAM).eval()


def codes(count=200):
    rng = torch.Generator().manual_seed(1)
    mixing = torch.randn(4, 4, generator=rng)
    mean = torch.randn(count, 4, generator=rng) @ mixing + torch.tensor([1.0, -2, 0, 3])
    return mean, torch.randn(count, 4, generator=rng) * 0.1 - 2, torch.arange(count) % 2


@torch.no_grad()
def test_a_sound_beyond_full_scale_is_lowered_and_not_clipped(model):
    z = model.noise(4, seed=0)
    plain = model.decode(z)
    assert float(plain.abs().max()) < 1
    model.head.project.bias[: model.head.bins] += 12
    loud = model.decode(z)
    assert loud.abs().amax((1, 2)).tolist() == pytest.approx([1] * 4)
    assert float((loud.abs() == 1).double().mean()) < 0.01  # one peak, no flat tops


def test_the_fitted_prior_makes_the_codes_standard_normal(model):
    """Mean 0 and covariance 1 of the aggregate posterior, within the shrinkage's 4 %."""
    mean, log_variance, labels = codes()
    model.fit_prior(mean, log_variance, labels)
    z = model.latent_of_code(mean, labels)
    spread = (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=torch.Generator())
    z_noisy = model.latent_of_code(mean + spread, labels)
    assert float(z.mean(0).abs().max()) < 1e-4
    torch.testing.assert_close(torch.cov(z_noisy.T), torch.eye(4), atol=0.1, rtol=0)
    torch.testing.assert_close(model.code_of_latent(z, labels), mean, atol=1e-4, rtol=1e-4)


def test_a_class_with_one_clip_and_one_without_get_a_usable_prior():
    model = SpectrogramVAE(SpectrogramConfig(classes=("a", "b", "c"), length=8192, latent=4))
    mean, log_variance, _ = codes(20)
    model.fit_prior(mean, log_variance, torch.tensor([0] * 19 + [1]))
    assert bool(torch.isfinite(model.prior_scale).all())
    torch.testing.assert_close(model.prior_mean[1], mean[19], atol=1e-5, rtol=1e-5)
    assert bool((model.prior_scale.diagonal(dim1=1, dim2=2) > 0).all())


def test_the_kl_to_the_prior_agrees_with_torch(model):
    mean, log_variance, labels = codes()
    model.fit_prior(mean, log_variance, labels)
    posterior = torch.distributions.MultivariateNormal(
        mean, scale_tril=torch.diag_embed((0.5 * log_variance).exp())
    )
    prior = torch.distributions.MultivariateNormal(
        model.prior_mean[labels], scale_tril=model.prior_scale[labels]
    )
    expected = torch.distributions.kl_divergence(posterior, prior)
    torch.testing.assert_close(
        model.prior_kl(mean, log_variance, labels), expected, rtol=1e-3, atol=1e-3
    )


def test_the_density_of_the_representation_is_normalised(model):
    """Each number of u has a Laplace density: it integrates to one."""
    u = torch.linspace(-60, 60, 24001)
    shape = (len(u), model.head.bins, 1)
    model.log_scale.data.fill_(0.3)
    with torch.no_grad():
        per_clip = model.log_density(u[:, None, None].expand(shape), torch.zeros(shape))
    one_number = per_clip / model.head.bins
    assert float(torch.trapezoid(one_number.exp(), u)) == pytest.approx(1, abs=1e-4)


def test_the_elbo_is_below_an_importance_estimate_of_the_likelihood(model):
    """log p(u) >= ELBO: with 500 importance samples the estimate must not be below its mean."""
    mean, log_variance, labels = codes()
    model.fit_prior(mean, log_variance, labels)
    x = 0.3 * torch.randn(1, 1, 4096, generator=torch.Generator().manual_seed(2)).clamp(-1, 1)
    with torch.no_grad():
        values = torch.stack([model.elbo(x, {"class": "a"}) for _ in range(64)])
        u = model.log_magnitude(x)
        mu, log_var = model.posterior(u)
        q = torch.distributions.Normal(mu, (0.5 * log_var).exp())
        p = torch.distributions.MultivariateNormal(
            model.prior_mean[:1], scale_tril=model.prior_scale[:1]
        )
        code = q.sample((500,))[:, 0]
        labels = torch.zeros(500, dtype=torch.long)
        expected = model.head.controls(model.frames(code, {"class": labels})).log_magnitude()
        weight = model.log_density(u, expected) + p.log_prob(code) - q.log_prob(code).sum(1)
        estimate = torch.logsumexp(weight, 0) - torch.log(torch.tensor(500.0))
    assert float(estimate) >= float(values.mean()) - 1e-2


@torch.no_grad()
def test_texture_is_white_and_differs_between_codes(model):
    noise = model.texture(torch.randn(64, 4, generator=torch.Generator().manual_seed(0)))
    assert float(noise.mean().abs()) < 0.02
    assert float(noise.var()) == pytest.approx(1, abs=0.05)
    power = torch.fft.rfft(noise).abs().square().mean(0)
    thirds = [float(part.mean()) for part in power.chunk(3)]
    assert max(thirds) / min(thirds) < 1.2
    correlation = torch.corrcoef(noise)
    assert float((correlation - torch.eye(64)).abs().mean()) < 0.2
    near = model.texture(torch.tensor([[0.0, 0, 0, 0], [1e-3, 0, 0, 0]]))
    assert float((near[0] - near[1]).abs().max()) < 0.1


def test_shorter_sounds_are_padded_and_give_a_full_code(model):
    x = 0.1 * torch.randn(2, 1, 1000)
    padded = torch.nn.functional.pad(x, (0, 3096))
    assert torch.equal(model.encode(x), model.encode(padded))


@pytest.mark.parametrize("length", [4000, 128])
def test_a_length_that_does_not_fit_the_frames_is_an_error(length):
    with pytest.raises(ConfigError, match="multiple of 16 hops"):
        SpectrogramVAE(SpectrogramConfig(length=length, hop=128, n_fft=256))


NOTES = replace(SPECTROGRAM, classes=("brass", "reed"), label="instrument", pitches=(40.0, 80.0))


@pytest.fixture
def notes():
    torch.manual_seed(0)
    return SpectrogramVAE(NOTES).eval()


def test_a_model_of_notes_keeps_the_contract(notes):
    assert list(notes.condition.fields) == ["instrument", "pitch"]
    check_generator(notes)


@torch.no_grad()
def test_the_pitch_moves_the_partials_and_nothing_else_has_to(notes):
    """A loud tonal part: the strongest partial is a multiple of the pitch that was asked for."""
    notes.head.project.bias[: notes.head.bins] = 0.5
    z = notes.noise(1, seed=0)
    for pitch in (48.0, 60.0, 71.5):
        x = notes.decode(z, {"pitch": pitch, "instrument": "reed"})[0, 0]
        spectrum = torch.fft.rfft(x * torch.hann_window(len(x))).abs()
        found = int(spectrum.argmax()) * 8000 / len(x)
        ratio = found / (440 * 2 ** ((pitch - 69) / 12))
        assert abs(ratio - round(ratio)) * found / ratio < 4  # Hz


@pytest.mark.parametrize("pitches", [(60.0,), (80.0, 40.0), (-1.0, 60.0)])
def test_a_wrong_range_of_pitches_is_named(pitches):
    with pytest.raises(ConfigError, match="it must be the lowest and the highest MIDI number"):
        SpectrogramVAE(replace(NOTES, pitches=pitches))


@pytest.mark.parametrize("label", ["", "a b", "<script>", "7th"])
def test_a_label_that_is_no_identifier_is_named(label):
    with pytest.raises(ConfigError, match=r"config\.label is .* it must be an identifier"):
        SpectrogramVAE(replace(NOTES, label=label))

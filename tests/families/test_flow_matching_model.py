"""A model that speaks: its latents, texts, paces, voices and densities."""

import pytest
import torch
from speaking import CONFIG, small_model

from dgm_audio.config import from_dict, to_dict
from dgm_audio.errors import ConfigError, InputError
from dgm_audio.families.flow_matching.config import FlowMatchingConfig, TextConfig
from dgm_audio.families.flow_matching.likelihood import normal_density
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.flow_matching.network import VelocityNetwork
from dgm_audio.families.flow_matching.ode import solve
from dgm_audio.testing import check_generator

SAID = {"text": "press two", "voice": "ada"}


@pytest.mark.parametrize(
    "changes",
    [{}, {"text": None}, {"guidance": 2.0, "steps": 2, "solver": "heun", "target": "endpoint"}],
    ids=["text", "no-condition", "guided-endpoints"],
)
def test_it_keeps_the_contract(changes):
    assert check_generator(small_model(**changes))


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun"])
def test_encode_leads_back_to_the_representation(solver):
    model = small_model(solver=solver, guidance=1.5)
    x = 0.1 * torch.randn(2, 1, 1280, generator=torch.Generator().manual_seed(1))
    found = model.encode_with_residual(x, SAID)
    assert (found.residual < 1e-5).all()
    y = model.representation.encode(x)
    z = model.encode(x, SAID)
    values = model.condition.parse(SAID, 2)
    again = solve(model.velocity(values, z), z.double(), model.times, solver)
    assert (again - y).norm() / y.norm() < 1e-3


def test_guidance_of_1_is_none():
    model, z = small_model(), small_model().noise(1, length=1280, seed=0)
    guided = small_model(guidance=1.0, guided=(0.2, 0.7))
    assert torch.equal(model.decode(z, SAID), guided.decode(z, SAID))
    stronger = small_model(guidance=3.0)
    assert not torch.equal(model.decode(z, SAID), stronger.decode(z, SAID))


def test_a_model_that_guides_itself_changes_nothing_and_a_weaker_one_does():
    model, z = small_model(), small_model().noise(1, length=1280, seed=0)
    plain = mel(model, z)
    assert torch.allclose(mel(model.guided_by(model, 3.0), z), plain, atol=1e-9)
    assert not torch.allclose(mel(model.guided_by(small_model(seed=1), 3.0), z), plain, atol=1e-3)
    with pytest.raises(InputError, match="same latents and conditions"):
        model.guided_by(small_model(text=None), 2.0)


def test_more_steps_converge():
    model, z = small_model(), small_model().noise(1, length=1280, seed=0)
    exact = mel(model.with_steps(256), z)
    errors = [float((mel(model.with_steps(n), z) - exact).norm()) for n in (4, 16, 64)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert model.config.steps == CONFIG.steps


@torch.no_grad()
def mel(model, z):
    """The frames y of latents."""
    values = model.condition.parse(SAID, len(z))
    return solve(model.velocity(values, z), z.double(), model.times, model.config.solver)


def test_a_text_finds_its_own_length():
    model = small_model()
    short, long = model.lengths({"text": ["two", "press two and then press one"]}, 2)
    assert 0 < short < long and short % model.latent.hop == 0
    assert model.sample(1, condition={"text": "two"}, seed=0).shape[2] == short
    assert model.lengths({"text": "two", "pace": 2.0})[0] < 0.7 * short
    assert model.lengths({"text": "two", "transpose": 2.0})[0] == short
    assert model.sample(1, seconds=0.5, condition={"text": "two"}, seed=0).shape[2] == 4000


def test_items_of_a_batch_end_when_their_text_ends():
    model = small_model()
    texts = {"text": ["two", "press two and then press one"], "voice": "bo"}
    both = model.sample(2, condition=texts, seed=3)
    short, long = model.lengths(texts, 2)
    assert both.shape[2] == long and not both[0, 0, short:].any()
    alone = model.sample(1, condition={"text": "two", "voice": "bo"}, seed=3)
    assert torch.equal(both[:1, :, :short], alone)


def test_voices_mix_and_languages_follow_them():
    model, z = small_model(), small_model().noise(1, length=1280, seed=0)
    known = model.condition.parse({"voice": "bo", "text": "dos"}, 1)
    assert known["language"].tolist() == [1]
    assert known["voice"].tolist() == [[0.0, 1.0]]
    ends = [model.decode(z, {**SAID, "language": "en", "voice": voice}) for voice in ("ada", "bo")]
    middle = model.decode(z, {**SAID, "language": "en", "voice": {"ada": 1, "bo": 1}})
    assert not any(torch.equal(middle, end) for end in ends)
    pure = model.decode(z, {**SAID, "language": "en", "voice": {"bo": 7}})
    assert torch.equal(pure, ends[1])


def test_what_cannot_be_said_is_named():
    model = small_model()
    with pytest.raises(InputError, match="'€'"):
        model.sample(1, condition={"text": "5 €", "language": "es"})
    with pytest.raises(InputError, match="ada, bo"):
        model.sample(1, condition={"voice": "carlo"})
    with pytest.raises(InputError, match="from 0 upwards"):
        model.sample(1, condition={"voice": {"ada": -1}})


def test_without_a_text_the_example_of_the_language_is_said():
    model = small_model()
    assert model.lengths(None, 2) == [
        *model.lengths({"text": "A ball.", "voice": "ada"}),
        *model.lengths({"text": "dos", "voice": "bo"}),
    ]


def test_a_given_text_is_in_the_language_of_the_first_voice():
    known = small_model().condition.parse({"text": "A ball."}, 3)
    assert known["voice"].argmax(1).tolist() == [0, 1, 0]
    assert known["language"].tolist() == [0, 0, 0]


def test_a_text_that_takes_too_long_is_refused():
    model = small_model(longest=8000)
    with pytest.raises(InputError, match="at most 1 s are said"):
        model.sample(1, condition={"text": "press two and then press one " * 4})


def test_the_density_is_that_of_the_representation():
    model = small_model(text=None)
    x = 0.1 * torch.randn(1, 1, 256, generator=torch.Generator().manual_seed(1))
    found = model.representation_log_prob(x, probes=16)
    assert 0 < found.error < 0.1 * found.nats.abs()
    for layer in model.field.network.leave.parameters():  # no velocity: y is the noise
        torch.nn.init.zeros_(layer)
    found = model.representation_log_prob(x)
    assert torch.allclose(found.nats, normal_density(model.representation.encode(x)))


def test_loud_frames_are_lowered_not_clipped():
    representation = small_model().representation
    y = representation.encode(0.7 * torch.sin(0.3 * torch.arange(2560.0))[None, None])
    for louder in (0, 0.3):
        x = representation.decode(y + louder, y, {}, 2560)
        assert 0.1 < x.abs().max() <= 1
        assert (x.abs() > 0.999 * x.abs().max()).sum() < 10  # no flat tops


def test_attention_reaches_its_window_only():
    torch.manual_seed(0)
    network = VelocityNetwork(3, 0, 4, 16, 1, patch=1, window=2)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    x, style = torch.randn(1, 3, 24), torch.zeros(1, 4)
    other = x.clone()
    other[:, :, 0] += 1
    moved = (network(x, torch.zeros(1), style) - network(other, torch.zeros(1), style)).abs()
    reached = moved.amax(1)[0] > 1e-6
    assert reached[:6].all() and not reached[6:].any()  # 2 by attention, 3 more by convolution


def test_padding_does_not_change_what_counts():
    torch.manual_seed(0)
    network = VelocityNetwork(3, 2, 4, 16, 2, patch=2, window=4)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    x, features, style = torch.randn(1, 3, 8), torch.randn(1, 2, 8), torch.randn(1, 4)
    t = torch.tensor([0.3])
    alone = network(x, t, style, features)
    more = torch.cat([x, torch.randn(1, 3, 6)], 2), torch.cat([features, torch.randn(1, 2, 6)], 2)
    valid = torch.arange(14)[None] < 8
    padded = network(more[0], t, style, more[1], valid)[:, :, :8]
    assert torch.allclose(alone, padded, atol=1e-5)


def test_a_config_survives_json_and_wrong_ones_are_named():
    assert from_dict(FlowMatchingConfig, to_dict(CONFIG)) == CONFIG
    with pytest.raises(ConfigError, match="exactly one says what is modelled"):
        FlowMatchingConfig(vocoder=None)
    with pytest.raises(ConfigError, match="two times"):
        FlowMatchingConfig(guided=(0.5, 0.5))
    with pytest.raises(ConfigError, match="native"):
        TextConfig(("a",), ("en",), ("ada", "bo"), (0,), ("a",))
    assert FlowMatching(FlowMatchingConfig()).latent.channels == 80

"""The sound of provenance is what the Python calls give, and does not depend on anything else."""

import pytest
import torch
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.apps.latents import pack, write_beside
from dgm_audio.apps.morph import point
from dgm_audio.apps.render import (
    check_provenance,
    end_of,
    item_conditions,
    latent_of,
    provenance_for,
    render,
)
from dgm_audio.errors import DgmAudioError, InputError
from dgm_audio.provenance import Provenance
from dgm_audio.specs import ConditionSpec, Frames

CONDITION = {"class": "high", "gain": 1.5}


@pytest.fixture
def flow():
    model = ToyFlow(ToyFlowConfig())
    model.name, model.weights_hash = "flow", "ab" * 32
    return model


@pytest.fixture
def factor():
    model = ToyFactor(ToyFactorConfig())
    model.name, model.weights_hash = "factor", "cd" * 32
    return model


def sample_provenance(model, **changes):
    values = {"seed": 7, "index": 2, "temperature": 0.5, "length": 30, "condition": CONDITION}
    return provenance_for(model, "flow", "sample", **(values | changes))


def test_sample_is_an_item_of_the_python_call(flow):
    batch = flow.sample(4, seconds=30 / 8000, condition=CONDITION, seed=7, temperature=0.5)
    for index in range(4):
        sound = render(flow, sample_provenance(flow, index=index))
        torch.testing.assert_close(sound, batch[index])


def test_interpolate_is_a_step_of_the_python_call(flow):
    ends = [flow.noise(1, seed=3), flow.noise(1, seed=5, first=4)]
    batch = flow.interpolate(*ends, 5, CONDITION)
    values = {"from": {"seed": 3, "index": 0}, "to": {"seed": 5, "index": 4}}
    values |= {"steps": 5, "length": flow.audio.length, "condition": CONDITION}
    for index in range(5):
        provenance = provenance_for(flow, "flow", "interpolate", **values, index=index)
        torch.testing.assert_close(render(flow, provenance), batch[index])


def test_decode_takes_latents_from_the_provenance_or_from_beside(factor, flow, tmp_path):
    z = factor.noise(1, seed=1)
    provenance = provenance_for(factor, "f", "decode", latents=pack(z, {}), length=20, condition={})
    with torch.no_grad():
        torch.testing.assert_close(render(factor, provenance), factor.decode(z, length=20)[0])
    many, beside = flow.noise(1, seed=1, length=1000), {}
    values = {"latents": pack(many, beside), "length": 1000, "condition": CONDITION}
    write_beside(beside, tmp_path)
    sound = render(flow, provenance_for(flow, "flow", "decode", **values), tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(sound, flow.decode(many, CONDITION, length=1000)[0])


def test_neither_threads_nor_the_way_of_provenance_through_json_matter(flow, monkeypatch):
    used, decode = [], flow._decode

    def watched(*arguments):
        used.append(torch.get_num_threads())
        return decode(*arguments)

    monkeypatch.setattr(flow, "_decode", watched)
    provenance = sample_provenance(flow, length=5000)
    expected = render(flow, provenance)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert render(flow, Provenance.from_json(provenance.to_json())).equal(expected)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert used == [1] * 4


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": None},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": "7"},
        {"seed": True},
        {"index": -1},
        {"index": 2**40},
        {"temperature": float("1e9")},
        {"temperature": None},
        {"length": 0},
        {"length": 10**12},
        {"length": "x" * 500},
        {"condition": None},
        {"condition": {"klass": "high"}},
        {"condition": {"class": "kick"}},
        {"condition": {"gain": [1, 2, 3]}},
    ],
)
def test_provenance_is_checked_like_any_input(flow, changes):
    with pytest.raises(InputError) as error:
        render(flow, sample_provenance(flow, **changes))
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"from": 3},
        {"from": {}},
        {"from": {"seed": 1}},
        {"to": {"shape": [4, 8], "float32": "!"}},
        {"to": {"shape": [4, 8], "float32": "AAAA"}},
        {"to": {"shape": "ab", "float32": ""}},
        {"steps": 1},
        {"steps": 10**9},
        {"index": 5},
    ],
)
def test_ends_are_checked(flow, changes):
    ends = {"from": {"seed": 3, "index": 0}, "to": {"seed": 5, "index": 4}}
    values = ends | {"steps": 5, "index": 0, "length": 32, "condition": {}} | changes
    with pytest.raises(InputError):
        render(flow, provenance_for(flow, "flow", "interpolate", **values))


def test_ends_of_different_lengths_are_refused(flow):
    short = pack(flow.noise(1, seed=0, length=8), {})
    values = {"from": {"seed": 3, "index": 0}, "to": short, "steps": 5, "index": 0}
    provenance = provenance_for(flow, "flow", "interpolate", **values, length=32, condition={})
    with pytest.raises(InputError, match=r"\(1, 4, 8\) and \(1, 4, 2\)"):
        render(flow, provenance)


def test_provenance_fits_its_weights_and_version_only(flow):
    provenance = sample_provenance(flow)
    check_provenance(flow, provenance)
    with pytest.raises(InputError, match=r"dgm_audio 0\.0\.1; this is"):
        check_provenance(flow, Provenance("flow", provenance.weights, "0.0.1", "sample"))
    with pytest.raises(InputError, match="weights 123456"):
        check_provenance(flow, Provenance("flow", "1234567890", provenance.version, "sample"))


def test_a_model_without_a_folder_has_no_provenance():
    with pytest.raises(InputError, match="weights hash"):
        sample_provenance(ToyFlow(ToyFlowConfig()))


def test_conditions_are_written_out_for_every_sound(flow):
    assert item_conditions(flow, {}, 3) == [
        {"class": "low", "gain": 1.0},
        {"class": "high", "gain": 1.0},
        {"class": "low", "gain": 1.0},
    ]
    assert item_conditions(flow, {"class": "1", "gain": "0.5"}, 1) == [
        {"class": "high", "gain": 0.5}
    ]
    assert item_conditions(flow, {"gain": 0.7}, 1)[0]["gain"] == 0.7  # as it was given
    flow.condition = ConditionSpec({"mel": Frames(80, 256)})
    with pytest.raises(InputError, match="frames"):
        item_conditions(flow, {}, 1)
    with pytest.raises(InputError, match="from Python"):
        item_conditions(flow, {"mel": torch.zeros(1, 80, 4)}, 1)


CORNERS = [{"seed": 3, "index": 0}, {"seed": 5, "index": 4, "temperature": 0.5}]


def morph_provenance(model, **changes):
    values = {"corners": CORNERS, "x": 0.25, "y": 0.0, "length": 30, "condition": CONDITION}
    return provenance_for(model, "flow", "morph", **(values | changes))


def test_morph_decodes_the_point_between_its_ends(flow):
    z = [flow.noise(1, length=30, seed=3)]
    z.append(flow.noise(1, length=30, seed=5, first=4, temperature=0.5))
    for corners, ends in ((CORNERS, z), ([*CORNERS, *CORNERS[::-1]], [*z, *z[::-1]])):
        provenance = morph_provenance(flow, corners=corners, y=0.75)
        expected = point(ends, 0.25, 0.75)
        assert latent_of(flow, provenance).equal(expected)
        with torch.no_grad():
            sound = flow.decode(expected, CONDITION, length=30)[0]
        torch.testing.assert_close(render(flow, provenance), sound)


@pytest.mark.parametrize(
    "changes",
    [
        {"corners": None},
        {"corners": CORNERS * 3},
        {"corners": [CORNERS[0], {"seed": 1}]},
        {"corners": [CORNERS[0], "7:1"]},
        {"corners": [CORNERS[0], {"shape": [], "float32": "AAAAAA=="}]},
        {"corners": [{"shape": [], "float32": "AAAAAA=="}] * 2},
        {"corners": [CORNERS[0], {"shape": [1, 1], "float32": "AAAAAA=="}]},
        {"corners": [CORNERS[0], {"shape": [4, 1], "float32": "AADAf" + "A" * 16 + "=="}]},
        {"corners": [CORNERS[0], {"file": "/etc/passwd", "sha256": ""}]},
        {"corners": [{"seed": 1, "index": 0, "temperature": float("nan")}] * 2},
        {"x": 1.5},
        {"y": float("nan")},
        {"x": "0"},
        {"length": -5},
        {"length": 10**12},
        {"condition": {"class": "kick"}},
    ],
)
def test_a_morph_is_checked(flow, changes):
    with pytest.raises(DgmAudioError) as error:
        render(flow, morph_provenance(flow, **changes))
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


def test_an_end_cannot_change_the_length(flow):
    sly = [{**end, "length": 10**7} for end in CORNERS]
    assert latent_of(flow, morph_provenance(flow, corners=sly)).shape == (1, 4, 8)


def test_every_sound_but_a_path_has_a_latent(flow, factor):
    provenance = sample_provenance(flow)
    z = flow.noise(1, length=30, seed=7, first=2, temperature=0.5)
    assert latent_of(flow, provenance).equal(z)
    values = {"from": CORNERS[0], "to": CORNERS[0], "steps": 3, "index": 0}
    between = provenance_for(flow, "f", "interpolate", **values, length=30, condition={})
    assert latent_of(flow, between).equal(flow.noise(1, length=30, seed=3))
    code = factor.noise(1, seed=1)
    given = provenance_for(factor, "f", "decode", latents=pack(code, {}), length=20, condition={})
    assert latent_of(factor, given).equal(code)
    with pytest.raises(InputError, match="'path' was put together from several"):
        latent_of(flow, provenance_for(flow, "flow", "path"))


def test_a_sound_becomes_an_end_of_others(flow, tmp_path):
    """The end of its own line is the sound itself."""
    many: dict[str, torch.Tensor] = {}

    several = [
        sample_provenance(flow),
        sample_provenance(flow, temperature=1),
        morph_provenance(flow),
        sample_provenance(flow, length=600),
        morph_provenance(flow, length=600),
    ]
    ends = [end_of(flow, provenance, many) for provenance in several]
    assert ends[:2] == [{"seed": 7, "index": 2, "temperature": 0.5}, {"seed": 7, "index": 2}]
    assert set(ends[2]) == {"shape", "float32"} and set(ends[4]) == {"file", "sha256"}
    assert list(many) == [ends[4]["file"]]
    write_beside(many, tmp_path)
    for end, provenance in zip(ends, several, strict=True):
        length = provenance.parameters["length"]
        again = morph_provenance(flow, corners=[CORNERS[0], end], x=1.0, length=length)
        assert render(flow, again, tmp_path).equal(render(flow, provenance))
    with pytest.raises(InputError, match="several"):
        end_of(flow, provenance_for(flow, "flow", "path"), {})

"""The conformance suite: sound models pass, and every check can fail."""

from dataclasses import replace

import pytest
import torch
from mutants import (
    MUTANTS,
    Boastful,
    CoolHead,
    IdleWeight,
    NoJacobian,
    OtherDefault,
    Restless,
    broken,
)
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.errors import ConformanceError, InputError
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.testing import CHECKS, check_generator


def flow(**config: object) -> ToyFlow:
    return ToyFlow(replace(ToyFlowConfig(), **config))


GOOD = {
    "stream": flow,
    "sample by sample": lambda: flow(hop=1),
    "one code per clip": lambda: flow(streams=False),
    "factor": lambda: ToyFactor(ToyFactorConfig()),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_sound_model_passes_and_what_it_lacks_is_skipped_with_a_reason(name: str) -> None:
    results = check_generator(GOOD[name]())
    assert [result.name for result in results] == list(CHECKS)
    skipped = {result.name: result.detail for result in results if result.outcome == "skipped"}
    lacking = {"registry", "stream"} | ({"condition"} if name == "factor" else {"elbo"})
    assert set(skipped) == lacking and all(skipped.values())


def test_every_check_has_a_mutant() -> None:
    assert list(MUTANTS) == list(CHECKS)


@pytest.mark.parametrize(
    ("check", "kind"), [(check, kind) for check, kinds in MUTANTS.items() for kind in kinds]
)
def test_every_check_can_fail(check: str, kind: type[AudioGenerator]) -> None:
    with pytest.raises(ConformanceError, match=f"{kind.family}: {check}: ") as error:
        check_generator(broken(kind)(), only=[check])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [CoolHead, OtherDefault, IdleWeight, NoJacobian, Boastful])
def test_a_fault_is_reported_by_its_own_check_only(kind: type[AudioGenerator]) -> None:
    results = check_generator(broken(kind)(), raise_on_failure=False)
    failed = [result.name for result in results if result.outcome == "failed"]
    assert failed == [check for check, kinds in MUTANTS.items() if kind in kinds]
    assert len(results) == len(CHECKS)


def test_an_encoder_can_be_held_to_an_error() -> None:
    model = ToyFactor(ToyFactorConfig())
    (result,) = check_generator(model, only=["encode"])
    error = float(result.detail.rpartition(" ")[2])
    assert 0 < error < 0.1
    check_generator(model, only=["encode"], encode_error=1.1 * error)
    with pytest.raises(ConformanceError, match="differs from x by"):
        check_generator(model, only=["encode"], encode_error=0.9 * error)


def test_the_tolerance_decides() -> None:
    with pytest.raises(ConformanceError):
        check_generator(broken(Restless)(), only=["same_seed"])
    check_generator(broken(Restless)(), only=["same_seed"], tolerance=0.05)


def test_the_model_is_left_as_it_was() -> None:
    model = flow().train().requires_grad_(False)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    check_generator(model)
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_masses_of_a_discrete_model_must_sum_to_one() -> None:
    torch.manual_seed(0)
    sizes = {"width": 16, "skip": 16, "depth": 2, "levels": 15, "components": 2}
    discrete = WaveNet(WaveNetConfig(**sizes, output="logistics"))
    with torch.no_grad():  # every symbol is likely, however far from the expected one
        discrete.network.head.bias[4:] = -5.0
    (result,) = check_generator(discrete, only=["log_prob_is_exact"])
    assert (
        result.outcome == "passed" and "13 values" in result.detail
    )  # two at each end clip to one
    exact = discrete.log_prob
    discrete.log_prob = lambda x, c=None: exact(x, c) - 0.1  # type: ignore[method-assign]
    with pytest.raises(ConformanceError, match="but decode makes them"):
        check_generator(discrete, only=["log_prob_is_exact"])
    density = flow(hop=1)
    density.audio = replace(density.audio, levels=256)
    with pytest.raises(ConformanceError, match=r"audio\.levels is 256"):
        check_generator(density, only=["log_prob_is_exact"])


def test_large_clips_are_not_called_exact_unverified() -> None:
    results = check_generator(ToyFactor(ToyFactorConfig(length=1024)), only=["log_prob_is_exact"])
    assert results[0].outcome == "passed"
    wide = ToyFactor(ToyFactorConfig(length=1024))
    wide.audio = replace(wide.audio, channels=2)
    results = check_generator(wide, only=["log_prob_is_exact"])
    assert results[0].outcome == "skipped" and "not verified" in results[0].detail


def test_unknown_checks_are_refused() -> None:
    with pytest.raises(InputError, match="there is no check 'shapes'; there are description"):
        check_generator(flow(), only=["shapes"])


def test_every_check_says_what_it_checks() -> None:
    assert all((check.__doc__ or "").strip().endswith(".") for check in CHECKS.values())

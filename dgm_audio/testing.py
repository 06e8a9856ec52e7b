"""The conformance suite: what must be true of every generator, one named check per property.

Plugins run it in their own tests:

    from dgm_audio.testing import check_generator

    def test_my_generator():
        check_generator(MyGenerator(MyConfig()))

Weights may be random: nothing here judges how a model sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from dgm_audio._conformance import learning, likelihood, misuse, sampling, surroundings
from dgm_audio._conformance.subject import NotApplicable, Subject
from dgm_audio.errors import ConformanceError, InputError
from dgm_audio.generator import AudioGenerator

CHECKS: dict[str, Callable[[Subject], str | None]] = {
    "description": learning.check_description,
    "registry": learning.check_registry,
    "shape": sampling.check_shape,
    "seed_and_index": sampling.check_seed_and_index,
    "same_seed": sampling.check_same_seed,
    "sample_is_decode": sampling.check_sample_is_decode,
    "interpolation": sampling.check_interpolation,
    "batch_independence": sampling.check_batch_independence,
    "stream": sampling.check_stream,
    "condition": sampling.check_condition,
    "no_side_effects": sampling.check_no_side_effects,
    "errors": misuse.check_errors,
    "precision": sampling.check_precision,
    "threads": surroundings.check_threads,
    "torch_defaults": surroundings.check_torch_defaults,
    "gradients": learning.check_gradients,
    "input_gradients": learning.check_input_gradients,
    "encode": likelihood.check_encode,
    "log_prob": likelihood.check_log_prob,
    "log_prob_is_exact": likelihood.check_log_prob_is_exact,
    "elbo": likelihood.check_elbo,
    "save_and_load": learning.check_save_and_load,
}
"""Name -> check, in the order in which they run. The docstring of each states the property."""


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check; `detail` says what failed, why it was skipped, or what was measured."""

    name: str
    outcome: Literal["passed", "skipped", "failed"]
    detail: str = ""


def check_generator(
    model: AudioGenerator,
    *,
    tolerance: float = 1e-4,
    encode_error: float | None = None,
    only: Iterable[str] | None = None,
    raise_on_failure: bool = True,
) -> list[CheckResult]:
    """Check that a model keeps the contract of `AudioGenerator`.

    Short clips and batches of at most three are used where the model permits. A check of something
    that the model does not have is reported as skipped, with the reason, never as passed. The
    model is checked in evaluation mode and left as it was.

    Args:
        model: any generator, trained or not, on any device.
        tolerance: allowed absolute difference of audio in [-1, 1] where two ways must agree; sums
            in another order differ by rounding.
        encode_error: allowed relative error of decode(encode(x)) for models whose latents are
            smaller than the audio; None: it is reported only.
        only: names out of `CHECKS`; None runs all.
        raise_on_failure: raise at the first failure; otherwise all results are returned.

    Returns:
        One result per check, in order.

    Raises:
        ConformanceError: names the model's family, the check, and what was found.
        InputError: if a name in `only` is unknown.
    """
    names = list(CHECKS) if only is None else list(only)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise InputError(f"there is no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    training = model.training
    model.eval()
    try:
        results = []
        for name in names:
            result = _run(name, Subject(model, tolerance, encode_error))
            if raise_on_failure and result.outcome == "failed":
                raise ConformanceError(f"{model.family}: {name}: {result.detail}")
            results.append(result)
        return results
    finally:
        model.train(training)


def _run(name: str, subject: Subject) -> CheckResult:
    try:
        return CheckResult(name, "passed", CHECKS[name](subject) or "")
    except NotApplicable as reason:
        return CheckResult(name, "skipped", str(reason))
    except ConformanceError as error:
        return CheckResult(name, "failed", str(error))
    except Exception as error:  # a broken model may raise anything, and that is its failure
        reason = (str(error).strip().splitlines() or [""])[0]
        return CheckResult(name, "failed", f"{type(error).__name__}: {reason}")

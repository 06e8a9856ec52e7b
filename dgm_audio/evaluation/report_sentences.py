"""What the figures mean for a listener, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dgm_audio.evaluation.listening import ALL, MUSIC, NOTES, ONE_SHOTS

MOSTLY = 0.7
"""Where reconstructions are told from recordings by this share of what samples are (AUC - 0.5), the
decoder is the main cause."""
NEAR_CHANCE = 0.6
"""Below this AUC there is too little difference to name a cause."""


def sentences(report: Mapping[str, Any]) -> list[str]:
    """Sentences on the figures of a report: those on unseen groups, or else on test clips."""
    suffix = "_unseen" if "reference_unseen" in report["counts"] else ""
    parts = (_two_sample, _distances, _listening, _labels, _bits)
    return [line for part in parts for line in part(report, suffix)]


def _two_sample(report: Mapping[str, Any], suffix: str) -> Iterator[str]:
    auc = report.get("two_sample_auc" + suffix)
    again = report.get("two_sample_auc_reconstruction" + suffix)
    if auc is None:
        return
    yield (
        f"Of a sound of the model and a recording, a classifier picks the recording {_times(auc)} "
        "(by chance: 50)."
    )
    if again is None:
        return
    line = f"Of a recording and its own reconstruction it picks the recording {_times(again)}"
    if auc < NEAR_CHANCE:
        yield line + "."
    elif again - 0.5 >= MOSTLY * (auc - 0.5):
        yield line + ": what gives the sounds away is mostly the decoder."
    else:
        yield line + ": what gives the sounds away is mostly the latents drawn, not the decoder."


def _distances(report: Mapping[str, Any], suffix: str) -> Iterator[str]:
    shares = {name: report.get(f"mmd_{name}_closed{suffix}") for name in ("texture", "scattering")}
    known = [f"{share:.0%} by {name}" for name, share in shares.items() if share is not None]
    if known:
        yield (
            f"On the way from noise (0%) to real training clips (100%) it has come "
            f"{' and '.join(known)} statistics."
        )


def _listening(report: Mapping[str, Any], suffix: str) -> Iterator[str]:
    """The listening measures whose interval lies apart from that of real clips."""
    names = []
    for one in (*ALL, *ONE_SHOTS, *NOTES, *MUSIC):
        ends = [report["ci"].get(one.key + end + suffix) for end in ("", "_real")]
        made, real = report.get(one.key + suffix), report.get(f"{one.key}_real{suffix}")
        if made is None or real is None or None in ends:
            continue
        if ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]:
            continue
        names.append(f"{one.title} ({_short(made)}, real {_short(real)})")
    if names:
        yield f"A listener may notice: {'; '.join(names)}."


def _labels(report: Mapping[str, Any], suffix: str) -> Iterator[str]:
    made, real, noise = (
        report.get("label_accuracy" + end + suffix) for end in ("", "_real", "_floor")
    )
    if None not in (made, real, noise):
        yield (
            f"A label classifier recognises the class of {made:.0%} of the sounds, {real:.0%} of "
            f"the recordings, and {noise:.0%} of mere noise with the mean spectrum of a class: low "
            "label accuracy shows sounds of a wrong class; high accuracy proves no quality."
        )


def _bits(report: Mapping[str, Any], suffix: str) -> Iterator[str]:
    bits, linear = (
        report.get(key + suffix) for key in ("bits_per_sample", "bits_per_sample_linear")
    )
    if bits is not None and linear is not None:
        yield (
            f"It needs {bits:.2f} bits per sample of real sound, and linear prediction, which "
            f"learns nothing, {linear:.2f}: the fewer, the better it predicts real sound."
        )


def _times(auc: float) -> str:
    return f"{100 * auc:.0f} of 100 times"


def _short(value: float) -> str:
    """Three significant places; what is below 1e-5 is 0.

    >>> _short(2e-7), _short(0.01234), _short(12.345), _short(456.7)
    ('0', '0.0123', '12.3', '457')
    """
    return f"{value if abs(value) >= 1e-5 else 0.0:.3g}"

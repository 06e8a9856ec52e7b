"""The report as a text table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROWS = (
    # figure, its title, what stands in the place of the ceiling, which direction is better
    ("label_accuracy", "label accuracy", "_real", "as real"),
    ("kernel_distance", "kernel distance", "_ceiling", "lower"),
    ("distance_closed", "distance closed (0 floor, 1 ceiling)", "", "higher"),
    ("frechet_distance", "Frechet distance", "_ceiling", "lower"),
    ("two_sample_auc", "two-sample AUC (0.5: cannot tell)", "_ceiling", "lower"),
    ("precision", "precision", "_ceiling", "higher"),
    ("recall", "recall", "_ceiling", "higher"),
    ("density", "density", "_ceiling", "higher"),
    ("coverage", "coverage", "_ceiling", "higher"),
    ("copy_score", "dB to the nearest training clip", "_real", "not below"),
    ("copied_share", "share nearer than 95 % of real clips", "", "0.05"),
    ("in_tune", "share of notes within 50 cents", "_real", "higher"),
    ("reconstruction_db", "reconstruction error in dB", "", "lower"),
    ("stft_distance", "STFT distance (floor: Opus, 16 kbit/s)", "_identity", "lower"),
    ("bits_per_sample", "bits per sample", "", "lower"),
    ("bits_per_sample_linear", "bits of linear prediction alone", "", "above"),
    ("bits_below_linear", "share of bits below linear prediction", "", "higher"),
    ("bits_below_markov", "share of bits below the Markov chain", "", "higher"),
)
_FLOORS = {
    "reconstruction_db": "_class_mean",
    "stft_distance": "_opus",
    "bits_per_sample": "_markov",
}
_LINE = "{:<38}{:>9}  {:<18}{:>9}{:>9}  {}"


def table(report: Mapping[str, Any]) -> str:
    """Lines of text for a report of `evaluate`.

    The ceiling column holds training clips against the same reference; for label accuracy and
    nearest training clip, the real clips of the reference. The floor of the reconstruction is the
    class-mean clip, that of the bits an order-1 Markov chain (a model should also need fewer than
    linear prediction alone, which learns nothing); beside the STFT distance of a live
    model stand that of Opus and that of the sound itself.
    """
    counts = report["counts"]
    lines = []
    for suffix, where in (("", "held-out clips"), ("_unseen", "clips of unseen groups")):
        if "reference" + suffix not in counts:
            continue
        real, sounds = counts["reference" + suffix], counts[f"reference{suffix}_sounds"]
        made = f"{counts['model' + suffix]} generated" if "model" + suffix in counts else "encoded"
        lines += ["", f"{made} against {real} {where} ({sounds} different sounds)"]
        lines.append(
            _LINE.format("", "model", "95 % interval", "floor", "ceiling", "better").rstrip()
        )
        rows = (_row(report, suffix, *row) for row in ROWS)
        lines += [row for row in rows if row]
    closed = report["reconstruction_closed"]
    if closed is not None:
        lines += ["", f"reconstruction closed (0 class-mean clip, 1 perfect): {closed:.3f}"]
    lines += ["", *report["notes"]]
    lines.append(
        "Such figures follow listening poorly (Vinay and Lerch, 2022): look and listen, too."
    )
    return "\n".join(lines).strip("\n")


def _row(
    report: Mapping[str, Any], suffix: str, key: str, title: str, top: str, better: str
) -> str | None:
    value = report.get(key + suffix)
    if value is None:
        return None
    interval = report["ci"].get(key + suffix)
    low_high = f"[{_number(interval[0])}, {_number(interval[1])}]" if interval else ""
    floor_value = _number(report.get(key + _FLOORS.get(key, "_floor") + suffix))
    ceiling = _number(report.get(key + top + suffix)) if top else ""
    return _LINE.format(title, _number(value), low_high, floor_value, ceiling, better)


def _number(value: float | None) -> str:
    """Four significant places at most, three behind the point.

    >>> _number(0.01234), _number(12.345), _number(123.4), _number(None)
    ('0.0123', '12.35', '123.4', '')
    """
    if value is None:
        return ""
    size = abs(value)
    places = 4 if size < 0.1 else 3 if size < 10 else 2 if size < 100 else 1
    return f"{value:.{places}f}"

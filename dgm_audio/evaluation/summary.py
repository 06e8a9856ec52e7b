"""The report as a text table, and in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from dgm_audio.evaluation.listening import ALL, MUSIC, NOTES, ONE_SHOTS
from dgm_audio.evaluation.plain import in_words
from dgm_audio.evaluation.scale import TITLES

HEADLINE = (
    ("mmd_texture_closed", "share of MMD closed, texture"),
    ("mmd_scattering_closed", "share of MMD closed, scattering"),
    ("two_sample_auc", "two-sample AUC of samples"),
    ("two_sample_auc_reconstruction", "two-sample AUC of reconstructions"),
    ("bits_per_sample", "bits per sample"),
)
ROWS = (
    # figure, its title, what stands in the place of the ceiling, which direction is better
    ("mmd_texture", "MMD, texture", "_ceiling", "lower"),
    ("mmd_texture_closed", "  closed (0 floor, 1 ceiling)", "", "higher"),
    ("mmd_scattering", "MMD, scattering", "_ceiling", "lower"),
    ("mmd_scattering_closed", "  closed (0 floor, 1 ceiling)", "", "higher"),
    ("frechet_distance", "Frechet distance, texture", "_ceiling", "lower"),
    ("two_sample_auc", "two-sample AUC, samples", "_ceiling", "0.5"),
    ("two_sample_auc_reconstruction", "two-sample AUC, reconstructions", "", "0.5"),
    ("precision", "precision", "_ceiling", "higher"),
    ("recall", "recall", "_ceiling", "higher"),
    ("density", "density", "_ceiling", "higher"),
    ("coverage", "coverage", "_ceiling", "higher"),
    ("copy_score", "dB to the nearest training clip", "_real", "not below"),
    ("copied_share", "share nearer than 95 % of real clips", "", "0.05"),
    ("label_accuracy", "label accuracy", "_real", "as real"),
    ("in_tune", "share of notes within 50 cents", "_real", "higher"),
    ("reconstruction_db", "reconstruction error in dB", "", "lower"),
    ("reconstruction_closed", "  closed (0 class-mean clip, 1 perfect)", "", "higher"),
    ("stft_distance", "STFT distance (floor: Opus, 16 kbit/s)", "_identity", "lower"),
    ("bits_per_sample", "bits per sample (floor: Markov chain)", "", "lower"),
    ("bits_per_sample_linear", "  of linear prediction alone", "", ""),
    ("bits_below_markov", "  share below the Markov chain", "", "higher"),
    ("bits_below_linear", "  share below linear prediction", "", "higher"),
)
_FLOORS = {
    "reconstruction_db": "_class_mean",
    "stft_distance": "_opus",
    "bits_per_sample": "_markov",
}
_WHERE = (("", "test clips"), ("_unseen", "clips of unseen groups"))
_LINE = "{:<40}{:>8}  {:<18}{:>8}{:>9}  {}"
_WIDTH = 100
_PAIR = "{:<40}{:>8}  {:<18}{:>8}  {:<18}"


def table(report: Mapping[str, Any]) -> str:
    """Lines of text for a report of `evaluate`.

    The headline has the test figures beside those on unseen groups. The ceiling column holds
    training clips against the same reference; for label accuracy and nearest training clip, the
    real clips of the reference. The floor of the reconstruction is the class-mean clip, that of the
    bits an order-1 Markov chain; beside the STFT distance of a live model stand that of Opus and
    that of the sound itself. What listeners notice stands beside the same of real clips.
    """
    where = [(end, name) for end, name in _WHERE if "reference" + end in report["counts"]]
    lines = [_PAIR.format("", *(cell for _, name in where for cell in (_short(name), "95 %")),
                          *[""] * (4 - 2 * len(where))).rstrip()]  # fmt: skip
    lines += _pairs(report, HEADLINE, [end for end, _ in where])
    lines += ["", *_wrapped(in_words(report)), "", *_scale(report)]
    for suffix, name in where:
        lines += ["", *_details(report, suffix, name)]
    lines += ["", *_classes(report), *_wrapped(report["notes"])]
    return "\n".join(lines).strip("\n")


def _wrapped(sentences: Iterable[str]) -> list[str]:
    return [line for one in sentences for line in wrap(one, _WIDTH, subsequent_indent="  ")]


def _short(name: str) -> str:
    return name.removesuffix(" clips").removeprefix("clips of ").removesuffix(" groups")


def _pairs(
    report: Mapping[str, Any], rows: tuple[tuple[str, str], ...], ends: list[str]
) -> list[str]:
    """A line for each figure that there is: its values, with intervals, by the ends of its name."""
    lines = []
    for key, title in rows:
        if report.get(key + ends[0]) is not None:
            cells = [cell for end in ends for cell in (number(report.get(key + end)),
                                                       _interval(report, key + end))]  # fmt: skip
            lines.append(_PAIR.format(title, *cells, *[""] * (4 - len(cells))).rstrip())
    return lines


def _details(report: Mapping[str, Any], suffix: str, where: str) -> list[str]:
    counts = report["counts"]
    real, sounds = counts["reference" + suffix], counts[f"reference{suffix}_sounds"]
    made = f"{counts['model' + suffix]} generated"
    head = _LINE.format("", "model", "95 %", "floor", "ceiling", "better").rstrip()
    rows = (_row(report, suffix, *row) for row in ROWS)
    heard = tuple((one.key, one.title) for one in (*ALL, *ONE_SHOTS, *NOTES, *MUSIC))
    beside = [key + suffix for key, _ in heard if report.get(f"{key}{suffix}") is not None]
    lines = [f"{made} against {real} {where} ({sounds} different sounds)", head]
    lines += [row for row in rows if row]
    if beside:
        lines += [
            "",
            _PAIR.format("what listeners notice", "model", "95 %", "real", "95 %").rstrip(),
        ]
        lines += [line for key, title in heard
                  for line in _pairs(_beside(report, key, suffix), ((key, title),),
                                     ["", "_real"])]  # fmt: skip
    return lines


def _beside(report: Mapping[str, Any], key: str, suffix: str) -> dict[str, Any]:
    """One figure and that of real clips, without the suffix."""
    ends = {end: key + end + suffix for end in ("", "_real")}
    intervals = {key + end: report["ci"][name] for end, name in ends.items()
                 if name in report["ci"]}  # fmt: skip
    return {key + end: report.get(name) for end, name in ends.items()} | {"ci": intervals}


def _scale(report: Mapping[str, Any]) -> list[str]:
    """What an AUC means, by recordings that were changed in known ways."""
    lines = []
    for name, found in report["scale"].items():
        low, high = (number(end) for end in found["ci"])
        lines.append(_PAIR.format(f"  {TITLES[name]}", number(found["auc"]), f"[{low}, {high}]",
                                  "", "").rstrip())  # fmt: skip
    return ["the scale: the same AUC of recordings with", *lines] if lines else []


def _classes(report: Mapping[str, Any]) -> list[str]:
    """The two-sample test within each class: of samples, and of reconstructions."""
    key, lines = "two_sample_auc", []
    ends = [end for end in ("_unseen", "") if any(key + end in row for row in
                                                  report["per_class"].values())]  # fmt: skip
    for name, row in report["per_class"].items() if ends else ():
        end = ends[0]
        flat = {f"{name}{part}": row.get(key + part + end) for part in ("", "_reconstruction")}
        intervals = {f"{name}{part}": row.get(f"{key}{part}{end}_ci")
                     for part in ("", "_reconstruction")}  # fmt: skip
        flat["ci"] = {key: ends for key, ends in intervals.items() if ends}
        lines += _pairs(flat, ((name, name),), ["", "_reconstruction"])
    if not lines:
        return []
    where = "clips of unseen groups" if ends[0] else "test clips"
    head = _PAIR.format(f"AUC within classes, {where}", "samples", "95 %", "recon.", "95 %")
    return [head.rstrip(), *lines, ""]


def _row(
    report: Mapping[str, Any], suffix: str, key: str, title: str, top: str, better: str
) -> str | None:
    value = report.get(key + suffix)
    if value is None:
        return None
    floor_value = number(report.get(key + _FLOORS.get(key, "_floor") + suffix))
    ceiling = number(report.get(key + top + suffix)) if top else ""
    interval = _interval(report, key + suffix)
    return _LINE.format(title, number(value), interval, floor_value, ceiling, better).rstrip()


def _interval(report: Mapping[str, Any], name: str) -> str:
    ends = report["ci"].get(name)
    return f"[{number(ends[0])}, {number(ends[1])}]" if ends else ""


def number(value: float | None) -> str:
    """Four significant places at most, three behind the point.

    >>> number(0.01234), number(12.345), number(123.4), number(None)
    ('0.0123', '12.35', '123.4', '')
    """
    if value is None:
        return ""
    size = abs(value)
    places = 4 if 0 < size < 0.1 else 3 if size < 10 else 2 if size < 100 else 1
    return f"{value:.{places}f}"

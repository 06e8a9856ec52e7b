"""The report as a text table, and in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from dgm_audio.evaluation.auc_scale import TITLES
from dgm_audio.evaluation.listening import ALL, MUSIC, NOTES, ONE_SHOTS
from dgm_audio.evaluation.report_sentences import sentences

HEADLINE = (
    ("mmd_texture_closed", "MMD score, texture (0 noise, 1 real)"),
    ("mmd_scattering_closed", "MMD score, scattering (0 noise, 1 real)"),
    ("two_sample_auc", "two-sample AUC, samples"),
    ("two_sample_auc_reconstruction", "two-sample AUC, reconstructions"),
    ("bits_per_sample", "bits per sample"),
)
ROWS = (
    # figure, its title, the end of the key in the column "real", which direction is better
    ("mmd_texture", "MMD, texture", "_ceiling", "lower"),
    ("mmd_texture_closed", "  as a score (0 baseline, 1 real)", "", "higher"),
    ("mmd_scattering", "MMD, scattering", "_ceiling", "lower"),
    ("mmd_scattering_closed", "  as a score (0 baseline, 1 real)", "", "higher"),
    ("frechet_distance", "Frechet distance, texture", "_ceiling", "lower"),
    ("two_sample_auc", "two-sample AUC, samples", "_ceiling", "0.5"),
    ("two_sample_auc_reconstruction", "two-sample AUC, reconstructions", "", "0.5"),
    ("precision", "precision", "_ceiling", "higher"),
    ("recall", "recall", "_ceiling", "higher"),
    ("density", "density", "_ceiling", "higher"),
    ("coverage", "coverage", "_ceiling", "higher"),
    ("copy_score", "distance to nearest training clip, dB", "_real", "as real"),
    ("copied_share", "near copies of training clips, share", "", "0.05"),
    ("label_accuracy", "label accuracy", "_real", "as real"),
    ("in_tune", "in tune (within 50 cents), share", "_real", "higher"),
    ("reconstruction_db", "reconstruction error, dB", "", "lower"),
    ("reconstruction_closed", "  as a score (0 baseline, 1 perfect)", "", "higher"),
    ("stft_distance", "STFT distance", "_identity", "lower"),
    ("bits_per_sample", "bits per sample", "", "lower"),
    ("bits_per_sample_linear", "  of linear prediction", "", ""),
    ("bits_below_markov", "  saved against a Markov chain, share", "", "higher"),
    ("bits_below_linear", "  saved against linear prediction, share", "", "higher"),
)
_BASELINES = {
    "reconstruction_db": "_class_mean",
    "stft_distance": "_opus",
    "bits_per_sample": "_markov",
}
_OF_SCALE = (
    "A model's AUC near one of these means that its sounds are about as easy to tell from "
    "recordings as that change is; 0.5 is chance."
)
_OF_COLUMNS = (
    "'test' are new clips of known groups (kits, instruments, voices), 'unseen' clips of groups "
    "that training never met."
)
_OF_DETAILS = (
    "The nearer the model is to 'real', the harder its sounds are to tell from recordings. The "
    "baseline has learned nothing:"
)
_BASELINE_WORDS = {
    "mmd_texture": "noise with the mean spectrum of each class",
    "reconstruction_db": "for the reconstruction error, the class-mean clip",
    "stft_distance": "for the STFT distance, Opus at 16 kbit/s",
    "bits_per_sample": "for the bits, a Markov chain",
}
_OF_MEASURES = (
    "Where the two intervals lie apart, a listener may notice the difference from recordings."
)
_OF_CLASSES = (
    "Sounds of a class near 0.5 pass for recordings; near 1 they are told from recordings nearly "
    "every time."
)
_WHERE = (("", "test clips"), ("_unseen", "clips of unseen groups"))
_LINE = "{:<40}{:>8}  {:<18}{:>8}{:>9}  {}"
_WIDTH = 100
_PAIR = "{:<40}{:>8}  {:<18}{:>8}  {:<18}"


def table(report: Mapping[str, Any]) -> str:
    """Lines of text for a report of `evaluate`; a sentence under each table says what it means.

    The headline has the figures on test clips beside those on unseen groups. The column "baseline"
    holds noise with the mean spectrogram of each class; for the reconstruction error the class-mean
    clip, for the STFT distance Opus at 16 kbit/s, for the bits an order-1 Markov chain. The column
    "real" holds training clips against the same reference, the best that a model can be expected to
    reach; for label accuracy, tuning and distance to the nearest training clip the real clips of
    the reference, for the STFT distance the recording itself.
    """
    where = [(end, name) for end, name in _WHERE if "reference" + end in report["counts"]]
    lines = [_PAIR.format("", *(cell for _, name in where for cell in (_short(name), "95 % CI")),
                          *[""] * (4 - 2 * len(where))).rstrip()]  # fmt: skip
    lines += _pairs(report, HEADLINE, [end for end, _ in where])
    lines += ["", *_wrapped([_OF_COLUMNS] if len(where) > 1 else []), *_wrapped(sentences(report))]
    lines += ["", *_scale(report)]
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
    head = _LINE.format("", "model", "95 % CI", "baseline", "real", "better").rstrip()
    rows = (_row(report, suffix, *row) for row in ROWS)
    measures = tuple((one.key, one.title) for one in (*ALL, *ONE_SHOTS, *NOTES, *MUSIC))
    beside = [key + suffix for key, _ in measures if report.get(f"{key}{suffix}") is not None]
    lines = [f"{made} against {real} {where} ({sounds} different, near copies counted once)", head]
    lines += [row for row in rows if row]
    known = [
        words for key, words in _BASELINE_WORDS.items() if report.get(key + suffix) is not None
    ]
    lines += _wrapped([f"{_OF_DETAILS} {'; '.join(known)}."] if known else [])
    if beside:
        lines += [
            "",
            _PAIR.format("what listeners notice", "model", "95 % CI", "real", "95 % CI").rstrip(),
        ]
        lines += [line for key, title in measures
                  for line in _pairs(_beside(report, key, suffix), ((key, title),),
                                     ["", "_real"])]  # fmt: skip
        lines += _wrapped([_OF_MEASURES])
    return lines


def _beside(report: Mapping[str, Any], key: str, suffix: str) -> dict[str, Any]:
    """One figure and that of real clips, without the suffix."""
    ends = {end: key + end + suffix for end in ("", "_real")}
    intervals = {key + end: report["ci"][name] for end, name in ends.items()
                 if name in report["ci"]}  # fmt: skip
    return {key + end: report.get(name) for end, name in ends.items()} | {"ci": intervals}


def _scale(report: Mapping[str, Any]) -> list[str]:
    """For comparison: the AUC of recordings that were changed in known ways."""
    lines = []
    for name, found in report["scale"].items():
        low, high = (number(end) for end in found["ci"])
        lines.append(_PAIR.format(f"  {TITLES[name]}", number(found["auc"]), f"[{low}, {high}]",
                                  "", "").rstrip())  # fmt: skip
    if not lines:
        return []
    head = "for comparison: the AUC of recordings against themselves with"
    return [head, *lines, *_wrapped([_OF_SCALE])]


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
    head = _PAIR.format(f"AUC by class, {where}", "samples", "95 % CI", "recon.", "95 % CI")
    return [head.rstrip(), *lines, *_wrapped([_OF_CLASSES]), ""]


def _row(
    report: Mapping[str, Any], suffix: str, key: str, title: str, top: str, better: str
) -> str | None:
    value = report.get(key + suffix)
    if value is None:
        return None
    baseline = number(report.get(key + _BASELINES.get(key, "_floor") + suffix))
    real = number(report.get(key + top + suffix)) if top else ""
    interval = _interval(report, key + suffix)
    return _LINE.format(title, number(value), interval, baseline, real, better).rstrip()


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

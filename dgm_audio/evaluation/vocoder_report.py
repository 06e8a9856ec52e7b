"""The report on a vocoder: a table, and figures for its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VOICES = ("", "_griffin_lim", "_least_squares", "_real")
"""Ends of the figures' names: the model, both kinds of Griffin-Lim, and the recording itself."""
_MEANING = (
    "PESQ (1 to 4.64, the recording itself) and DNSMOS (1 to 5) predict how listeners rate the "
    "sound:\na useful vocoder lies above Griffin-Lim, and near the real recordings."
)

_ROWS = (
    ("pesq", "PESQ, wide band", "higher"),
    ("pesq_gain", "  model's gain on it", "higher"),
    ("dnsmos", "DNSMOS, overall", "as real"),
    ("log_mel_db", "log-mel error in dB", "lower"),
    ("bits_per_sample", "bits per sample", "lower"),
)
_LINE = "{:<20}" + "{:>8} {:<16}" * 4 + "{}"


@dataclass(frozen=True)
class VocoderReport:
    """The result of `evaluate_resynthesis`; `print` shows it as a table.

    Args:
        figures: means over the clips: "pesq", "dnsmos" and "log_mel_db" of the model, with
            `_griffin_lim`, `_least_squares` and `_real` those of the others; with "pesq_gain_" and
            their names, the model's above theirs; "bits_per_sample" of all samples.
        intervals: 95 %, by the same names.
        clips: number of clips that were resynthesised.
        seconds: of sound in them.
        notes: what a reader must know.
        where: which clips these are.
    """

    figures: Mapping[str, float]
    intervals: Mapping[str, Sequence[float]]
    clips: int
    seconds: float
    notes: tuple[str, ...] = ()
    where: str = "clips"

    def metrics(self) -> dict[str, Any]:
        """The figures for a model card (`save_model(metrics=...)`), with intervals under "ci"."""
        intervals = {name: list(ends) for name, ends in self.intervals.items()}
        return {**self.figures, "vocoded_clips": self.clips, "ci": intervals}

    def __str__(self) -> str:
        minutes = f"{self.seconds / 60:.1f} min"
        lines = [f"{self.clips} {self.where}, {minutes}, resynthesised from their mel spectrograms"]
        names = "model", "Griffin-Lim", "lsq G.-L.", "real"
        heads = [text for head in names for text in (head, "95 % CI")]
        lines.append(_LINE.format("", *heads, "better"))
        known = {name.removesuffix(voice) for name in self.figures for voice in VOICES}
        lines += [self._row(*row) for row in _ROWS if row[0] in known]
        return "\n".join([*lines, _MEANING, *self.notes])

    def _row(self, key: str, title: str, better: str) -> str:
        cells = []
        for name in (key + voice for voice in VOICES):
            known = name in self.figures
            cells.append(f"{self.figures[name]:.3f}" if known else "")
            ends = self.intervals.get(name, ())
            cells.append(f"[{', '.join(f'{end:.3f}' for end in ends)}]" if known else "")
        return _LINE.format(title, *cells, better)


@dataclass(frozen=True)
class VocoderReports:
    """The result of `evaluate_vocoder`; `print` shows it as a table.

    Args:
        parts: by the ends of their figures' names: "" for test clips, "_unseen" for unseen groups.
        notes: what a reader must know.
    """

    parts: Mapping[str, VocoderReport]
    notes: tuple[str, ...] = ()

    def metrics(self) -> dict[str, Any]:
        """The figures of all parts for a model card, with intervals under "ci"."""
        metrics: dict[str, Any] = {"ci": {}}
        for suffix, part in self.parts.items():
            own = part.metrics()
            metrics["ci"] |= {name + suffix: ends for name, ends in own.pop("ci").items()}
            metrics |= {name + suffix: value for name, value in own.items()}
        return metrics

    def __str__(self) -> str:
        lines = [line for part in self.parts.values() for line in (str(part), "")]
        for part in self.parts.values():
            gain = part.figures.get("pesq_gain_griffin_lim")
            if gain is not None:
                low, high = part.intervals["pesq_gain_griffin_lim"]
                lines.append(
                    f"PESQ is {gain:+.2f} [{low:+.2f}, {high:+.2f}] against Griffin-Lim from the "
                    f"same mel spectrograms, on {part.where}."
                )
        return "\n".join([*lines, *self.notes]).strip("\n")

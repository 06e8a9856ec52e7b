"""The report on a model that speaks: tables, what they mean, and figures for its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

_ROWS = (
    ("_real", "recordings"),
    ("_vocoded", "recordings through its vocoder"),
    ("", "spoken by the model"),
    ("_new", "spoken, new sentences"),
    ("_floor", "another sentence, another voice"),
)
"""Ends of the figures' names, and what the row is called."""
_COLUMNS = (("word_error", "word error"), ("dnsmos", "DNSMOS"), ("similarity", "voice"))
_LINE = "{:<33}" + "{:>10}  {:<15}" * 3
_WIDTH = 100
_MEANING = (
    "Word error: share of words that a recogniser (pocketsphinx) mishears. DNSMOS: quality that "
    "listeners are predicted to hear, 1 to 5. Voice: likeness to other recordings of the speaker, "
    "at most 1."
)


@dataclass(frozen=True)
class SpeechReport:
    """The result of `evaluate_speech`; `print` shows it as tables.

    Args:
        figures: "word_error", "dnsmos" and "similarity" of what the model says on test sentences,
            with `_real`, `_vocoded`, `_new` and `_floor` those of recordings, of these through the
            vocoder, of new sentences, and of recordings against another sentence's text or
            another speaker; with "/" and a name, those of a few sentences of that speaker.
            "word_error_above_real" and "word_error_above_vocoded" are differences,
            "similarity_share" is the model's similarity over that of recordings, "duration_share"
            the same of durations, "speed" seconds of sound in a second of computing.
        intervals: 95 %, by the same names.
        counts: sentences of each set: "test", "new", speakers.
        threads: that the model computed with.
        notes: what a reader must know.
    """

    figures: Mapping[str, float]
    intervals: Mapping[str, Sequence[float]]
    counts: Mapping[str, int]
    threads: int
    notes: tuple[str, ...] = ()

    def metrics(self) -> dict[str, Any]:
        """The figures for a model card (`save_model(metrics=...)`), with intervals under "ci"."""
        own = {name: value for name, value in self.figures.items() if "/" not in name}
        return {
            **own,
            "ci": {name: list(ends) for name, ends in self.intervals.items() if name in own},
            "per_speaker": {name: self._speaker(name) for name in self.speakers},
            "counts": dict(self.counts),
            "threads": self.threads,
        }

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers that have figures of their own."""
        names = (name.partition("/")[2] for name in self.figures)
        return list(dict.fromkeys(filter(None, names)))

    def __str__(self) -> str:
        heads = (text for _, title in _COLUMNS for text in (title, "95 % CI"))
        new = f", {self.counts['new']} new ones" if "new" in self.counts else ""
        lines = [f"{self.counts['test']} sentences that it was not trained on{new}"]
        lines.append(_LINE.format("", *heads).rstrip())
        lines += [self._row(title, tail) for tail, title in _ROWS if self._known(tail)]
        lines += _wrapped([_MEANING, *self._sentences()])
        if self.speakers:
            lines += ["", _LINE.format("by voice and language", *[""] * 6).rstrip()]
        for name in self.speakers:
            lines += [
                self._row(f"{name}: {what}", f"{tail}/{name}")
                for tail, what in (("_real", "recordings"), ("", "spoken"))
            ]
        return "\n".join([*lines, *_wrapped(self.notes)])

    def _known(self, tail: str) -> bool:
        return any(key + tail in self.figures for key, _ in _COLUMNS)

    def _row(self, title: str, tail: str) -> str:
        cells = []
        for key, _ in _COLUMNS:
            value, ends = self.figures.get(key + tail), self.intervals.get(key + tail)
            cells.append("" if value is None else f"{value:.3f}")
            cells.append("" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]")
        return _LINE.format(title, *cells).rstrip()

    def _speaker(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"sentences": self.counts[name]}
        for key, value in self.figures.items():
            figure, _, speaker = key.partition("/")
            if speaker == name:
                found[figure] = value
                found[f"{figure}_ci"] = list(self.intervals[key])
        return found

    def _sentences(self) -> Iterator[str]:
        """What the figures mean, a sentence each."""
        error = {tail: self.figures.get("word_error" + tail) for tail, _ in _ROWS}
        if error[""] is not None and error["_real"] is not None:
            yield (
                f"Of 100 words the recogniser mishears {100 * error['_real']:.0f} of the "
                f"recordings and {100 * error['']:.0f} of the model's; of a wrong text "
                f"{100 * (error['_floor'] or 0):.0f}."
            )
        for tail, what in (("_vocoded", "recordings through its vocoder"), ("_real", "recordings")):
            yield from self._difference("word_error_above" + tail, what)
        if "similarity_share" in self.figures:
            share = self.figures["similarity_share"]
            yield f"Its voice is {100 * share:.0f} % as like the speaker as real recordings are."
        if "duration_share" in self.figures:
            yield f"It takes {self.figures['duration_share']:.2f} times as long as the recordings."
        threads = f"{self.threads} thread" + "s" * (self.threads > 1)
        yield f"It says {self.figures['speed']:.3g} s in a second of computing ({threads})."

    def _difference(self, key: str, what: str) -> Iterator[str]:
        if key in self.figures:
            low, high = self.intervals[key]
            yield (
                f"Its word error is {self.figures[key]:+.3f} [{low:+.3f}, {high:+.3f}] against "
                f"the {what}, sentence by sentence."
            )


def _wrapped(sentences: Sequence[str]) -> list[str]:
    return [line for one in sentences for line in wrap(one, _WIDTH, subsequent_indent="  ")]

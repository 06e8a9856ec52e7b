"""Quality against the number of steps that a model's solver takes.

    word_error      of a recogniser, of a model that speaks English (see `word_error`)
    mel_db          mean |difference| of the log-mels in dB to the solution in 64 steps; of a model
                    that speaks through a vocoder
    two_sample_auc  of other models: how often a classifier tells their sounds from test clips
    mmd_texture     of other models: distance of their sounds to test clips
    speed           seconds of sound in a second of computing

All rows are of the same latents and conditions, so that small differences between them mean more
than the spread of a single figure would let one think.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dgm_audio.capabilities import HasSteps
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import InputError
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.distances import mmd
from dgm_audio.evaluation.embedding import TextureEmbedding
from dgm_audio.evaluation.references import references
from dgm_audio.evaluation.report_table import number
from dgm_audio.evaluation.sampling import draw
from dgm_audio.evaluation.sentences import chosen_rows, say, sentences_of, text_field, vocoder_of
from dgm_audio.evaluation.stages import Stages, stages
from dgm_audio.evaluation.standardised_reference import StandardisedReference
from dgm_audio.evaluation.two_sample import TwoSampleTest
from dgm_audio.evaluation.word_error import ENGLISH, Recogniser, word_errors, words
from dgm_audio.generator import AudioGenerator
from dgm_audio.resynthesis import mel_error_db

STEPS, FINEST = (1, 2, 4, 8, 16), 64
"""Of the rows, and of the solution that counts as exact."""
SENTENCES, SOUNDS = 20, 128
"""Sentences that are said, or else sounds that are drawn."""
_TITLES = {
    "word_error": "word error",
    "mel_db": "mel, dB to 64",
    "two_sample_auc": "two-sample AUC",
    "mmd_texture": "MMD, texture",
    "speed": "s in a second",
}

Row = dict[str, float]


@dataclass(frozen=True)
class StepsReport:
    """Figures by the number of steps; `print` shows them as a table.

    Args:
        rows: number of steps -> figures by name.
        of: what they are of, such as "20 test sentences".
        own: the model's own number of steps; None if it says nothing.
        notes: what a reader must know.
    """

    rows: Mapping[int, Mapping[str, float]]
    of: str
    own: int | None = None
    notes: tuple[str, ...] = ()

    def metrics(self) -> dict[str, Any]:
        """The report for a model card, under "steps"; `from_metrics` is the inverse."""
        rows = {str(count): dict(row) for count, row in self.rows.items()}
        return {"steps": {"of": self.of, "own": self.own, "rows": rows, "notes": [*self.notes]}}

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Any]) -> StepsReport:
        """The report whose figures are in a model card."""
        found = metrics["steps"]
        rows = {int(count): row for count, row in found["rows"].items()}
        return cls(rows, found["of"], found["own"], tuple(found["notes"]))

    def __str__(self) -> str:
        keys = list(next(iter(self.rows.values())))
        lines = [f"quality against steps of the solver, {self.of}"]
        lines.append(f"{'steps':>7}" + "".join(f"{_TITLES[key]:>16}" for key in keys))
        for count, row in self.rows.items():
            mark = "  its own" if count == self.own else ""
            lines.append(f"{count:>7}" + "".join(f"{number(row[key]):>16}" for key in keys) + mark)
        return "\n".join([*lines, *self.notes])


def evaluate_steps(
    model: AudioGenerator,
    splits: Splits,
    *,
    steps: Sequence[int] = STEPS,
    seed: int = 0,
    n: int | None = None,
    progress: bool | Callable[[str], None] = True,
) -> StepsReport:
    """Compare numbers of steps of a model's solver.

    Args:
        model: with `with_steps` (see `capabilities.HasSteps`).
        splits: of its data; test sentences are said, or sounds compared with test clips.
        steps: of the rows.
        seed: of the latents.
        n: sentences, by default 20, or sounds, by default 128.
        progress: show a bar on stderr, or what to call with a line.

    Raises:
        InputError: if the model has no number of steps.
        DataError: if there are fewer than 8 clips to test on.
    """
    if not isinstance(model, HasSteps):
        raise InputError("the model has no number of steps (dgm_audio.capabilities.HasSteps)")
    clips, _ = references(model, splits)
    kind = _Speech if text_field(model) else _Sounds
    with stages(progress) as stage:
        work = kind(model, clips[""], seed, n, stage)
        rows = {count: work.row(model.with_steps(count)) for count in steps}
    own = getattr(model.config, "steps", None)
    return StepsReport(rows, work.of, own, tuple(work.notes))


class _Speech:
    """Test sentences, said in different numbers of steps."""

    def __init__(
        self, model: AudioGenerator, clips: ClipSet, seed: int, n: int | None, stage: Stages
    ) -> None:
        rows = chosen_rows(clips, SENTENCES if n is None else n)
        self.sentences = [sentences_of(clips)[row] for row in rows]
        self.of = f"{len(rows)} test sentences"
        self.seed, self.stage, self.rate = seed, stage, model.audio.sample_rate
        self.notes: list[str] = []
        self.vocoder, self.recogniser = vocoder_of(model), None
        if self.sentences[0].speaker.language == ENGLISH:
            try:
                self.recogniser = Recogniser()
            except InputError as error:
                self.notes.append(f"word error is left out: {error}")
        assert isinstance(model, HasSteps)
        self.exact, _ = self.say(model.with_steps(FINEST))

    def say(self, model: AudioGenerator) -> tuple[list[Tensor], float]:
        """The sounds (T,), and seconds of sound in a second of computing."""
        self.stage.begin("sentences", len(self.sentences))
        sounds, start = [], time.perf_counter()
        for index, sentence in enumerate(self.sentences):
            sounds.append(say(model, sentence, self.seed + index))
            self.stage.step()
        return sounds, sum(map(len, sounds)) / self.rate / (time.perf_counter() - start)

    def row(self, model: AudioGenerator) -> Row:
        """The figures of a model."""
        sounds, speed = self.say(model)
        found: Row = {}
        if self.recogniser is not None:
            texts = [words(sentence.text) for sentence in self.sentences]
            heard = [words(self.recogniser(x, self.rate)) for x in sounds]
            found["word_error"] = sum(map(word_errors, texts, heard)) / sum(map(len, texts))
        if self.vocoder is not None:
            errors = [
                mel_error_db(self.vocoder, x[None, : len(y)], y[None, : len(x)])
                for x, y in zip(self.exact, sounds, strict=True)
            ]
            found["mel_db"] = sum(errors) / len(errors)
        return found | {"speed": speed}


class _Sounds:
    """Sounds like test clips, drawn in different numbers of steps."""

    def __init__(
        self, model: AudioGenerator, clips: ClipSet, seed: int, n: int | None, stage: Stages
    ) -> None:
        self.clips, self.seed, self.stage = clips, seed, stage
        self.notes: list[str] = []
        rng = torch.Generator().manual_seed(seed)
        count = min(SOUNDS, len(clips)) if n is None else n
        chosen = torch.randint(len(clips), (count,), generator=rng)
        self.labels = torch.from_numpy(clips.labels).long()[chosen]
        self.pitches = torch.from_numpy(clips.pitches)[chosen]
        self.of = f"{count} sounds against {len(clips)} test clips"
        self.embeddings = {"texture": TextureEmbedding()}
        self.real = ClipFeatures.of_clips(clips, embeddings=self.embeddings, parts=("patterns",))

    def row(self, model: AudioGenerator) -> Row:
        """The figures of a model."""
        clips, real, start = self.clips, self.real, time.perf_counter()
        self.stage.begin("sounds", len(self.labels))
        audio = draw(
            model, self.labels, clips.classes, clips.audio.shape[2],
            seed=self.seed, pitches=self.pitches, progress=self.stage.step,
        )  # fmt: skip
        speed = audio.shape[0] * audio.shape[2] / clips.sample_rate / (time.perf_counter() - start)
        made = ClipFeatures.of(
            audio, self.labels, clips.sample_rate, embeddings=self.embeddings, parts=("patterns",)
        )
        test = TwoSampleTest(
            made.patterns, real.patterns, made.clusters, real.clusters, seed=self.seed
        )
        once = torch.ones(len(made)).double(), torch.ones(len(real)).double()
        standard = StandardisedReference.of(real.embedded["texture"])
        points = standard(made.embedded["texture"])
        return {
            "two_sample_auc": test(*once).auc(*once),
            "mmd_texture": mmd(points, standard.points, standard.bandwidth),
            "speed": speed,
        }

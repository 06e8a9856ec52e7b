"""Evaluating a model that speaks: is it understood, how does it sound, and whose voice is it?

    word_error   of a recogniser, English only (see `word_error`); pip: pocketsphinx
    dnsmos       overall quality of speech, 1 to 5, predicted without a reference; pip: speechmos
    similarity   to the voice in other recordings, -1 to 1 (see `speaker`); pip: resemblyzer
    speed        seconds of sound in a second of computing, a sentence at a time

The sentences are held out from training. Beside what the model says stand the recordings, these
through the model's vocoder, and sentences of new words. Intervals come from drawing sentences with
replacement (see `bootstrap`). The judges need the extra "judge"; a report says which it lacks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import cycle

import torch
from torch import Tensor

from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import DataError
from dgm_audio.evaluation import bootstrap
from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.figures import ratio_of
from dgm_audio.evaluation.new_sentences import NEW_SENTENCES
from dgm_audio.evaluation.references import references
from dgm_audio.evaluation.sentences import (
    Sentence,
    Speaker,
    check_speaks,
    chosen_rows,
    recording,
    say,
    sentences_of,
    spread,
    vocoded,
    vocoder_of,
)
from dgm_audio.evaluation.speaker import centroid
from dgm_audio.evaluation.speech_judges import Heard, SpeechJudges
from dgm_audio.evaluation.speech_report import SpeechReport
from dgm_audio.evaluation.stages import Stages, stages
from dgm_audio.evaluation.word_error import ENGLISH, word_errors, words
from dgm_audio.generator import AudioGenerator

SENTENCES, OTHERS = 60, 6
"""Test sentences to say, and those of each other voice and language."""
SPEAKER_CLIPS, SPEAKER_SECONDS = 30, 1.0
"""Training recordings that a voice is known by, and the shortest of them."""
TEST, NEW = "test", "new"
"""Names of sets of sentences; the other sets have those of their speakers."""

Columns = dict[str, tuple[Tensor, Tensor]]
"""Name of a figure -> what is summed up over sentences (N,), and what that is divided by (N,)."""


def evaluate_speech(
    model: AudioGenerator,
    splits: Splits,
    *,
    seed: int = 0,
    n: int | None = None,
    progress: bool | Callable[[str], None] = True,
) -> SpeechReport:
    """Evaluate a model that speaks on sentences that it was not trained on.

    Args:
        model: with a `Text` among its conditions.
        splits: of its data, with transcripts. English test sentences are said, or any if there are
            fewer than 8 of them; and some of each other voice and language.
        seed: of the first sentence, of each next one 1 more; and of the bootstrap.
        n: test sentences, by default 60.
        progress: show a bar on stderr, or what to call with a line.

    Raises:
        InputError: if the model does not speak, or not with these voices and languages.
        DataError: if there are fewer than 8 clips to test on, or none with a transcript.
    """
    check_speaks(model)
    clips, notes = references(model, splits, most=None)
    if not any(clips[""].texts):
        raise DataError("none of the clips to test on has a transcript")
    with stages(progress) as stage:
        work = _Evaluation(model, splits.train, seed, stage)
        return work.report(clips[""], SENTENCES if n is None else n, notes)


class _Evaluation:
    """What the stages of one evaluation share."""

    def __init__(self, model: AudioGenerator, train: ClipSet, seed: int, stage: Stages) -> None:
        self.model, self.train, self.seed, self.stage = model, train, seed, stage
        self.judges, self.rate = SpeechJudges(), train.sample_rate
        self.figures: dict[str, Figure] = {}
        self.clusters: dict[str, Tensor] = {}
        self.speakers: dict[Speaker, Tensor] = {}
        self.sound, self.computing = 0.0, 0.0

    def report(self, test: ClipSet, n: int, notes: Sequence[str]) -> SpeechReport:
        """All figures."""
        every, chosen = sentences_of(test), chosen_rows(test, n)
        main = list(dict.fromkeys(every[row].speaker for row in chosen))
        speakers = list(dict.fromkeys([*main, *(one.speaker for one in every if one.text)]))
        self.learn_speakers(speakers)
        say(self.model, every[chosen[0]], self.seed)  # what is done once is not timed
        self.compare_with_test(test, chosen)
        for speaker in speakers[len(main) == 1 :]:  # what one alone says is in the table above
            own = [row for row, one in enumerate(every) if one.text and one.speaker == speaker]
            self.compare_speaker(speaker, test, spread(own, OTHERS))
        if main[0].language == ENGLISH:
            self.say_new_sentences(main)
        self.stage.begin("intervals", bootstrap.ROUNDS)
        found, intervals = bootstrap.estimate(
            self.figures, self.clusters, seed=self.seed, progress=self.stage.step
        )
        figures = {name: value for name, value in found.items() if not math.isnan(value)}
        figures["speed"] = self.sound / self.computing
        counts = {name: len(rows) for name, rows in self.clusters.items()}
        notes = (*notes, *self.judges.notes)
        return SpeechReport(figures, intervals, counts, torch.get_num_threads(), notes)

    def learn_speakers(self, speakers: Sequence[Speaker]) -> None:
        """The embedding of each voice in each language, from training recordings."""
        known = sentences_of(self.train)
        self.stage.begin("voices", len(speakers))
        for speaker in speakers:
            own = [row for row, one in enumerate(known) if one.speaker == speaker]
            long = [row for row in own if self.train.lengths[row] >= SPEAKER_SECONDS * self.rate]
            sounds = (recording(self.train, row) for row in spread(long or own, SPEAKER_CLIPS))
            found = [self.judges.embedding(x, self.rate) for x in sounds]
            rows = [embedding for embedding in found if embedding is not None]
            if rows:
                self.speakers[speaker] = centroid(torch.stack(rows))
            self.stage.step()

    def compare_with_test(self, test: ClipSet, rows: Sequence[int]) -> None:
        """Recordings, the same through the vocoder, and what the model says instead of them."""
        sentences = [sentences_of(test)[row] for row in rows]
        sounds = [recording(test, row) for row in rows]
        real = self.heard("recordings", sentences, lambda k: sounds[k])
        said: list[Tensor] = []

        def spoken(index: int) -> Tensor:
            said.append(self.spoken(sentences[index], index))
            return said[index]

        made = self.heard("spoken sentences", sentences, spoken)
        found = {"_real": self.columns(real, sentences), "": self.columns(made, sentences)}
        found["_floor"] = self.floor(real, sentences)
        vocoder = vocoder_of(self.model)
        if vocoder is not None:
            heard = self.heard("vocoded", sentences, lambda k: vocoded(vocoder, sounds[k]))
            found["_vocoded"] = self.columns(heard, sentences)
        self.clusters[TEST] = torch.arange(len(rows))
        for tail, columns in found.items():
            self.figures |= figures(columns, TEST, tail)
        for tail in ("_real", "_vocoded"):
            if "word_error" + tail in self.figures:
                both = (self.figures["word_error" + end] for end in ("", tail))
                self.figures["word_error_above" + tail] = difference(*both)
        made_like, real_like = (found[tail]["similarity"][0] for tail in ("", "_real"))
        self.figures["similarity_share"] = ratio_of(made_like, real_like, TEST)
        spoken_for, real_for = (torch.tensor([*map(len, xs)]).double() for xs in (said, sounds))
        self.figures["duration_share"] = ratio_of(spoken_for, real_for, TEST)

    def compare_speaker(self, speaker: Speaker, test: ClipSet, rows: Sequence[int]) -> None:
        """A few recordings of a speaker, and what the model says instead of them."""
        name, sentences = speaker.name, [sentences_of(test)[row] for row in rows]
        real = self.heard(f"{name}: real", sentences, lambda k: recording(test, rows[k]))
        made = self.heard(f"{name}: spoken", sentences, lambda k: self.spoken(sentences[k], k))
        self.clusters[name] = torch.arange(len(rows))
        for tail, heard in (("", made), ("_real", real)):
            self.figures |= figures(self.columns(heard, sentences), name, f"{tail}/{name}")

    def say_new_sentences(self, speakers: Sequence[Speaker]) -> None:
        """Sentences that were never recorded, by the speakers in turn."""
        said = zip(NEW_SENTENCES, cycle(speakers), strict=False)
        sentences = [Sentence(text, speaker) for text, speaker in said]
        made = self.heard("new sentences", sentences, lambda k: self.spoken(sentences[k], k))
        self.clusters[NEW] = torch.arange(len(sentences))
        self.figures |= figures(self.columns(made, sentences), NEW, "_new")

    def spoken(self, sentence: Sentence, index: int) -> Tensor:
        """What the model says (T,); the time that it takes counts."""
        start = time.perf_counter()
        x = say(self.model, sentence, self.seed + index)
        self.computing += time.perf_counter() - start
        self.sound += len(x) / self.rate
        return x

    def heard(
        self, what: str, sentences: Sequence[Sentence], sound: Callable[[int], Tensor]
    ) -> list[Heard]:
        """What the judges hear in the sound of each sentence."""
        self.stage.begin(what, len(sentences))
        found = []
        for index, sentence in enumerate(sentences):
            found.append(self.judges(sound(index), self.rate, sentence.speaker.language))
            self.stage.step()
        return found

    def columns(self, heard: Sequence[Heard], sentences: Sequence[Sentence]) -> Columns:
        """The numbers of each sound."""
        own = [self.speakers.get(sentence.speaker) for sentence in sentences]
        return {
            "word_error": _errors(heard, [sentence.text for sentence in sentences]),
            "dnsmos": _values([one.dnsmos for one in heard]),
            "similarity": _values(
                [likeness(one.embedding, voice) for one, voice in zip(heard, own, strict=True)]
            ),
        }

    def floor(self, real: Sequence[Heard], sentences: Sequence[Sentence]) -> Columns:
        """Recordings against the text of the next sentence, and against all other voices."""
        texts = [sentence.text for sentence in sentences]
        similar = []
        for one, sentence in zip(real, sentences, strict=True):
            voices = [embedding for speaker, embedding in self.speakers.items()
                      if speaker.voice != sentence.speaker.voice]  # fmt: skip
            near = [likeness(one.embedding, voice) for voice in voices]
            known = [value for value in near if value is not None]
            similar.append(sum(known) / len(known) if known else None)
        return {
            "word_error": _errors(real, [*texts[1:], texts[0]]),
            "similarity": _values(similar),
        }


def figures(columns: Columns, name: str, tail: str) -> dict[str, Figure]:
    """A figure of each column, over a set of sentences."""
    return {key + tail: ratio_of(*pair, name) for key, pair in columns.items()}


def difference(one: Figure, other: Figure) -> Figure:
    """How far the one is above the other, for the same draws."""
    return lambda weights: one(weights) - other(weights)


def likeness(embedding: Tensor | None, voice: Tensor | None) -> float | None:
    """The cosine of two embeddings of length 1."""
    return None if embedding is None or voice is None else float(embedding @ voice)


def _errors(heard: Sequence[Heard], texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Word errors and words of each sentence; 0 of 0 where nobody writes down what is said."""
    pairs = [
        (0, 0) if one.words is None else (word_errors(words(text), one.words), len(words(text)))
        for one, text in zip(heard, texts, strict=True)
    ]
    errors, counts = torch.tensor(pairs).double().T
    return errors, counts


def _values(found: Sequence[float | None]) -> tuple[Tensor, Tensor]:
    """Values, and 1 for each that there is."""
    there = torch.tensor([value is not None for value in found]).double()
    return torch.tensor([value or 0.0 for value in found]).double(), there

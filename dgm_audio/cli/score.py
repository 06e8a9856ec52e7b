"""`dgm-audio score`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from dgm_audio.apps import file_names as naming
from dgm_audio.cli.console import emit, note, progress, table
from dgm_audio.cli.options import (
    Conditions,
    Device,
    Json,
    Model,
    Normalize,
    RequiredFiles,
    load,
    parse_conditions,
)
from dgm_audio.errors import AudioFileError, InputError

if TYPE_CHECKING:
    from dgm_audio.apps.scoring import Scored, Skipped
    from dgm_audio.generator import AudioGenerator

_NUMBER = re.compile(r"\d[\d.]*(e[-+]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Score:
    """Rank audio files by their likelihood under a model, in bits per sample.

    The likeliest file, with the fewest bits, comes first; a class that is not given is the one
    under which the file is likeliest. Levels are made equal before (--normalize), since quiet files
    need fewer bits under any model, as steady tones need fewer than noise. Needs a model with an
    exact likelihood (log_prob): see `dgm-audio info MODEL`.

    Example:
        dgm-audio score drums-wavenet my-sounds
        dgm-audio score drums-wavenet kick.wav voice.flac --condition class=kick --json
    """

    model: Model
    files: Annotated[
        RequiredFiles,
        arg(help="Audio files, and folders of them with all that lies below. (required)"),
    ]
    condition: Conditions = ()
    normalize: Normalize = "peak"
    seconds: Annotated[
        float | None,
        arg(
            metavar="S",
            help="Score at most so much of each file, from its start; by default all of it.",
            help_behavior_hint="",
        ),
    ] = None
    device: Device = "cpu"
    json: Json = False

    def run(self) -> None:
        """Score file by file, then print the ranking."""
        given = parse_conditions(self.condition)
        if not self.files:
            raise InputError("there is nothing to score; give at least one audio file or folder")
        from dgm_audio.apps.inversion import class_choices
        from dgm_audio.apps.scoring import Scored, Skipped, find_files, score_file
        from dgm_audio.evaluation.likelihood import likelihood_of, quantisation

        files, skipped = find_files(self.files)
        model = load(self.model, self.device)
        likelihood_of(model)
        class_choices(model, given)
        length = None if self.seconds is None else model.audio.resolve_length(self.seconds)
        results = [
            score_file(model, path, given, peak=self.normalize == "peak", length=length)
            for path in progress(files, "scoring")
        ]
        scores = [result for result in results if isinstance(result, Scored)]
        failed = [result for result in results if isinstance(result, Skipped)]
        if not scores:
            more = f" (nor can {len(failed) - 1} more files)" if len(failed) > 1 else ""
            raise AudioFileError(f"{failed[0].name}: {failed[0].reason}{more}")
        scores.sort(key=lambda item: (math.isnan(item.bits), item.bits))
        _notes(scores, skipped + failed)
        if self.json:
            emit(self._facts(model, scores, skipped + failed))
        else:
            print(table([("RANK", "BITS/SAMPLE", "CONDITION", "SECONDS", "FILE"), *_rows(scores)]))
            level = "at a peak of 0.95" if self.normalize == "peak" else "as they are"
            print("The fewer bits, the better the model predicts a file: the less it surprises.")
            print(f"bits per sample of the files {level}: {quantisation(model)}")

    def _facts(
        self, model: AudioGenerator, scores: list[Scored], skipped: list[Skipped]
    ) -> dict[str, Any]:
        """The ranking for machines; bits that are infinite are null."""
        from dgm_audio.evaluation.likelihood import levels_of

        return {
            "model": naming.model_name(model, self.model),
            "weights": model.weights_hash,
            "sample_rate": model.audio.sample_rate,
            "levels": levels_of(model),
            "density": model.audio.levels is None,
            "bits_per_sample_uniform": math.log2(levels_of(model)),
            "normalize": self.normalize,
            "files": [
                {
                    "rank": rank,
                    "file": str(item.path),
                    "bits_per_sample": item.bits if math.isfinite(item.bits) else None,
                    "condition": item.condition,
                    "seconds": item.seconds,
                    "notes": item.notes,
                }
                for rank, item in enumerate(scores, start=1)
            ],
            "skipped": [{"file": str(item.path), "reason": item.reason} for item in skipped],
        }


def _rows(scores: Sequence[Scored]) -> Iterator[tuple[str, ...]]:
    """The ranking for people."""
    for rank, item in enumerate(scores, start=1):
        condition = naming.label(item.condition) or "-"
        yield str(rank), f"{item.bits:.3f}", condition, f"{item.seconds:.3f}", item.name


def _notes(scores: Sequence[Scored], skipped: Sequence[Skipped]) -> None:
    """Print which files were skipped, and how the others were changed: a line per kind."""
    for item in skipped:
        note(f"skipped {item.name}: {item.reason}")
    kinds: dict[str, list[tuple[str, str]]] = {}
    for item in scores:
        for text in item.notes:
            kinds.setdefault(_NUMBER.sub("...", text), []).append((item.name, text))
    for kind, found in kinds.items():
        same = len({text for _, text in found}) == 1
        where = found[0][0] if len(found) == 1 else f"{len(found)} files"
        note(f"{where}: {found[0][1] if same else kind}")

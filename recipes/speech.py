"""Spoken syllables, from Debian's Mandarin voice to a playable model.

    python recipes/speech.py --family autoregressive --budget 45m --out runs/speech-wavenet

Gets the recordings (8 MB, or takes --data), labels them by the syllable's initial, keeps a tenth of
the syllables out with all their tones, trains, evaluates, and with --publish writes the model
folder that ships with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from dgm_audio.apps.recipe_script import RecipeOptions, label_sheets, train_and_publish
from dgm_audio.data import load_clips
from dgm_audio.data.gcin import (
    CLIPS,
    NAME,
    download_syllables,
    syllable_manifest,
    syllable_splits,
)
from dgm_audio.data.named import set_folder

SUMMARY = (
    "Mandarin syllables of up to 0.4 s at 16 kHz in one female voice. The class is the initial "
    "(`m`, `sh`, `zh`; `vowel` for none); final and tone are drawn. Trained on recordings of Chu "
    "Lo (羅竺) by ChionMeilin (徵音梅林), CC-BY-3.0, resampled, trimmed and brought to one level."
)
LIMITS = (
    "Five minutes of one voice: it speaks no words and has no other speaker, and neither final nor "
    "tone can be asked for. The recordings stop after a quarter of a second, in the midst of the "
    "final, and so do the model's sounds: `mai` and `mao` may be heard as `ma`. Judged by figures "
    "and pictures, not by listeners."
)
HUB_LICENCES = ["cc-by-3.0"]


@dataclass(frozen=True, kw_only=True)
class Speech(RecipeOptions):
    """Train a model of spoken syllables."""

    out: Path = Path("runs/speech")
    family: str = "autoregressive"
    budget: str = "45m"


def main(args: Speech) -> None:
    """The recipe, top to bottom."""
    folder = args.data or download_syllables(set_folder(NAME))
    clips = load_clips(syllable_manifest(folder), CLIPS).unique()
    splits = syllable_splits(clips)
    print(
        f"{len(clips)} clips of {len(set(clips.groups))} syllables, {len(clips.classes)} initials: "
        f"{len(splits.train)} to train on, {len(splits.heldout)} held out "
        f"({len(set(splits.heldout.groups))} syllables)"
    )

    if args.sheets:
        label_sheets(clips, args.out, lambda row: (clips.groups[row], f"clip {row}"))
        return

    train_and_publish(
        args,
        splits,
        script="recipes/speech.py",
        summary=SUMMARY,
        limits=LIMITS,
        dataset=NAME,
        licences=HUB_LICENCES,
    )


if __name__ == "__main__":
    main(tyro.cli(Speech))

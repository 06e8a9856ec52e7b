"""Speech: spoken syllables to play with, and the vocoder that makes any mel spectrogram audible.

    python recipes/speech.py --family autoregressive --budget 70m --out runs/speech-wavenet
    python recipes/speech.py --family flow-vocoder --budget 60m --out runs/vocoder-flow

Syllables: Debian's Mandarin voice (8 MB), labelled by the syllable's initial; a tenth of the
syllables is held out with all their tones. Vocoder: telephone prompts in five languages, spoken
words in many, drums, and rendered notes (490 MB); two voices and one language are held out, and
LJSpeech or VCTK join if they lie beside (see `dgm_audio.data.sets.vocoder`). Both are fetched, or
taken from --data. With --publish the recipe writes the model folder that ships with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from dgm_audio.data import Splits, load_clips
from dgm_audio.data.sets import gcin, vocoder
from dgm_audio.data.sets.named import set_folder
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish

SYLLABLES = {
    "summary": "Mandarin syllables of up to 0.4 s at 16 kHz in one female voice. The class is the "
    "initial (`m`, `sh`, `zh`; `vowel` for none); final and tone are drawn. Trained on recordings "
    "of Chu Lo (羅竺) by ChionMeilin (徵音梅林), CC-BY-3.0, resampled, trimmed and brought to one "
    "level.",
    "limits": "Five minutes of one voice: it speaks no words and has no other speaker, and neither "
    "final nor tone can be asked for. The recordings stop after a quarter of a second, in the "
    "midst of the final, and so do the model's sounds: `mai` and `mao` may be heard as `ma`. "
    "It babbles: a classifier finds the initial that was asked for in one sound of seven (in three "
    "of four recordings), and most sounds have not ended after 0.4 s. Judged by figures and "
    "pictures, not by listeners.",
    "dataset": gcin.NAME,
    "licences": ["cc-by-3.0"],
}
VOCODER = {
    "summary": "A vocoder: makes sound of any 80-band mel spectrogram at 16 kHz, of speech in any "
    "language, drums and the like; an exact likelihood, and latents that give a sound back. "
    "`dgm-audio vocode` resynthesises a file with it; `Vocoded(model, vocoder)` makes a "
    "spectrogram model audible.",
    "limits": "Nothing above 8 kHz. Trained on clean recordings of single voices, drums and notes: "
    "several voices at once, music and noise are further from what it knows. Drums that drum "
    "models hold out are among its training sounds, but for the kits that they call unseen. "
    "Noise (a temperature of 1) is what is likeliest, and rough; its own temperature is what "
    "sounds clear. Judged by figures and pictures, not by listeners.",
    "dataset": vocoder.NAME,
    "licences": ["cc-by-sa-3.0", "cc-by-3.0", "gpl-2.0", "cc0-1.0", "mit"],
}


@dataclass(frozen=True, kw_only=True)
class Speech(RecipeOptions):
    """Train a model of spoken syllables, or a vocoder."""

    out: Path = Path("runs/speech")
    family: Literal["autoregressive", "flow-vocoder"] = "autoregressive"
    budget: str = "70m"


def main(args: Speech) -> None:
    """The recipe, top to bottom."""
    chosen = VOCODER if args.family == "flow-vocoder" else SYLLABLES
    splits = vocoder_sounds(args.data) if chosen is VOCODER else syllables(args)
    if splits is not None:
        train_and_publish(args, splits, script="recipes/speech.py", **chosen)


def vocoder_sounds(data: Path | None) -> Splits:
    """All voices, drums and notes, in parts of 2 s."""
    folder = data or vocoder.download_vocoder_sounds(set_folder(vocoder.NAME))
    beside = [name for name in vocoder.PARTS if (folder / name).is_dir()]
    splits = vocoder.load_vocoder_splits(folder, parts=beside)
    held_out = {*splits.validation.groups, *splits.test.groups, *splits.unseen.groups}
    print(
        f"{', '.join(beside)}: {len(splits.train)} parts of up to 2 s of "
        f"{len(set(splits.train.groups))} voices, kits and instruments to train on; held out: "
        f"{', '.join(sorted(held_out))}"
    )
    return splits


def syllables(args: Speech) -> Splits | None:
    """The syllables; None if only their sheets were asked for."""
    folder = args.data or gcin.download_syllables(set_folder(gcin.NAME))
    clips = load_clips(gcin.syllable_manifest(folder), gcin.CLIPS).unique()
    splits = gcin.syllable_splits(clips)
    print(
        f"{len(clips)} clips of {len(set(clips.groups))} syllables, {len(clips.classes)} initials: "
        f"{len(splits.train)} to train on, {len(splits.validation)} for validation, "
        f"{len(splits.test)} for test ({len(set(splits.test.groups))} syllables)"
    )
    if args.sheets:
        label_sheets(clips, args.out, lambda row: (clips.groups[row], f"clip {row}"))
        return None
    return splits


if __name__ == "__main__":
    main(tyro.cli(Speech))

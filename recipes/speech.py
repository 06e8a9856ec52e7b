"""Speech: texts read aloud, the vocoder that makes mel spectrograms audible, spoken syllables.

    python recipes/speech.py --family flow-matching --budget 86m --out runs/speech
    python recipes/speech.py --family flow-vocoder --budget 60m --out runs/vocoder-flow
    python recipes/speech.py --family autoregressive --budget 70m --out runs/speech-wavenet

Texts: telephone prompts in five languages and four voices with their transcripts (70 MB); English
is heard twice as often, because its words can be counted. 60 English sentences are held out, with
all that says the same. Vocoder: telephone prompts in five languages, spoken words in many, drums,
and rendered notes (490 MB); two voices and one language are held out, and LJSpeech or VCTK join if
they lie beside (see `dgm_audio.data.sets.vocoder`). Syllables: Debian's Mandarin voice (8 MB),
labelled by the syllable's initial; a tenth of the syllables is held out with all their tones. All
are fetched, or taken from --data. With --publish the recipe writes the model folder that ships with
the package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from dgm_audio.data import Splits, load_clips
from dgm_audio.data.sets import asterisk_speech, gcin, vocoder
from dgm_audio.data.sets.named import named_splits, set_folder
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish

SPOKEN = {
    "summary": "Reads texts aloud: English, Spanish, French, Italian and Russian in four voices of "
    "telephone prompts (`allison`, `june`, `carlo`, `ivrvoice`), which mix; pace and pitch can be "
    "asked for. Flow matching over log-mel frames, heard through `vocoder-flow`, which the model "
    'contains. `dgm-audio speak "Your call is important" --voice allison`. Trained on prompts by '
    "Allison Smith and June Wallack (CC-BY-SA-3.0), Carlo Flora and ivrvoice.ru, provided by Maxim "
    "Topal (CC-BY-3.0), brought to one level.",
    "limits": "Nothing above 8 kHz. A quarter of an hour of each voice: sentences like those of a "
    "telephone menu are said best, other words less clearly. English is read by a dictionary, and "
    "words that it lacks by their letters; other languages by their letters alone. The melody is "
    "that of an announcement. A voice in a language that it did not record has an accent. Voices "
    "of real people: say that what they say was made by a machine. Judged by figures and pictures, "
    "not by listeners.",
    "dataset": asterisk_speech.NAME,
    "licences": ["cc-by-sa-3.0", "cc-by-3.0"],
}
SYLLABLES = {
    "summary": "A small example to learn from, of speech made sample by sample: it babbles. "
    "Mandarin syllables of up to 0.4 s at 16 kHz in one female voice. The class is the initial "
    "(`m`, `sh`, `zh`; `vowel` for none); final and tone are drawn. Trained on recordings of Chu "
    "Lo (羅竺) by ChionMeilin (徵音梅林), CC-BY-3.0, resampled, trimmed and brought to one level.",
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
    """Train a model that reads texts aloud, a vocoder, or a model of spoken syllables."""

    out: Path = Path("runs/speech")
    family: Literal["flow-matching", "flow-vocoder", "autoregressive"] = "flow-matching"
    budget: str = "86m"


def main(args: Speech) -> None:
    """The recipe, top to bottom."""
    if args.family == "flow-matching":
        chosen, splits = SPOKEN, sentences(args.data)
    elif args.family == "flow-vocoder":
        chosen, splits = VOCODER, vocoder_sounds(args.data)
    else:
        chosen, splits = SYLLABLES, syllables(args)
    if splits is not None:
        train_and_publish(args, splits, script="recipes/speech.py", **chosen)


def sentences(data: Path | None) -> Splits:
    """The prompts with their transcripts; in training every English one comes twice."""
    splits = named_splits(asterisk_speech.NAME, asterisk_speech.CLIPS, data)
    train = splits.train
    spoken = np.array(train.languages)
    for language in sorted(set(train.languages)):
        minutes = train.lengths[spoken == language].sum() / train.sample_rate / 60
        held = splits.validation.languages.count(language), splits.test.languages.count(language)
        print(
            f"{language}: {sum(spoken == language)} recordings, {minutes:.1f} minutes to train on; "
            f"{held[0]} for validation, {held[1]} for test"
        )
    rows = np.concatenate([np.arange(len(train)), np.flatnonzero(spoken == "en")])
    return replace(splits, train=train.subset(rows))


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

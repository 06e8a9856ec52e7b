"""The telephone prompts with their transcripts: four voices, five languages, to learn to speak.

The sounds are those of `asterisk`; what is said in them comes with the packages of 8 kHz, in
`core-sounds-en.txt.gz`, a line `name: text` for each. Remarks in brackets are no speech. The voice
is the class, the wording the group: some sentences and most digits are spoken more than once, in
another intonation.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets import asterisk
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.splits import Splits, assigned_splits
from dgm_audio.data.suggest import LONGEST_UTTERANCE, SPEECH_RATE
from dgm_audio.data.utterances import load_utterances, texts_in_order, word_count, wording
from dgm_audio.errors import DataError, InputError
from dgm_audio.text import words

NAME = "asterisk-speech"
TEXTS = tuple(f"asterisk-core-sounds-{language}" for language in asterisk.LANGUAGES)
CLIPS = ClipConfig(sample_rate=SPEECH_RATE, length=int(LONGEST_UTTERANCE * SPEECH_RATE))

VOICES = {"Allison": "allison", "June": "june", "Carlo": "carlo", "IvrvoiceRU": "ivrvoice"}

TEST_SENTENCES, SHORTEST = 60, 3
"""English sentences to test with, of at least so many words."""
VALIDATION, VALIDATION_ELSEWHERE = 20, 5
"""Clips to choose a snapshot by, in English and in each other language."""
TEST_SHARE = 0.05
"""Share of the other languages to test with."""

_SLIPS = {
    "sar?": "sarà",
    "pu?": "può",
    "cos?": "così",
    "pi?": "più",
    "umute": "unmute",
    "fourtieth": "fortieth",
    "Un-indentified": "Unidentified",
    "witheld": "withheld",
    "represenatives": "representatives",
    "exclaimation-point": "exclamation point",
    "H.323": "H three two three",
}
"""Slips of the transcripts, and a name that is not read as its number."""
_REMARK = re.compile(r"\[.*?\]|\(.*?\)|<.*?>")


def speech_manifest(folder: Path) -> Manifest:
    """The prompts under `folder` with what is said in them; the class is the voice.

    Raises:
        DataError: if the sounds or the transcripts of a language are not there, or as
            `asterisk.prompt_manifest` does.
        AudioFileError: as `asterisk.prompt_manifest` does.
    """
    prompts = asterisk.prompt_manifest(folder)
    languages = sorted({entry.label for entry in prompts.entries})
    texts = {language: _transcripts(folder, language) for language in languages}
    entries, omitted = [], list(prompts.omitted)
    for entry in prompts.entries:
        text = texts[entry.label].pop(_name(entry.path), "")
        problem = _problem(text, entry.label)
        if problem:
            omitted.append(Omission(entry.path, problem))
        else:
            entries.append(_spoken(entry, text))
    for language, left in texts.items():
        names = (name for name, text in left.items() if text)
        omitted += [
            Omission(f"{language}/{name}", "transcribed, but not recorded") for name in names
        ]
    return Manifest(prompts.root, tuple(entries), omitted=tuple(omitted), label_name="voice")


def _name(path: str) -> str:
    """What the transcripts call a file: its path in the folder of the voice, "digits/1"."""
    parts = Path(path).with_suffix("").parts
    home = next(n for n, part in enumerate(parts) if part.partition("_")[0] in asterisk.LANGUAGES)
    return "/".join(parts[home + 1 :])


def _spoken(entry: Entry, text: str) -> Entry:
    language, voice = entry.label, VOICES.get(entry.group, entry.group.lower())
    group = wording(text, language)
    return replace(entry, label=voice, group=group, text=text, language=language, voice=voice)


def _problem(text: str, language: str) -> str:
    """Why a text is of no use; empty if it is."""
    if not text:
        return "has no transcript"
    try:
        words(text, language)
    except InputError as error:
        return str(error)
    return ""


def _transcripts(folder: Path, language: str) -> dict[str, str]:
    """Name -> text, which is empty where only remarks are written.

    Raises:
        DataError: if the file is missing or damaged.
    """
    file = next(folder.rglob(f"core-sounds-{language}.txt.gz"), None)
    if file is None:
        raise DataError(
            f"{folder} holds no core-sounds-{language}.txt.gz; expected unpacked {', '.join(TEXTS)}"
        )
    try:
        lines = gzip.decompress(file.read_bytes()).decode("utf-8-sig").splitlines()
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    found: dict[str, str] = {}
    for name, text in _lines(lines):
        found.setdefault(name, text)
    return found


def _lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, text = line.partition(":")
        if colon and not line.startswith(";"):
            text = _REMARK.sub(" ", text)
            yield name.strip(), " ".join(_SLIPS.get(word, word) for word in text.split())


def whole_prompts(manifest: Manifest, config: ClipConfig) -> ClipSet:
    """All prompts of up to 12 s, however long a model's clips are: the split depends on them."""
    rate = config.sample_rate
    return load_utterances(
        manifest, replace(CLIPS, sample_rate=rate, length=int(CLIPS.seconds * rate))
    )


def speech_splits(clips: ClipSet) -> Splits:
    """Held out by what is said: no wording of validation or test is in training, or in the other.

    English has 60 sentences of three words or more to test with, and 20 clips for validation; of
    every other language a twentieth is for test and 5 for validation. Only wordings that are
    recorded once are held out. The choice depends on the texts alone.

    Raises:
        DataError: if there is nothing to train on.
    """
    sides = np.full(len(clips), "train", dtype=object)
    for language in sorted(set(clips.languages)):
        mine = [row for row, found in enumerate(clips.languages) if found == language]
        once = [rows[0] for rows in texts_in_order(clips, mine) if len(rows) == 1]
        if language == "en":
            long = [row for row in once if word_count(clips.texts[row], "en") >= SHORTEST]
            test, validation = TEST_SENTENCES, VALIDATION
        else:
            long, test, validation = once, round(TEST_SHARE * len(mine)), VALIDATION_ELSEWHERE
        sides[long[:test]] = "test"
        sides[long[test : test + validation]] = "validation"
    return assigned_splits(clips, sides.tolist())


download_speech = partial(
    fetch_packages,
    (*asterisk.PACKAGES, *TEXTS),
    what="prompts with transcripts",
    done="core-sounds-ru.txt.gz",
)
"""Fetches sounds and transcripts (70 MB) into a folder, unless they are there."""

"""What a vocoder learns from: speech, drums and notes, as clips of two seconds at 16 kHz.

`load_vocoder_splits` joins data sets. Each lies in a folder of its own name beside the others:

    asterisk-prompts/  tuxpaint-words/  hydrogen-drums/  fluid-notes/
                                         fetched (the notes rendered) by `download_vocoder_sounds`
    ljspeech/  vctk/                     put there by their owner, and asked for

Whole voices are for validation or test, and one language is unseen altogether. Drums and notes are
trained on only: the kits and instruments that their own models are judged by are left out here too,
so that what a vocoder makes of them can be judged by these. Of the notes 1,500 are taken, so that
speech stays the bulk. Levels stay as they were recorded, since a vocoder must follow them: nothing
is brought to one peak, and no pause is cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets import asterisk, home_speech, hydrogen, notes, tuxpaint
from dgm_audio.data.sets.voices import split_voices
from dgm_audio.data.splits import Splits
from dgm_audio.data.windows import load_windows
from dgm_audio.errors import InputError

NAME = "vocoder-sounds"
CLIPS = ClipConfig(sample_rate=16000, length=32768, normalize="none", trim_silence=False)
"""2.048 s, 128 frames of a mel spectrogram with a hop of 256."""

DRUMS, NOTES = "drums", "notes"
"""Classes of what is no speech; the classes of speech are its languages."""
MOST_NOTES = 1500
UNSEEN = "ru"
HELD_OUT = (*asterisk.HELD_OUT, *tuxpaint.HELD_OUT)
"""Of the 12,249 files that Debian's packages give, 866 are held out (one voice for validation, the
other for test) and 1,478 unseen."""


def drums_to_train_on(folder: Path) -> Manifest:
    """The drum kits but those that the drum models keep unseen; all in the one class "drums"."""
    found = hydrogen.drum_manifest(folder)
    kept = [entry for entry in found.entries if entry.group not in hydrogen.UNSEEN_KITS]
    left = [entry for entry in found.entries if entry.group in hydrogen.UNSEEN_KITS]
    omitted = [Omission(entry.path, "of a kit that drum models are judged by") for entry in left]
    entries = tuple(replace(entry, label=DRUMS) for entry in kept)
    return Manifest(found.root, entries, omitted=(*found.omitted, *omitted))


def notes_to_train_on(folder: Path) -> Manifest:
    """Notes of the presets that note models are trained on; all in the one class "notes".

    Of more than `MOST_NOTES` the choice is by the hash of their names, as good as by chance.
    """
    found = notes.note_manifest(folder)
    judges = {*notes.HELD_OUT, *notes.UNSEEN}
    left = [entry for entry in found.entries if entry.group in judges]
    ordered = sorted(
        (entry for entry in found.entries if entry.group not in judges),
        key=lambda entry: hashlib.sha256(entry.path.encode()).digest(),
    )
    kept = sorted(ordered[:MOST_NOTES], key=lambda entry: entry.path)
    omitted = [Omission(entry.path, "of a preset that note models are judged by") for entry in left]
    reason = f"not among the {MOST_NOTES} notes that were drawn"
    omitted += [Omission(entry.path, reason) for entry in ordered[MOST_NOTES:]]
    entries = tuple(replace(entry, label=NOTES) for entry in kept)
    return Manifest(found.root, entries, omitted=(*found.omitted, *omitted))


class Part(NamedTuple):
    """One of the joined data sets.

    Args:
        manifest: which files of its folder make the set.
        download: fetches them into the folder; None where their owner must put them there.
    """

    manifest: Callable[[Path], Manifest]
    download: Callable[[Path], Path] | None = None


PARTS = {
    asterisk.NAME: Part(asterisk.prompt_manifest, asterisk.download_prompts),
    tuxpaint.NAME: Part(tuxpaint.word_manifest, tuxpaint.download_words),
    hydrogen.NAME: Part(drums_to_train_on, hydrogen.download_drums),
    notes.NAME: Part(notes_to_train_on, notes.download_notes),
    home_speech.LJSPEECH: Part(home_speech.ljspeech_manifest),
    home_speech.VCTK: Part(home_speech.vctk_manifest),
}
"""Name, which is also that of its folder -> data set."""

DEFAULT = (asterisk.NAME, tuxpaint.NAME, hydrogen.NAME, notes.NAME)


@dataclass(frozen=True)
class JoinedManifest(Manifest):
    """Several manifests as one; their paths begin with the name of the set.

    Args:
        roots: name of each set -> root of its manifest.
    """

    roots: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, parts: Mapping[str, Manifest]) -> JoinedManifest:
        """Join manifests by name; no two may use one name of a group for different voices."""
        entries: list[Entry] = []
        omitted: list[Omission] = []
        for name, part in parts.items():
            entries += [replace(entry, path=f"{name}/{entry.path}") for entry in part.entries]
            omitted += [replace(item, path=f"{name}/{item.path}") for item in part.omitted]
        roots = {name: part.root for name, part in parts.items()}
        return cls(root, tuple(entries), omitted=tuple(omitted), roots=roots)

    def locate(self, entry: Entry) -> Path:
        """Where the file of an entry lies."""
        name, _, path = entry.path.partition("/")
        return self.roots[name] / path


def vocoder_manifest(folder: Path, parts: Sequence[str] = DEFAULT) -> Manifest:
    """The files of several sets as one manifest.

    Args:
        folder: holds a folder for each part, by its name.
        parts: some of `PARTS`.

    Raises:
        InputError: if there is no such part.
        DataError: if a part is not in its folder; the message says what belongs there.
    """
    if unknown := [name for name in parts if name not in PARTS]:
        raise InputError(f"there is no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    found = {name: PARTS[name].manifest(folder / name) for name in parts}
    return JoinedManifest.of(folder, found)


def whole_recordings(manifest: Manifest, config: ClipConfig) -> ClipSet:
    """All parts of the files at a rate and length, at the levels that they were recorded at."""
    return load_windows(
        manifest, replace(CLIPS, sample_rate=config.sample_rate, length=config.length)
    )


def vocoder_splits(clips: ClipSet) -> Splits:
    """June, Danish and a tenth of the VCTK voices for validation or test; Russian unseen."""
    heldout = (*HELD_OUT, *home_speech.held_out_voices(clips.groups))
    return split_voices(clips, heldout=heldout, unseen=UNSEEN)


def load_vocoder_splits(
    folder: Path,
    *,
    parts: Sequence[str] = DEFAULT,
    config: ClipConfig = CLIPS,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> Splits:
    """All sounds that a vocoder is trained and judged by, whole, in even parts of up to a clip.

    Args:
        folder: as `download_vocoder_sounds` returns it.
        parts: some of `PARTS`.
        config: rate, length, channels and level of the clips.
        cache_dir: where to keep the clips; by default `dgm_audio.cache_folder.default_cache_dir()`.
        progress: show progress and the summary on the standard error stream.

    Returns:
        Splits over one set of clips, which stay on disk: memory does not grow with the data. The
        notes tell how many exact copies are not used.

    Raises:
        InputError: if there is no such part.
        DataError: if a part is not in its folder, or too many of its files are damaged.
    """
    manifest = vocoder_manifest(folder, parts)
    found = load_windows(manifest, config, cache_dir=cache_dir, progress=progress)
    clips = found.unique()
    splits = vocoder_splits(clips)
    copies = len(set(found.files)) - len(set(clips.files))
    note = f"{copies} files are exact copies of others and are not used"
    return replace(splits, notes=(*splits.notes, *([note] if copies else ())))


def download_vocoder_sounds(folder: Path) -> Path:
    """Fetch the parts that Debian ships (490 MB), each into a folder beside `folder`.

    That is where the recipes of these sets keep them, so that nothing is fetched twice.

    Returns:
        The parent of `folder`, which holds the parts.

    Raises:
        DataError: where apt is missing or fails; the message says what to do instead.
    """
    for name in DEFAULT:
        if download := PARTS[name].download:
            download(folder.parent / name)
    return folder.parent

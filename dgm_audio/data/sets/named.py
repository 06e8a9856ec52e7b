"""The data sets that this package knows, by the names that model folders give them.

A recipe writes the name of its data set into the model's config; `named_splits` finds from it the
real sounds to judge the model by, split as in training, at the model's own rate and length.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.sets import (
    asterisk,
    asterisk_speech,
    gcin,
    gcin_text,
    hold_music,
    home_music,
    hydrogen,
    music,
    notes,
    nsynth,
    sc09,
    tuxpaint,
    vocoder,
)
from dgm_audio.data.splits import Splits
from dgm_audio.data.windows import load_as_recorded
from dgm_audio.errors import InputError


class NamedSet(NamedTuple):
    """The three steps from nothing to splits.

    Args:
        download: fetches the files into a folder, unless they are there, and returns the folder; of
            a set that its owner must put there it says where.
        manifest: which files make the set.
        splits: the one split that its models are trained and judged by.
        load: makes clips of the files at a rate and length.
    """

    download: Callable[[Path], Path]
    manifest: Callable[[Path], Manifest]
    splits: Callable[[ClipSet], Splits]
    load: Callable[[Manifest, ClipConfig], ClipSet] = load_clips


SETS = {
    hydrogen.NAME: NamedSet(hydrogen.download_drums, hydrogen.drum_manifest, hydrogen.drum_splits),
    gcin.NAME: NamedSet(gcin.download_syllables, gcin.syllable_manifest, gcin.syllable_splits),
    gcin_text.NAME: NamedSet(
        gcin.download_syllables,
        gcin_text.spoken_manifest,
        gcin_text.spoken_splits,
        gcin_text.load_spoken,
    ),
    asterisk.NAME: NamedSet(
        asterisk.download_prompts, asterisk.prompt_manifest, asterisk.prompt_splits
    ),
    asterisk_speech.NAME: NamedSet(
        asterisk_speech.download_speech,
        asterisk_speech.speech_manifest,
        asterisk_speech.speech_splits,
        asterisk_speech.whole_prompts,
    ),
    tuxpaint.NAME: NamedSet(tuxpaint.download_words, tuxpaint.word_manifest, tuxpaint.word_splits),
    vocoder.NAME: NamedSet(
        vocoder.download_vocoder_sounds,
        vocoder.vocoder_manifest,
        vocoder.vocoder_splits,
        vocoder.whole_recordings,
    ),
    notes.NAME: NamedSet(notes.download_notes, notes.note_manifest, notes.note_splits),
    nsynth.NAME: NamedSet(nsynth.find_nsynth, nsynth.nsynth_manifest, nsynth.nsynth_splits),
    sc09.NAME: NamedSet(sc09.find_sc09, sc09.sc09_manifest, sc09.sc09_splits, load_as_recorded),
    music.NAME: NamedSet(
        music.download_tracks, music.track_manifest, music.track_splits, load_as_recorded
    ),
    hold_music.NAME: NamedSet(
        hold_music.download_hold_music,
        hold_music.hold_manifest,
        hold_music.hold_splits,
        load_as_recorded,
    ),
    home_music.MAESTRO: NamedSet(
        home_music.find_maestro,
        home_music.maestro_manifest,
        home_music.own_splits,
        load_as_recorded,
    ),
    home_music.GTZAN: NamedSet(
        home_music.find_gtzan, home_music.gtzan_manifest, home_music.own_splits, load_as_recorded
    ),
}


def set_folder(name: str) -> Path:
    """Where the files of a named set are kept."""
    return Path.home() / ".cache" / "dgm_audio" / name


def named_splits(name: str, config: ClipConfig, folder: Path | None = None) -> Splits:
    """The splits of a named set as its recipe makes them.

    Args:
        name: one of `SETS`.
        config: rate, length and channels of the clips.
        folder: where its files lie; by default they are fetched.

    Raises:
        InputError: if there is no set of this name.
        DataError: if it cannot be fetched, or the folder does not hold it.
    """
    if name not in SETS:
        raise InputError(f"there is no data set {name!r}; there are: {', '.join(SETS)}")
    found = SETS[name]
    folder = folder or found.download(set_folder(name))
    return found.splits(found.load(found.manifest(folder), config).unique())

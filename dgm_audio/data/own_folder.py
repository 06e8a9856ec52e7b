"""Anyone's folder of sounds: how it becomes clips, and what of them is held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import load_clips
from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.data.layout import layout_notes
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.recording_splits import split_recordings
from dgm_audio.data.splits import Splits, split_clips
from dgm_audio.data.suggest import (
    suggest_clip_config,
    suggest_recording_config,
    suggest_utterance_config,
)
from dgm_audio.data.trainable import check_enough
from dgm_audio.data.transcripts import with_transcripts
from dgm_audio.data.utterances import load_utterances, split_texts
from dgm_audio.data.windows import load_as_recorded
from dgm_audio.errors import InputError

HELDOUT = 0.15
"""Share of the recordings that are held out: half of them choose the model, half report on it."""


def folder_splits(
    folder: Path,
    config: ClipConfig,
    whole: bool,
    seed: int,
    *,
    transcribed: bool = False,
    progress: bool = True,
) -> Splits:
    """What training learns from and is judged by: sounds cut out of the files, or all of them.

    Of so few clips that too few would be left to train on, none is held out.

    Args:
        folder: of audio files, or a CSV manifest.
        config: as `clip_config` gives it.
        whole: the recordings are taken whole (see `Task.whole`).
        seed: of the split.
        transcribed: where there are transcripts, files are utterances (see `Task.transcribed`).
        progress: show what becomes of the files.

    Raises:
        DataError: if the data cannot be used.
    """
    manifest = Manifest.read(folder)
    if transcribed:
        manifest, notes = with_transcripts(manifest)
    if transcribed and manifest.transcribed:
        clips = load_utterances(manifest, config, progress=progress)
        check_enough(manifest, clips.report.files)
        splits = split_texts(clips, heldout=HELDOUT, seed=seed)
        return replace(splits, notes=(*notes, *splits.notes))
    if whole:
        clips = load_as_recorded(manifest, config, progress=progress)
        return split_recordings(clips, heldout=HELDOUT, seed=seed)
    clips = load_clips(manifest, config, progress=progress)
    check_enough(manifest, clips.report.files)
    splits = split_clips(clips, heldout=HELDOUT, seed=seed)
    if len(splits.train) < LEAST_CLIPS:
        splits = split_clips(clips, heldout=0, seed=seed)
    return replace(splits, notes=(*layout_notes(manifest), *splits.notes))


def clip_config(
    folder: Path,
    sample_rate: int | None,
    seconds: float | None,
    highest_rate: int | None = None,
    whole: bool = False,
    transcribed: bool = False,
) -> ClipConfig:
    """How training makes clips of a folder: as its files suggest, or as asked for.

    A suggested rate is at most `highest_rate`; `whole` and `transcribed` are those of the `Task`.

    Raises:
        DataError: if the folder holds no audio that can be read.
        InputError: if the clip length is not allowed.
        ConfigError: if the rate or the length is out of range.
    """
    spoken = with_transcripts(Manifest.read(folder)).manifest if transcribed else None
    if spoken and spoken.transcribed:
        config = suggest_utterance_config(spoken, highest_rate)
    else:
        config = (suggest_recording_config if whole else suggest_clip_config)(folder, highest_rate)
    if sample_rate is None and seconds is None:
        return config
    if seconds is not None and not 0 < seconds <= 3600:
        raise InputError(f"--seconds is {seconds}; it must be above 0 and at most 3600")
    rate = sample_rate or config.sample_rate
    length = round((seconds or config.seconds) * rate)
    return replace(config, sample_rate=rate, length=length)

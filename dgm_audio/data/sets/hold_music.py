"""Music for telephones on hold that Debian ships: 18 minutes of electronica at 16 kHz, mono.

The package `asterisk-moh-opsound-g722` holds five tracks by three artists. Two of Macroform and the
one of Reno Project (14.1 min) are trained on, the two halves of Macroform's third (3.1 min) are for
validation and for test, and Manolo Camp's (1.2 min) is unseen.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.sets.g722 import SUFFIX, flac_copies
from dgm_audio.data.sets.music import LABEL
from dgm_audio.data.splits import Splits, split_groups
from dgm_audio.errors import DataError
from dgm_audio.io import shown

NAME = "asterisk-moh"
PACKAGES = ("asterisk-moh-opsound-g722",)
LICENCE = "CC-BY-SA-3.0"
CLIPS = ClipConfig(sample_rate=16000, length=65536, normalize="none", trim_silence=False)

HELD_OUT = ("macroform-robot_dity",)
UNSEEN = ("manolo_camp-morning_coffee",)

ARTISTS = {
    "macroform": "Paul Shuler (Macroform)",
    "manolo_camp": "Manolo Camp",
    "reno_project": "Reno Project",
}
"""Beginning of a file's name -> artist, from the package's copyright file."""


def hold_manifest(folder: Path) -> Manifest:
    """All tracks under `folder`, in a stable order, as FLAC copies in the cache.

    Raises:
        DataError: if no track is found there, or PyAV is needed and not installed.
        AudioFileError: if a file cannot be decoded, or a copy cannot be written.
    """
    files, entries, omitted = [], [], []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        place, artist = path.relative_to(folder), ARTISTS.get(path.stem.partition("-")[0])
        if artist is None:
            omitted.append(Omission(place.as_posix(), "not by one of the artists"))
        elif path.stat().st_size == 0:
            omitted.append(Omission(place.as_posix(), "is empty", bad=True))
        else:
            files.append(path)
            copy, source = place.with_suffix(".flac").as_posix(), f"{PACKAGES[0]} / {artist}"
            entries.append(Entry(copy, LABEL, path.stem, LICENCE, source))
    if not files:
        raise DataError(
            f"{shown(str(folder))} holds no track (*{SUFFIX}); "
            f"expected unpacked {', '.join(PACKAGES)}"
        )
    return Manifest(flac_copies(folder, files), tuple(entries), omitted=tuple(omitted))


def hold_splits(clips: ClipSet) -> Splits:
    """A whole track held out, its beginning for validation, and an artist unseen."""
    return split_groups(clips, heldout=HELD_OUT, unseen=UNSEEN, within="track")


download_hold_music = partial(fetch_packages, PACKAGES, what="tracks", done="macroform-*.g722")
"""Fetches the tracks (8 MB) into a folder, unless they are there; see `fetch_packages`."""

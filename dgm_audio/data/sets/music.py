"""Music that Debian ships as whole tracks in stereo: the score of the game Battle for Wesnoth.

The package `wesnoth-1.16-music` holds 41 orchestral tracks by ten composers, 128 minutes at
44.1 kHz, from calm woodwinds to battles. One is silence; another, `northerners.ogg`, states more
than it holds, so that reading finds it damaged and skips it. Of the others

    30 tracks by eight composers   98.8 min   are trained on
     5 tracks by four of these     11.7 min   are for validation and test
     4 tracks by the other two     14.1 min   are unseen

On both sides that models are judged by are calm tracks and loud ones, with drums and without. No
two tracks were found to share a melody: over 12 s their chroma correlate by 0.78 at most, where
repeats within a track reach 0.99.

The copyright file puts all of the game under the GNU GPL, version 2 or later, and names neither
tracks nor composers. These are from the tags in the files, where most say "GPL" once more. Another
release of the game has a package of its own: unpack it and give the folder.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.splits import Splits, split_groups
from dgm_audio.errors import DataError
from dgm_audio.io import shown

NAME = "wesnoth-music"
PACKAGES = ("wesnoth-1.16-music",)
LICENCE = "GPL-2.0-or-later"
LABEL = "music"

CLIPS = ClipConfig(
    sample_rate=44100, length=131072, channels=2, normalize="none", trim_silence=False
)
"""Parts of up to 3 s of whole tracks at their own levels; on disk they take 2.7 GB."""

HELD_OUT = ("battle-epic", "elvish-theme", "legends_of_the_north", "love_theme", "underground")
"""Drums and brass, woodwinds, drums and horns, a slow solo over strings, and a dark quiet one."""
UNSEEN = ("loyalists", "nunc_dimittis", "revelation", "vengeful")
"""All of Toscano, a march and a dark chord, and of Nicoll, calm melodies and a loud battle."""

COMPOSERS = {
    "Aleksi Aubry-Carlson": "battle elf-land frantic-old main_menu transience underground",
    "Doug Kaufman": "battle-epic elvish-theme heroes_rite siege_of_laurelmor the_city_falls "
    "weight_of_revenge",
    "Gianmarco Leone": "the_dangerous_symphony the_deep_path",
    "Jeremy Nicoll": "nunc_dimittis vengeful",
    "Joseph G. Toscano": "loyalists revelation",
    "Mattias Westlund": "breaking_the_chains journeys_end legends_of_the_north "
    "northern_mountains return_to_wesnoth silvan_sanctuary the_king_is_dead traveling_minstrels",
    "Ryan Reilly": "defeat2 knalgan_theme love_theme suspense victory2",
    "Stephen Rozanc": "frantic northerners",
    "Timothy Pinkham": "defeat knolls victory wanderer",
    "Tyler Johnson": "casualties_of_war into_the_shadows sad",
}
"""Composer -> names of the tracks, from the tags of the files."""

_COMPOSER = {track: name for name, tracks in COMPOSERS.items() for track in tracks.split()}
_VERSION = re.compile(r"(\d+|-old)$")


def piece(track: str) -> str:
    """What a track belongs to by its name: later and earlier ones of one title stay together.

    >>> piece("victory2"), piece("frantic-old"), piece("knolls")
    ('victory', 'frantic', 'knolls')
    """
    return _VERSION.sub("", track)


def track_manifest(folder: Path) -> Manifest:
    """All tracks under `folder`, in a stable order; the class is "music", the group the piece.

    Raises:
        DataError: if no track is found there.
    """
    entries, omitted = [], []
    for path in sorted(folder.rglob("*.ogg")):
        place = path.relative_to(folder).as_posix()
        if path.stem == "silence":
            omitted.append(Omission(place, "silence"))
        else:
            source = f"{PACKAGES[0]} / {_COMPOSER.get(path.stem, 'unknown')}"
            entries.append(Entry(place, LABEL, piece(path.stem), LICENCE, source))
    if not entries:
        raise DataError(
            f"{shown(str(folder))} holds no track (*.ogg); expected unpacked {', '.join(PACKAGES)}"
        )
    return Manifest(folder, tuple(entries), omitted=tuple(omitted))


def track_splits(clips: ClipSet) -> Splits:
    """Whole pieces held out and unseen: `HELD_OUT` and `UNSEEN`."""
    return split_groups(clips, heldout=HELD_OUT, unseen=UNSEEN, within="piece")


download_tracks = partial(fetch_packages, PACKAGES, what="tracks", done="weight_of_revenge.ogg")
"""Fetches the tracks (153 MB) into a folder, unless they are there; see `fetch_packages`."""

"""Single notes of 105 instruments, rendered from the General MIDI soundfont that Debian ships.

The family is the class (15 of General MIDI's 16: sound effects have no pitch), the preset is the
group, and every note has its sounding pitch from 24 to 84: every second one of a preset, the even
or the odd ones, so that each family has them all. Every pitch is played at two or three velocities,
held for a second and released; see `soundfont`.

Measured on 21 keys of every preset with a pitch tracker (swift-f0) and by the strongest partial: a
preset is used if both find the same distance from the key most often, and one of them at three
quarters of the keys at least. That is 0 for all but those of `OFFSETS`; `NO_PITCH` names the rest.
Of every sixth note, the tracker confirms 97 % of the pitches to half a semitone.

Whole presets are for validation or test, and others unseen; pitches are on all sides.
`render_notes` takes any soundfont.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dgm_audio.data import cache
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.sets.soundfont import (
    RATE,
    Renderer,
    Stroke,
    find_renderer,
    preset_names,
    sounding,
)
from dgm_audio.data.splits import Splits, divided
from dgm_audio.errors import DataError
from dgm_audio.io import shown, write_audio

NAME = "fluid-notes"
PACKAGES = ("fluid-soundfont-gm",)
SOUNDFONT = "FluidR3_GM.sf2"
LICENCE = "MIT"
CREDIT = "fluid-soundfont-gm / Frank Wen and contributors"

FAMILIES = tuple(
    "piano chromatic_percussion organ guitar bass strings ensemble brass reed pipe "
    "synth_lead synth_pad synth_effects ethnic percussive".split()
)
"""Eight programs each, from program 0 on."""
PROGRAMS = range(8 * len(FAMILIES))

LOW, HIGH = 24, 84
VELOCITIES = (50, 80, 110)

OFFSETS = {31: 24, 97: 7, 113: 12}
"""Program -> sounding pitch less the key: guitar harmonics sound two octaves above, the agogo one
(a strong partial 12.2 semitones up on every key), and of the fifths of "Soundtrack" the upper note
is 10 dB the louder one."""

NO_PITCH = {
    9: "its loudest partials are inharmonic, 29 and 36 semitones up",
    14: "its partials agree on no one pitch",
    **dict.fromkeys((16, 17, 18), "its lowest stop changes from key to key"),
    19: "its stops sound up to four octaves at once",
    47: "its partials agree on no one pitch",
    55: "it is a chord",
    86: "it is two notes, a fourth apart",
    **dict.fromkeys((115, 116), "it has no pitch"),
    117: "its pitch moves by half a semitone per key",
    **dict.fromkeys((118, 119), "it has no pitch"),
}
"""Program -> why it is left out."""
TWINS = {110: "it is the preset Violin again, in another family"}
SOUND_EFFECTS = dict.fromkeys(range(120, 128), "it is a sound effect")

HELD_OUT = (
    "Legend EP 2",
    "Vibraphone",
    "Reed Organ",
    "Jazz Guitar",
    "Fretless Bass",
    "Viola",
    "Ohh Voices",
    "Trombone",
    "English Horn",
    "Flute",
    "Calliope Lead",
    "Metal Pad",
    "Brightness",
    "Koto",
    "Tinker Bell",
)
"""One preset of every family."""
UNSEEN = (
    "Harpsichord",
    "Xylophone",
    "Overdrive Guitar",
    "Synth Bass 1",
    "Cello",
    "Synth Voice",
    "French Horns",
    "Clarinet",
    "Ocarina",
    "Chiffer Lead",
    "Bowed Glass",
    "Echo Drops",
    "Banjo",
)
"""One preset of every family but organ and percussive, of which too few have a pitch.

Neither these nor the held-out ones share samples with presets that are trained on, by the tables of
the soundfont; but for the synths, of which most are layers of the same waves: Synth Voice, Chiffer
Lead and Metal Pad share one sample, Brightness and Bowed Glass two of three, Echo Drops 16 of 31.
"""

FORMAT = 1
"""Raised whenever the rules that make notes change, so that old ones do not pass for new ones."""

_TABLE, _OMITTED, _RENDERING = "notes.csv", "omitted.csv", "rendering.json"
_KEYS = range(128)
_QUIETEST = 10 ** (-60 / 20)
_SEED = 0


def download_notes(folder: Path) -> Path:
    """Fetch the soundfont (120 MB) and render its notes into FLAC files, unless they are there.

    A rendering that was cut short goes on where it stopped.

    Returns:
        `folder`.

    Raises:
        DataError: if the soundfont cannot be fetched, nothing is installed that renders it, the
            disk is full, or other offsets made the notes that are there; the message says what to
            do.
    """
    home = folder / "notes"
    if not (home / _TABLE).is_file():
        fetch_packages(PACKAGES, folder, what="notes", done=SOUNDFONT)
        soundfont = next(folder.rglob(SOUNDFONT))
        unused = {**NO_PITCH, **TWINS, **SOUND_EFFECTS}
        render_notes(
            soundfont, home, offsets=OFFSETS, unused=unused, licence=LICENCE, source=CREDIT
        )
    elif (home / _RENDERING).is_file():  # the first notes were rendered without
        _check_rendering(home, _rules(OFFSETS))
    return folder


def note_manifest(folder: Path) -> Manifest:
    """The notes that `download_notes` rendered, or those of a folder that `render_notes` made.

    Raises:
        DataError: if they are not there, or their tables are damaged.
    """
    home = folder / "notes" if (folder / "notes").is_dir() else folder
    if not (home / _TABLE).is_file():
        raise DataError(
            f"{shown(str(folder))} holds no {_TABLE}; expected notes by render_notes, "
            "which was cut short if there are other files"
        )
    found = Manifest.from_csv(home / _TABLE)
    omitted = tuple(_read_omitted(home / _OMITTED))
    return replace(found, classes=FAMILIES, omitted=omitted, label_name="instrument")


def note_splits(clips: ClipSet) -> Splits:
    """Whole presets: those of `HELD_OUT` held out, those of `UNSEEN` unseen, by their names.

    Of the held-out presets, which are of one family each, some are for validation and the others
    for test.

    Another soundfont has other names: a family that holds none of these out holds out a preset that
    is drawn by a fixed seed, if it has two. The notes of the splits say so.

    Raises:
        DataError: if nothing is left to train on.
    """
    groups = np.array(clips.groups)
    is_unseen = np.isin(groups, UNSEEN)
    drawn = dict(_draw_presets(clips, groups, is_unseen))
    is_held = np.isin(groups, [*HELD_OUT, *drawn.values()])
    rest = np.flatnonzero(~is_held & ~is_unseen)
    if len(rest) == 0:
        raise DataError("no preset is left beside those that are held out and unseen")
    notes = _notes_on_presets(drawn, any_unseen=bool(is_unseen.any()))
    held = np.flatnonzero(is_held & ~is_unseen)
    return divided(clips, rest, held, np.flatnonzero(is_unseen), notes=notes)


def _draw_presets(
    clips: ClipSet, groups: np.ndarray, is_unseen: np.ndarray
) -> Iterator[tuple[str, str]]:
    """(family, preset to hold out) of families that hold none out by name; "" if it has but one."""
    for label, family in enumerate(clips.classes):
        presets = np.unique(groups[(clips.labels == label) & ~is_unseen])
        if len(presets) and not np.isin(presets, HELD_OUT).any():
            rng = np.random.default_rng([_SEED, label])
            yield family, str(rng.choice(presets)) if len(presets) > 1 else ""


def _notes_on_presets(drawn: Mapping[str, str], *, any_unseen: bool) -> Iterator[str]:
    picked = [f"{preset} ({family})" for family, preset in drawn.items() if preset]
    if picked:
        yield (
            "their families hold out no preset by name, so these were drawn, and may share samples "
            f"with those that are trained on: {', '.join(picked)}"
        )
    if lacking := [family for family, preset in drawn.items() if not preset]:
        yield f"nothing is held out, as there is one preset only, of: {', '.join(lacking)}"
    if not any_unseen:
        yield "no preset is unseen"


def note_grid(program: int) -> list[tuple[int, int]]:
    """(sounding pitch, velocity) of all notes of a program.

    >>> note_grid(0)[:4], note_grid(1)[:3]
    ([(24, 50), (24, 80), (24, 110), (26, 50)], [(25, 80), (25, 110), (27, 50)])
    """
    notes = []
    for pitch in range(LOW + program % 2, HIGH + 1, 2):
        rng = np.random.default_rng([_SEED, program, pitch])
        picked = rng.choice(len(VELOCITIES), size=rng.integers(2, 4), replace=False)
        notes += [(pitch, VELOCITIES[index]) for index in sorted(picked)]
    return notes


def render_notes(
    soundfont: Path,
    out: Path,
    *,
    offsets: Mapping[int, int] | None = None,
    unused: Mapping[int, str] | None = None,
    licence: str = "unknown",
    source: str | None = None,
    programs: Sequence[int] = PROGRAMS,
) -> Path:
    """Render the notes of a General MIDI soundfont; `note_manifest(out)` reads them.

    Each program appears in one step when all its notes are there, and the tables last, so that a
    rendering that was cut short goes on where it stopped. Notes that peak below -60 dBFS, or whose
    key there is not, are left out and listed as omitted.

    What decides the sounds (soundfont, offsets, renderer) is kept beside them in `rendering.json`,
    so that notes that were made otherwise are never taken for these.

    Args:
        soundfont: an SF2 file; bank 0 is used.
        out: a folder for this soundfont and these offsets alone.
        offsets: program -> sounding pitch less the key, where that is not 0.
        unused: program -> reason for leaving it out.
        licence: of the soundfont, and so of its notes.
        source: for the manifest; by default the file's name.
        programs: numbers from 0 to 119, of which those that it lacks are omitted.

    Returns:
        `out`.

    Raises:
        DataError: if the file is no soundfont or gives no note, a program is out of range, nothing
            is installed that renders it, the notes cannot be written, or `out` holds notes that
            were rendered otherwise.
    """
    beyond = [number for number in programs if number not in PROGRAMS]
    if beyond:
        raise DataError(f"program {beyond[0]} is not one of 0 to {PROGRAMS[-1]}")
    names = _unique(preset_names(soundfont))
    lacking = {number: "not in the soundfont" for number in programs if number not in names}
    reasons = {**lacking, **(unused or {})}
    used = [number for number in programs if number not in reasons]
    omitted = [
        Omission(f"{number:03} {names.get(number, '')}".strip(), reason)
        for number, reason in sorted(reasons.items())
    ]
    render = find_renderer(soundfont)
    _claim(out, {**_rules(offsets or {}), "soundfont": _sha256(soundfont), "renderer": render.name})
    entries: list[Entry] = []
    for number in tqdm(used, desc="rendering notes", unit="preset", disable=None):
        place, offset = _place(number, names[number]), (offsets or {}).get(number, 0)
        if not (out / place).is_dir():
            _render_program(render, number, out / place, offset)
        for pitch, velocity in note_grid(number):
            path = f"{place}/{_file(pitch, velocity)}"
            if (out / path).is_file():
                family, group = FAMILIES[number // 8], names[number]
                credit = source or soundfont.name
                entries.append(Entry(path, family, group, licence, credit, float(pitch)))
            else:
                has_key = pitch - offset in _KEYS
                reason = "is silent" if has_key else "its key is outside 0 to 127"
                omitted.append(Omission(path, reason))
    if not entries:
        raise DataError(
            f"{shown(str(soundfont))} gave no note; it has: {', '.join(names.values())}"
        )
    _write_omitted(out / _OMITTED, omitted)
    Manifest(out, tuple(entries)).to_csv(out / _TABLE)
    return out


def _render_program(render: Renderer, program: int, place: Path, offset: int) -> None:
    notes = [(p, v) for p, v in note_grid(program) if p - offset in _KEYS]
    strokes = [Stroke(pitch - offset, velocity) for pitch, velocity in notes]
    with cache.building(place) as scratch:
        for (pitch, velocity), stereo in zip(notes, render(program, strokes), strict=True):
            sound = sounding(stereo)
            peak = float(np.abs(sound).max())
            if peak >= _QUIETEST:  # a note beyond full scale is lowered, not clipped
                write_audio(scratch / _file(pitch, velocity), sound / max(1.0, peak), RATE)


def _rules(offsets: Mapping[int, int]) -> dict[str, Any]:
    """What decides the sounds beside the soundfont and its renderer, as JSON gives it back."""
    return {"format": FORMAT, "offsets": {str(n): o for n, o in sorted(offsets.items()) if o}}


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _claim(out: Path, rendering: Mapping[str, Any]) -> None:
    """Write how notes are rendered beside them; those that are there must be rendered alike."""
    if any(place for family in FAMILIES for place in (out / family).glob("*")):
        _check_rendering(out, rendering)
    try:
        cache.write_json(out / _RENDERING, rendering)
    except OSError as error:
        raise DataError(f"{shown(str(out))} cannot be written: {error.strerror}") from error


def _check_rendering(home: Path, expected: Mapping[str, Any]) -> None:
    """Check that notes were rendered as is expected, as far as that is said.

    Raises:
        DataError: if they were not, or nothing is known of it.
    """
    try:
        found = dict(json.loads((home / _RENDERING).read_bytes()))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(
            f"{shown(str(home))} has no readable {_RENDERING} that says how its notes were "
            "rendered; give another folder, or remove this one"
        ) from error
    differing = [
        f"{key} {found.get(key)}, now {value}"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if differing:
        raise DataError(
            f"the notes in {shown(str(home))} were rendered with {'; '.join(differing)}; "
            "give another folder, or remove this one"
        )


def _place(program: int, name: str) -> str:
    return f"{FAMILIES[program // 8]}/{program:03}-{re.sub(r'[^A-Za-z0-9]+', '-', name)}"


def _file(pitch: int, velocity: int) -> str:
    return f"p{pitch:03}-v{velocity:03}.flac"


def _unique(names: Mapping[int, str]) -> dict[int, str]:
    """The names with the number after those that come twice: a group is one preset."""
    given = list(names.values())
    return {n: name if given.count(name) == 1 else f"{name} {n}" for n, name in names.items()}


def _write_omitted(file: Path, omitted: Iterable[Omission]) -> None:
    try:
        with open(file, "w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows((item.path, item.reason) for item in omitted)
    except OSError as error:
        raise DataError(f"{shown(str(file))} cannot be written: {error.strerror}") from error


def _read_omitted(file: Path) -> Iterator[Omission]:
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            for path, reason in csv.reader(stream):
                yield Omission(path, reason)
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(str(file))} cannot be read: {error}") from error

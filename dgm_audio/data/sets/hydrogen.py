"""The Hydrogen drum kits: labelled one-shots that Debian ships, 16 kits under free licences.

A kit's `drumkit.xml` names its instruments and their sample files; rules on those names give one of
twelve classes. The kit is the group, so that whole kits can be held out.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.splits import Splits, split_clips
from dgm_audio.errors import DataError

NAME = "hydrogen-drums"
PACKAGES = ("hydrogen-drumkits", "hydrogen-data")
UNSEEN_KITS = ("BJA_Pacific", "ElectricEmpireKit", "Millo_MultiLayered2")
"""Kits kept out of training altogether: an acoustic, an electronic and a mixed one."""

LICENCES = {
    "Audiophob": "CC0-1.0",
    "BJA_Pacific": "CC-BY-SA-3.0-US",
    "ColomboAcousticDrumkit": "GPL-2.0-or-later",
    "ElectricEmpireKit": "GPL-2.0-or-later",
    "ForzeeStereo": "GPL-2.0-only",
    "GMRockKit": "GPL-2.0-or-later",
    "Gimme A Hand 1.0": "GPL-2.0-only",
    "HardElectro1": "GPL-2.0-or-later",
    "Millo-Drums_v.1": "GPL-2.0-only",
    "Millo_MultiLayered2": "GPL-2.0-only",
    "Millo_MultiLayered3": "GPL-2.0-only",
    "TR808EmulationKit": "GPL-2.0-or-later",
    "The Black Pearl 1.0": "GPL-2.0-only",
    "VariBreaks": "GPL-2.0-or-later",
    "circAfrique v4": "CC-BY-SA-3.0",
    "rumpf_kit_z01_h2": "CC-BY-3.0",
}
"""From the packages' copyright files."""

RULES: tuple[tuple[str, str | None], ...] = (
    # The first pattern that is found in the instrument's name decides; None: no usable name.
    (r"^\d*$|^sample:|^[a-g]#?\d - *$", None),
    (r"cowbell|agogo|tambourine|maraca|clave|woodblock|waterglass|shaker|whistle", "percussion"),
    (r"(sangban|dununba|kenkeni)\d* bell", "percussion"),
    (r"conga|bongo|djembe|sangban|dununba|kenkeni|cajon", "hand_drum"),
    (r"clap", "clap"),
    (r"kick|bass ?drum", "kick"),
    (r"rim click|stick|^click", "rim"),
    (r"snare|redo super opaco", "snare"),
    (r"\btom", "tom"),
    (r"(hat|hh|hi-hat).*(pedal|pd)|pedal (hat|hh)", "pedal_hat"),
    (r"(hat|hh|hi-hat).*(open|\bop\b|free|swish)|open (hat|hh)|ohh", "open_hat"),
    (r"hat|hh", "closed_hat"),
    (r"ride|^bell$|paiste bell|crash/ride b", "ride"),
    (r"crash|cymbal|china|splash", "crash"),
    (r".", "percussion"),
)

CLASSES = (
    "kick",
    "snare",
    "closed_hat",
    "open_hat",
    "pedal_hat",
    "ride",
    "crash",
    "tom",
    "clap",
    "rim",
    "hand_drum",
    "percussion",
)


def label(instrument: str) -> str | None:
    """Class of an instrument by its name; None if the name says nothing.

    >>> label("Sabian Hat Semi-Open"), label("Floor Tom"), label("17")
    ('open_hat', 'tom', None)
    """
    name = instrument.strip().lower()
    return next(found for pattern, found in RULES if not name or re.search(pattern, name))


def drum_manifest(folder: Path) -> Manifest:
    """All labelled files of the kits under `folder`, in a stable order.

    Rows of the XML that point to missing files, and instruments whose name says nothing (loop
    slices and empty slots), are left out.

    Raises:
        DataError: if no kit is found there.
    """
    kits = sorted(folder.rglob("drumkit.xml"), key=lambda path: path.parent.name)
    entries = [entry for kit in kits for entry in _kit_entries(kit, folder)]
    if not entries:
        raise DataError(f"{folder} holds no drumkit.xml; expected unpacked {', '.join(PACKAGES)}")
    return Manifest(root=folder, entries=tuple(entries), classes=CLASSES)


def drum_splits(clips: ClipSet) -> Splits:
    """Split of the shipped drum models: a fifth for validation and test, three kits unseen."""
    return split_clips(clips, heldout=0.2, unseen_groups=UNSEEN_KITS, seed=0)


def _kit_entries(kit: Path, root: Path) -> Iterator[Entry]:
    name = kit.parent.name
    tree = ElementTree.parse(kit).getroot()
    for element in tree.iter():
        element.tag = element.tag.split("}")[-1]
    seen: set[str] = set()
    for instrument in tree.iter("instrument"):
        kind = label(instrument.findtext("name") or "")
        for layer in instrument.iter("filename"):
            path = kit.parent / (layer.text or "")
            if kind is None or not path.is_file() or path.name in seen:
                continue
            seen.add(path.name)
            yield Entry(
                path=path.relative_to(root).as_posix(),
                label=kind,
                group=name,
                licence=LICENCES.get(name, "unknown"),
                source=f"{PACKAGES[0]} / {name}",
            )


download_drums = partial(fetch_packages, PACKAGES, what="drum kits", done="drumkit.xml")
"""Fetches the kits (150 MB) into a folder, unless they are there; see `fetch_packages`."""

"""What sounds, models and files are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator

MOST_LETTERS = 60
"""Of a part of a name."""


USUAL = {"pace": 1.0, "transpose": 0.0}
"""Numbers that say nothing of a sound."""


def model_name(model: AudioGenerator, given: str) -> str:
    """The model's name in provenance; for a run's `model` folder the name of the run."""
    name = model.name or model.family
    folder = Path(given).absolute()
    if name != "model" or not folder.is_dir():
        return name
    return folder.parent.name if folder.name == "model" else folder.name


def slug(text: str) -> str:
    """The text as a part of a file name: at most 60 letters, digits and - _ . in it.

    >>> slug("hf:org/my drums@v1"), slug("...")
    ('hf-org-my-drums-v1', 'sound')
    """
    return re.sub(r"[^\w.-]+", "-", text)[:MOST_LETTERS].strip("-.") or "sound"


def label(condition: Mapping[str, Any]) -> str:
    """A condition in words: names as they are, shares with their names, numbers with their key.

    A usual pace is left out, and a pitch that is not transposed.

    >>> label({"class": "kick", "gain": 1.5})
    'kick gain 1.5'
    >>> label({"voice": {"allison": 0.7, "carlo": 0.3}})
    'allison 0.7 carlo 0.3'
    """
    words = []
    for key, value in condition.items():
        if value == USUAL.get(key):
            continue
        if isinstance(value, Mapping):
            words.append(label(value))
        elif isinstance(value, int | float):
            words.append(f"{key} {value:g}")
        else:
            words.append(str(value)[:MOST_LETTERS])
    return " ".join(words)


def file_name(*parts: str | int, suffix: str = ".wav") -> str:
    """A file name of parts; numbers have three digits, empty parts are left out.

    >>> file_name("drums-vae", "seed7", 3, "kick"), file_name("drums-vae", 12, "")
    ('drums-vae_seed7_003_kick.wav', 'drums-vae_012.wav')
    """
    texts = (f"{part:03d}" if isinstance(part, int) else slug(part) for part in parts if part != "")
    return "_".join(texts) + suffix

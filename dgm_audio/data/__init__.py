"""From folders of audio files to clips: reading rules, cache, splits, the doctor.

files -> Manifest -> load_clips -> ClipSet -> split_clips -> train, validation, test, unseen
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgm_audio.data.clip_config import ClipConfig
    from dgm_audio.data.clip_set import ClipSet
    from dgm_audio.data.clips import load_clips
    from dgm_audio.data.copies import near_copies
    from dgm_audio.data.doctor import examine
    from dgm_audio.data.manifest import Entry, Manifest
    from dgm_audio.data.splits import Splits, split_clips
    from dgm_audio.data.takes import take_groups

_EXPORTS = {
    "ClipConfig": "clip_config",
    "ClipSet": "clip_set",
    "Entry": "manifest",
    "Manifest": "manifest",
    "Splits": "splits",
    "examine": "doctor",
    "load_clips": "clips",
    "near_copies": "copies",
    "split_clips": "splits",
    "take_groups": "takes",
}

__all__ = [
    "ClipConfig",
    "ClipSet",
    "Entry",
    "Manifest",
    "Splits",
    "examine",
    "load_clips",
    "near_copies",
    "split_clips",
    "take_groups",
]


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'dgm_audio.data' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"dgm_audio.data.{_EXPORTS[name]}"), name)

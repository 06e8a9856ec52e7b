"""Whether the clips of a folder are enough: asked by the doctor and by training alike."""

from __future__ import annotations

from collections.abc import Iterable

from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.report import FileReport
from dgm_audio.errors import DataError
from dgm_audio.io import shown


def check_enough(manifest: Manifest, files: Iterable[FileReport]) -> None:
    """Refuse data that nothing can be learned from.

    Args:
        manifest: what the files are of.
        files: what became of each.

    Raises:
        DataError: if there is nothing but silence, or fewer than `LEAST_CLIPS` clips.
    """
    used = [file for file in files if not file.skipped]
    clips, where = sum(file.clips for file in used), shown(str(manifest.root))
    if used and all("silent" in file.steps for file in used):
        raise DataError(
            f"{where} holds nothing but silence: {len(used)} files with peaks below -80 dBFS"
        )
    if clips < LEAST_CLIPS:
        raise DataError(too_few(f"{where} gives {clips} clip{'s' * (clips != 1)}"))


def too_few(found: str) -> str:
    """What was found, and how many clips training needs.

    >>> too_few("sounds holds 7 sounds")
    'sounds holds 7 sounds; training needs at least 8, and some dozens to learn something'
    """
    return f"{found}; training needs at least {LEAST_CLIPS}, and some dozens to learn something"

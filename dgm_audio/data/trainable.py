"""Whether a model can be trained on a folder: asked by the doctor and by training alike."""

from __future__ import annotations

from collections.abc import Iterable

from dgm_audio.data.manifest import Manifest
from dgm_audio.data.report import FileReport
from dgm_audio.errors import DataError
from dgm_audio.io import shown

LEAST_CLIPS = 2
"""One sound can be learned by heart, and there is nothing that could lie between it and others."""
FEW_CLIPS = 12
"""Of fewer clips none is held out: one or two say nothing, and are missed in training."""


def check_enough(manifest: Manifest, files: Iterable[FileReport]) -> None:
    """Refuse data that nothing can be learned from.

    Few sounds are no reason: a model of seven learns them by heart and morphs between them, which
    the doctor and the notes of a split say beforehand.

    Args:
        manifest: what the files are of.
        files: what became of each.

    Raises:
        DataError: if there are fewer than 2 clips, or nothing but silence.
    """
    used = [file for file in files if not file.skipped]
    clips, where = sum(file.clips for file in used), shown(str(manifest.root))
    if used and all("silent" in file.steps for file in used):
        raise DataError(
            f"{where} holds nothing but silence: {len(used)} files with peaks below -80 dBFS"
        )
    if clips < LEAST_CLIPS:
        raise DataError(
            f"{where} gives {clips} clip; a model needs at least {LEAST_CLIPS} different sounds: "
            "add recordings, or ask for shorter clips (--seconds) so that a long one gives several"
        )

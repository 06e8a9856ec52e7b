"""What listeners notice, as numbers: of any sound, one-shots, notes and music.

Sounds of a model and real ones are measured in the same way, at the level that they have.
"""

from dgm_audio.evaluation.listening.measure import (
    ALL,
    KINDS,
    MUSIC,
    NOTES,
    ONE_SHOTS,
    Kind,
    Measure,
    kind_of,
    measure,
)

__all__ = ["ALL", "KINDS", "MUSIC", "NOTES", "ONE_SHOTS", "Kind", "Measure", "kind_of", "measure"]

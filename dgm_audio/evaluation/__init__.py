"""Judging a generator against held-out real sound, with a floor and a ceiling."""

from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding
from dgm_audio.evaluation.judge import held_out_judge
from dgm_audio.evaluation.reference import Reference, quick_distance
from dgm_audio.evaluation.report import KEYS, evaluate
from dgm_audio.evaluation.summary import table

__all__ = [
    "KEYS",
    "Embedding",
    "Reference",
    "TextureEmbedding",
    "evaluate",
    "held_out_judge",
    "quick_distance",
    "table",
]

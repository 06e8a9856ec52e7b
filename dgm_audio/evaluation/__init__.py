"""Judging a generator against held-out real sound, with a floor and a ceiling."""

from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding
from dgm_audio.evaluation.embeddings import EMBEDDINGS
from dgm_audio.evaluation.judge import likelihood_judge, validation_metric
from dgm_audio.evaluation.keys import KEYS
from dgm_audio.evaluation.likelihood import bits_per_sample, mean_bits
from dgm_audio.evaluation.markov import MarkovChain
from dgm_audio.evaluation.reference import Reference, quick_distance
from dgm_audio.evaluation.report import evaluate
from dgm_audio.evaluation.scattering import ScatteringEmbedding
from dgm_audio.evaluation.summary import table

__all__ = [
    "EMBEDDINGS",
    "KEYS",
    "Embedding",
    "MarkovChain",
    "Reference",
    "ScatteringEmbedding",
    "TextureEmbedding",
    "bits_per_sample",
    "evaluate",
    "likelihood_judge",
    "mean_bits",
    "quick_distance",
    "table",
    "validation_metric",
]

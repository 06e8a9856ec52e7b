"""Evaluating a generator against real test sound, beside a noise baseline and real clips."""

from dgm_audio._renamed import old_names
from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding
from dgm_audio.evaluation.embeddings import EMBEDDINGS
from dgm_audio.evaluation.likelihood import bits_per_sample, mean_bits
from dgm_audio.evaluation.markov import MarkovChain
from dgm_audio.evaluation.reference import Reference, quick_distance
from dgm_audio.evaluation.report import evaluate
from dgm_audio.evaluation.report_keys import KEYS
from dgm_audio.evaluation.report_table import table
from dgm_audio.evaluation.scattering import ScatteringEmbedding
from dgm_audio.evaluation.validation import validation_bits, validation_metric

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
    "mean_bits",
    "quick_distance",
    "table",
    "validation_bits",
    "validation_metric",
]

__getattr__ = old_names(__name__)

"""The embeddings that a report judges by: no single one hears all that listeners do."""

from __future__ import annotations

from types import MappingProxyType

from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding
from dgm_audio.evaluation.scattering import ScatteringEmbedding

EMBEDDINGS: MappingProxyType[str, Embedding] = MappingProxyType(
    {"texture": TextureEmbedding(), "scattering": ScatteringEmbedding()}
)
"""By name; the first is the default one."""

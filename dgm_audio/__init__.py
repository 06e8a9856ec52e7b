"""Deep generative models of audio behind one latent-to-audio interface.

    x = decode(z, c),    z ~ N(0, I)

Letters used in all docstrings: B batch, C audio channels, T samples, D latent channels, L latent
frames, F frequency bins, M mel bins, K classes.

Example:
    >>> import dgm_audio
    >>> model = dgm_audio.load("drums-vae")
    >>> model.sample(2, condition={"class": "kick"}, seed=0).shape
    torch.Size([2, 1, 65536])

A model of speech takes a text, `model.sample(condition={"text": "Press two."})`, and is as long as
that takes; `dgm_audio.apps.speak.speak` says texts of any length.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dgm_audio._renamed import find_old_modules
from dgm_audio._version import __version__

if TYPE_CHECKING:
    from dgm_audio.apps.fitting import fit_latent
    from dgm_audio.errors import (
        AudioFileError,
        CheckpointError,
        ConfigError,
        ConformanceError,
        DataError,
        DecodeError,
        DgmAudioError,
        InputError,
        TrainingError,
        UnknownModelError,
    )
    from dgm_audio.generator import AudioGenerator, Encoder, HasElbo, HasLogProb
    from dgm_audio.interpolation import slerp
    from dgm_audio.io import read_audio, write_audio
    from dgm_audio.shipped import list_models, load
    from dgm_audio.specs import AudioSpec, ConditionSpec, LatentSpec
    from dgm_audio.vocoded import Vocoded

_EXPORTS = {
    "AudioFileError": "errors",
    "AudioGenerator": "generator",
    "AudioSpec": "specs",
    "CheckpointError": "errors",
    "ConditionSpec": "specs",
    "ConfigError": "errors",
    "ConformanceError": "errors",
    "DataError": "errors",
    "DecodeError": "errors",
    "DgmAudioError": "errors",
    "Encoder": "generator",
    "HasElbo": "generator",
    "HasLogProb": "generator",
    "InputError": "errors",
    "LatentSpec": "specs",
    "TrainingError": "errors",
    "UnknownModelError": "errors",
    "Vocoded": "vocoded",
    "fit_latent": "apps.fitting",
    "list_models": "shipped",
    "load": "shipped",
    "read_audio": "io",
    "slerp": "interpolation",
    "write_audio": "io",
}

__all__ = [
    "AudioFileError",
    "AudioGenerator",
    "AudioSpec",
    "CheckpointError",
    "ConditionSpec",
    "ConfigError",
    "ConformanceError",
    "DataError",
    "DecodeError",
    "DgmAudioError",
    "Encoder",
    "HasElbo",
    "HasLogProb",
    "InputError",
    "LatentSpec",
    "TrainingError",
    "UnknownModelError",
    "Vocoded",
    "__version__",
    "fit_latent",
    "list_models",
    "load",
    "read_audio",
    "slerp",
    "write_audio",
]

find_old_modules()


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import dgm_audio` costs nothing (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'dgm_audio' has no attribute {name!r}")
    return getattr(import_module(f"dgm_audio.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    """The public names, also those that nobody has used yet."""
    return __all__

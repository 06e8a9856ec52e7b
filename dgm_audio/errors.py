"""Typed errors: one line that names what was found and what is allowed.

Every error that a user can cause derives from `DgmAudioError`. The command line prints its message
without a traceback and ends with its `exit_code`: 2 for wrong input, 1 for a failure.
"""


class DgmAudioError(Exception):
    """Base class of all errors that this package raises on purpose.

    Attributes:
        exit_code: what the command line ends with (2: wrong input, 1: failure).
    """

    exit_code: int = 2


class InputError(DgmAudioError, ValueError):
    """An argument (latent, condition, seconds, seed, temperature, ...) is not allowed."""


class AudioFileError(DgmAudioError):
    """An audio file cannot be read, or is outside the limits, or cannot be written."""


class ConfigError(DgmAudioError):
    """A configuration has an unknown key, a wrong type or a value out of range."""


class CheckpointError(DgmAudioError):
    """A model folder is missing, damaged, unsafe, or made for another version."""


class UnknownModelError(DgmAudioError):
    """No model or family has the given name."""


class DataError(DgmAudioError):
    """A data set is empty, unreadable, or too damaged to train on."""


class TrainingError(DgmAudioError):
    """A training run cannot go on."""

    exit_code = 1


class DecodeError(DgmAudioError):
    """What a model made is no sound: it has NaN or infinite samples."""

    exit_code = 1


class ConformanceError(DgmAudioError, AssertionError):
    """A model breaks the contract of `AudioGenerator` (see `dgm_audio.testing`)."""

    exit_code = 1

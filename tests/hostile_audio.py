"""Audio files that are not what they should be, and how reading one must end."""

import struct

import numpy as np
import pytest
import soundfile

from dgm_audio.errors import AudioFileError
from dgm_audio.io import read_audio

RATE = 44100


def refused(path, match=None):
    """The message of the AudioFileError that reading must end with: one line, with the name."""
    with pytest.raises(AudioFileError, match=match) as error:
        read_audio(path)
    message = str(error.value)
    assert "\n" not in message and message.isprintable()
    assert len(message) < 400
    return message


def encoded(path, kind, frames=50_000, channels=1):
    x = np.random.default_rng(0).standard_normal((frames, channels)) * 0.1
    soundfile.write(path, x, RATE, format=kind.upper())
    return bytearray(path.read_bytes())


def patched(data, offset, form, value):
    data = bytearray(data)
    struct.pack_into(form, data, offset, value)
    return bytes(data)

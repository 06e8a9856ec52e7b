"""Bombs, and rates and channels beyond reason: refused with little memory."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from hostile_audio import RATE, encoded, patched, refused

from dgm_audio.errors import AudioFileError
from dgm_audio.io import AudioLimits, probe, read_audio, write_audio

# 4. Decompression bombs.

PEAK = r"""
import re, sys
from dgm_audio.errors import AudioFileError
from dgm_audio.io import read_audio
try:
    read_audio(sys.argv[1])
    print("read")
except AudioFileError as error:
    print(error)
print(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.fault(4)
@pytest.mark.parametrize(("kind", "channels"), [("flac", 8), ("ogg", 2)])
def test_bomb_is_refused_with_little_memory(tmp_path, kind, channels, figure):
    """Some 25 kB that decode to 85 MB of float32, in a process of its own."""
    path = tmp_path / f"bomb.{kind}"
    subtype = "PCM_16" if kind == "flac" else "VORBIS"
    block = np.zeros((65536, channels), np.float32)
    with soundfile.SoundFile(path, "w", RATE, channels, subtype, format=kind.upper()) as sound:
        for _ in range(85_000_000 // block.nbytes):
            sound.write(block)
    assert path.stat().st_size < 60_000
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True
    )
    message, peak = done.stdout.splitlines()
    assert "times as many; at most 1000 times are allowed" in message
    figure(f"peak memory with a {kind} bomb", int(peak), "MB")
    assert int(peak) < 300
    audio, _ = read_audio(path, limits=AudioLimits(max_expansion=1e6), frames=100)
    assert audio.shape == (channels, 100)


@pytest.mark.fault(4)
def test_a_large_file_is_refused_before_memory_is_taken(tmp_path):
    """An honest hour of 8 channels: 5 GB as samples. Sparse on disk."""
    path = tmp_path / "a.wav"
    frames = RATE * 3599
    head = write_audio(path, np.zeros((8, 1), np.float32), RATE).read_bytes()[:44]
    path.write_bytes(patched(head, 40, "<I", frames * 16))
    os.truncate(path, 44 + frames * 16)
    message = refused(path, "at most 512 MiB")
    assert "read it in parts" in message
    assert read_audio(path, start=frames - 5)[0].shape == (8, 5)


# 6. Rates and channels beyond reason.


@pytest.mark.fault(6)
@pytest.mark.parametrize("rate", [0, 1, 999, 384_001, 2**31 - 1, 2**32 - 1])
def test_absurd_rate(tmp_path, rate):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 24, "<I", rate))
    refused(path)


@pytest.mark.fault(6)
@pytest.mark.parametrize("channels", [0, 9, 1024, 65535])
def test_absurd_channels(tmp_path, channels):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 22, "<H", channels))
    refused(path)


def test_limits_are_named_and_can_be_moved(tmp_path):
    path = write_audio(tmp_path / "a.wav", torch.zeros(2, 8000), 8000)
    for limits, words in [
        (AudioLimits(max_seconds=0.5), "states 1 s of sound; at most 0.5 s"),
        (AudioLimits(min_rate=16_000), "8000 Hz; allowed are 16000 to 384000 Hz"),
        (AudioLimits(max_channels=1), "2 channels; at most 1"),
    ]:
        with pytest.raises(AudioFileError, match=words):
            probe(path, limits)

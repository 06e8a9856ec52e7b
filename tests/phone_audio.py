"""Files as phones and players write them, made by PyAV."""

import numpy as np
import pytest

av = pytest.importorskip("av")

FORMATS = {
    "a.m4a": ("ipod", "aac", 44100),
    "lossless.m4a": ("ipod", "alac", 44100),
    "a.mov": ("mov", "aac", 44100),
    "a.3gp": ("3gp", "libopencore_amrnb", 8000),
    "a.amr": ("amr", "libopencore_amrnb", 8000),
    "a.webm": ("webm", "libopus", 48000),
    "a.mka": ("matroska", "flac", 44100),
    "a.wv": ("wv", "wavpack", 44100),
    "a.wma": ("asf", "wmav2", 44100),
    "a.aac": ("adts", "aac", 44100),
    "a.mp2": ("mp2", "mp2", 44100),
}
"""File name -> container, codec and rate."""


def tone(rate, frames):
    """A click at the beginning of a quiet tone."""
    x = 0.2 * np.sin(2 * np.pi * 440 * np.arange(frames) / rate)
    x[:20] = 0.9
    return x


def phone_file(path, frames=30_000, channels=1, container="", codec="", rate=0):
    """A file named as one of `FORMATS`, of so many frames; returns its rate."""
    known = FORMATS.get(path.name, ("", "", 0))
    container, codec, rate = container or known[0], codec or known[1], rate or known[2]
    x = np.repeat(tone(rate, frames)[None], channels, axis=0)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout = "mono" if channels == 1 else "stereo"
        form = "s16p" if codec == "wavpack" else stream.codec_context.format.name
        stream.codec_context.format = form
        stream.bit_rate = 12_200 if rate == 8000 else 128_000
        if form.startswith("s"):
            bits = int(form[1:3])
            x = (x * (2 ** (bits - 1) - 1)).astype(f"int{bits}")
        x = x.astype(np.float32) if form.startswith("flt") else x
        x = x if form.endswith("p") else x.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(x), format=form, layout=stream.layout.name
        )
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return rate

"""Sizes of a `StreamVAE`."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgm_audio.errors import ConfigError
from dgm_audio.nn.stream_head import BANDS, HELD


@dataclass(frozen=True)
class StreamConfig:
    """Sizes of a `StreamVAE`.

    Args:
        sample_rate: in Hz.
        channels: 1 for mono, 2 for stereo.
        length: samples of a clip when nothing else is asked for; there is no longest one.
        n_fft: STFT window in samples.
        hop: samples per STFT frame, a quarter of n_fft or less.
        frames: STFT frames per code.
        width: channels of encoder and decoder.
        latent: D, numbers in a code.
        encoder: blocks of the encoder at the rate of the frames, and of the codes.
        decoder: blocks of the decoder at the rate of the codes, and of the frames.
        prior: width of the prior.
    """

    sample_rate: int = field(default=44100, metadata={"low": 1000, "high": 384000})
    channels: int = field(default=2, metadata={"low": 1, "high": 8})
    length: int = field(default=882000, metadata={"low": 1, "high": 2**26})
    n_fft: int = field(default=2048, metadata={"low": 512, "high": 16384})
    hop: int = field(default=512, metadata={"low": 128, "high": 4096})
    frames: int = field(default=2, metadata={"low": 1, "high": 16})
    width: int = field(default=256, metadata={"low": 8, "high": 2048})
    latent: int = field(default=64, metadata={"low": 1, "high": 1024})
    encoder: tuple[int, int] = (2, 4)
    decoder: tuple[int, int] = (5, 1)
    prior: int = field(default=256, metadata={"low": 8, "high": 4096})


def check_sizes(config: StreamConfig) -> None:
    """Refuse sizes that do not fit each other.

    Raises:
        ConfigError: names the key, what was found and what is allowed.
    """
    if config.n_fft % (2 * config.hop) or config.n_fft < 4 * config.hop:
        raise ConfigError(
            f"config.hop is {config.hop}; n_fft {config.n_fft} must be an even multiple of it, "
            "four times or more"
        )
    if config.hop % (BANDS * HELD):
        raise ConfigError(f"config.hop is {config.hop}; it must be a multiple of {BANDS * HELD}")
    for name in ("encoder", "decoder"):
        blocks = getattr(config, name)
        if len(blocks) != 2 or not all(0 <= count <= 64 for count in blocks):
            raise ConfigError(
                f"config.{name} is {list(blocks)}; it must be two numbers from 0 to 64"
            )

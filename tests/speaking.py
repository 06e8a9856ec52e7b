"""Small models that speak, and a language of tones to learn, with known durations."""

import numpy as np
import torch

from dgm_audio.data import ClipSet
from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.model import InversionFlow
from dgm_audio.families.flow_matching.config import FlowMatchingConfig, TextConfig
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.signal.mel import MelSpec
from dgm_audio.text import inventory

RATE, HOP = 8000, 64
VOCODER = FlowConfig(
    mel=MelSpec(RATE, n_fft=128, hop=HOP, n_mels=20, f_max=4000.0),
    width=8,
    blocks=1,
    ahead=2,
    iterations=2,
)
TEXT = TextConfig(
    symbols=inventory(["en", "es"]),
    languages=("en", "es"),
    voices=("ada", "bo"),
    native=(0, 1),
    examples=("A ball.", "dos"),
    width=16,
    blocks=1,
    semitones=2.0,
)
CONFIG = FlowMatchingConfig(
    vocoder=VOCODER, length=4096, text=TEXT, width=16, blocks=2, style=8, window=4
)

TONES = {letter: 500 * 1.3**place for place, letter in enumerate("abcdefgh")}
FRAMES = {letter: 8 + 4 * (place % 3) for place, letter in enumerate("abcdefgh")}
"""How long each letter of the language of tones is heard."""
PAUSE = 8
"""Frames of silence between words, and at both ends."""


def small_model(seed: int = 0, **changes) -> FlowMatching:
    """An untrained model that speaks, whose weights all matter."""
    torch.manual_seed(seed)
    config = FlowMatchingConfig(**{**vars(CONFIG), **changes})
    model = FlowMatching(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model


def small_vocoder() -> InversionFlow:
    """An untrained vocoder."""
    torch.manual_seed(0)
    return InversionFlow(VOCODER).eval()


def durations_of(text: str) -> list[int]:
    """Frames of "^", the letters and blanks of a text, and "$"."""
    return [PAUSE, *(FRAMES.get(letter, PAUSE) for letter in text), PAUSE]


def said(text: str) -> np.ndarray:
    """A text in the language of tones (T,)."""
    pieces = []
    for letter, frames in zip(f" {text} ", durations_of(text), strict=True):
        time = np.arange(frames * HOP) / RATE
        pieces.append(0.5 * np.sin(2 * np.pi * TONES[letter] * time) if letter != " " else 0 * time)
    return np.concatenate(pieces).astype(np.float32)


def tone_clips(count: int, seed: int = 0, voices: tuple[str, ...] = ("ada",)) -> ClipSet:
    """Recordings of texts of six letters in the language of tones."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list(TONES), 3)) for _ in range(2 * count)]
    texts = [" ".join(pair) for pair in zip(words[::2], words[1::2], strict=True)]
    sounds = [said(text) for text in texts]
    longest = max(map(len, sounds))
    audio = np.stack([np.pad(sound, (0, longest - len(sound))) for sound in sounds])[:, None]
    clips = ClipSet.from_arrays(
        audio,
        RATE,
        texts=texts,
        languages=["es"] * count,
        voices=[voices[n % len(voices)] for n in range(count)],
    )
    clips.lengths[:] = [len(sound) for sound in sounds]
    return clips

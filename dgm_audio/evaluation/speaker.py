"""Whose voice is it? Embeddings of a speaker encoder, and how alike two of them are.

    similarity = <e, c>,    e = embedding of a sound, c = mean of those of a voice, both of length 1

The encoder is the one that PyPI's `resemblyzer` brings: mel spectrograms of 1.6 s, three layers of
LSTM, a rectified linear layer of 256 numbers, all of length 1 and averaged over the windows.
Only its weights are used, since the package imports another that no longer runs. Pauses are cut out
by their level, which `resemblyzer` does by a voice detector.

References:
    Wan, Wang, Papir and Lopez Moreno, "Generalized end-to-end loss for speaker verification", 2018.
    Jemine, "Real-time voice cloning", 2019 (the weights).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import librosa
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from dgm_audio.errors import InputError
from dgm_audio.signal.resampling import resample

RATE = 16000
SIZE = 256
"""Numbers of an embedding."""
_PACKAGE, _WEIGHTS = "resemblyzer", "pretrained.pt"
_MELS, _WINDOW, _HOP = 40, 400, 160
_FRAMES, _STEP, _COVERED = 160, 77, 0.75
"""Mel frames of a window, from one to the next, and the share of the last that must be sound."""
_LEVEL = 10 ** (-30 / 20)
"""All sounds are brought to this root mean square: the encoder would hear their level."""
_PAUSE_DB = 40.0
"""What lies so far below the loudest part is no speech."""


class SpeakerEncoder(nn.Module):
    """Embeds the voice of a sound.

    Raises:
        InputError: if the package with the weights is not installed.
    """

    def __init__(self) -> None:
        found = find_spec(_PACKAGE)
        if found is None or found.origin is None:
            raise InputError(f"{_PACKAGE} is not installed (dgm_audio[judge])")
        super().__init__()
        self.lstm = nn.LSTM(_MELS, SIZE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(SIZE, SIZE)
        weights = torch.load(Path(found.origin).with_name(_WEIGHTS), "cpu", weights_only=True)
        known = self.state_dict().keys()
        self.load_state_dict({key: weights["model_state"][key] for key in known})
        self.requires_grad_(False)

    def forward(self, x: Tensor, rate: int) -> Tensor:
        """Embedding (256,), of length 1 and nowhere negative, of a sound (T,) at `rate` Hz."""
        sound = _without_pauses(resample(x.float(), rate, RATE).numpy())
        level = float(np.sqrt(np.mean(np.square(sound))))
        sound = sound * (_LEVEL / max(level, 1e-9))
        hidden = self.lstm(_windows(sound))[1][0][-1]
        each = normalize(self.linear(hidden).relu(), dim=1)
        return normalize(each.mean(0), dim=0)


def centroid(embeddings: Tensor) -> Tensor:
    """The voice (256,), of length 1, that embeddings (N, 256) have in common."""
    return normalize(embeddings.mean(0), dim=0)


def _without_pauses(sound: np.ndarray) -> np.ndarray:
    parts = librosa.effects.split(sound, top_db=_PAUSE_DB)
    return np.concatenate([sound[start:stop] for start, stop in parts]) if len(parts) else sound


def _windows(sound: np.ndarray) -> Tensor:
    """Power mels (N, 160, 40) of a sound (T,): windows of 1.6 s, every 0.77 s."""
    frames = -(-(len(sound) + 1) // _HOP)
    starts = list(range(0, max(1, frames - _FRAMES + _STEP + 1), _STEP))
    if len(starts) > 1 and len(sound) / _HOP - starts[-1] < _COVERED * _FRAMES:
        starts.pop()
    room = (starts[-1] + _FRAMES) * _HOP - len(sound)
    padded = np.pad(sound, (0, max(0, room)))
    mels = librosa.feature.melspectrogram(
        y=padded, sr=RATE, n_fft=_WINDOW, hop_length=_HOP, n_mels=_MELS
    )
    rows = torch.from_numpy(mels.T.astype(np.float32))
    return torch.stack([rows[start : start + _FRAMES] for start in starts])

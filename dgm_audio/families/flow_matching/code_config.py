"""Which flow-matching model learns the codes that an autoencoder finds in clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from dgm_audio.errors import DataError
from dgm_audio.families.flow_matching.codes import Codes
from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.families.spectrogram import SpectrogramGenerator
from dgm_audio.families.vae_stream.model import StreamVAE
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, Scalar

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

LONGEST_SECONDS = 60
MOST_COMPARED = 16
"""Clips of a class by which the autoencoder's class that is most like it is chosen."""
SMALL_WIDTH, SMALL_BLOCKS = 256, 4


def config_for_codes(clips: ClipSet, autoencoder: AudioGenerator) -> FlowMatchingConfig:
    """Sizes of a model of the codes of these clips.

    Raises:
        DataError: if the autoencoder cannot encode the clips; both are named.
    """
    _check_sounds(clips, autoencoder.audio)
    classes = clips.classes if len(clips.classes) > 1 else ()
    if isinstance(autoencoder, StreamVAE):
        longest = LONGEST_SECONDS * clips.sample_rate
        return FlowMatchingConfig(
            vocoder=None,
            stream=autoencoder.config,
            length=clips.audio.shape[2],
            longest=max(longest, clips.audio.shape[2]),
            classes=classes,
            label=clips.label_name,
            target="correction",
        )
    assert isinstance(autoencoder, SpectrogramGenerator)
    own = autoencoder.config
    if own.pitches:
        _check_pitches(clips, own.pitches)
    return FlowMatchingConfig(
        vocoder=None,
        autoencoder=own,
        heard_as=heard_as(clips, autoencoder),
        length=own.length,
        classes=classes,
        label=clips.label_name,
        pitches=own.pitches,
        width=SMALL_WIDTH,
        blocks=SMALL_BLOCKS,
        patch=1,
        target="correction",
        solver="heun",
        steps=8,
    )


@torch.no_grad()
def heard_as(clips: ClipSet, autoencoder: SpectrogramGenerator) -> tuple[int, ...]:
    """For each class of the clips (or all of them) the class that the autoencoder decodes it as.

    It is the one of the same name, or else the one whose codes are most like those of the clips:
    of which the Gaussian of `families.class_prior` gives them the highest density.
    """
    known = autoencoder.config.classes
    if not known:
        return ()
    names = clips.classes if len(clips.classes) > 1 else ("",)
    found = []
    for index, name in enumerate(names):
        if name in known:
            found.append(known.index(name))
            continue
        own = np.flatnonzero(clips.labels == index) if len(names) > 1 else np.arange(len(clips))
        rows = own[np.linspace(0, len(own) - 1, min(len(own), MOST_COMPARED)).astype(int)]
        found.append(_most_like(clips, rows, autoencoder) if len(rows) else 0)
    return tuple(found)


def _most_like(clips: ClipSet, rows: np.ndarray, autoencoder: SpectrogramGenerator) -> int:
    """The class of the autoencoder that gives the codes of the clips the highest density."""
    mean, _ = autoencoder.posterior(clips.tensor(rows), clips.condition(rows))
    densities = []
    for index in range(len(autoencoder.config.classes)):
        labels = torch.full((len(rows),), index, dtype=torch.long, device="cpu")
        z = autoencoder.latent_of_code(mean, labels)
        volume = autoencoder.prior_scale[index].diagonal().log().sum()
        densities.append(float(-0.5 * z.square().sum(1).mean() - volume))
    return int(np.argmax(densities))


def take_autoencoder(codes: Codes, autoencoder: AudioGenerator) -> None:
    """Copy an autoencoder's weights into a representation, but for those of its losses."""
    inner = codes.get_submodule("autoencoder")
    theirs = autoencoder.state_dict()
    inner.load_state_dict({name: theirs[name] for name in inner.state_dict()})


def _check_sounds(clips: ClipSet, audio: AudioSpec) -> None:
    channels, length = clips.audio.shape[1:]
    found = (clips.sample_rate, channels)
    if found != (audio.sample_rate, audio.channels):
        raise DataError(
            f"the clips have {found[1]} channels at {found[0]} Hz; the autoencoder takes "
            f"{audio.channels} at {audio.sample_rate} Hz"
        )
    if audio.max_length is not None and length > audio.max_length:
        raise DataError(
            f"the clips have {length} samples; the autoencoder takes at most {audio.max_length}"
        )


def _check_pitches(clips: ClipSet, pitches: tuple[float, ...]) -> None:
    field, (low, high) = clips.condition_spec.fields.get("pitch"), pitches
    if not isinstance(field, Scalar):
        raise DataError("the autoencoder is one of notes; the clips have no pitch (a CSV manifest)")
    if field.low < low or field.high > high:
        raise DataError(
            f"the clips have pitches from {field.low:g} to {field.high:g}; the autoencoder takes "
            f"{low:g} to {high:g}"
        )

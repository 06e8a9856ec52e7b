"""Evaluating a vocoder: test recordings from their mel, beside Griffin-Lim and themselves.

    pesq        wide-band PESQ against the recording, 1 to 4.64 (ITU-T P.862.2); pip: pesq
    dnsmos      overall quality of speech, 1 to 5, predicted without a reference; pip: speechmos
    log_mel_db  mean |difference| of the log-mels in dB, by the vocoder's own mel
    bits        bits per sample, given the mel, of a vocoder that has a likelihood

Griffin-Lim takes 60 iterations from the same mel, from the magnitudes of `signal.griffin_lim` and,
for comparison with other work, from those of least squares, which are usual. Intervals come from
drawing clips, or clusters of them such as speakers, with replacement (see `bootstrap`). PESQ and
DNSMOS need the extra "judge"; a report says which it lacks.

References:
    ITU-T P.862.2, "Wideband extension to recommendation P.862", 2007.
    Reddy, Gopal and Cutler, "DNSMOS P.835: a non-intrusive perceptual objective speech quality
    metric to evaluate noise suppressors", 2022.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from dgm_audio._standard_error import stderr
from dgm_audio.capabilities import HasLogProb
from dgm_audio.data import ClipSet, Splits
from dgm_audio.data.windows import recordings
from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import bootstrap
from dgm_audio.evaluation.figures import ratio_of
from dgm_audio.evaluation.likelihood import bits_of
from dgm_audio.evaluation.reference import MIN_CLIPS
from dgm_audio.evaluation.references import references
from dgm_audio.evaluation.vocoder_report import VocoderReport, VocoderReports
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.resynthesis import check_vocoder, mel_error_db, mel_of, resynthesise
from dgm_audio.signal.resampling import resample
from dgm_audio.vocoded import mel_spec_of

RATE = 16000
"""PESQ (wide band) and DNSMOS are defined at this rate; other sound is resampled for them."""
MAX_SECONDS = 20.0
"""PESQ is computed on so much of a clip: its code is not made for minutes."""
RECORDINGS, SHORTEST, LONGEST = 30, 1.0, 6.0
"""How many recordings `evaluate_vocoder` takes of each part, and their seconds."""
Measure = Callable[[Tensor, Tensor], float]
"""(recording (T,), sound (T,)) -> a number; NaN where it is not defined."""


def evaluate_resynthesis(
    model: AudioGenerator,
    clips: Sequence[Tensor],
    *,
    clusters: Sequence[int] | None = None,
    condition: Mapping[str, Any] | None = None,
    seed: int = 0,
    temperature: float | None = None,
    progress: bool = True,
) -> VocoderReport:
    """Resynthesise recordings that the vocoder did not train on, and measure the quality.

    Args:
        model: a vocoder.
        clips: recordings (T,) or (1, T) at the model's rate, in [-1, 1], of any lengths; 50 or
            more give intervals that mean something.
        clusters: a number per clip; clips that are no independent evidence, such as those of one
            speaker, share one. By default each clip is its own.
        condition: other conditions than the mel.
        seed: of the noise, the same for every clip, and of the bootstrap.
        temperature: of the noise; by default the vocoder's own.
        progress: show a bar on stderr.

    Raises:
        InputError: if the model is no vocoder, or a clip or an argument is not allowed.
        DataError: if there are fewer than 8 clips.
    """
    check_vocoder(model)
    if len(clips) < MIN_CLIPS:
        raise DataError(f"there are {len(clips)} clips; at least {MIN_CLIPS} are needed")
    if clusters is not None and len(clusters) != len(clips):
        raise InputError(f"there are {len(clusters)} clusters for {len(clips)} clips")
    measures, notes = _measures(model)
    spec = mel_spec_of(model)
    smooth, usual = (
        GriffinLim(GriffinLimConfig(spec, magnitudes=way)).to(model.device)
        for way in ("smooth", "least-squares")
    )
    values: dict[str, list[float]] = {}
    hidden = None if progress else True
    for clip in tqdm(clips, "evaluating", leave=False, file=stderr(), disable=hidden):
        x = clip.detach().float().reshape(1, -1).cpu()
        sounds = {
            "": _whole(resynthesise(model, x, condition, seed=seed, temperature=temperature)),
            "_griffin_lim": _whole(resynthesise(smooth, x, seed=seed)),
            "_least_squares": _whole(resynthesise(usual, x, seed=seed)),
            "_real": x,
        }
        for name, measure in measures.items():
            for voice, y in sounds.items():
                values.setdefault(name + voice, []).append(measure(x[0], y[0]))
        if isinstance(model, HasLogProb):
            given = {**(condition or {}), "mel": mel_of(model, x)}
            values.setdefault("bits_per_sample", []).append(float(bits_of(model, x[None], given)))
    columns = {name: torch.tensor(numbers).double() for name, numbers in values.items()}
    del columns["log_mel_db_real"]  # zero
    if "pesq" in columns:
        for voice in ("_griffin_lim", "_least_squares"):
            columns["pesq_gain" + voice] = columns["pesq"] - columns["pesq" + voice]
    notes += [
        f"{int(column.isnan().sum())} clips have no {name}, being too short or without speech"
        for name, column in columns.items()
        if name in measures and column.isnan().any()
    ]
    figures = {name: _mean(column) for name, column in columns.items()}
    if "bits_per_sample" in columns:
        lengths = torch.tensor([clip.numel() for clip in clips]).double()
        figures["bits_per_sample"] = ratio_of(
            columns["bits_per_sample"] * lengths, lengths, "clips"
        )
    groups = torch.arange(len(clips)) if clusters is None else torch.as_tensor(clusters)
    found, intervals = bootstrap.estimate(figures, {"clips": groups}, seed=seed)
    seconds = sum(clip.numel() for clip in clips) / model.audio.sample_rate
    return VocoderReport(found, intervals, len(clips), seconds, tuple(notes))


def evaluate_vocoder(
    model: AudioGenerator,
    splits: Splits,
    *,
    seed: int = 0,
    n: int | None = None,
    progress: bool = True,
) -> VocoderReports:
    """Evaluate a vocoder on recordings of voices that it was not trained on.

    Args:
        model: a vocoder.
        splits: as `load_vocoder_splits` makes them; as many test recordings of each class as there
            are, of 1 s or longer, are evaluated on their first 6 s, and likewise unseen ones.
        seed: of the noise, and of the bootstrap.
        n: recordings of each part, by default 30.
        progress: show a bar on stderr.

    Raises:
        InputError: if the model is no vocoder.
        DataError: if there are fewer than 8 such recordings.
    """
    clips, notes = references(model, splits, most=None)
    parts = {}
    for suffix, where in (("", "test clips"), ("_unseen", "clips of unseen groups")):
        chosen = _chosen(clips[suffix], RECORDINGS if n is None else n) if suffix in clips else []
        if chosen or not suffix:
            found = evaluate_resynthesis(model, chosen, seed=seed, progress=progress)
            parts[suffix] = replace(found, where=where)
            voices = len(set(clips[suffix].groups))
            many = f"{voices} voice" + "s" * (voices > 1)
            notes.append(f"{where}: {many}; the intervals are over recordings, not over voices")
    return VocoderReports(parts, tuple(notes))


def _chosen(clips: ClipSet, count: int) -> list[Tensor]:
    """So many recordings (T,), as many of each class, evenly spread."""
    sets = []
    for label in np.unique(clips.labels):
        some = clips.subset(np.flatnonzero(clips.labels == label))
        sets.append([torch.from_numpy(x) for _, x in recordings(some, SHORTEST)])
    sets = [sounds for sounds in sets if sounds]
    share = -(-count // max(1, len(sets)))
    return [
        sounds[int(k)][0, : int(LONGEST * clips.sample_rate)]
        for sounds in sets
        for k in np.unique(np.linspace(0, len(sounds) - 1, share).round())
    ]


def _whole(blocks: Iterator[Tensor]) -> Tensor:
    return torch.cat(list(blocks), dim=2)[:, 0]


def _mean(column: Tensor) -> bootstrap.Figure:
    """Mean over the clips that have a value; NaN if none has."""
    valid = (~column.isnan()).double()
    if not valid.any():
        return lambda _: math.nan
    return ratio_of(column.nan_to_num(), valid, "clips")


def _measures(model: AudioGenerator) -> tuple[dict[str, Measure], list[str]]:
    """The measures that can be taken, and a note on each that cannot."""
    rate = model.audio.sample_rate
    measures: dict[str, Measure] = {
        "log_mel_db": lambda x, y: mel_error_db(model, x[None], y[None])
    }
    notes = []
    for name, package, make in (("pesq", "pesq", _pesq), ("dnsmos", "speechmos", _dnsmos)):
        try:
            measures[name] = make(rate)
        except ImportError as error:
            lacking = error.name or package
            notes.append(f"{name} is left out: {lacking} is not installed (dgm_audio[judge])")
    return measures, notes


def _pesq(rate: int) -> Measure:
    """Wide-band PESQ of the first 20 s."""
    from pesq import PesqError, pesq  # pyright: ignore[reportMissingImports]

    def measure(x: Tensor, y: Tensor) -> float:
        count = int(MAX_SECONDS * rate)
        reference, sound = (_prepared(part[:count], rate) for part in (x, y))
        try:
            return float(pesq(RATE, reference, sound, "wb"))
        except PesqError:  # too short, or no utterance found
            return math.nan

    return measure


def _dnsmos(rate: int) -> Measure:
    """Overall DNSMOS (P.835), which needs no reference."""
    from speechmos import dnsmos  # pyright: ignore[reportMissingImports]

    def measure(_: Tensor, y: Tensor) -> float:
        found: Any = dnsmos.run(_prepared(y, rate), RATE)
        return float(found["ovrl_mos"])

    return measure


def _prepared(x: Tensor, rate: int) -> np.ndarray:
    """Audio (T,) at 16 kHz, in [-1, 1]."""
    return resample(x, rate, RATE).clamp(-1, 1).numpy()

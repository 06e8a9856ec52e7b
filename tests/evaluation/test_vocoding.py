"""A vocoder's report: each figure is what it says, and a worse vocoder is worse."""

import importlib.util
import math
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from vocoders import SMALL, SPEC, ToyVocoder, ToyVocoderConfig, voice

from dgm_audio.checkpoint import save_model
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import vocoding
from dgm_audio.evaluation.vocoding import evaluate_resynthesis, evaluate_vocoder
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig

HAS_PESQ = importlib.util.find_spec("pesq") is not None
HAS_DNSMOS = importlib.util.find_spec("speechmos") is not None


@pytest.fixture(scope="module")
def clips():
    return [voice(0.6 + 0.02 * k, pitch=90 + 15 * k, seed=k) for k in range(8)]


@pytest.fixture
def stand_ins(monkeypatch):
    """Packages in the place of `pesq` and `speechmos`, whose answers are known."""
    pesq = types.ModuleType("pesq")
    pesq.PesqError = type("PesqError", (Exception,), {})

    def score(rate, reference, sound, mode):
        assert (rate, mode) == (16000, "wb") and len(reference) == len(sound)
        if len(sound) < 10000:
            raise pesq.PesqError
        return 4.5 - float(abs(reference - sound).mean()) * 10

    pesq.pesq = score
    speechmos = types.ModuleType("speechmos")
    speechmos.dnsmos = types.SimpleNamespace(
        run=lambda sound, rate: {"ovrl_mos": 1 + float((sound**2).mean())}
    )
    monkeypatch.setitem(sys.modules, "pesq", pesq)
    monkeypatch.setitem(sys.modules, "speechmos", speechmos)


@pytest.fixture
def without(monkeypatch):
    for name in ("pesq", "speechmos"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails


def quick(**options):
    return ToyVocoder(ToyVocoderConfig(SMALL, **options))


def test_the_figures_are_means_over_the_clips(stand_ins, clips):
    report = evaluate_resynthesis(quick(), clips, progress=False)
    figures = report.figures
    assert figures["pesq_real"] == 4.5 and figures["pesq"] < 4.5
    assert figures["pesq_gain_griffin_lim"] == pytest.approx(
        figures["pesq"] - figures["pesq_griffin_lim"]
    )
    short = sum(len(clip[0]) < 10000 for clip in clips)
    assert 0 < short < 8
    assert any(note.startswith(f"{short} clips have no pesq,") for note in report.notes)
    mean = sum(float(clip.square().mean()) for clip in clips) / 8
    assert figures["dnsmos_real"] == pytest.approx(1 + mean, abs=1e-5)
    assert report.clips == 8
    assert report.seconds == pytest.approx(sum(clip.shape[1] for clip in clips) / 16000)
    for name, (low, high) in report.intervals.items():
        assert low <= figures[name] <= high, name
    assert set(report.intervals) == set(figures)


def test_the_log_mel_error_is_that_of_the_vocoders_mel(without, clips):
    model = GriffinLim(GriffinLimConfig(SPEC, iterations=4))
    report = evaluate_resynthesis(model, clips, seed=3, progress=False)
    errors = []
    for x in clips:
        z = model.noise(1, length=x.shape[1], seed=3)
        y = model.decode(z, {"mel": model.mel(x[None])}, length=x.shape[1])
        errors.append(float((model.mel(y) - model.mel(x[None])).abs().mean()))
    wanted = sum(errors) / len(errors) * 20 / math.log(10)
    assert report.figures["log_mel_db"] == pytest.approx(wanted, rel=1e-4)
    assert report.figures["log_mel_db_griffin_lim"] < report.figures["log_mel_db"]  # 60 iterations
    assert "log_mel_db_real" not in report.figures


def test_a_louder_vocoder_is_worse(without, clips):
    model = quick()
    good = evaluate_resynthesis(model, clips, progress=False).figures
    model.gain.data *= 2
    bad = evaluate_resynthesis(model, clips, progress=False).figures
    assert bad["log_mel_db"] > good["log_mel_db"] + 1
    assert bad["log_mel_db_griffin_lim"] == good["log_mel_db_griffin_lim"]


def test_clusters_widen_the_interval(without, clips):
    """Eight copies of two sounds are two observations."""
    model, copies = quick(), [clips[k // 4] for k in range(8)]
    copies[4:] = [0.02 * clip for clip in copies[4:]]
    alone = evaluate_resynthesis(model, copies, progress=False).intervals["log_mel_db"]
    groups = [k // 4 for k in range(8)]
    grouped = evaluate_resynthesis(model, copies, clusters=groups, progress=False)
    low, high = grouped.intervals["log_mel_db"]
    assert high - low > 1.5 * (alone[1] - alone[0])


def test_what_is_missing_is_said_and_left_out(without, clips):
    report = evaluate_resynthesis(quick(), clips, progress=False)
    assert set(report.figures) == {
        "log_mel_db",
        "log_mel_db_griffin_lim",
        "log_mel_db_least_squares",
    }
    assert len(report.notes) == 2
    for name, package in (("pesq", "pesq"), ("dnsmos", "speechmos")):
        (note,) = [note for note in report.notes if note.startswith(f"{name} is left out")]
        assert package in note and "dgm_audio[judge]" in note and note in str(report)


def test_the_table_and_the_card_hold_the_figures(stand_ins, clips, tmp_path):
    report = evaluate_resynthesis(quick(), clips, progress=False)
    lines = str(report).splitlines()
    assert lines[0].startswith("8 clips, ") and "Griffin-Lim" in lines[1]
    assert len({line.index("[") for line in lines if line.startswith(("PESQ, ", "log-mel"))}) == 1
    rows = {line.split("  ")[0]: line for line in lines[2:]}
    for key, title in (("pesq", "PESQ, wide band"), ("log_mel_db", "log-mel error in dB")):
        for voice_ in ("", "_griffin_lim", "_least_squares"):
            assert f"{report.figures[key + voice_]:.3f}" in rows[title]
            assert f"[{report.intervals[key + voice_][0]:.3f}, " in rows[title]
    folder = save_model(quick(), tmp_path / "toy", metrics=report.metrics())
    card = (folder / "README.md").read_text()
    gain = report.figures["pesq_gain_least_squares"]
    assert f"| pesq_gain_least_squares | {gain:.4g} [" in card


def test_what_cannot_be_judged_is_refused(without, clips):
    with pytest.raises(DataError, match="7 clips; at least 8"):
        evaluate_resynthesis(quick(), clips[:7], progress=False)
    with pytest.raises(InputError, match="3 clusters for 8 clips"):
        evaluate_resynthesis(quick(), clips, clusters=[0, 1, 2], progress=False)
    with pytest.raises(InputError, match="makes 2 channels"):
        evaluate_resynthesis(quick(channels=2), clips, progress=False)


@pytest.mark.skipif(not HAS_PESQ, reason="pesq is not installed")
def test_the_real_pesq_knows_better_from_worse(clips):
    measure = vocoding._pesq(16000)
    x = torch.cat([clips[0][0], clips[1][0], clips[2][0]])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    scores = [measure(x, x + level * noise) for level in (0, 0.003, 0.03)]
    assert scores[0] == pytest.approx(4.644, abs=0.001)
    assert scores[0] > scores[1] + 0.1 > scores[2] + 0.2
    assert math.isnan(measure(x[:1000], x[:1000]))
    up = vocoding.resample(x, 16000, 24000)
    assert vocoding._pesq(24000)(up, up) == pytest.approx(4.644, abs=0.001)


@pytest.mark.skipif(not HAS_DNSMOS, reason="speechmos is not installed")
def test_the_real_dnsmos_hears_noise(clips):
    measure = vocoding._dnsmos(16000)
    x = clips[0][0]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert 1 <= measure(x, x + 0.1 * noise) < measure(x, x) <= 5


def test_as_many_recordings_of_each_class_as_there_are(without, monkeypatch):
    """Parts of a file are joined, short ones left out, long ones cut, and the last one taken."""
    rate, sounds = 16000, torch.rand(12, 1, 16000) - 0.5
    files = [f"{k // 2}.wav" for k in range(12)]  # six files of 2 s, or 1.5 s and 0.5 s
    lengths = np.full(12, 16000)
    lengths[1], lengths[10:] = 8000, 4000
    clips = ClipSet.from_arrays(sounds, rate, labels=["da"] * 4 + ["fr"] * 8)
    clips = replace(clips, files=tuple(files), lengths=lengths)
    splits = Splits(clips, clips.subset([]), clips.subset(range(8)), clips.subset(range(8, 12)))
    model, taken = quick(), []
    report = vocoding.VocoderReport({"pesq": 3.0}, {"pesq": (2.0, 4.0)}, 4, 7.0)

    def judge(_, clips, **__):
        taken.append(clips)
        return report

    monkeypatch.setattr(vocoding, "evaluate_resynthesis", judge)
    monkeypatch.setattr(vocoding, "LONGEST", 1.75)
    monkeypatch.setattr(
        vocoding, "references", lambda _, s, most: ({"": s.test, "_unseen": s.unseen}, [])
    )
    found = evaluate_vocoder(model, splits, n=4)
    tested, unseen = taken
    assert [len(x) for x in tested] == [24000, 28000, 28000, 28000]
    assert torch.equal(tested[1], torch.cat([sounds[2, 0], sounds[3, 0]])[:28000])
    assert [len(x) for x in unseen] == [28000]
    assert torch.equal(unseen[0], torch.cat([sounds[8, 0], sounds[9, 0]])[:28000])
    metrics = found.metrics()
    assert metrics["pesq"] == metrics["pesq_unseen"] == 3
    assert metrics["ci"] == {"pesq": [2, 4], "pesq_unseen": [2, 4]}
    assert "4 clips of unseen groups" in str(found) and "2 voices" not in str(found)

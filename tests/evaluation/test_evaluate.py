"""The report on sets of clips whose figures are known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from drum_sounds import KINDS, RATE, Echo, Noise, clip_set, drums, make_splits, with_noise

from dgm_audio.data import ClipSet
from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import EMBEDDINGS, KEYS, evaluate, spectra, table
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.shaped_noise import ShapedNoise

N = 80

pytestmark = pytest.mark.usefixtures("few_rounds")


def named(audio, names):
    return ClipSet.from_arrays(audio.numpy(), RATE, labels=list(names))


def judge(source, splits, **arguments):
    return evaluate(source, splits, **{"n": N, "progress": False, **arguments})


@pytest.fixture(scope="module")
def real(splits, few_rounds):
    """Another draw of the same drums: the best that a model can do."""
    return judge(clip_set(N, seed=1), splits)


def test_other_real_clips_score_at_the_ceiling(real):
    assert real["mmd_texture_closed"] == pytest.approx(1, abs=0.1)
    assert real["two_sample_auc"] == pytest.approx(0.5, abs=0.15)
    assert real["two_sample_auc_ceiling"] == pytest.approx(0.5, abs=0.15)
    assert real["coverage"] > 0.8 * real["coverage_ceiling"]
    assert real["recall"] > 0.8 * real["recall_ceiling"]
    assert real["label_accuracy"] == pytest.approx(real["label_accuracy_real"], abs=0.1)
    assert real["copy_score"] == pytest.approx(real["copy_score_real"], rel=0.15)
    assert real["copied_share"] < 0.2
    low, high = real["ci"]["mmd_texture_closed"]
    assert low < 1 < high


def test_the_figures_of_real_clips_have_room_below_them(real):
    assert real["mmd_texture_floor"] > 10 * abs(real["mmd_texture_ceiling"])
    assert real["frechet_distance_floor"] > 1.5 * real["frechet_distance_ceiling"]
    assert real["two_sample_auc_floor"] > 0.95
    assert real["recall_floor"] < 0.2 < 0.6 < real["recall"]
    assert real["label_accuracy_real"] > 0.85


def test_noise_scores_at_the_floor(splits):
    audio, names = splits.train.tensor(), [KINDS[i % 4] for i in range(N)]
    labels = torch.from_numpy(splits.train.labels)
    noise = ShapedNoise(audio, labels, len(KINDS), RATE)
    wanted = torch.tensor([splits.train.classes.index(name) for name in names])
    report = judge(named(noise.draw(wanted, seed=9), names), splits)
    assert report["mmd_texture_closed"] == pytest.approx(0, abs=0.15)
    assert report["two_sample_auc"] > 0.95
    assert report["recall"] < 0.2


def test_copies_of_the_training_set_are_caught(splits):
    copies = 0.5 * splits.train.tensor().roll(3, dims=2)  # another level, a slightly later start
    report = judge(named(copies, (splits.train.classes[i] for i in splits.train.labels)), splits)
    assert report["copy_score"] < 0.5 * report["copy_score_real"]
    assert report["copied_share"] > 0.9


def test_one_clip_repeated_has_no_recall(splits):
    clip = splits.train.tensor([0]).expand(N, -1, -1)
    report = judge(named(clip, [splits.train.classes[splits.train.labels[0]]] * N), splits)
    assert report["recall"] <= 0.02
    assert report["coverage"] < 0.2


def test_twenty_decibels_of_noise_are_heard(splits):
    audio, names = drums(N, seed=2)
    report = judge(named(with_noise(torch.from_numpy(audio), 20), names), splits)
    assert report["two_sample_auc"] > 0.9
    assert report["mmd_texture_closed"] < 0.8


def test_a_report_has_the_promised_keys_and_is_strict_json(real):
    assert set(KEYS) <= set(real)
    assert set(real["ci"]) <= set(real)
    assert all(low <= real[key] <= high for key, (low, high) in real["ci"].items())
    again = json.loads(json.dumps(real, allow_nan=False))
    assert again["per_class"]["kick"]["test"] == 20
    assert real["reconstruction_db"] is None and real["reconstruction_closed"] is None


def test_the_table_shows_every_figure_that_there_is(real):
    text = table(real)
    assert all(len(line) <= 100 for line in text.splitlines())
    shown = [line.split("  ")[0] for line in text.splitlines()]
    titles = "label accuracy", "MMD, texture", "MMD, scattering", "Frechet distance, texture"
    for title in (
        *titles,
        "recall",
        "coverage",
        "share with a second attack",
    ):
        assert title in shown
    assert any(line.startswith("  white noise at -30 dB") for line in text.splitlines())
    assert f"{real['two_sample_auc']:.3f}" in text
    assert "reconstruction" not in text
    assert "mere noise with the mean spectrum" in " ".join(text.split())


def test_a_model_is_sampled_and_its_reconstruction_measured():
    splits = make_splits(train=60, test=24, unseen=24)
    report = judge(Echo(splits.train), splits)
    assert report["label_accuracy"] > 0.9  # it plays the class that it is asked for
    assert report["copy_score"] == pytest.approx(0, abs=1e-3)
    assert report["reconstruction_db"] == pytest.approx(0, abs=1e-2)
    assert report["reconstruction_closed"] == pytest.approx(1, abs=1e-2)
    assert report["reconstruction_db_class_mean_unseen"] > 2
    assert report["mmd_texture_unseen"] is not None
    assert report["counts"]["reference_unseen"] == 24
    assert "clips of unseen groups" in table(report)
    assert report["reconstruction_closed_unseen"] == pytest.approx(1, abs=1e-2)
    for row in report["per_class"].values():  # a perfect decoder: nothing to be told by
        assert row["two_sample_auc_reconstruction"] == pytest.approx(0.5, abs=0.1)
        low, high = row["two_sample_auc_ci"]
        assert low <= row["two_sample_auc"] <= high


def test_a_model_without_encoder_and_classes_has_no_such_figures():
    splits = make_splits(train=24, test=12)
    one = [replace(part, labels=part.labels * 0, classes=("drum",)) for part in parts(splits)]
    report = judge(Noise(), replace(splits, train=one[0], test=one[1], unseen=one[2]))
    for key in KEYS:
        missing = key.startswith(("label", "in_tune", "reconstruction", "stft", "bits"))
        missing |= key.endswith("_reconstruction")
        assert (report[key] is None) == missing, key
    assert report["mmd_texture_closed"] < 0.5


def parts(splits):
    return splits.train, splits.test, splits.unseen


def test_the_same_seed_gives_the_same_report():
    splits = make_splits(train=24, test=12)
    first, again, other = (judge(Noise(), splits, n=16, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["mmd_texture"] != other["mmd_texture"]


def test_an_embedding_can_be_plugged_in():
    splits = make_splits(train=24, test=12)

    def loudness(x, sample_rate):
        assert sample_rate == RATE
        return torch.stack([x.square().mean((1, 2)), x.abs().mean((1, 2))], 1)

    report = judge(Noise(), splits, n=16, embeddings={"loudness": loudness})
    usual = judge(Noise(), splits, n=16)
    assert report["mmd_texture"] is None and usual["mmd_texture"] is not None
    assert report["mmd_loudness"] != usual["mmd_texture"]
    assert "mmd_loudness" in report["ci"] and report["precision"] is not None


def test_clips_that_choose_models_are_not_looked_at():
    splits = make_splits(train=24, test=12, validation=8)
    report = judge(Noise(), splits, n=16)
    assert report == judge(Noise(), replace(splits, validation=splits.train), n=16)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda s: (Noise(), replace(s, test=s.test.subset(range(7)))),
            DataError,
            "7 clips to test",
        ),
        (lambda s: (Noise(), replace(s, train=s.train.subset([]))), DataError, "0 clips to train"),
        (lambda s: (clip_set(8, 0).subset(range(4)), s), InputError, "4 of the given clips"),
        (lambda s: (named(torch.zeros(8, 1, 99), ["kick"] * 8), s), InputError, "99"),
        (lambda s: (named(torch.zeros(8, 1, 8192), ["gong"] * 8), s), InputError, "gong"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(change, error, words):
    source, splits = change(make_splits(train=12, test=8))
    with pytest.raises(error, match=words) as caught:
        judge(source, splits)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_rate_is_refused():
    splits = make_splits(train=12, test=8)
    model = Noise()
    model.audio = replace(model.audio, sample_rate=8000)
    with pytest.raises(InputError, match="8000"):
        judge(model, splits)
    with pytest.raises(InputError, match="n is 3"):
        evaluate(Noise(), splits, n=3)


def test_a_shorter_model_is_padded_and_a_note_tells_what_is_missing():
    splits = make_splits(train=24, test=12)
    report = judge(Noise(length=1000), splits)
    assert report["counts"]["model"] == N
    assert any("24 training clips of the wanted 80" in note for note in report["notes"])
    assert np.isfinite(report["mmd_texture"])


def test_of_long_clips_fewer_sounds_are_drawn(monkeypatch):
    splits = make_splits(train=24, test=12, unseen=8)
    monkeypatch.setattr("dgm_audio.evaluation.report.MAX_SECONDS", 10.3)  # clips have 0.512 s
    counts = judge(Noise(), splits, n=None)["counts"]
    assert counts["model"] == counts["floor"] == counts["model_unseen"] == 20
    monkeypatch.setattr("dgm_audio.evaluation.report.MAX_SECONDS", 1.0)
    counts = judge(Noise(), splits, n=None)["counts"]
    assert counts["model"] == 12 and counts["model_unseen"] == 8  # as many as the reference has


def test_clips_are_seen_alike_whether_few_or_many_at_a_time(monkeypatch):
    clips = clip_set(12, seed=0)
    whole = ClipFeatures.of_clips(clips, embeddings=EMBEDDINGS, kind="one-shots").arrays()
    sizes = [len(part) for part in spectra.batches(clips.audio, 5)]
    monkeypatch.setattr(spectra, "MAX_SAMPLES", 3 * 8192 + 1)
    assert [len(part) for part in spectra.batches(clips.audio, 5)] == [3] * 4
    assert sizes == [5, 5, 2] and spectra.batch_size(64, 10**9) == 1
    parts = ClipFeatures.of_clips(clips, embeddings=EMBEDDINGS, kind="one-shots").arrays()
    assert {"embedded.scattering", "listening.attack_ms", "timbre", "cells"} <= set(parts)
    for name, values in whole.items():
        assert torch.allclose(parts[name], values, atol=1e-3, equal_nan=True), name

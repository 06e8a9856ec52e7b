"""The multi-scale STFT distance against a slow one, and its yardsticks in a report."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from drum_sounds import Echo, make_splits

from dgm_audio.errors import InputError
from dgm_audio.evaluation import KEYS, evaluate, multiscale, opus, table
from dgm_audio.evaluation.multiscale import multiscale_distance, multiscale_figures

NAMES = ("stft_distance", "stft_distance_opus", "stft_distance_identity")

pytestmark = pytest.mark.usefixtures("few_rounds")


class Live(Echo):
    """It says that it runs live."""

    informative, spread, axes = 1, torch.ones(1), torch.eye(1)

    def stream(self):
        raise AssertionError("nobody listens")

    def axes_of(self, code):
        raise AssertionError("nobody asks")

    codes = latents = axes_of


def noise(*shape, seed=0):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_distance(x, y):
    """The same of two clips (C, T), frame by frame in float64."""

    def spectrum(x, n):
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        padded = np.pad(x, [(0, 0), (n // 2, n // 2)], mode="reflect")
        starts = range(0, x.shape[1] + 1, n // 4)
        frames = np.stack([padded[:, start : start + n] for start in starts], 1)
        return np.abs(np.fft.rfft(frames * hann)) / np.sqrt(n)

    total = 0.0
    for n in (2048, 1024, 512, 256, 128):
        a, b = (spectrum(part.double().numpy(), n) for part in (x, y))
        total += np.linalg.norm(a - b) / np.linalg.norm(a)
        total += np.abs(np.log(a + 1e-7) - np.log(b + 1e-7)).mean()
    return total


@pytest.mark.parametrize("channels", [1, 2])
def test_the_distance_is_what_the_formula_says(channels):
    x = noise(3, channels, 5000) * torch.tensor([1.0, 0.01, 3.0])[:, None, None]
    y = x + 0.3 * noise(3, channels, 5000, seed=1)
    wanted = [slow_distance(*pair) for pair in zip(x, y, strict=True)]
    assert multiscale_distance(x, y).tolist() == pytest.approx(wanted, rel=1e-4)


def test_half_the_amplitude_is_known_and_the_reference_is_the_first():
    x = noise(1, 2, 9000)
    assert float(multiscale_distance(x, x / 2)) == pytest.approx(5 * (0.5 + math.log(2)), rel=1e-3)
    assert float(multiscale_distance(x / 2, x)) == pytest.approx(5 * (1 + math.log(2)), rel=1e-3)
    assert float(multiscale_distance(x, x)) == 0


def test_phases_do_not_count():
    x = noise(1, 1, 20000)
    assert float(multiscale_distance(x, -x)) < 1e-6
    assert float(multiscale_distance(x, noise(1, 1, 20000, seed=1))) > 3


def test_silent_and_short_clips_have_finite_distances():
    silent, short = torch.zeros(1, 1, 3000), noise(1, 1, 5)
    assert float(multiscale_distance(silent, silent)) == 0
    assert math.isfinite(float(multiscale_distance(silent, noise(1, 1, 3000))))
    assert float(multiscale_distance(short, short)) == 0
    assert 0 < float(multiscale_distance(short, short / 2)) < 6


@pytest.mark.parametrize("shapes", [((1, 1, 9), (1, 2, 9)), ((1, 9), (1, 9)), ((1, 1, 0),) * 2])
def test_clips_of_other_shapes_are_refused(shapes):
    with pytest.raises(InputError, match=r"the clips have shapes .* the same \(N, C, T\)"):
        multiscale_distance(*(torch.zeros(shape) for shape in shapes))


# --- the figures of a report -------------------------------------------------------------------


@pytest.fixture(scope="module")
def split():
    return make_splits(train=24, test=24, unseen=8)


def values(found):
    once = {name: torch.ones(len(rows)).double() for name, rows in found.clusters.items()}
    return {name: figure(once) for name, figure in found.figures.items()}


def test_a_perfect_model_has_the_distance_of_the_identity(split):
    clusters = torch.arange(24) // 2
    found = multiscale_figures(Live(split.train), split.test, clusters, "")
    figures = values(found)
    assert set(figures) == set(NAMES)
    assert figures["stft_distance_identity"] == 0 <= figures["stft_distance"] < 0.05
    assert figures["stft_distance_opus"] > 1
    rows = np.linspace(0, 23, 16).round()
    assert found.clusters["reconstructed"].tolist() == (rows // 2).tolist()
    assert found.notes[0].startswith("STFT distance: 16 test clips, 8 s; Opus took ")


def test_the_first_seconds_of_some_clips_are_compared(split, monkeypatch):
    monkeypatch.setattr(multiscale, "MOST", 2)
    monkeypatch.setattr(multiscale, "LONGEST", 0.25)
    clips = replace(split.test, lengths=np.array([*[8192] * 23, 3000]))
    heard = []
    monkeypatch.setattr(multiscale, "reconstructed", lambda _, x, c: heard.append(x) or x)
    multiscale_figures(Live(split.train), clips, torch.arange(24), "")
    assert [x.shape[2] for x in heard] == [4000, 3000]
    assert torch.equal(heard[1][0], clips.tensor([23])[0, :, :3000])


def test_silent_clips_do_not_count(split):
    audio = split.test.tensor()
    audio[0] = 0
    quiet = type(split.test).from_arrays(audio, 16000, labels=["hat"] * 24)
    model = Live(split.train)
    found = multiscale_figures(model, quiet, torch.arange(24), "")
    assert len(found.clusters["reconstructed"]) == 15
    none = quiet.subset([0] * 3)
    found = multiscale_figures(model, none, torch.arange(3), "_unseen")
    assert not found.figures
    assert found.notes == ["all of the 3 clips to be reconstructed are silent"]


def test_a_report_of_a_live_model_has_the_figures_and_its_table_shows_them(split):
    report = evaluate(Live(split.train), split, n=16, progress=False)
    assert set(NAMES) < set(KEYS)
    for name in NAMES:
        low, high = report["ci"][name]
        assert low <= report[name] <= high
        assert report[name + "_unseen"] is not None
    assert report["counts"]["reconstructed"] == 16
    assert report["counts"]["reconstructed_unseen"] == 8
    assert any("8 unseen clips" in note and "kbit/s" in note for note in report["notes"])
    row = next(line for line in table(report).splitlines() if line.startswith("STFT distance"))
    assert f"{report['stft_distance_opus']:.2f}" in row
    assert all(len(line) <= 100 for line in table(report).splitlines())


def test_a_model_that_does_not_run_live_has_none(split):
    found = multiscale_figures(Echo(split.train), split.test, torch.arange(24), "")
    assert not found.figures and not found.clusters and not found.notes


def test_without_opus_a_note_says_so(split, monkeypatch):
    monkeypatch.setattr(opus.soundfile, "available_subtypes", lambda _: {"VORBIS": "Vorbis"})
    report = evaluate(Live(split.train), split, n=16, progress=False)
    assert report["stft_distance_opus"] is None and report["stft_distance"] is not None
    assert any("Opus is left out: libsndfile" in note for note in report["notes"])
    assert "STFT distance" in table(report)

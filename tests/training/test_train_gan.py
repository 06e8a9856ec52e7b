"""Training GANs and models of notes: what is kept, which notes meet, and that a run works."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch

from dgm_audio.data import ClipSet, Splits
from dgm_audio.families.gan import training as training
from dgm_audio.families.gan.training import GANTask
from dgm_audio.families.spectrogram_training import SpectrogramTask
from dgm_audio.shipped import load
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.order import partnered
from dgm_audio.training.run import fit


def notes(count: int = 16, names: tuple[str, ...] = ("pure", "odd")) -> ClipSet:
    """Decaying tones of two instruments, sine and odd harmonics, at several pitches."""
    t = torch.arange(4096) / 8000
    pitches, sounds = [48.0 + 2 * (i // 2) for i in range(count)], []
    for i, pitch in enumerate(pitches):
        phase = 2 * torch.pi * 440 * 2 ** ((pitch - 69) / 12) * t
        tone = phase.sin() + (i % 2) * (3 * phase).sin() / 2
        sounds.append(0.4 * tone * (-4 * t).exp())
    return ClipSet.from_arrays(
        torch.stack(sounds)[:, None],
        8000,
        labels=[names[i % len(names)] for i in range(count)],
        groups=[names[i % len(names)] for i in range(count)],
        pitches=pitches,
        label_name="instrument",
    )


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(SpectrogramTask, "width", 16)


def run(folder, clips, family, **settings):
    splits = Splits(clips, *3 * [clips.subset(np.arange(0))])
    config = TrainConfig(
        out=folder, family=family, batch=8, evaluations=2, device="cpu", **settings
    )
    return fit(splits, config, lambda model: 1.0)


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_a_run_on_notes_gives_a_model_that_takes_instrument_and_pitch(
    tmp_path, small, family, capsys
):
    folder = run(tmp_path / "run", notes(), family, steps=14)
    model = load(str(folder), device="cpu")
    assert list(model.condition.fields) == ["instrument", "pitch"]
    x = model.sample(2, condition={"instrument": "odd", "pitch": 57}, seed=0)
    assert x.shape == (2, 1, 4096) and bool(torch.isfinite(x).all())
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    told = set().union(*log)
    assert "adversarial" in told and ("penalty" in told) == (family == "gan")


def test_halfway_back_is_kept_after_a_start(tmp_path, small, capsys):
    """Weights are means of the start's and the average's; without a start it is the average.

    The prior is that of the codes of the model that is kept, not of those of the average.
    """
    clips = notes()
    start = GANTask(clips, False).objective.generator
    task = GANTask(clips, False, start)
    average = GANTask(clips, False).objective.generator
    kept = task.snapshot(average, clips)
    parts = zip(kept.parameters(), start.parameters(), average.parameters(), strict=True)
    for weight, first, last in parts:
        torch.testing.assert_close(weight, (first + last) / 2)
    settled = deepcopy(kept)
    task.fit_prior(settled, clips)
    for (name, own), (_, again) in zip(kept.named_buffers(), settled.named_buffers(), strict=True):
        assert torch.equal(own, again), name
    assert not torch.equal(kept.prior_mean, average.prior_mean)
    assert kept is not average
    assert GANTask(clips, False).snapshot(average, clips) is average


def test_what_did_not_fit_the_start_is_kept_as_it_is_learned(small, capsys):
    """A third instrument: weights of its shape are not averaged with random ones."""
    clips = notes(15, ("pure", "odd", "third"))
    start = GANTask(notes(), False).objective.generator
    task = GANTask(clips, False, start)
    average = GANTask(clips, False).objective.generator
    kept, origin = task.snapshot(average, clips), dict(start.named_parameters())
    fitted = 0
    for (name, weight), last in zip(kept.named_parameters(), average.parameters(), strict=True):
        fits = origin[name].shape == last.shape
        torch.testing.assert_close(weight, (origin[name] + last) / 2 if fits else last)
        fitted += fits
    assert 0 < fitted < len(origin)


def test_from_a_start_the_game_and_the_whole_pull_of_the_prior_are_there_at_once(small):
    clips = notes()
    start = GANTask(clips, False).objective.generator
    x, labels = clips.tensor(range(4)), torch.from_numpy(clips.labels[:4])
    pitch = torch.from_numpy(clips.pitches[:4])
    for begun, new in ((None, 0), (start, 4)):
        objective = GANTask(clips, False, begun).objective
        assert len(objective(x, labels, 0.0, pitch).fake) == new
        early, late = (objective.weighted_kl(torch.ones(()), share) for share in (0.01, 1.0))
        assert (early == late) == (begun is not None)


def test_partners_are_of_one_group():
    groups = np.arange(15) % 3
    rows = partnered(np.arange(8), groups, seed=3)
    assert rows[:4].tolist() == [0, 1, 2, 3]
    assert [groups[row] for row in rows[4:]] == [groups[row] for row in rows[:4]]
    assert len(partnered(np.arange(7), groups, seed=0)) == 7


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 12, 24])
def test_in_the_game_codes_change_within_pairs(small, monkeypatch, count):
    """Whatever the number of sounds: a partner has the same instrument, here the same pitch."""
    objective, asked = GANTask(notes(), False).objective, []
    drawn_code = objective.drawn_code

    def spied(x, condition):
        asked.append(condition["pitch"])
        return drawn_code(x, condition)

    monkeypatch.setattr(objective, "drawn_code", spied)
    half = count // 2
    pitch = torch.arange(48.0, 48 + count)
    pitch[half : 2 * half] = pitch[:half]
    losses = objective(torch.randn(count, 1, 4096), torch.zeros(count).long(), 0.9, pitch)
    (first,), again = asked, len(asked[0]) // 2
    assert torch.equal(first[:again], first[again:])
    assert again == max(1, count // 8) and len(losses.fake) == count


def test_pairs_change_codes_and_the_rest_do_not(small, monkeypatch):
    monkeypatch.setattr("dgm_audio.families.spectrogram_training.SWAPPED", 1.0)
    clips = notes(6)
    objective = training.GANTask(clips, False).objective
    model = objective.generator
    with torch.no_grad():
        model.encoder.code.weight.normal_(0, 0.1)
        model.encoder.code.bias[model.config.latent :].fill_(-10.0)  # hardly any noise in codes
        x = clips.tensor()
        known = objective.condition(torch.from_numpy(clips.labels), torch.from_numpy(clips.pitches))
        mean, log_variance = model.posterior(x, known)
        code, _ = objective.drawn_code(x, known)
    spread = 6 * (0.5 * log_variance).exp()
    swapped = torch.cat([mean[3:], mean[:3]])
    assert bool(((code - swapped).abs() < spread[[3, 4, 5, 0, 1, 2]]).all())

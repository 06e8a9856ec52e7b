"""Flow matching learns a language of tones: which tone a letter is, and how long it is heard."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from speaking import HOP, durations_of, said, small_vocoder, tone_clips

from dgm_audio.data import ClipSet
from dgm_audio.errors import DataError, InputError
from dgm_audio.families.flow_matching import training
from dgm_audio.families.flow_matching.ode import solve
from dgm_audio.families.flow_matching.sentences import Batch, Sentences, alignment
from dgm_audio.families.flow_matching.training import FlowMatchingTask


@pytest.fixture(scope="module")
def learned():
    """A small model after a few steps, and its objective."""
    torch.manual_seed(0)
    clips = tone_clips(64)
    usual = training.config_for

    def smaller(*arguments):
        config = usual(*arguments)
        text = replace(config.text, width=32, blocks=1)
        return replace(config, text=text, width=32, blocks=1, style=8, window=16)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "config_for", smaller)
        task = FlowMatchingTask(clips, mixed=False, start=small_vocoder())
    objective = task.objective
    optimiser = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], 3e-3)
    rng, steps = np.random.default_rng(0), 200
    losses = []
    for step in range(steps):
        objective.rows = rng.choice(len(clips), 8, replace=False)
        found = objective(torch.empty(8, 1, 0), torch.zeros(8), step / steps)
        optimiser.zero_grad()
        sum(found.terms.values()).backward()
        optimiser.step()
        losses.append({key: float(value.detach()) for key, value in found.terms.items()})
    return objective.generator.eval(), losses


def test_losses_fall(learned):
    _, losses = learned
    for key in ("flow", "symbols"):  # durations show in the lengths below
        first, last = (
            np.mean([loss[key] for loss in part]) for part in (losses[:10], losses[-10:])
        )
        assert last < 0.7 * first, key


def test_alignment_finds_the_durations_of_new_sentences(learned):
    model, _ = learned
    clips = tone_clips(16, seed=9)
    text, frames = model.config.text, model.representation
    batch = Batch.of(
        Sentences.of(clips, text, frames), text, frames, np.arange(16), np.zeros(16, int)
    )
    style = model.field.style(batch.condition)
    read = model.field.text(batch.condition["text"], style, style)
    found = alignment(read, batch.y, batch.frames)
    errors = [
        np.abs(row[: len(durations_of(said))].numpy() - durations_of(said)).mean()
        for row, said in zip(found, clips.texts, strict=True)
    ]
    assert np.mean(errors) < 1.9  # frames; an even pace is off by 2.9


def test_durations_follow_from_the_text(learned):
    model, _ = learned
    for text in ("abc def", "hgf cba", "fgh cab"):
        expected = sum(durations_of(text))
        found = model.lengths({"text": text})[0] / model.latent.hop
        assert abs(found / expected - 1) < 0.25, text


def test_the_pace_is_corrected_to_that_of_the_recordings(learned):
    model = deepcopy(learned[0])
    clips = tone_clips(16, seed=9)
    frames = sum(sum(durations_of(text)) for text in clips.texts)
    model.field.text.duration.bias.data += 0.5
    sentences = Sentences.of(clips, model.config.text, model.representation)
    training.correct_pace(model, sentences)
    found = sum(model.lengths({"text": text})[0] for text in clips.texts) / HOP
    assert abs(found / frames - 1) < 0.03  # each is rounded up


def test_letters_become_their_tones(learned):
    """The loudest band of a letter's frames is that of its tone or beside it: they are 2 apart."""
    model, _ = learned
    text, frames = "hah cad", model.representation

    def loudest(sound):
        mel = frames.vocoder.front(torch.from_numpy(sound))
        return int(mel[:, mel.shape[1] // 2].argmax())

    bands = {letter: loudest(said(letter)) for letter in "abcdefgh"}
    z = model.noise(1, length=sum(durations_of(text)) * HOP, seed=0, temperature=0.3)
    values = model.condition.parse({"text": text}, 1)
    with torch.no_grad():
        y = solve(model.velocity(values, z), z.double(), model.times, "euler")
        durations = model.field.durations_at(values, z.shape[2])[0]
    mel = frames.mel(y, 1)[0]
    for letter, end, length in zip(text, durations.cumsum(0)[1:], durations[1:], strict=False):
        middle = slice(int(end - 0.7 * length), int(end - 0.3 * length))
        found = int(mel[:, middle].mean(1).argmax())
        if letter != " ":
            assert abs(bands[letter] - found) <= 1, (letter, bands, found)


def test_the_loss_on_held_out_sentences_tells(learned):
    model, _ = learned
    clips = tone_clips(16, seed=9)
    found, floor = model.heldout_loss(clips), model.heldout_floor(clips)
    assert found < 0.6 * floor
    assert found == model.heldout_loss(clips)  # times and noise are drawn once


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match="starts with a vocoder"):
        FlowMatchingTask(tone_clips(4), mixed=False, start=None)
    with pytest.raises(DataError, match="transcripts"):
        untold = ClipSet.from_arrays(np.zeros((4, 1, 800)), 8000)
        FlowMatchingTask(untold, mixed=False, start=small_vocoder())
    with pytest.raises(DataError, match="16000 Hz; the vocoder makes 8000"):
        other = replace(tone_clips(4), sample_rate=16000)
        FlowMatchingTask(other, mixed=False, start=small_vocoder())

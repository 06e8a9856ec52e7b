"""Words, their errors and the recogniser, against what is known by other ways."""

import importlib.util
import sys
import types
from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.errors import InputError
from dgm_audio.evaluation.word_error import Recogniser, word_errors, words

HAS = importlib.util.find_spec("pocketsphinx") is not None
sentences = st.lists(st.sampled_from("ab"), max_size=4)


def fewest_edits(start, goal):
    """Breadth first over all that one edit makes: knows nothing of rows and columns."""
    queue, seen = deque([(tuple(start), 0)]), {tuple(start)}
    while queue:
        now, count = queue.popleft()
        if now == tuple(goal):
            return count
        for place in range(len(now) + 1):
            edits = [(*now[:place], word, *now[place:]) for word in "ab"]
            if place < len(now):
                edits.append((*now[:place], *now[place + 1 :]))
                edits += [(*now[:place], word, *now[place + 1 :]) for word in "ab"]
            for edit in edits:
                if edit not in seen and len(edit) <= 5:
                    seen.add(edit)
                    queue.append((edit, count + 1))


@settings(max_examples=60, deadline=None)
@given(sentences, sentences)
def test_errors_are_the_fewest_edits(wanted, heard):
    assert word_errors(wanted, heard) == fewest_edits(wanted, heard)


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("You have 23 messages.", "you have twenty three messages"),
        ("Press #, or *!", "press pound or star"),
        ("At 9:05 P.M. you're on hold", "at nine oh five p. m. you're on hold"),
        ("Café—closed", "cafe closed"),
    ],
)
def test_what_is_written_and_what_is_heard_have_the_same_words(written, heard):
    assert words(written) == words(heard)


def test_nothing_heard_is_no_word():
    assert words("") == words(" . ") == []


@pytest.fixture
def stand_in(monkeypatch):
    """A decoder that keeps what it is given, and says how many samples that was."""
    calls = []

    class Decoder:
        def __init__(self, **options):
            calls.append(options)

        def start_utt(self):
            calls.append("start")

        def process_raw(self, samples, full_utt=False):
            calls.append(np.frombuffer(samples, np.int16))
            assert full_utt

        def end_utt(self):
            calls.append("end")

        def hyp(self):
            return types.SimpleNamespace(hypstr="press two") if calls[2].any() else None

    monkeypatch.setitem(sys.modules, "pocketsphinx", types.SimpleNamespace(Decoder=Decoder))
    return calls


def test_the_decoder_gets_16_bits_at_16_khz_with_pauses(stand_in):
    x = torch.linspace(-1.5, 0.5, 8000)
    assert Recogniser()(x, 16000) == "press two"
    options, _, samples, _ = stand_in
    assert options["samprate"] == 16000
    assert (
        len(samples) == 8000 + 2 * 3200 and not samples[:3200].any() and not samples[-3200:].any()
    )
    assert samples.min() == -32767 and samples[-3201] == round(32767 / 2)


def test_other_rates_are_resampled_and_silence_has_no_text(stand_in):
    assert Recogniser()(torch.zeros(24000), 48000) == ""
    assert len(stand_in[2]) == 8000 + 2 * 3200


def test_a_missing_recogniser_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(InputError, match=r"pocketsphinx is not installed \(dgm_audio\[judge\]\)"):
        Recogniser()


@pytest.mark.skipif(not HAS, reason="needs pocketsphinx")
def test_a_sound_is_heard_alike_whatever_came_before():
    rng = torch.Generator().manual_seed(0)
    one, other = (0.1 * torch.randn(3200, generator=rng) for _ in range(2))
    recogniser = Recogniser()
    first = recogniser(one, 16000)
    recogniser(other * 5, 16000)
    assert recogniser(one, 16000) == first

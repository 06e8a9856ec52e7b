"""Through the mel and back in pieces: none is heard to begin, and memory does not grow."""

import math

import pytest
import torch
from vocoders import ToyVocoder, voice

from dgm_audio.apps import long_vocoding
from dgm_audio.apps.long_vocoding import Vocoding
from dgm_audio.errors import InputError
from dgm_audio.resynthesis import mel_error_db, resynthesise
from dgm_audio.signal.full_scale import lowered_within

RATE = 16000


def test_a_short_recording_is_one_piece():
    model, x = ToyVocoder(), 0.5 * voice(0.4)
    vocoding = Vocoding(model, seed=5, kept=1000)
    made = torch.cat(list(vocoding(x[None].split(999, 2))), 2)
    wanted = torch.cat(list(resynthesise(model, x, seed=5)), 2)
    assert torch.equal(made, wanted)
    assert vocoding.error_db == mel_error_db(model, x, wanted[:, 0])
    assert torch.equal(vocoding.heard, x[:, :1000]) and vocoding.made.shape == (1, 1000)


def test_pieces_join_without_a_seam(monkeypatch):
    """A vocoder that gives back the mel's level as a constant: every seam would be seen."""
    monkeypatch.setattr(long_vocoding, "PIECE", 0.5)
    monkeypatch.setattr(long_vocoding, "LEAD", 0.2)
    longest = []

    def steady(model, x, given, **options):
        longest.append(x.shape[1])
        yield x[:, None]

    monkeypatch.setattr(long_vocoding, "resynthesise", steady)
    time = torch.arange(int(1.7 * RATE) + 5) / RATE
    x = 0.5 * torch.sin(2 * torch.pi * 220 * time)[None]
    vocoding = Vocoding(ToyVocoder())
    made = torch.cat(list(vocoding(x[None].split(777, 2))), 2)
    torch.testing.assert_close(made[0], x, atol=1e-6, rtol=0)
    assert len(longest) == 4 and max(longest) == 0.7 * RATE
    assert vocoding.error_db == 0


def test_what_would_pass_the_ceiling_is_lowered(monkeypatch):
    def at_full_scale(model, x, *_, **__):
        return iter([(x / x.abs().max())[None]])

    monkeypatch.setattr(long_vocoding, "resynthesise", at_full_scale)
    with lowered_within() as lowered:
        made = torch.cat(list(Vocoding(ToyVocoder())([0.9 * voice(0.2)[None]])), 2)
    assert float(made.abs().max()) <= 0.99 + 1e-6
    assert lowered.places_db == pytest.approx(20 * math.log10(1 / 0.99), abs=1e-3)


def test_what_is_no_vocoder_is_refused():
    from toys import ToyFlow, ToyFlowConfig

    with pytest.raises(InputError, match="no vocoder"):
        Vocoding(ToyFlow(ToyFlowConfig()))

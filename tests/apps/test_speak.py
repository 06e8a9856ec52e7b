"""Speaking: how texts are cut, and that what is said depends on the text and the seed alone."""

import pytest
import torch
from speaking import HOP, RATE, small_model

from dgm_audio.apps.long_text import pieces_of, text_field, total_length
from dgm_audio.apps.render import item_conditions, provenance_for, render
from dgm_audio.apps.speak import asked_conditions, condition_of, how_to_say, speak
from dgm_audio.errors import InputError
from dgm_audio.provenance import Provenance

SENTENCES = [
    "Mr. Smith is not here, but his brother is.",
    "Are you sure of that?",
    "I am, and everyone who has ever been here says the same thing about him.",
    "He left a message for you, a very long one, which nobody has heard to its end.",
]
PAGE = " ".join(SENTENCES)
PIECE = 4.0


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """Less to compute."""
    monkeypatch.setattr("dgm_audio.apps.long_text.LONGEST_PIECE", PIECE)
    monkeypatch.setattr("dgm_audio.apps.long_text.MAX_INLINE", 300)


def said(model, text, length=None, **asked):
    return pieces_of(model, condition_of(model, text, asked), length)


def test_a_short_text_is_what_the_model_samples(model):
    [(text, sound)] = speak(model, "Press two.", voice="bo", language="en", seed=7)
    condition = {"text": text, "voice": "bo", "language": "en"}
    assert torch.equal(sound, model.sample(1, condition=condition, seed=7)[0])


def test_a_long_text_is_cut_where_sentences_end(model):
    pieces = said(model, PAGE)
    texts = [piece.condition["text"] for piece in pieces]
    assert " ".join(texts) == PAGE
    assert len(texts) > 1 and all(text[-1] in ".?" and text != "Mr." for text in texts)
    assert {piece.pause for piece in pieces[:-1]} == {round(0.45 * RATE)}
    assert pieces[-1].pause == 0
    assert all(piece.length <= PIECE * RATE for piece in pieces)


def test_a_long_sentence_is_cut_at_commas_and_then_between_words(model):
    commas = ", ".join(["and everyone who has ever been here"] * 6)
    pauses = [piece.pause for piece in said(model, commas)]
    assert set(pauses[:-1]) == {round(0.25 * RATE)}
    words = said(model, "and everyone who has ever been here " * 6)
    assert len(words) > 1 and {piece.pause for piece in words} == {0}


def test_lines_are_sentences(model):
    pieces = said(model, "\n".join(["and everyone who has ever been here said so"] * 6))
    assert {piece.pause for piece in pieces[:-1]} == {round(0.45 * RATE)}


def test_item_i_depends_on_seed_and_i_only(model):
    two = speak(model, ["Press one.", "Press two."], seed=3)
    alone = speak(model, ["Press two."] * 2, seed=3)
    assert torch.equal(two[1][1], alone[1][1])
    assert not torch.equal(two[1][1], speak(model, "Press two.", seed=3)[0][1])


def test_a_long_text_has_its_pauses_and_is_as_long_as_they_say(model):
    blocks = []

    def watch(pieces, length):
        for piece in pieces:
            blocks.append(piece)
            yield piece
        assert sum(block.shape[2] for block in blocks) == length

    [(_, sound)] = speak(model, PAGE, seed=1, watch=watch)
    assert sound.shape == (1, total_length(said(model, PAGE)))
    assert (blocks[0][..., -round(0.45 * RATE) :] == 0).all()


def test_seconds_stretch_the_pieces_and_not_the_pauses(model):
    natural, wanted = said(model, PAGE), 12 * RATE
    stretched = said(model, PAGE, wanted)
    assert total_length(stretched) == wanted
    assert [piece.pause for piece in stretched] == [piece.pause for piece in natural]
    factors = {round(a.length / b.length, 2) for a, b in zip(stretched, natural, strict=True)}
    assert max(factors) - min(factors) <= 0.02
    with pytest.raises(InputError, match="the pauses of the text alone take"):
        said(model, PAGE, RATE // 4)


@pytest.mark.parametrize("text", ["Press one.", PAGE, PAGE + PAGE], ids=["short", "long", "page"])
def test_provenance_makes_the_same_sound_again(model, text, tmp_path):
    from dgm_audio.apps.latents import files_beside
    from dgm_audio.apps.long_text import write_texts

    model.weights_hash = "0" * 64
    beside = {}
    call, how = how_to_say(model, condition_of(model, text, {"voice": "bo:1,ada:3"}), None, beside)
    provenance = provenance_for(model, "tiny", call, seed=2, index=0, temperature=1.0, **how)
    again = Provenance.from_json(provenance.to_json())
    write_texts(beside, tmp_path)
    assert files_beside(again) == sorted(beside)
    [(_, sound)] = speak(model, text, voice={"ada": 0.75, "bo": 0.25}, seed=2)
    assert torch.equal(render(model, again, tmp_path), sound)
    for name in beside:
        (tmp_path / name).write_text("another text")
        with pytest.raises(InputError, match="holds another text"):
            render(model, again, tmp_path)


def test_what_is_usual_is_not_asked_for():
    assert asked_conditions(None, None, 1.0, 0.0) == {}
    assert asked_conditions("ada", "en", 2, 1) == {
        "voice": "ada",
        "language": "en",
        "pace": 2,
        "transpose": 1,
    }


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("", {}, "must have a word"),
        ("...", {}, "must have a word"),
        ("a" * 50_001, {}, "at most 50000"),
        ("жук", {}, "'ж', sign 1"),
        ("two", {"voice": "nobody"}, "allowed are ada, bo"),
        ("two", {"voice": "ada:much"}, "NAME:WEIGHT"),
        ("two", {"pace": 9}, "from 0.5 to 2"),
        ("two", {"language": "xx"}, "allowed are en, es"),
    ],
)
def test_what_cannot_be_said_is_told_in_one_line(model, text, asked, words):
    with pytest.raises(InputError, match=words) as error:
        speak(model, text, seed=0, **asked)
    assert "\n" not in str(error.value)


def test_other_models_say_nothing():
    with pytest.raises(InputError, match="says no texts"):
        text_field(small_model(text=None))


def test_a_text_without_its_language_is_in_that_of_the_first(model):
    items = item_conditions(model, {"text": "Press two."}, 3)
    assert [item["voice"] for item in items] == ["ada", "bo", "ada"]
    assert {item["language"] for item in items} == {"en"}
    own = item_conditions(model, {}, 2)
    assert [item["text"] for item in own] == ["A ball.", "dos"]
    assert HOP == model.latent.hop

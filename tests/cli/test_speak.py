"""`dgm-audio speak`, and the other commands with a model that says texts."""

import io
import sys
from pathlib import Path

import pytest
from speaking import RATE, small_model

from dgm_audio.io import read_audio, read_provenance

PAGE = "This is a sentence, and it goes on. And this is another one, which is longer. "


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    from dgm_audio.checkpoint import save_model

    folder = tmp_path_factory.mktemp("speaker") / "tiny"
    save_model(small_model(), folder)
    return folder


@pytest.fixture
def say(dgm, speaker):
    return lambda *words: dgm("speak", *words, "--model", speaker)


def stdin(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_text_becomes_a_file_that_says_how_it_was_made(say, dgm, speaker):
    told = say("Press two.", "--voice", "bo:1,ada:3", "--language", "en").ok()
    path = Path("out/tiny_ada-0.75-bo-0.25_seed0_000_Press-two.wav")
    assert str(path) in told.out and path.is_file()
    condition = read_provenance(path).parameters["condition"]
    assert condition["text"] == "Press two." and condition["voice"] == {"ada": 0.75, "bo": 0.25}
    assert path.with_name(f"{path.stem}_sheet.png").is_file()
    again = dgm("recall", path, "--model", speaker, "--out", "again").ok()
    assert "same bytes" in again.out


def test_a_page_is_recalled_with_the_text_beside_it(say, dgm, speaker, monkeypatch):
    monkeypatch.setattr("dgm_audio.apps.long_text.LONGEST_PIECE", 2.0)
    monkeypatch.setattr("dgm_audio.apps.long_text.MAX_INLINE", 100)
    said = say(PAGE * 2, "--json").ok()
    assert "holds the text that recall needs" in said.err
    made = Path(said.json["sounds"][0]["file"])
    assert read_provenance(made).call == "speak"
    assert "same bytes" in dgm("recall", made, "--model", speaker, "--out", "again").ok().out
    assert list(Path("again").glob("text-*.txt"))


def test_versions_are_of_one_seed_each(say):
    both = say("Two.", "-n", 2, "--seed", 5, "--json").ok().json["sounds"]
    alone = say("Two.", "--seed", 6, "--out", "alone", "--json").ok().json["sounds"]
    assert Path(both[1]["file"]).read_bytes() == Path(alone[0]["file"]).read_bytes()


def test_lines_of_a_file_and_of_standard_input(say, monkeypatch):
    Path("prompts.txt").write_text("One.\n\n  Two.\n", encoding="utf-8")
    assert say("--file", "prompts.txt", "--json").ok().json["texts"] == ["One.", "Two."]
    stdin(monkeypatch, b"One.\nTwo.\n")
    joined = say("-", "--join", "--seconds", 0.5, "--out", "joined", "--json").ok().json
    assert joined["texts"] == ["One.\nTwo."]
    assert [sound["seconds"] for sound in joined["sounds"]] == [0.5]


def test_wrong_input_is_one_line(say, dgm, monkeypatch):
    say("").failed("must have a word")
    say().failed("--file")
    say("two", "--file", "x").failed("--file")
    say("two", "--voice", "nobody").failed("'nobody'", "ada, bo")
    say("жук").failed("'ж'", "sign 1")
    say("--file", "missing.txt", "--join").failed("missing.txt", code=2)
    stdin(monkeypatch, b"\xff\xfe")
    say("-").failed("standard input", "UTF-8")
    dgm("speak", "two", "--model", "drums-vae").failed("says no texts")
    say("two", "-n", 0).failed("-n is 0")
    assert not Path("out").exists()


def test_sampling_says_the_whole_text(dgm, speaker):
    texts = ["--condition", "text=press two and then press one"]
    sounds = dgm("sample", speaker, "-n", 2, *texts, "--seed", 1, "--json").ok().json["sounds"]
    for index, made in enumerate(sounds):
        model = small_model()
        own = {key: value for key, value in made["condition"].items()}
        assert round(made["seconds"] * RATE) == model.lengths(own)[0] != model.audio.length
        if index == 0:
            x, _ = read_audio(Path(made["file"]))
            assert x.shape[1] == model.sample(1, condition=own, seed=1).shape[2]


def test_a_morph_says_the_whole_text(dgm, speaker):
    words = ["--condition", "text=press two", "--steps", 2, "--json"]
    made = dgm("interpolate", speaker, "--from", 1, "--to", 2, *words).ok().json["sounds"]
    length = small_model().lengths({"text": "press two"})[0]
    assert [round(sound["seconds"] * RATE) for sound in made] == [length] * 2


def test_a_recording_is_encoded_with_what_it_says(dgm, speaker, say):
    say("Press two.").ok()
    path = next(Path("out").glob("*.wav"))
    dgm("encode", speaker, path, "--out", "codes").failed("'text' is not given")
    words = ["--condition", "text=Press two.", "--condition", "voice=ada"]
    assert dgm("encode", speaker, path, *words, "--out", "codes").ok()


def test_info_tells_voices_and_languages(dgm, speaker):
    told = dgm("info", speaker).ok().out
    assert "ada, bo, or a mixture" in told and "as long as the text takes" in told
    assert dgm("info", speaker, "--json").json["conditions"]["text"]["languages"] == ["en", "es"]

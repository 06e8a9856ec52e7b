"""Visitors' recordings: limits, errors without the folder, notes on every conversion."""

import pickle
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import soundfile
import torch
from dgm_audio._demo.studio import Stop, Stopped, Studio
from dgm_audio._demo.uploads import duration_text, read_for_vocoder, read_upload
from PIL import Image

from dgm_audio.apps import classes
from dgm_audio.apps.inversion import error_db
from dgm_audio.errors import AudioFileError, InputError

RATE = 44100
NAME = "drums-vae"


@pytest.fixture
def studio(sound_cache):
    return Studio(sound_cache, max_seconds=60)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from dgm_audio._demo.sound_cache import SoundCache

    return Studio(SoundCache(tmp_path_factory.mktemp("sounds"))).model(NAME)


def hit(seconds=0.3, rate=RATE, peak=0.8):
    time = np.arange(int(seconds * rate)) / rate
    return (peak * np.cos(2 * np.pi * 150 * time) * np.exp(-12 * time)).astype(np.float32)


def write(path, x, rate=RATE):
    soundfile.write(path, x, rate, subtype="FLOAT")
    return path


def read(studio, model, path, given=None, **options):
    return read_upload(
        studio, model, path, {"class": "kick"} if given is None else given, Stop(), **options
    )


def test_a_recording_gets_a_latent_that_sounds_like_it(studio, model, tmp_path):
    upload = read(studio, model, write(tmp_path / "kick.wav", hit()))
    assert upload.clip.shape == (1, 1, len(hit())) and upload.z.shape == (1, 64, 1)
    assert (upload.condition, upload.notes, upload.name) == ({"class": "kick"}, (), "kick.wav")
    with torch.no_grad():
        made = model.decode(upload.z, upload.condition, length=upload.clip.shape[-1])
    assert error_db(upload.clip, made, RATE) < 12


@pytest.fixture
def few_sounds(monkeypatch):
    """A classifier that has not been fitted yet, and hears two sounds of each class."""
    monkeypatch.setattr(classes, "EACH", (2, 2))
    monkeypatch.setattr(classes, "_fitted", WeakKeyDictionary())


def test_the_class_is_inferred_with_progress(studio, model, tmp_path, few_sounds):
    lines = []
    path = write(tmp_path / "kick.wav", hit())
    upload = read(studio, model, path, {}, report=lines.append)
    assert upload.condition["class"] in model.condition.fields["class"].names
    assert [line for line in lines if "Classifying" in line] == [
        f"Classifying the recording: {done} of 24" for done in range(0, 24, 2)
    ]


def test_stop_ends_the_search_for_the_class(studio, model, tmp_path, few_sounds):
    stop, lines = Stop(), []

    def report(line):
        lines.append(line)
        stop.pressed = sum("Classifying" in one for one in lines) == 2

    with pytest.raises(Stopped):
        read_upload(studio, model, write(tmp_path / "x.wav", hit()), {}, stop, report=report)
    assert sum("Classifying" in one for one in lines) == 2


@pytest.mark.parametrize(
    ("rate", "seconds", "limit", "words"),
    [
        (
            8000,
            250,
            60,
            "is 4 min 10 s long; the limit is 60 s. Trim it, or start the demo with "
            "--max-seconds 300.",
        ),
        (1000, 3700, 90, "is 1 h 1 min long; the limit is 1 min 30 s. Trim it."),
    ],
)
def test_too_long_recordings_are_refused_before_reading(
    sound_cache, model, tmp_path, rate, seconds, limit, words
):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(rate * seconds, np.int16), rate)
    studio = Studio(sound_cache, max_seconds=limit)
    for reader in (
        lambda: read(studio, model, path),
        lambda: read_for_vocoder(studio, model, path),
    ):
        with pytest.raises(InputError) as caught:
            reader()
        assert str(caught.value) == f"This file {words}"


@pytest.mark.fault(7, 8)
@pytest.mark.parametrize(
    ("x", "note"),
    [
        (hit() * 0, "completely silent"),
        (np.clip(3 * hit(), -1, 1), "clipped in places"),
        (hit(peak=0.05), "quiet, with a peak of 0.05; “bring to full level” may come closer"),
        (np.where(np.arange(len(hit())) == 7, np.nan, hit()), "they were repaired"),
        (
            np.concatenate([np.zeros(22050, np.float32), hit()]),
            "starts after 0.50 s of silence; trimming",
        ),
        (hit(3.0), "cut from 3.000 s to the model's longest clip"),
        (np.stack([hit(), hit()], 1), "brought from 2 to 1 channel(s)"),
    ],
)
def test_odd_recordings_are_accepted_with_a_note(studio, model, tmp_path, x, note):
    upload = read(studio, model, write(tmp_path / "odd.wav", x))
    assert len(upload.notes) == 1 and note in upload.notes[0]
    assert "--" not in upload.notes[0] and "/" not in upload.notes[0]
    assert upload.clip.isfinite().all() and upload.z.isfinite().all()


def test_a_quiet_recording_is_brought_to_full_level_on_request(studio, model, tmp_path):
    upload = read(studio, model, write(tmp_path / "x.wav", hit(peak=0.05)), peak=True)
    assert float(upload.clip.abs().max()) == pytest.approx(0.95, abs=1e-4)
    assert len(upload.notes) == 1 and upload.notes[0].endswith("to 0.95")


def bad_files(folder):
    whole = write(folder / "whole.wav", hit()).read_bytes()
    Image.new("RGB", (8, 8)).save(folder / "picture.png")
    return {
        "empty.wav": b"",
        "text.wav": b"hello",
        "picture.wav": (folder / "picture.png").read_bytes(),
        "cut.wav": whole[: len(whole) // 2],
        "pickle.wav": pickle.dumps({"a": 1}),
        "film.mp4": b"\0\0\0\x20ftypisom" + bytes(64),
        "a\nb.wav": b"hello",
    }


@pytest.mark.parametrize(
    "name",
    ["empty.wav", "text.wav", "picture.wav", "cut.wav", "pickle.wav", "film.mp4", "a\nb.wav"],
)
def test_files_without_audio_are_refused_in_one_line_without_the_folder(
    studio, model, tmp_path, name
):
    path = tmp_path / name
    path.write_bytes(bad_files(tmp_path)[name])
    with pytest.raises(AudioFileError) as caught:
        read(studio, model, path)
    text = str(caught.value)
    assert text.startswith("the file ") and "\n" not in text
    assert str(tmp_path) not in text and tmp_path.name not in text
    assert repr(name)[1:-1] in text


def test_a_missing_file_is_named_without_its_folder(studio, model, tmp_path):
    with pytest.raises(AudioFileError) as caught:
        read(studio, model, tmp_path / "gone.wav")
    assert "gone.wav" in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_wrong_conditions_are_refused_before_the_file_is_read(studio, model, tmp_path):
    with pytest.raises(InputError, match="allowed are"):
        read(studio, model, tmp_path / "gone.wav", {"class": "piano"})


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "60 s"), (0.5, "0.5 s"), (61.5, "1 min 2 s"), (7260, "2 h 1 min")]
)
def test_durations_in_words(seconds, words):
    assert duration_text(seconds) == words

from types import SimpleNamespace

import numpy as np
import pytest

from dgm_audio.cli.evaluate import reference_splits
from dgm_audio.data import ClipConfig
from dgm_audio.data.own_folder import folder_splits
from dgm_audio.data.sets import gcin
from dgm_audio.data.sets.named import SETS, named_splits
from dgm_audio.errors import InputError
from dgm_audio.io import write_audio
from dgm_audio.specs import AudioSpec, ConditionSpec
from dgm_audio.text_field import Text


def model_of(rate, length):
    return SimpleNamespace(name="toy", audio=AudioSpec(sample_rate=rate, length=length))


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for index, name in enumerate(("ㄇㄚ", "ㄇㄚ2", "ㄇㄠ", "ㄌㄚ", "ㄌㄠ", "ㄌㄧ3")):
        folder = tmp_path / "package" / name
        folder.mkdir(parents=True)
        tone = np.sin(np.arange(4000) * (0.05 + 0.03 * index))
        write_audio(folder / gcin.VOICE, 0.5 * tone, 16000)
    return tmp_path / "package"


@pytest.mark.parametrize(("rate", "length"), [(16000, 6400), (22050, 4096)])
def test_a_set_is_split_alike_at_any_rate_and_length(package, rate, length):
    config = ClipConfig(sample_rate=rate, length=length)
    splits = named_splits(gcin.NAME, config, package)
    usual = named_splits(gcin.NAME, gcin.CLIPS, package)
    assert splits.validation.files == usual.validation.files
    assert splits.train.sample_rate == rate
    assert splits.train.audio.shape[1:] == (1, length)


def test_an_unknown_name_is_an_error_that_lists_the_sets():
    with pytest.raises(InputError, match="'zoo'; there are: hydrogen-drums, gcin-syllables"):
        named_splits("zoo", ClipConfig())


def test_a_model_is_judged_by_the_set_that_it_names(package, monkeypatch):
    header = {"data": {"dataset": gcin.NAME}}
    monkeypatch.setattr("dgm_audio.cli.evaluate._header", lambda _: header)
    here = SETS[gcin.NAME]._replace(download=lambda _: package)
    monkeypatch.setitem(SETS, gcin.NAME, here)
    splits = reference_splits(model_of(16000, 3200), None)
    assert splits.validation.audio.shape[1:] == (1, 3200)
    assert splits.validation.manifest.classes == gcin.CLASSES


def test_a_model_of_a_set_that_is_not_known_needs_a_folder(monkeypatch):
    monkeypatch.setattr("dgm_audio.cli.evaluate._header", lambda _: {"data": {"dataset": "zoo"}})
    with pytest.raises(InputError, match=r"names the data set 'zoo'; .* --data FOLDER"):
        reference_splits(model_of(16000, 3200), None)


def test_a_model_that_speaks_is_judged_by_transcribed_recordings(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "voice"
    for number in range(60):
        folder.mkdir(exist_ok=True)
        path = write_audio(folder / f"{number}.wav", 0.5 * np.sin(np.arange(400) * number), 16000)
        path.with_suffix(".txt").write_text(f"sentence {number}")
    given = folder_splits(folder, ClipConfig(16000, 512), False, 3, transcribed=True)
    record = {"manifest_sha256": given.train.manifest.hash}
    monkeypatch.setattr("dgm_audio.cli.evaluate._header", lambda _: {"data": record, "seed": 3})
    model = model_of(16000, 512)
    model.condition = ConditionSpec({"text": Text(("a",), ("en",), examples=("a",))})
    splits = reference_splits(model, folder)
    assert splits.validation.files == given.validation.files
    assert splits.validation.texts[0].startswith("sentence ")
    assert "is not what" not in capsys.readouterr().err

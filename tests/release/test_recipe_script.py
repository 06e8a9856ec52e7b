from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgm_audio.data import ClipSet
from dgm_audio.errors import ConfigError, InputError
from dgm_audio.release import recipe_script
from dgm_audio.release.publish import ModelEvaluation
from dgm_audio.release.recipe_script import RecipeOptions, label_sheets, train_and_publish
from dgm_audio.training.config import TrainConfig

CARD = dict(script="recipes/a.py", summary="s", limits="l", dataset="d", licences=["cc0-1.0"])


def options_of(**given):
    return RecipeOptions(**{"out": Path("run"), "family": "vae", "budget": "20m", **given})


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({}, "--family vae --budget 20m"),
        ({"steps": 7}, "--family vae --steps 7"),
        (
            {"family": "flow", "rate": 1e-3, "start": "a", "budget": "1h"},
            "--family flow --rate 0.001 --start a --budget 1h",
        ),
    ],
)
def test_the_command_has_what_the_training_depends_on(given, flags):
    command = options_of(**given).command("recipes/a.py")
    assert command == f"python recipes/a.py {flags}"


def test_every_option_of_the_training_reaches_it():
    given = dict(family="flow", budget="1h", steps=7, rate=0.1, start="a", seed=3, resume=True)
    given["precision"] = "float32"
    options = options_of(**given)
    assert options.training == TrainConfig(out=Path("run"), **given).training
    assert isinstance(options, TrainConfig)


@pytest.mark.parametrize(("name", "value"), [("batch", 0), ("seed", -1), ("rate", float("inf"))])
def test_a_number_that_is_not_allowed_is_an_error_that_names_it(name, value):
    with pytest.raises(InputError, match=f"^{name} is {value}; it must be"):
        options_of(**{name: value})


def test_a_mistyped_budget_is_an_error_before_there_are_data():
    with pytest.raises(ConfigError, match="budget is '20 mn'"):
        options_of(budget="20 mn")


def test_there_is_a_sheet_of_every_class(tmp_path, capsys):
    audio = np.random.default_rng(0).uniform(-1, 1, (67, 1, 400))
    clips = ClipSet.from_arrays(audio, 8000, labels=["hat"] * 65 + ["kick"] * 2)
    told = []

    def words(row):
        told.append(row)
        return f"title {row}", "note"

    label_sheets(clips, tmp_path / "run", words)
    paths = [tmp_path / "run" / f"labels-{name}.png" for name in ("hat", "kick")]
    assert capsys.readouterr().out.split() == list(map(str, paths))
    assert told == [*range(64), 65, 66]
    with Image.open(paths[0]) as many, Image.open(paths[1]) as few:
        assert many.width == few.width and many.height > few.height


@pytest.fixture
def steps(monkeypatch):
    """What is called in place of training, evaluation and publishing, in its order."""
    called = []

    def stand_in(name, result=None):
        def call(*given, **named):
            called.append((name, given, named))
            return result

        monkeypatch.setattr(recipe_script, name, call)

    stand_in("validation_metric", "metric")
    stand_in("fit", Path("trained"))
    stand_in("load", "model")
    stand_in("evaluate_model", ModelEvaluation("the table", {"bits": 1}))
    stand_in("run_curve", "the curve")
    stand_in("publish")
    return called


def test_a_trained_model_is_evaluated_and_published_with_its_commands(steps, capsys):
    options = options_of(publish=Path("checkpoints/name"), note="n")
    train_and_publish(options, "splits", **CARD, benchmark="benchmarks/vae.py")
    names = [name for name, _, _ in steps]
    assert names == ["validation_metric", "fit", "load", "evaluate_model", "run_curve", "publish"]
    calls = {name: given for name, given, _ in steps}
    assert calls["fit"] == ("splits", options.training, "metric")
    assert calls["load"] == ("trained",) and calls["evaluate_model"] == ("model", "splits")
    evaluation = ModelEvaluation("the table", {"bits": 1})
    assert calls["publish"] == (Path("trained"), Path("checkpoints/name"), "splits", evaluation)
    card = steps[-1][2]
    assert card["commands"] == {
        "train": options.command("recipes/a.py"),
        "evaluate": "dgm-audio evaluate name",
        "time": "python benchmarks/vae.py name",
    }
    assert calls["run_curve"] == (options.out,) and card["curve"] == "the curve"
    assert (card["note"], card["summary"], card["limits"]) == ("n", "s", "l")
    assert (card["dataset"], card["licences"]) == ("d", ["cc0-1.0"])
    assert capsys.readouterr().out.splitlines() == ["the table", "published to checkpoints/name"]


def test_the_kept_model_is_taken_without_training_and_nothing_is_published_unasked(steps, capsys):
    train_and_publish(options_of(train=False), "splits", **CARD)
    assert [name for name, _, _ in steps] == ["load", "evaluate_model"]
    assert steps[0][1] == (str(Path("run/model")),)
    assert capsys.readouterr().out == "the table\n"

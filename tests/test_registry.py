import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toys import ToyFlow, ToyFlowConfig

import dgm_audio
from dgm_audio import registry
from dgm_audio.checkpoint import save_model
from dgm_audio.errors import CheckpointError, ConfigError, InputError, UnknownModelError
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.objective import Task
from dgm_audio.registry import get_family, get_task, list_families, trainable
from dgm_audio.shipped import list_models, load, shipped_folders


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shipped models of a registered family; the working directory is elsewhere."""
    monkeypatch.setattr(
        registry, "FAMILIES", registry.FAMILIES | {"toy-flow": registry.Family("toys:ToyFlow")}
    )
    folders = [
        save_model(
            ToyFlow(ToyFlowConfig(hop=hop)),
            tmp_path / "shipped" / name,
            card=f"A toy of hop {hop}.\nIn two lines.",
            data={"license": "cc0-1.0"},
        )
        for name, hop in (("toy-small", 2), ("toy-large", 8))
    ]
    monkeypatch.setattr("dgm_audio.shipped.shipped_folders", lambda: sorted(folders))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "shipped"


def test_models_are_listed_by_name(shipped: Path) -> None:
    models = list_models()
    assert [model.name for model in models] == ["toy-large", "toy-small"]
    large = models[0]
    assert (large.family, large.license, large.path) == (
        "toy-flow",
        "cc0-1.0",
        shipped / large.name,
    )
    assert large.summary == "A toy of hop 8. In two lines."
    assert large.bytes == sum(path.stat().st_size for path in large.path.iterdir())


def test_load_by_name_path_and_string(shipped: Path) -> None:
    model = load("toy-small", device="cpu")
    assert isinstance(model, ToyFlow) and model.name == "toy-small" and not model.training
    for path in (shipped / "toy-small", str(shipped / "toy-small"), "../shipped/toy-small"):
        assert load(path, "cpu").weights_hash == model.weights_hash
    assert torch.equal(
        dgm_audio.load("toy-small", "cpu").sample(1, seed=0), model.sample(1, seed=0)
    )


def test_a_name_wins_over_a_folder_here_unless_it_is_written_as_a_path(shipped: Path) -> None:
    save_model(ToyFlow(ToyFlowConfig(hop=16)), Path("toy-small"))
    assert load("toy-small", "cpu").latent.hop == 2
    assert load("./toy-small", "cpu").latent.hop == 16
    assert load(Path("toy-small"), "cpu").latent.hop == 16
    save_model(ToyFlow(ToyFlowConfig(hop=16)), Path("mine"))
    assert load("mine", "cpu").latent.hop == 16


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "toy-smal",
            "no model 'toy-smal'; did you mean 'toy-small'? there are toy-large, toy-small",
        ),
        ("piano", "no model 'piano'; there are toy-large, toy-small; or give the path"),
        ("", "no model ''"),
    ],
)
def test_unknown_names_list_the_known_ones(shipped: Path, name: str, expected: str) -> None:
    with pytest.raises(UnknownModelError) as error:
        load(name)
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_paths_that_do_not_exist_are_no_names(shipped: Path) -> None:
    for path in ("./piano", "a/b", "~/no such folder", Path("piano")):
        with pytest.raises(CheckpointError, match="does not exist; a model is a folder with"):
            load(path)
    with pytest.raises(CheckpointError, match="does not exist"):
        load("model.ckpt")
    with pytest.raises(InputError, match="the model is 3; give a name"):
        load(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="device is 'gpu'"):
        load("toy-small", "gpu")


def test_a_damaged_shipped_model_does_not_hide_the_others(shipped: Path) -> None:
    (shipped / "toy-large" / "config.json").write_text("{")
    with pytest.warns(UserWarning, match="model 'toy-large' is left out: .* is no valid JSON"):
        assert [model.name for model in list_models()] == ["toy-small"]
    assert [model.name for model in list_models()] == ["toy-small"], "no second warning"
    load("toy-small", "cpu")
    with pytest.raises(ConfigError, match="toy-large"):
        load("toy-large")


def test_families(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_family("vae") is SpectrogramVAE
    vae = next(family for family in list_families() if family.name == "vae")
    assert vae.package == "dgm_audio" and vae.encode and vae.elbo and not vae.log_prob
    assert vae.error is None and vae.summary.startswith("Variational autoencoder")
    with pytest.raises(UnknownModelError, match="no family 'vea'; did you mean 'vae'"):
        get_family("vea")


def test_every_entry_of_the_table_is_a_family() -> None:
    assert all(get_family(name).family == name for name in registry.FAMILIES)


def test_every_task_of_the_table_trains_a_family() -> None:
    names = {*registry.FAMILIES, "flow-vocoder"}
    assert set(trainable()) == names
    assert all(issubclass(get_task(name), Task) for name in names)
    with pytest.raises(UnknownModelError, match="no family to train 'vea'; did you mean 'vae'"):
        get_task("vea")


def test_a_class_that_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = registry.Family("toys:ToyFlow", "toys:ToyFlow")
    monkeypatch.setattr(registry, "FAMILIES", {"mine": mine})
    with pytest.raises(ConfigError, match="toys:ToyFlow of dgm_audio is no subclass of Task"):
        get_task("mine")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("toys:ToyFlow", "called 'toy-flow', not 'mine'"),
        ("toys:ToyFlowConfig", "no subclass of AudioGenerator"),
        ("toys:EDGE", "no subclass of AudioGenerator"),
    ],
)
def test_classes_that_are_no_families(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setattr(registry, "FAMILIES", {"mine": registry.Family(value)})
    with pytest.raises(ConfigError, match=expected):
        get_family("mine")


def test_the_shipped_folder_is_inside_the_package_or_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "dgm_audio"
    package.mkdir(parents=True)
    monkeypatch.setattr("dgm_audio.shipped.__file__", str(package / "shipped.py"))
    beside = save_model(ToyFlow(ToyFlowConfig()), tmp_path / "site" / "checkpoints" / "beside")
    assert shipped_folders() == [], "a stranger's folder named checkpoints is not ours"
    (tmp_path / "site" / "pyproject.toml").touch()
    assert shipped_folders() == [beside]
    (tmp_path / "site" / "checkpoints" / ".half.new").mkdir()
    assert shipped_folders() == [beside]
    inside = save_model(ToyFlow(ToyFlowConfig()), package / "_checkpoints" / "inside")
    assert shipped_folders() == [inside]


def test_listing_models_imports_no_torch() -> None:
    code = (
        "import sys, json, dgm_audio; names = [m.name for m in dgm_audio.list_models()];"
        "print(json.dumps([names, 'torch' in sys.modules]))"
    )
    root = Path(registry.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    names, torch_imported = json.loads(run.stdout)
    assert names == [path.name for path in shipped_folders()] and not torch_imported

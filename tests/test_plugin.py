"""A family from somebody else's package: found, loaded, checked; a broken one harms nobody."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dgm_audio
from dgm_audio import registry
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.errors import CheckpointError, ConfigError, UnknownModelError
from dgm_audio.registry import get_family, list_families
from dgm_audio.testing import check_generator

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install packages as a package manager lays them out: modules beside a dist-info folder."""
    modules: list[str] = []

    def install(name: str, source: str | Path, entry_points: dict[str, str]) -> Path:
        site = tmp_path / f"site-{name}"
        info = site / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        if isinstance(source, Path):
            shutil.copy(source, site / f"{name}.py")
        else:
            (site / f"{name}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"{key} = {value}" for key, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[dgm_audio.generators]", *lines, ""]))
        monkeypatch.syspath_prepend(str(site))
        modules.append(name)
        return site

    monkeypatch.setattr(registry, "_warned", set())
    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def plugin(install: Install) -> Path:
    source = Path(__file__).with_name("toys.py")
    families = {"toy-flow": "their_toys:ToyFlow", "toy-factor": "their_toys:ToyFactor"}
    return install("their_toys", source, families)


def test_a_plugin_is_found_loaded_and_checked(plugin: Path, tmp_path: Path) -> None:
    assert "their_toys" not in sys.modules
    family = get_family("toy-flow")
    assert family.__module__ == "their_toys"
    assert Path(sys.modules["their_toys"].__file__ or "").parent == plugin
    model = family(family.config_class())  # type: ignore[call-arg]
    results = {result.name: result for result in check_generator(model)}
    assert results["registry"].outcome == "passed"

    folder = save_model(model, tmp_path / "model")
    loaded = dgm_audio.load(folder, device="cpu")
    assert type(loaded) is family
    assert loaded.sample(2, seed=0).equal(model.eval().sample(2, seed=0))


def test_a_plugin_is_listed_with_what_it_can_do(plugin: Path) -> None:
    families = {info.name: info for info in list_families()}
    assert {"vae", "toy-flow", "toy-factor"} <= set(families)
    factor = families["toy-factor"]
    assert factor.package == "their_toys 1.2" and factor.error is None
    assert factor.encode and factor.log_prob and factor.elbo
    assert factor.summary.startswith("Factor analysis, a linear VAE")
    assert not families["toy-flow"].elbo


def test_without_the_plugin_its_models_say_what_to_install(plugin: Path, tmp_path: Path) -> None:
    family = get_family("toy-factor")
    folder = save_model(family(family.config_class()), tmp_path / "model")  # type: ignore[call-arg]
    load_model(folder, "cpu")
    sys.path.remove(str(plugin))
    with pytest.raises(CheckpointError, match=r"saved with their_toys 1\.2: install that"):
        load_model(folder, "cpu")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "raise RuntimeError('no licence found\\nsee the manual')",
            "RuntimeError: no licence found",
        ),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def", "SyntaxError"),
        ("Family = 3", "is no subclass of AudioGenerator"),
        ("", "AttributeError"),
    ],
)
def test_a_broken_plugin_harms_nobody(
    plugin: Path, install: Install, source: str, reason: str, recwarn: pytest.WarningsRecorder
) -> None:
    install("broken_toys", source, {"broken": "broken_toys:Family"})
    assert get_family("toy-flow").family == "toy-flow"
    dgm_audio.list_models()
    assert not [w for w in recwarn if "broken" in str(w.message)], "nobody asked for it"
    with pytest.warns(UserWarning) as warned:
        families = {info.name: info for info in list_families()}
    (warning,) = warned
    assert "broken_toys 1.2" in str(warning.message) and reason in str(warning.message)
    assert "\n" not in str(warning.message)
    assert families["broken"].error == str(warning.message)
    assert families["toy-flow"].error is None and families["vae"].error is None
    list_families()  # warnings are errors here: it is said once
    with pytest.raises((UnknownModelError, ConfigError), match="broken_toys"):
        get_family("broken")


def test_a_name_claimed_twice_is_an_error(plugin: Path, install: Install) -> None:
    install("rival_toys", Path(__file__).with_name("toys.py"), {"toy-flow": "rival_toys:ToyFlow"})
    with pytest.raises(ConfigError, match=r"claimed by rival_toys 1\.2 and their_toys 1\.2"):
        get_family("toy-flow")
    assert get_family("toy-factor").family == "toy-factor"
    with pytest.warns(UserWarning, match="'toy-flow' is claimed by"):
        list_families()


def test_a_built_in_name_cannot_be_taken(install: Install) -> None:
    install("rival_toys", Path(__file__).with_name("toys.py"), {"vae": "rival_toys:ToyFlow"})
    with pytest.raises(ConfigError, match=r"'vae' is claimed by dgm_audio and rival_toys 1\.2"):
        get_family("vae")

"""The README's table says what the cards say."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "recipes/renew.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("renew", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["renew"] = module
    spec.loader.exec_module(module)
    return module


def test_the_table_is_made_of_the_cards():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_table_that_says_something_else_is_seen(script, monkeypatch, tmp_path):
    text = (ROOT / "README.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| `drums-vae`"))
    flattered = row.replace("two-sample AUC 0.", "two-sample AUC 0.4")
    assert flattered != row
    (tmp_path / "README.md").write_text(text.replace(row, flattered))
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="does not say what the cards say"):
        script.main(script.Renew(check=True))
    script.main(script.Renew(readme=True))
    assert (tmp_path / "README.md").read_text() == text


def test_the_headline_is_on_unseen_groups_with_the_test_figure_in_brackets(script):
    ends = {"two_sample_auc": [0.75, 0.95], "two_sample_auc_unseen": [0.87, 0.98]}
    both = {"two_sample_auc": 0.861, "two_sample_auc_unseen": 0.925, "ci": ends}
    assert script.quality(both) == ("two-sample AUC 0.93 [0.87, 0.98] (test 0.86 [0.75, 0.95])")
    alone = {"two_sample_auc": 0.861, "two_sample_auc_unseen": None, "ci": ends}
    assert script.quality(alone) == "two-sample AUC 0.86 [0.75, 0.95]"


def test_the_cards_say_their_figures_in_the_words_of_today(script, tmp_path):
    vocoders = []
    for folder in sorted((ROOT / "checkpoints").iterdir()):
        copy = tmp_path / folder.name
        copy.mkdir()
        for name in ("config.json", "README.md", "model.safetensors"):
            (copy / name).write_bytes((folder / name).read_bytes())
        before = (copy / "README.md").read_text()
        (copy / "README.md").write_text(before.replace(" 95 % CI", " interval"))
        if not script.rewrite_evaluation(copy):
            vocoders.append(folder.name)
        else:
            assert (copy / "README.md").read_text() == before, "python recipes/renew.py --cards"
    assert vocoders == ["vocoder-flow"]

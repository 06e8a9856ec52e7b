"""Help, wrong usage, strange terminals: clear text, the right exit code, never a traceback."""

import os
import subprocess
import sys
import warnings

import pytest

import dgm_audio
from dgm_audio import cli
from dgm_audio.cli import COMMANDS, help_text, main
from dgm_audio.cli.models import List
from dgm_audio.errors import TrainingError

HEAVY = {"torch", "numpy", "scipy", "librosa", "rich", "PIL", "soundfile", "lightning_fabric"}


def test_help_names_every_command(dgm):
    result = dgm("--help").ok()
    assert all(name in result.out for name in COMMANDS)
    assert "Example:" in result.out
    assert dgm().ok().out == result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(dgm, name):
    result = dgm(name, "--help").ok()
    example = result.out.partition("Example:")[2].splitlines()[1]
    assert example.startswith(f"    dgm-audio {name}")
    assert "(default: None)" not in result.out
    summary = cli.summaries()[name]
    assert summary.endswith(".") and len(summary) < 80


def test_help_is_wrapped_to_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = help_text(cli.command_class("sample")).partition("Example:")[0]
    assert max(map(len, text.splitlines())) <= 60


def test_help_loads_nothing_heavy():
    """What `--help` under half a second rests on; the time itself depends on the machine."""
    script = (
        "import sys; from dgm_audio.cli import main\n"
        "for words in (['--help'], ['sample', '--help'], ['train', '--help'], ['bogus']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(dgm_audio.__file__))},
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_version(dgm):
    assert dgm("--version").ok().out == f"{dgm_audio.__version__}\n"


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    "words",
    [
        ("smaple",),
        ("--bogus",),
        ("sample", "--bogus"),
        ("sample", "-n"),
        ("sample", "-n", "many"),
        ("sample", "--seed", "1.5"),
        ("sample", "--device", "tpu"),
        ("sample", "one", "two"),
        ("interpolate",),
        ("interpolate", "--from", "1"),
        ("encode",),
        ("decode", "drums-vae"),
        ("recall",),
        ("train",),
        ("doctor", "a", "b"),
    ],
)
def test_wrong_usage_ends_with_two_and_says_what_is_wrong(dgm, words):
    result = dgm(*words)
    assert result.code == 2 and result.out == ""
    assert result.err and "Traceback" not in result.err


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (TrainingError("it\nbroke"), 1, "error: it broke\n"),
        (RuntimeError("what\never"), 1, "RuntimeError: what ever (unexpected; DGM_AUDIO_DEBUG=1"),
        (OSError(28, "No space left on device", "a.wav"), 1, "a.wav: No space left"),
        (PermissionError(13, "Permission denied", "a.wav"), 1, "a.wav: Permission denied"),
        (MemoryError(), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_failures_are_one_line(dgm, monkeypatch, error, code, words):
    def fail(self):
        raise error

    monkeypatch.setattr(List, "run", fail)
    dgm("list").failed(words, code=code)


def test_the_traceback_is_there_for_those_who_ask(dgm, monkeypatch):
    def fail(self):
        raise RuntimeError("what ever")

    monkeypatch.setattr(List, "run", fail)
    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(RuntimeError, match="what ever"):
        main(["list"])


def test_warnings_are_one_line_without_source_code(dgm, monkeypatch):
    def warn(self):
        warnings.simplefilter("always")  # pytest makes them errors
        warnings.warn("two\nlines", stacklevel=1)

    monkeypatch.setattr(List, "run", warn)
    result = dgm("list").ok()
    assert result.err == "dgm-audio: warning: two lines\n"


@pytest.mark.fault(30)
def test_a_locale_without_unicode_breaks_nothing(shell, trained):
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for words in (["sample", "--help"], ["bogus"], ["info", "модель"]):
        result = shell(*words, env=ascii_only)
        assert result.code in (0, 2) and "Traceback" not in result.err
        assert (result.out + result.err).isascii()
    folder = "kl\u00e4nge"
    words = ("sample", trained / "flow", "-n", 1, "--seed", 1, "--out", folder)
    result = shell(*words, env=ascii_only)
    assert result.code == 0, result.err
    assert "flow_seed1_000" in result.out and result.out.isascii()


@pytest.mark.fault(30)
def test_a_reader_that_leaves_is_no_error(shell, trained, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    words = ("sample", trained / "flow", "-n", 2, "--seed", 1, "--out", "o")
    result = shell(*words, stdout=writing)
    os.close(writing)
    assert result.code == 0 and result.err == ""
    assert len(list((tmp_path / "o").iterdir())) == 3  # the sounds were made all the same


@pytest.mark.fault(30)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_under_standard_output_is_a_failure(shell):
    with open("/dev/full", "w") as full:
        result = shell("--version", stdout=full)
    assert result.code == 1 and "No space left" in result.err and "Traceback" not in result.err


def test_python_m_and_the_installed_command_are_the_same(shell):
    result = shell("--version").ok()
    assert result.out.strip() == dgm_audio.__version__
    assert shell("sample", "no-such-model").code == 2
    from dgm_audio import __main__

    assert __main__.main is main


def test_info_verifies_that_a_model_sounds_as_it_did(dgm):
    assert "as when it was saved" in dgm("info", "drums-vae", "--verify").ok().out
    assert dgm("info", "drums-vae", "--verify", "--json").ok().json["fingerprint_difference"] < 1e-3
    assert "saved" not in dgm("info", "drums-vae").ok().out

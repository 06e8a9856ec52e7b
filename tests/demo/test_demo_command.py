"""`dgm-audio demo`: what it refuses, in one line, and how it starts and ends."""

import shutil
import socket

import httpx
import pytest
from conftest import ROOT
from demo_client import Client, Server, free_port

from dgm_audio.cli import demo as command
from dgm_audio.cli import main

WITHOUT_PASSWORD = (
    "--host 0.0.0.0 lets others in; protect it with --auth USER:PASSWORD, or say --open"
)


def refused(capsys, *words):
    """Exit code, and the one line on stderr."""
    code = main(["demo", *words])
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1, printed.err
    return code, printed.err.strip()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--host", "0.0.0.0"], WITHOUT_PASSWORD),
        (["--host", "::"], WITHOUT_PASSWORD.replace("0.0.0.0", "::")),
        (["--auth", "ada"], "--auth is 'ada'; write USER:PASSWORD"),
        (["--auth", ":secret"], "--auth is ':secret'; write USER:PASSWORD"),
        (["--auth", "ada:"], "--auth is 'ada:'; write USER:PASSWORD"),
        (["--port", "0"], "--port is 0; it must be from 1 to 65535"),
        (["--port", "65536"], "--port is 65536; it must be from 1 to 65535"),
        (["--max-seconds", "0"], "--max-seconds is 0; it must be from 0.1 to 3600"),
        (["--max-seconds", "nan"], "--max-seconds is nan; it must be from 0.1 to 3600"),
    ],
)
def test_wrong_options_are_one_line(capsys, words, line):
    code, printed = refused(capsys, *words)
    assert code == 2 and printed.endswith(line)


def test_without_gradio_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    code, printed = refused(capsys)
    assert code == 2 and printed.endswith("pip install 'dgm_audio[demo]'")


def not_started(log, code, *words):
    """What is printed by a demo that ends before it serves."""
    with pytest.raises(RuntimeError, match=f"did not start, exit {code}:"), Server(log, words):
        pass
    printed = log.read_text()
    assert printed.count("\n") == 1, printed
    return printed


def test_a_model_that_is_not_there_is_refused_before_the_page_opens(tmp_path):
    nowhere = str(tmp_path / "nowhere")
    assert "nowhere" in not_started(tmp_path / "log.txt", 2, nowhere, "--port", str(free_port()))


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])
    assert ended.value.code == 0
    assert "dgm-audio demo runs/mine/model --port 8000" in capsys.readouterr().out


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        printed = not_started(tmp_path / "log.txt", 1, "--port", port)
    assert f"127.0.0.1:{port} cannot be listened at" in printed


def test_a_model_of_ones_own_behind_a_password_until_ctrl_c(tmp_path):
    mine = shutil.copytree(ROOT / "checkpoints/drums-wavenet", tmp_path / "mine/model")
    port = free_port()
    words = [str(mine), "--port", str(port), "--auth", "ada:secret"]
    with Server(tmp_path / "log.txt", words) as server:
        assert server.url == f"http://127.0.0.1:{port}/"
        assert httpx.get(f"{server.url}config").status_code == 401
        for address in (f"sounds/{'0' * 40}.wav", "latents/latents-0123456789abcdef.safetensors"):
            assert httpx.get(server.url + address).status_code == 401
        login = {"username": "ada", "password": "secret"}
        with Client(server.url, login) as client:
            config = client.http.get("config").text
            key = client.generate("mine", 0, seconds=0.1).keys[0]
            assert client.sound(key)[:4] == b"RIFF"
        assert httpx.get(f"{server.url}sounds/{key}.wav").status_code == 401
        assert '"mine"' in config and str(tmp_path) not in config
        assert server.interrupt() in (0, 130) and server.tracebacks() == ([], [])


def test_terminated_it_leaves_no_sounds_behind(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with Server(tmp_path / "log.txt", ["--port", str(free_port())]) as server:
        with Client(server.url) as client:
            client.generate("drums-vae", 0)
        assert list(folder.glob("dgm_audio-demo-*/sounds/*.wav"))
        server.close()
        assert server._process.returncode == 143 and server.tracebacks() == ([], [])
    assert not list(folder.glob("dgm_audio-demo-*"))


def test_a_problem_before_it_listens_is_none_of_the_port(capsys, monkeypatch):
    def failing(*_, **__):
        raise OSError("no room in the folder")

    monkeypatch.setattr(command.demo_package("server"), "Studio", failing)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    code, printed = refused(capsys)
    assert code == 1 and printed.endswith("no room in the folder") and "listened" not in printed

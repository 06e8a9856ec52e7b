"""The demo on a machine where much is missing or breaks: it serves, recovers, stays offline."""

import json
import os
import shutil
import sys
import textwrap

import pytest
import soundfile
from conftest import ROOT, noise
from demo_client import Client, Server, free_port

WATCH = """
    import atexit, os, socket
    log = os.environ["WATCHED"]
    here = ("127.0.0.1", "::1", "localhost")

    def local(address):
        return not isinstance(address, tuple) or str(address[0]) in here

    def watch(name):
        original = getattr(socket.socket, name)

        def watched(self, address, *rest):
            if not local(address):
                with open(log, "a") as file:
                    file.write(f"{name} {address}\\n")
                raise OSError(101, "Network is unreachable")
            return original(self, address, *rest)

        setattr(socket.socket, name, watched)

    look_up = socket.getaddrinfo

    def getaddrinfo(host, *rest, **more):
        if host not in (None, "", b"127.0.0.1", *here):
            with open(log, "a") as file:
                file.write(f"look-up {host}\\n")
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return look_up(host, *rest, **more)

    socket.getaddrinfo = getaddrinfo
    watch("connect")
    watch("connect_ex")
"""


@pytest.fixture(scope="module")
def poor(tmp_path_factory):
    """A server without programs, network, GPU or home; its folder, its model, whom it asked."""
    folder = tmp_path_factory.mktemp("poor")
    for name in ("site", "bin", "temporary"):
        (folder / name).mkdir()
    (folder / "site" / "sitecustomize.py").write_text(textwrap.dedent(WATCH))
    (folder / "home").touch()  # a file: nothing can be written below it, by nobody
    mine = shutil.copytree(ROOT / "checkpoints/drums-wavenet", folder / "mine/model")
    changed = {
        "PATH": str(folder / "bin"),
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)]),
        "WATCHED": str(folder / "asked.txt"),
        "CUDA_VISIBLE_DEVICES": "",
        "TMPDIR": str(folder / "temporary"),
        **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "HF_HOME"), str(folder / "home/none")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changed.items():
            patch.setenv(name, value)
        words = [str(mine), "--port", str(free_port())]
        with Server(folder / "log.txt", words) as server:
            yield server, folder / "temporary", mine, folder / "asked.txt"


@pytest.mark.fault(34)
def test_without_programs_network_gpu_and_home_it_serves_and_asks_nobody(poor, tmp_path):
    server, _, _, asked = poor
    with Client(server.url) as client:
        answer = client.generate("drums-vae", 1)
        assert answer.ok and client.sound(answer.keys[0])[:4] == b"RIFF"
        assert client.http.get(f"sounds/{answer.keys[0]}.png").is_success
        soundfile.write(tmp_path / "hit.wav", noise(0.2, 44100)[0].numpy(), 44100)
        sent = client.upload("hit.wav", (tmp_path / "hit.wav").read_bytes())
        assert client.call("take", "drums-vae", {"given": {"class": "kick"}}, sent).keys
    assert not asked.exists(), asked.read_text()
    assert server.tracebacks() == ([], [])
    code = "import socket; socket.create_connection(('192.0.2.1', 9))"
    assert os.system(f"WATCHED={asked} PYTHONPATH={asked.parent / 'site'} "
                     f"{sys.executable} -c \"{code}\" 2>{os.devnull}") != 0  # fmt: skip
    assert "192.0.2.1" in asked.read_text(), "what is asked would be seen"
    asked.unlink()


@pytest.mark.fault(33)
def test_when_its_temporary_folder_is_deleted_the_next_request_is_served(poor, tmp_path):
    server, temporary, _, _ = poor
    soundfile.write(tmp_path / "hit.wav", noise(0.2, 44100)[0].numpy(), 44100)
    with Client(server.url) as client:
        key = client.generate("drums-vae", 2).keys[0]
        first = client.sound(key)
        for path in temporary.iterdir():
            shutil.rmtree(path)
        assert client.http.get(f"sounds/{key}.wav").status_code == 404
        again = client.generate("drums-vae", 2)
        assert again.keys == [key] and client.sound(key) == first
        sent = client.upload("hit.wav", (tmp_path / "hit.wav").read_bytes())
        assert client.call("take", "drums-vae", {"given": {"class": "kick"}}, sent).keys
    assert server.tracebacks() == ([], [])


@pytest.mark.fault(33)
def test_a_model_that_is_replaced_while_it_runs_is_taken_anew(poor):
    server, _, mine, _ = poor

    def weights(client, seed):
        key = client.generate("mine", seed, seconds=0.05).keys[0]
        return json.loads(client.recipe(key))["weights"]

    with Client(server.url) as client:
        before = weights(client, 3)
        file = mine / "model.safetensors"
        good = file.read_bytes()
        file.write_bytes(good[: len(good) // 2])
        answer = client.generate("mine", 4, seconds=0.05)
        assert answer.problems and not answer.keys and str(mine.parent) not in str(answer.lines)
        shutil.rmtree(mine)
        shutil.copytree(ROOT / "checkpoints/speech-wavenet", mine)
        assert weights(client, 5) != before
    assert server.tracebacks() == ([], [])

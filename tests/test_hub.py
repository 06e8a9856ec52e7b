"""Loading from the Hugging Face Hub, without it: a local cache, and a Hub on this machine."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from toys import ToyFlow, ToyFlowConfig

from dgm_audio import hub, registry, shipped
from dgm_audio.checkpoint import save_model
from dgm_audio.errors import CheckpointError
from dgm_audio.model_folder import FILES, WEIGHTS

Figure = Callable[[str, float, str], None]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        registry, "FAMILIES", registry.FAMILIES | {"toy-flow": registry.Family("toys:ToyFlow")}
    )
    return save_model(ToyFlow(ToyFlowConfig()), tmp_path / "model")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of our own, and no proxies between this process and this machine."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache"


def fill(cache: Path, folder: Path, repo: str = "org/name", revision: str = "main") -> Path:
    """Lay a folder out in the cache as the Hub's client does: blobs, snapshots of links, refs."""
    root = cache / f"models--{repo.replace('/', '--')}"
    snapshot = root / "snapshots" / COMMIT
    for path in (root / "blobs", root / "refs", snapshot):
        path.mkdir(parents=True)
    for source in folder.iterdir():
        blob = root / "blobs" / hashlib.sha256(source.read_bytes()).hexdigest()
        shutil.copy(source, blob)
        (snapshot / source.name).symlink_to(os.path.relpath(blob, snapshot))
    (root / "refs" / revision).write_text(COMMIT)
    return snapshot


def use_endpoint(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    use_endpoint(monkeypatch, f"http://127.0.0.1:{port}")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        use_endpoint(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_a_cached_model_loads_offline(cache: Path, folder: Path, offline: None) -> None:
    fill(cache, folder)
    model = shipped.load("hf:org/name", "cpu")
    assert model.name == "hf:org/name" and isinstance(model, ToyFlow)
    assert torch.equal(model.sample(1, seed=0), ToyFlow(ToyFlowConfig()).sample(1, seed=0))


def test_a_revision_is_another_model(cache: Path, folder: Path, offline: None) -> None:
    snapshot = fill(cache, folder, revision="v2")
    assert hub.download("org/name@v2") == snapshot
    assert hub.download(f"org/name@{COMMIT}") == snapshot
    with pytest.raises(CheckpointError, match="is not in the local cache"):
        hub.download("org/name")


@pytest.mark.fault(18)
def test_18_offline_and_not_cached(offline: None, figure: Figure) -> None:
    start = time.monotonic()
    with pytest.raises(CheckpointError) as error:
        shipped.load("hf:org/name")
    took = time.monotonic() - start
    figure("told after", took, "s")
    assert took < 5
    text = str(error.value)
    assert "hf:org/name is not in the local cache" in text and "HF_HUB_OFFLINE is set" in text
    assert "go online, or copy the folder here and load its path" in text and "\n" not in text


@pytest.mark.fault(18)
def test_18_unreachable_and_not_cached(unreachable: None, figure: Figure) -> None:
    start = time.monotonic()
    with pytest.raises(
        CheckpointError, match=r"the Hub cannot be asked .no connection: .*; go onl"
    ):
        hub.download("org/name")
    took = time.monotonic() - start
    figure("told after", took, "s")
    assert took < 5


@pytest.mark.fault(18)
def test_18_a_hub_that_never_answers(
    cache: Path,
    folder: Path,
    silent: None,
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
) -> None:
    start = time.monotonic()
    with pytest.raises(CheckpointError, match="the Hub cannot be asked"):
        hub.download("org/name")
    took = time.monotonic() - start
    figure("told after", took, "s")
    assert took < 5
    monkeypatch.setattr(hub, "HUB_SECONDS", 0.3)
    snapshot = fill(cache, folder)
    with pytest.warns(UserWarning, match="using the cached copy of org/name"):
        assert hub.download("org/name") == snapshot


@pytest.mark.fault(18)
def test_18_the_environment_variable_is_respected(tmp_path: Path) -> None:
    code = "from dgm_audio.hub import download; download('org/name')"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)}
    root = Path(registry.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True
    )
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("dgm_audio.errors.CheckpointError") and "HF_HUB_OFFLINE is set" in last


@pytest.mark.parametrize(
    "name", ["", "name", "a/b/c", "org/na me", "../x", "org/name@", "http://x"]
)
def test_wrong_names_are_refused_before_anyone_is_asked(name: str, unreachable: None) -> None:
    with pytest.raises(CheckpointError, match=r"give hf:org/name or hf:org/name@revision"):
        shipped.load(f"hf:{name}")


# A Hub on this machine ---------------------------------------------------------------------------


class Hub(BaseHTTPRequestHandler):
    """The three questions that a download asks: the model, its tree, its files."""

    files: dict[str, bytes]
    sizes: dict[str, int]
    served: list[str]

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/org/name/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": self.etag(data)}
                for name, data in self.files.items()
            ]
            self.answer(json.dumps(tree).encode())
        elif path.startswith("/api/models/org/name"):
            siblings = [{"rfilename": name, "size": size} for name, size in self.sizes.items()]
            info = {"id": "org/name", "modelId": "org/name", "sha": COMMIT, "siblings": siblings}
            self.answer(json.dumps(info).encode())
        elif path.startswith("/org/name/resolve/"):
            self.served.append(path.rpartition("/")[2])
            self.answer(self.files[self.served[-1]])
        else:
            self.answer(b"{}", 404, {"X-Error-Code": "RepoNotFound"})

    def answer(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        tags = {"ETag": f'"{self.etag(data)}"', "X-Repo-Commit": COMMIT, **(headers or {})}
        for key, value in ({"Content-Length": str(len(data))} | tags).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    @staticmethod
    def etag(data: bytes) -> str:
        return hashlib.sha1(data).hexdigest()


@pytest.fixture
def local_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    monkeypatch.setattr(Hub, "files", {path.name: path.read_bytes() for path in folder.iterdir()},
                        raising=False)  # fmt: skip
    Hub.files["pytorch_model.bin"] = b"never asked for"
    sizes = {name: len(data) for name, data in Hub.files.items()}
    monkeypatch.setattr(Hub, "sizes", sizes, raising=False)
    monkeypatch.setattr(Hub, "served", [], raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        use_endpoint(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        yield Hub
        server.shutdown()


def test_a_download_takes_the_three_files_and_is_cached(
    local_hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shipped.load("hf:org/name", "cpu")
    assert torch.equal(model.sample(1, seed=0), ToyFlow(ToyFlowConfig()).sample(1, seed=0))
    assert set(local_hub.served) == set(FILES)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert shipped.load("hf:org/name", "cpu").weights_hash == model.weights_hash


def test_what_is_no_model_is_refused_before_the_download(local_hub: type[Hub]) -> None:
    local_hub.sizes[WEIGHTS] = 5 * 2**30
    with pytest.raises(CheckpointError, match=r"has 5\.0 GiB of weights; the limit is 4 GiB"):
        hub.download("org/name")
    del local_hub.sizes[WEIGHTS]
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors: it is no dgm_audio"):
        hub.download("org/name")
    assert not local_hub.served


def test_a_model_that_does_not_exist(local_hub: type[Hub]) -> None:
    with pytest.raises(CheckpointError, match=r"the Hub has no model org/other; .* hf auth login"):
        hub.download("org/other")

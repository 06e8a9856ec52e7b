"""`dgm-audio demo`."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import FrameType, ModuleType
from typing import Annotated, NoReturn

from tyro.conf import Positional, arg

from dgm_audio.cli.options import Device
from dgm_audio.errors import InputError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PACKAGE = "dgm_audio._demo"


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Play the latent space of the models on a web page.

    Sample, morph, draw maps, transform recordings, play the keyboard, compare. All models that ship
    are there; a model folder or hf:org/name that is named comes first. Nothing leaves this machine.
    Needs `pip install 'dgm_audio[demo]'`. Ctrl-C ends it.

    Example:
        dgm-audio demo
        dgm-audio demo runs/mine/model --port 8000
        dgm-audio demo --host 0.0.0.0 --auth ada:secret
    """

    models: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="MODEL", help="Model folders or hf:org/name to add.", help_behavior_hint=""),
    ] = ()
    port: Annotated[int, arg(metavar="N", help="TCP port.")] = 7860
    host: Annotated[str, arg(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere.")] = (
        "127.0.0.1"
    )
    auth: Annotated[
        str | None,
        arg(metavar="USER:PASSWORD", help="What visitors must give.", help_behavior_hint=""),
    ] = None
    open: Annotated[
        bool, arg(help="Listen beyond this machine without a password.", help_behavior_hint="")
    ] = False
    max_seconds: Annotated[
        float, arg(metavar="S", help="Longest sound to make, and longest recording to take.")
    ] = 60.0
    device: Device = "cpu"

    def run(self) -> None:
        """Serve the page until Ctrl-C."""
        auth = self._checked()
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        server = demo_package("server")
        settings = server.Settings(
            models=self.models,
            host=self.host,
            port=self.port,
            max_seconds=self.max_seconds,
            device=self.device,
            auth=auth,
        )
        server.log_to_stderr()
        signal.signal(signal.SIGTERM, _end)  # a long start can be ended, too
        demo = server.Demo(settings)
        print(f"dgm_audio demo: {demo.url}  (Ctrl-C ends it)", flush=True)
        try:
            number = demo.wait()
        finally:
            demo.close()
        if number == signal.SIGTERM:
            raise SystemExit(128 + number)

    def _checked(self) -> tuple[str, str] | None:
        """User and password, if the options fit together.

        Raises:
            InputError: if they do not.
        """
        user, colon, password = (self.auth or "").partition(":")
        if self.auth is not None and not (user and colon and password):
            raise InputError(f"--auth is {self.auth!r}; write USER:PASSWORD")
        if self.host not in _LOOPBACK and not (self.auth or self.open):
            raise InputError(
                f"--host {self.host} lets others in; protect it with --auth USER:PASSWORD, "
                "or say --open"
            )
        if not 1 <= self.port <= 65535:
            raise InputError(f"--port is {self.port}; it must be from 1 to 65535")
        if not 0.1 <= self.max_seconds <= 3600:
            raise InputError(f"--max-seconds is {self.max_seconds:g}; it must be from 0.1 to 3600")
        return (user, password) if self.auth else None


def _end(number: int, _: FrameType | None) -> NoReturn:
    """Leave as for Ctrl-C, so that the folder of sounds is removed; the code is the shell's."""
    raise SystemExit(128 + number)


def demo_package(module: str = "") -> ModuleType:
    """A module of the demo: inside the package or, in a development checkout, beside it.

    Raises:
        InputError: if Gradio is not installed.
    """
    if find_spec("gradio") is None:
        raise InputError("the demo needs Gradio: pip install 'dgm_audio[demo]'")
    if _PACKAGE not in sys.modules and find_spec(_PACKAGE) is None:
        folder = Path(__file__).parents[2] / "demo"
        spec = spec_from_file_location(
            _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        package = module_from_spec(spec)
        sys.modules[_PACKAGE] = package
        spec.loader.exec_module(package)
    from importlib import import_module

    return import_module(f"{_PACKAGE}.{module}" if module else _PACKAGE)

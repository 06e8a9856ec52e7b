"""The command line: `dgm-audio COMMAND ...`, also as `python -m dgm_audio COMMAND ...`.

Every command is a dataclass of its options with a `run` method, in a module that is imported only
when the command is asked for. Results go to standard output, everything else to standard error.

Exit codes: 0; 2 for wrong usage or input; 1 for a failure; 130 after Ctrl-C.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, Protocol, Union

from dgm_audio._version import __version__
from dgm_audio.cli.console import complain, prepare_streams, silence
from dgm_audio.errors import DgmAudioError

COMMANDS = {
    "list": "models:List",
    "info": "models:Info",
    "sample": "sample:Sample",
    "speak": "speak:Speak",
    "interpolate": "interpolate:Interpolate",
    "encode": "encode:Encode",
    "decode": "decode:Decode",
    "recall": "recall:Recall",
    "score": "score:Score",
    "vocode": "vocode:Vocode",
    "transfer": "transfer:Transfer",
    "live": "live:Live",
    "demo": "demo:Demo",
    "train": "train:Train",
    "evaluate": "evaluate:Evaluate",
    "doctor": "doctor:Doctor",
}
"""Command -> "module:class" in this package."""

DEBUG = "DGM_AUDIO_DEBUG"
"""With this environment variable set, errors that nobody expected show their traceback."""

_ABOUT = """Deep generative models of audio: from noise, or from your own recordings, to sound.

Example:
    dgm-audio sample                      eight new sounds, and a picture of them, in ./out
    dgm-audio COMMAND --help              what a command does, with examples
    dgm-audio --version"""


class Command(Protocol):
    """A parsed command line."""

    def run(self) -> None:
        """Do what was asked for; results are printed.

        Raises:
            DgmAudioError: tells the user in one line what was wrong.
        """
        ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code.

    Raises:
        SystemExit: after wrong usage (2), after help (0), and after a training that was stopped.
    """
    prepare_streams()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            if arguments == ["--version"]:
                print(__version__)
            else:
                parse(arguments or ["--help"]).run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except DgmAudioError as error:
        return _fail(error, error.exit_code, str(error))
    except KeyboardInterrupt:
        return _fail(None, 130, "stopped")
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted
        silence()
        return 0
    except MemoryError as error:
        return _fail(error, 1, "there is not enough memory; ask for fewer or shorter sounds")
    except OSError as error:
        return _fail(error, 1, _describe(error))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        hint = f"(unexpected; {DEBUG}=1 shows the traceback)"
        return _fail(error, 1, f"{type(error).__name__}: {reason} {hint}")
    return 0


def parse(arguments: Sequence[str]) -> Command:
    """The command of a command line.

    Raises:
        SystemExit: after wrong usage (2) or help (0).
    """
    import tyro

    markers = (tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff)
    if arguments[0] in COMMANDS:
        return tyro.cli(
            command_class(arguments[0]),
            prog=f"dgm-audio {arguments[0]}",
            description=help_text(command_class(arguments[0])),
            args=arguments[1:],
            config=markers,
        )
    branches = [
        Annotated[
            Any, tyro.conf.subcommand(name, description=line, constructor=command_class(name))
        ]
        for name, line in summaries().items()
    ]
    union: Any = Union[tuple(branches)]  # noqa: UP007
    return tyro.cli(union, prog="dgm-audio", description=_ABOUT, args=arguments, config=markers)


def command_class(name: str) -> type[Command]:
    """The class of a command."""
    module, _, attribute = COMMANDS[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def help_text(command: type[Command]) -> str:
    """The docstring, its paragraphs wrapped to the terminal, its examples as they are.

    The paragraphs are indented, or tyro would join their lines and not wrap them.
    """
    text, mark, examples = (inspect.getdoc(command) or "").partition("Example:")
    summary, *paragraphs = text.strip().split("\n\n")
    wrapper = textwrap.TextWrapper(
        width=min(shutil.get_terminal_size().columns, 88),
        initial_indent="    ",
        subsequent_indent="    ",
    )
    body = "\n".join([summary, *map(wrapper.fill, paragraphs)])
    return f"{body}\n\n{mark}{examples}"


def summaries() -> dict[str, str]:
    """Command -> first line of its help."""
    return {name: (inspect.getdoc(command_class(name)) or "").splitlines()[0] for name in COMMANDS}


def _fail(error: BaseException | None, code: int, message: str) -> int:
    """One line on standard error; the traceback only for those who ask for it."""
    if error is not None and os.environ.get(DEBUG) == "1":
        raise error
    complain(message)
    return code


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    complain(str(message), kind="warning")

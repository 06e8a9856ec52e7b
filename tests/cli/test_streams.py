"""Standard streams that are closed, as a daemon's may be."""

import subprocess
import sys

import pytest

TALK = r"""
import os, sys
from dgm_audio.cli.console import complain, note, prepare_streams, progress
prepare_streams()
assert os.open(os.devnull, os.O_RDONLY) > 2  # no file takes the place of a stream
note("nobody hears it")
complain("nor this")
assert list(progress([1, 2], "making")) == [1, 2]
print("result")
"""


@pytest.mark.parametrize("streams", ["2>&-", "<&- 2>&-", "2>/dev/full"])
def test_without_standard_error_only_the_result_is_printed(streams):
    command = ["sh", "-c", f'"$0" -c "$1" {streams}', sys.executable, TALK]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "result\n")


@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-"])
def test_a_command_ends_with_its_exit_code(streams):
    command = f'"$0" -m dgm_audio "$@" {streams}'
    for argument, code in (("--version", 0), ("no-command", 2)):
        done = subprocess.run(["sh", "-c", command, sys.executable, argument])
        assert done.returncode == code


def test_the_package_says_nothing_into_results_without_standard_error():
    code = (
        "import sys; sys.stderr = None\n"
        "from dgm_audio._standard_error import say, say_once, stderr\n"
        "say('a'); say_once('b'); print('c', file=stderr()); print(stderr().isatty())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""Long work says how far it is: in a bar on a terminal, in a line now and then elsewhere."""

import io
import sys

import torch

from dgm_audio.cli import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def made(monkeypatch, err, seconds_each):
    """Standard error of 100 sounds, and of the blocks of one, by a clock that is set forward."""
    now = iter(range(10**6))
    monkeypatch.setattr(console.time, "monotonic", lambda: seconds_each * next(now))
    monkeypatch.setattr(sys, "stderr", err)
    assert list(console.progress(range(100), "making")) == list(range(100))
    blocks = [torch.zeros(1, 2, 10)] * 100
    assert len(list(console.watch(blocks, 1000))) == 100
    return err.getvalue()


def test_no_terminal_gets_a_line_now_and_then(monkeypatch):
    lines = made(monkeypatch, io.StringIO(), seconds_each=1.0).splitlines()
    assert lines[0].startswith("making: ") and lines[0].endswith(" of 100")
    assert 5 <= len(lines) <= 30 and any(line.endswith("% of a sound") for line in lines)


def test_short_work_says_nothing(monkeypatch):
    assert made(monkeypatch, io.StringIO(), seconds_each=1e-4) == ""


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", err := Terminal())
    assert list(console.progress(range(3), "making")) == [0, 1, 2]
    assert "making:" in err.getvalue() and "sound/s" in err.getvalue()


def test_without_standard_error_it_goes_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(console.progress(range(3), "making")) == [0, 1, 2]

"""Progress in stages, in words and as a bar."""

import io

from dgm_audio.evaluation import stages as module
from dgm_audio.evaluation.stages import stages


def test_words_say_the_stage_and_how_far_it_is():
    told = []
    with stages(told.append) as stage:
        stage.begin("sounds", 4)
        stage.step(3)
        stage.begin("intervals", 2)
        stage.step()
    assert told == [
        "sounds: 0 of 4", "sounds: 3 of 4", "intervals: 0 of 2", "intervals: 1 of 2",
    ]  # fmt: skip


def test_a_bar_shows_them_and_silence_nothing(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown = Terminal()
    monkeypatch.setattr(module, "stderr", lambda: shown)
    with stages(True) as stage:
        stage.begin("sounds", 4)
        stage.step(2)
        stage._bar.refresh()
    assert "sounds:  50%" in shown.getvalue() and "2/4" in shown.getvalue()
    said = shown.getvalue()
    with stages(False) as stage:
        stage.begin("sounds", 4)
        stage.step(4)
    assert shown.getvalue() == said

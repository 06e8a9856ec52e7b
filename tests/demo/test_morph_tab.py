"""The server's side of the pad: requests and answers."""

import pytest
from conftest import page_with
from dgm_audio._demo import capability_text
from dgm_audio._demo.event_handlers import STOPS
from dgm_audio._demo.sound_cache import SoundCache, sound_key
from dgm_audio._demo.studio import Stop, Studio
from dgm_audio._demo.tabs import morph, morph_line
from test_corners import SEEDS, corners, kept

from dgm_audio import write_audio
from dgm_audio.provenance import Provenance


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(SoundCache(tmp_path_factory.mktemp("sounds")), max_seconds=5.0)


@pytest.fixture(scope="module")
def page(studio):
    """A page that has this tab only."""
    page, _, events = page_with(studio, morph.build)
    return page, events


@pytest.fixture
def fns(page):
    """The functions of its events, by name."""
    return page[1]


class Pad:
    """Plays the page: sends requests and collects the updates."""

    def __init__(self, fns, monkeypatch):
        monkeypatch.setattr(morph, "SIZE", 3)
        self.serve, self.newest, self.turn = fns["serve"], {"turn": 0}, 0
        self.cells, self.dock, self.status = self.serve.outputs

    def ask(self, want="grid", **more):
        self.turn += 1
        asked = {"turn": self.turn, "grid": 7, "want": want, "corners": SEEDS, **more}
        return self.serve.fn(None, "drums-vae", {"given": {}}, asked, 1.5, self.newest)

    def updates(self, want="grid", **more):
        return [(key, value) for one in self.ask(want, **more) for key, value in one.items()]


@pytest.fixture
def pad(fns, monkeypatch):
    return Pad(fns, monkeypatch)


def of(updates, component):
    return [value for key, value in updates if key is component]


def test_the_grid_is_decoded_coarse_to_fine(pad, studio, monkeypatch):
    monkeypatch.setattr(morph, "_STATUS_INTERVAL", 0.0)
    updates = pad.updates()
    counts = [sum(cell is not None for cell in one["cells"]) for one in of(updates, pad.cells)]
    assert counts[-1] == 9 and counts == sorted(counts)
    cells = of(updates, pad.cells)[-1]["cells"]
    assert len({cell["key"] for cell in cells}) == 9
    assert [index for index, cell in enumerate(cells) if "recipe" in cell] == [0, 2, 6, 8]
    assert cells[1]["key"] == sound_key(corners(studio).at(0.5, 0.0))
    assert set(cells[4]) == {"key", "lufs", "peak_dbfs"}
    assert all(one["grid"] == 7 for one in of(updates, pad.cells))
    assert "All 9 sounds" in of(updates, pad.status)[-1]
    assert not of(updates, pad.dock)


def test_a_place_goes_quietly_into_the_dock(pad):
    updates = pad.updates("place", x=0.25, y=0.75, complete=True)
    (sound,) = of(updates, pad.dock)
    assert sound["quiet"] is True
    assert sound["call"] == "morph" and "0.25, 0.75" in sound["title"]
    assert not of(updates, pad.cells)


def test_a_path_goes_into_the_dock(pad):
    updates = pad.updates("path", points=[[0, 0, 0], [0.1, 1, 1]], complete=True)
    (sound,) = of(updates, pad.dock)
    assert sound["call"] == "path" and "quiet" not in sound
    assert "One clip of 2 sounds." in of(updates, pad.status)[-1]


def test_what_is_older_gives_way(pad, fns):
    running = pad.ask()
    next(running)
    fns["announce"].fn({"turn": 2}, pad.newest)
    assert list(running) == []
    pad.turn = 0
    place = pad.updates("place", x=0.5, y=0.5, complete=True)
    assert place == []  # it waited, and was old when its turn came
    fns["announce"].fn({"turn": "junk"}, pad.newest)
    fns["announce"].fn(None, pad.newest)
    assert pad.newest == {"turn": 2}


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"want": "place", "x": 2, "y": 0}, "X is 2; it must be a number from 0 to 1"),
        ({"want": "place", "x": "0", "y": 0}, "X is &#x27;0&#x27;"),
        ({"want": "path"}, "There is no path"),
        ({"want": "path", "points": [[1]]}, "a point is"),
        ({"want": "path", "points": [[0, 0, 0]] * 65}, "there are 65 points"),
        ({"grid": "x"}, "Grid is"),
        ({"turn": None}, "Turn is None"),
        ({"corners": "x" * 70_000}, "bytes; expected an object of at most"),
    ],
)
def test_junk_gives_one_error_line(pad, asked, words):
    answer = of(pad.updates(**asked), pad.status)[-1]
    assert 'role="alert"' in answer
    assert words.lower() in answer.lower()


def test_an_own_sound_becomes_a_corner(fns, studio, pad, tmp_path):
    model = studio.model("drums-vae")
    path = tmp_path / "my drum.wav"
    write_audio(path, 0.5 * model.sample(1, seed=3)[0], 44100)
    take = fns["take"]
    cells, status = take.outputs
    updates = [
        item for one in take.fn(None, "drums-vae", {"given": {}}, str(path)) for item in one.items()
    ]
    (taken,) = of(updates, cells)
    assert taken["corner"] in range(4) and taken["sound"]["title"] == "my drum"
    assert "my drum.wav" in of(updates, status)[-1] and str(tmp_path) not in repr(updates)
    corner = {"recipe": taken["sound"]["recipe"]}
    updates = pad.updates("place", x=0.1, y=0.1, complete=True, corners=[corner, *SEEDS[1:]])
    (sound,) = of(updates, pad.dock)
    assert "recordings are never in links" in sound["unlinked"]


def line(fns, name, **ends):
    """Updates of the first output of an event, and of its status."""
    fn = fns[name]
    updates = fn.fn(None, "drums-vae", {}, ends, 1.5, 3)
    updates = [item for one in updates for item in one.items()]
    return of(updates, fn.outputs[0]), of(updates, fn.outputs[-1])


def test_a_line_has_separate_files(fns, studio):
    made, status = line(fns, "separate", a=SEEDS[0], b=kept(studio))
    assert [sound["call"] for sound in made[-1]] == ["interpolate"] * 3
    classes = [Provenance.from_json(one["recipe"]).parameters["condition"] for one in made[-1]]
    names = studio.model("drums-vae").condition.fields["class"].names
    assert [one["class"] for one in classes] == [names[0], names[0], names[1]]
    assert made[-1][2]["title"].endswith("A to B, 3 of 3")
    assert "3 sounds from A to B" in status[-1]


def test_a_line_is_one_clip(fns, studio):
    (sound,), _ = line(fns, "together", a=SEEDS[0], b=kept(studio))
    points = Provenance.from_json(sound["recipe"]).parameters["points"]
    assert points == [
        [0.0, 0.0, 0],
        [morph_line.MAX_SPACING, 0.5, 0],
        [2 * morph_line.MAX_SPACING, 1.0, 0],
    ]


def test_a_line_needs_both_ends(fns):
    _, status = line(fns, "together", a=SEEDS[0], b=None)
    assert "A line needs two sounds" in status[-1]


def test_the_page_notes_where_a_morph_is_no_blend(studio):
    notes = {name: capability_text.morph_note(studio.model(name)) for name in studio.names}
    hops = {name: studio.model(name).latent.hop for name in studio.names}
    assert all(bool(notes[name]) == (hops[name] is not None) for name in notes)
    assert all(("white noise" in notes[name]) == (hops[name] == 1) for name in notes)


def test_stop_ends_a_grid(pad, monkeypatch):
    stop = Stop()
    monkeypatch.setattr(STOPS, "begin", lambda request: stop)
    running = pad.ask(corners=[{"seed": seed} for seed in (11, 12, 13, 14)])
    next(running)
    stop.pressed = True
    assert "Stopped." in list(running)[-1][pad.status]


def test_the_pad_is_hidden_with_the_reason(page, studio):
    ((adapt, (why, _, all_of_it, seconds, *_)),) = page[0].on_model
    refused = adapt(studio.model("vocoder-flow"))
    assert "makes sounds from a given mel" in refused[why]
    assert refused[all_of_it]["visible"] is False
    shown = adapt(studio.model("music-vae"))
    assert shown[all_of_it]["visible"] and shown[seconds]["visible"]
    assert seconds.maximum == 5.0  # no longer than the page allows
    assert not adapt(studio.model("drums-vae"))[seconds]["visible"]

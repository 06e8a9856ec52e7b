"""Many visitors at once, and hostile ones: each gets what belongs to them, nothing breaks."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostile_recipes import ATTEMPTS, CHANGES, good, refused
from hostile_visits import HOSTILE, SLOW
from regular_visits import REGULAR, visited
from visitors import Visitor, sample_inputs


@pytest.fixture(scope="module")
def fine(server):
    with Visitor(server.url) as visitor:
        return good(visitor)


@pytest.mark.fault(32)
def test_eight_visitors_at_once_get_their_own_sounds(server):
    def visit(seed):
        with Visitor(server.url) as visitor:
            told = visitor.generate("drums-vae", 1000 + seed, count=2)
            recipes = [visitor.http.get(f"sounds/{key}.json").json() for key in told.keys]
            return told, [recipe["parameters"]["seed"] for recipe in recipes]

    with ThreadPoolExecutor(8) as pool:
        visits = list(pool.map(visit, range(8)))
    assert all(told.ok and seeds == [1000 + seed] * 2 for seed, (told, seeds) in enumerate(visits))
    assert len({key for told, _ in visits for key in told.keys}) == 16


@pytest.mark.fault(32)
def test_who_leaves_in_the_middle_frees_the_model(server):
    with Visitor(server.url) as leaving:
        leaving.begin("generate", *sample_inputs(SLOW, 7, 8, 30.0)).close()
    start = time.monotonic()
    with Visitor(server.url) as visitor:
        assert visitor.generate("drums-vae", 8).ok
    assert time.monotonic() - start < 10  # one of the sounds alone takes longer


@pytest.mark.fault(31, 32)
def test_every_kind_of_visit_in_any_order(server, tmp_path):
    rng = random.Random(0)
    visits = list(dict.fromkeys((*REGULAR, *HOSTILE)))
    rng.shuffle(visits)
    with Visitor(server.url) as visitor:
        for visit in visits:
            assert visited(visit, visitor, rng, tmp_path) is None
        assert visitor.generate("drums-vae", 9).ok
    own, _ = server.tracebacks()
    assert own == []


@pytest.mark.fault(31)
@pytest.mark.parametrize("what", CHANGES)
def test_a_hostile_recipe_is_refused_in_one_line(visitor, fine, what):
    ways = [way for change, way in ATTEMPTS if change == what]
    assert [problem for way in ways if (problem := refused(visitor, fine, what, way))] == []
    assert visitor.generate("drums-vae", 10).ok

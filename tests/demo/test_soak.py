"""Many visitors at once, and hostile ones: each gets what belongs to them, nothing breaks."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from hostile_visits import SLOW, hostile, regular
from visitors import Visitor, sample_inputs


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


def test_who_leaves_in_the_middle_frees_the_model(server):
    with Visitor(server.url) as leaving:
        assert leaving.join("generate", *sample_inputs(SLOW, 7, 8, 1.0)).is_success
        answers = leaving.messages()
        next(one for one in answers if one["msg"] == "process_generating")
        answers.close()
    start = time.monotonic()
    with Visitor(server.url) as visitor:
        assert visitor.generate("drums-vae", 8).ok
    assert time.monotonic() - start < 10


def test_forty_requests_a_fifth_of_them_hostile(server, tmp_path):
    rng = random.Random(0)
    with Visitor(server.url) as visitor:
        for index in range(40):
            visit = hostile if index % 5 == 4 else regular
            assert visit(visitor, rng, tmp_path) is None
        assert visitor.generate("drums-vae", 9).ok
    own, _ = server.tracebacks()
    assert own == []

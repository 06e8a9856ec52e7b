"""Many clients at once, and hostile ones: each gets its own sounds, nothing breaks."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from demo_client import Client, sample_inputs
from demo_load import CROWD, QUEUE, crowd
from demo_visits import HOSTILE, REGULAR, SLOW


@pytest.mark.fault(32)
def test_eight_clients_at_once_get_their_own_sounds(server):
    def visit(seed):
        with Client(server.url) as client:
            answer = client.generate("drums-vae", 1000 + seed, count=2)
            recipes = [client.http.get(f"sounds/{key}.json").json() for key in answer.keys]
            return answer, [recipe["parameters"]["seed"] for recipe in recipes]

    with ThreadPoolExecutor(8) as pool:
        visits = list(pool.map(visit, range(8)))
    assert all(one.ok and seeds == [1000 + seed] * 2 for seed, (one, seeds) in enumerate(visits))
    assert len({key for answer, _ in visits for key in answer.keys}) == 16


@pytest.mark.fault(32)
def test_a_client_that_leaves_frees_the_model(server):
    with Client(server.url) as leaving:
        leaving.begin("generate", *sample_inputs(SLOW, 7, 8, 30.0)).close()
    start = time.monotonic()
    with Client(server.url) as client:
        assert client.generate("drums-vae", 8).ok
    assert time.monotonic() - start < 10  # one of the sounds alone takes longer


@pytest.mark.fault(31, 32)
def test_every_kind_of_visit_in_any_order(server):
    rng = random.Random(0)
    visits = list(dict.fromkeys((*REGULAR, *HOSTILE)))
    rng.shuffle(visits)
    with Client(server.url) as client:
        for visit in visits:
            visit(client, rng)
        assert client.generate("drums-vae", 9).ok
    own, _ = server.tracebacks()
    assert own == []


@pytest.mark.fault(32)
def test_of_64_clients_32_or_more_get_their_own_sounds_and_the_rest_hear_busy(server, figure):
    found = crowd(server, random.Random(1))
    figure("visitors", CROWD)
    figure("served", found["served"])
    figure("told that the page is busy", found["busy"])
    assert found["served"] + found["busy"] == CROWD
    assert found["served"] == found["different_sounds"] >= QUEUE
    with Client(server.url) as client:
        assert client.generate("drums-vae", 1).ok
    assert server.tracebacks()[0] == []

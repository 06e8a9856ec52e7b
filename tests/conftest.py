"""Pytest puts this folder on the path, so that every test finds `toys` and `vocoders`."""

import os

import pytest
import torch

pytest.register_assert_rewrite("hostile_audio")


def pytest_collection_modifyitems(items):
    """Reports carry the faults that a test is marked with, for `python -m tests.faults`."""
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties += [("fault", number) for number in mark.args]


@pytest.fixture(scope="session", autouse=True)
def few_threads():
    """Small models gain nothing from more, and with pytest-xdist each worker has a core's share.

    `TEST_THREADS=2` runs the same with another number, since sums may then come in another order.
    """
    torch.set_num_threads(int(os.environ.get("TEST_THREADS", "1")))


@pytest.fixture
def figure(record_property):
    """`figure("peak memory", 212, "MB")`: a number that `python -m tests.faults` prints."""

    def note(what, value, unit=""):
        record_property("figure", f"{what} {value:.4g} {unit}".rstrip())

    return note

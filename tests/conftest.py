"""Pytest puts this folder on the path, so that every test finds `toys` and `vocoders`."""

import pytest
import torch

pytest.register_assert_rewrite("hostile_audio")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small models gain nothing from more, and with pytest-xdist each worker has a core's share."""
    torch.set_num_threads(1)

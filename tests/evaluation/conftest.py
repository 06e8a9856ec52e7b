import sys
from pathlib import Path

import pytest
import torch
from drum_sounds import make_splits

sys.path.append(str(Path(__file__).parents[1]))  # toys.py


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def splits():
    return make_splits()

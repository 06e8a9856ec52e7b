import pytest
from drum_sounds import make_splits


@pytest.fixture(scope="session")
def splits():
    return make_splits()

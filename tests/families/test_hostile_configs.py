"""Configs of every family with a number that nobody can build: refused by the key's path."""

import copy
import json

import pytest

from dgm_audio.config import from_dict, to_dict
from dgm_audio.errors import ConfigError
from dgm_audio.registry import FAMILIES, get_family


def numbers(data, path=()):
    """The paths of all numbers in JSON data."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from numbers(value, (*path, key))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, key)


def changed(data, path, value):
    data = copy.deepcopy(data)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def spelled(path):
    """As an error names it: config.mel.hop, config.blocks[0]."""
    return "config" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


@pytest.mark.fault(17)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_number_out_of_reach_is_refused_by_its_path(family):
    kind = get_family(family).config_class
    good = json.loads(json.dumps(to_dict(kind())))
    assert from_dict(kind, good) == kind()
    paths = list(numbers(good))
    assert paths
    for path in paths:
        for value in (10**9, -1, float("nan"), "many", None):
            with pytest.raises(ConfigError) as told:
                from_dict(kind, changed(good, path, value))
            assert str(told.value).startswith(f"{spelled(path)} is "), told.value
    typo = good | {f"{paths[0][0]}x": 1}
    with pytest.raises(ConfigError, match=f"config.{paths[0][0]}x is unknown; did you mean"):
        from_dict(kind, typo)

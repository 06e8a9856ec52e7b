import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.config import INTEGER_RANGE, from_dict, read_json, to_dict
from dgm_audio.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    width: int = field(default=8, metadata={"low": 1, "high": 512})
    slope: float = 0.1


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    mode: Literal["a", "b", 3] = "a"
    limit: int | None = None
    flag: bool = False
    path: Path = Path("x")
    floor: float = field(default=-80.0, metadata={"high": 0.0})
    offset: int = field(default=0, metadata={"low": -5, "high": 2**40})


@dataclass(frozen=True)
class Required:
    size: int

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("13 is odd luck")


def test_what_to_dict_writes_from_dict_reads() -> None:
    config = Outer(Inner(3, 2.0), ("kick", "snare"), (4, 0.5), 3, 7, True, Path("a/b"), -1.0, -3)
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


@settings(max_examples=30, deadline=None)
@given(
    st.builds(
        Outer,
        inner=st.builds(
            Inner, st.integers(1, 512), st.floats(allow_nan=False, allow_infinity=False)
        ),
        names=st.lists(st.text(), max_size=4).map(tuple),
        limit=st.none() | st.integers(*INTEGER_RANGE),
        flag=st.booleans(),
    )
)
def test_round_trip_of_any_valid_config(config: Outer) -> None:
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


def test_absent_fields_take_their_defaults_and_integers_pass_as_floats() -> None:
    config = from_dict(Outer, {"inner": {"slope": 2}})
    assert config == Outer(Inner(8, 2.0))
    assert type(config.inner.slope) is float


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"inner": {"widht": 3}}, "config.inner.widht is unknown; did you mean 'width'?"),
        ({"zzz": 3}, "config.zzz is unknown; allowed are inner, names"),
        ({"inner": {"width": 0}}, "config.inner.width is 0; it must be an integer from 1 to 512"),
        ({"inner": {"width": 10**9}}, "config.inner.width is 1000000000"),
        ({"inner": {"width": "8"}}, "config.inner.width is '8'"),
        ({"inner": {"width": 8.0}}, "config.inner.width is 8.0"),
        ({"inner": {"width": True}}, "config.inner.width is True"),
        ({"inner": {"slope": "steep"}}, "config.inner.slope is 'steep'; it must be a number"),
        ({"inner": {"slope": float("nan")}}, "config.inner.slope is nan"),
        ({"inner": {"slope": float("inf")}}, "config.inner.slope is inf"),
        ({"inner": []}, "config.inner is []; it must be an object"),
        ({"names": "kick"}, "config.names is 'kick'; it must be a list"),
        ({"names": ["a", 1]}, "config.names[1] is 1; it must be a string"),
        ({"pair": [1]}, "config.pair has 1 values; it must have 2"),
        ({"pair": [1, "x"]}, "config.pair[1] is 'x'"),
        ({"mode": "c"}, "config.mode is 'c'; allowed are 'a', 'b', 3"),
        ({"mode": 3.0}, "config.mode is 3.0"),
        ({"limit": -1}, "config.limit is -1; it must be an integer from 0 to 100000000"),
        ({"limit": 10**9}, "config.limit is 1000000000"),
        ({"limit": "x" * 500}, "..."),
        ({"flag": 1}, "config.flag is 1; it must be true or false"),
        ({"path": 1}, "config.path is 1; it must be a string"),
        ({"floor": 1.0}, "config.floor is 1.0; it must be a number of at most 0.0"),
        ({"offset": -6}, "config.offset is -6; it must be an integer from -5 to 1099511627776"),
        ([], "config is []; it must be an object"),
        (None, "config is None"),
    ],
)
def test_errors_name_the_path_what_came_and_what_is_allowed(data: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_dict(Outer, data)
    assert message in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_missing_and_inconsistent_values() -> None:
    with pytest.raises(ConfigError, match=r"run\.size is missing"):
        from_dict(Required, {}, "run")
    with pytest.raises(ConfigError, match="run is inconsistent: 13 is odd luck"):
        from_dict(Required, {"size": 13}, "run")


def test_annotations_that_json_cannot_hold_are_a_programming_error() -> None:
    @dataclass(frozen=True)
    class Wrong:
        values: set = field(default_factory=set)

    with pytest.raises(TypeError, match=r"config\.values"):
        from_dict(Wrong, {"values": [1]})
    with pytest.raises(TypeError):
        to_dict(Wrong())
    with pytest.raises(TypeError):
        to_dict(Wrong)


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no valid JSON"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice"),
        ("[" * 100_000 + "]" * 100_000, "nests deeper than 24 levels"),
        ('{"a":' * 30 + "1" + "}" * 30, "nests deeper than 24 levels"),
        ("1" * 10_000, "no valid JSON"),
        ("", "no valid JSON"),
        (" " * (2**20 + 1), "more than 1048576 bytes"),
    ],
)
def test_hostile_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json") as error:
        read_json(path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_brackets_in_strings_are_no_nesting(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    data = {"a": "[" * 100, "b": '"[' * 50 + "\\"}
    path.write_text(json.dumps(data))
    assert read_json(path) == data


def test_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_json(tmp_path / "missing.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigError, match="no valid JSON"):
        read_json(tmp_path / "latin.json")

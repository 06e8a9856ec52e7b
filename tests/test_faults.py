"""The table of faults: it has a test for each, and tells what became of it."""

from types import SimpleNamespace

from faults import FAULTS, Table, marked


def test_every_fault_has_a_test():
    assert sorted(FAULTS) == list(range(1, 35))
    assert marked() == set(FAULTS)


def report(outcome, test="test_a.py::test_one[x]", when="call", figures=(), faults=(19,)):
    properties = [("fault", number) for number in faults]
    properties += [("figure", figure) for figure in figures]
    return SimpleNamespace(
        nodeid=test, user_properties=properties, outcome=outcome, when=when,
        passed=outcome == "passed",
    )  # fmt: skip


def test_the_table_counts_outcomes_and_shows_figures():
    table = Table()
    for one in (
        report("passed", when="setup"),
        report("passed", figures=["kills 100"]),
        report("skipped", test="test_a.py::test_one[y]", when="setup"),
        report("passed", test="test_b.py::test_two", faults=(19, 20)),
    ):
        table.pytest_runtest_logreport(one)
    lines = str(table).splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("19  killed"))
    assert lines[place + 1] == "      test_a.py::test_one: 1 passed, 1 skipped; kills 100"
    assert lines[place + 2] == "      test_b.py::test_two: 1 passed"
    assert lines[-1] == "2 of 34 faults are held"
    assert [number for number in FAULTS if table.held(number)] == [19, 20]
    table.pytest_runtest_logreport(report("failed", faults=(20,)))
    assert table.held(19) and not table.held(20)


def test_a_fault_whose_tests_are_all_skipped_is_not_held():
    table = Table()
    table.pytest_runtest_logreport(report("skipped", when="setup"))
    assert not table.held(19)


def test_what_is_only_listed_is_not_called_held():
    table = Table()
    item = SimpleNamespace(nodeid="test_a.py::test_one", user_properties=[("fault", 19)])
    table.pytest_collection_finish(SimpleNamespace(items=[item]))
    assert str(table).endswith("1 of 34 faults have tests")
    table.pytest_runtest_logreport(report("passed", test="test_a.py::test_one"))
    assert str(table).endswith("1 of 34 faults are held")

"""The table of comparisons, case by case."""

import pytest

from ensue.rules.facts import MISSING
from ensue.rules.operators import OPERATORS
from ensue.rules.values import Instant

NOW = 1_772_323_200_000  # 2026-03-01T00:00:00Z

HOLDS = [
    ("eq", "gold", "gold"),
    ("eq", 100, 100),
    ("eq", 100, 100.0),
    ("eq", True, True),
    ("eq", "", ""),
    ("eq", 2**53, 2**53),
    ("neq", "gold", "Gold"),
    ("neq", 100, "100"),
    ("neq", 1, True),
    ("neq", "x", None),
    ("neq", "x", MISSING),
    ("neq", "x", ["x"]),
    ("neq", 2**53, 2**53 - 1),
    ("in", ["a", 1], "a"),
    ("in", ["a", 1], 1.0),
    ("in", [True], True),
    ("not_in", [1], True),
    ("not_in", [True], 1),
    ("not_in", ["a", 1], "1"),
    ("not_in", ["a"], MISSING),
    ("not_in", ["a"], None),
    ("not_in", ["a"], {"a": 1}),
    ("gt", 5, 6),
    ("gt", 5, 5.5),
    ("gt", "a", "b"),
    ("gt", "Z", "a"),
    ("gt", "\uffff", "\U0001f600"),
    ("gte", 5, 5),
    ("lt", 5, -1),
    ("lte", "b", "b"),
    ("between", [1, 3], 1),
    ("between", [1, 3], 3),
    ("between", ["a", "c"], "bzz"),
    ("contains", "STRASSE", "Hauptstraße 1"),
    ("contains", "gold", "GOLDEN"),
    ("contains", "a", ["b", "a"]),
    ("contains", 1, [1.0]),
    ("contains", True, [True]),
    ("not_contains", "x", "gold"),
    ("not_contains", "a", ["A"]),
    ("not_contains", 1, [True, "1"]),
    ("starts_with", "GO", "gold"),
    ("ends_with", "LD", "gold"),
    ("exists", None, ""),
    ("exists", None, 0),
    ("exists", None, False),
    ("exists", None, []),
    ("not_exists", None, None),
    ("not_exists", None, MISSING),
    ("before", "2026-03-02", Instant(NOW)),
    ("before", "2026-03-01T00:00:00.001Z", Instant(NOW)),
    ("before", "2026-03-01T02:00:00+01:00", "2026-03-01"),
    ("after", "2026-02-28", Instant(NOW)),
    ("after", "2026-03-01", "2026-03-01T00:00:00.001"),
]

HOLDS_NOT = [
    ("eq", "gold", "Gold"),
    ("eq", 100, "100"),
    ("eq", "100", 100),
    ("eq", 1, True),
    ("eq", True, 1),
    ("eq", True, "true"),
    ("eq", 0, False),
    ("eq", "x", None),
    ("eq", "x", MISSING),
    ("eq", "x", ["x"]),
    ("eq", 2**53, 2**53 + 2),
    ("eq", NOW, Instant(NOW)),
    ("neq", 1, 1.0),
    ("in", [1], True),
    ("in", [True], 1),
    ("in", ["1"], 1),
    ("in", ["a"], MISSING),
    ("in", ["a"], ["a"]),
    ("not_in", [1], 1.0),
    ("gt", 5, "6"),
    ("gt", "5", 6),
    ("gt", 0, True),
    ("gt", 5, MISSING),
    ("gt", 5, None),
    ("gt", 5, Instant(NOW)),
    ("gte", 5, 4.999),
    ("lt", 5, None),
    ("lt", 5, MISSING),
    ("lt", "b", "b"),
    ("lte", 1, True),
    ("between", [1, 3], True),
    ("between", [1, 3], "2"),
    ("between", [1, 3], 3.1),
    ("between", ["a", "c"], "cc"),
    ("contains", "a", None),
    ("contains", "a", {"a": 1}),
    ("contains", 1, "1"),
    ("contains", 1, [True]),
    ("contains", "a", ["A"]),
    ("not_contains", "a", MISSING),
    ("not_contains", "a", None),
    ("not_contains", "a", 5),
    ("not_contains", 1, "text"),
    ("not_contains", "a", ["a"]),
    ("starts_with", "a", ["a"]),
    ("ends_with", "a", MISSING),
    ("exists", None, None),
    ("exists", None, MISSING),
    ("not_exists", None, ""),
    ("before", "2026-03-01", Instant(NOW)),
    ("before", "2026-03-02", NOW),
    ("before", "2026-03-02", "tomorrow"),
    ("before", "2026-03-02", MISSING),
    ("before", "2026-03-02", None),
    ("after", "2026-03-01", Instant(NOW)),
    ("after", "2026-02-28", "2026-02-30"),
]


@pytest.mark.parametrize(("operator", "operand", "value"), HOLDS)
def test_holds(operator, operand, value):
    assert OPERATORS[operator].compile(operand)(value) is True


@pytest.mark.parametrize(("operator", "operand", "value"), HOLDS_NOT)
def test_holds_not(operator, operand, value):
    assert OPERATORS[operator].compile(operand)(value) is False


def test_every_operator_is_in_the_table():
    assert {case[0] for case in HOLDS} == {case[0] for case in HOLDS_NOT} == set(OPERATORS)


@pytest.mark.parametrize("operator", [name for name in OPERATORS if name not in {"neq", "not_in", "not_exists"}])
def test_nothing_else_holds_for_a_missing_field(operator):
    operands = {"between": [1, 2], "in": [1], "starts_with": "a", "ends_with": "a"}
    operand = "2026-01-01" if operator in {"before", "after"} else operands.get(operator, 1)
    test = OPERATORS[operator].compile(operand)
    assert test(MISSING) is False
    assert test(None) is False

"""The reference says what the language is: its examples parse, and its tables are complete and right."""

import json
import re
from pathlib import Path

import pytest

from ensue.rules import bounds
from ensue.rules.aggregates import AGGREGATES
from ensue.rules.conditions import PARSERS
from ensue.rules.fields import CONTACT, EVENT
from ensue.rules.grammar import parse_rule
from ensue.rules.match import parse_match
from ensue.rules.operators import OPERATORS
from ensue.rules.values import Kind

TEXT = (Path(__file__).parents[2] / "docs/reference/rules.md").read_text()
RULES, _, MATCHES = TEXT.partition("## Matches")
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def examples(text):
    for block in BLOCK.findall(text):
        decoder, rest = json.JSONDecoder(), block.strip()
        while rest:
            value, end = decoder.raw_decode(rest)
            yield value
            rest = rest[end:].strip()


@pytest.mark.parametrize("example", list(examples(RULES)))
def test_examples_are_rules(example):
    assert parse_rule(example).json == example


@pytest.mark.parametrize("example", list(examples(MATCHES)))
def test_examples_are_matches(example):
    parse_match(example, "condition")


@pytest.mark.parametrize("name", [*OPERATORS, *AGGREGATES, *PARSERS, *CONTACT, *EVENT])
def test_every_name_is_in_the_reference(name):
    assert re.search(rf"[`\" #]{name}[`\"( :]", TEXT), name


def table(heading):
    rows = TEXT.partition(heading)[2].partition("\n## ")[0].partition("\n\n|")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if not row.startswith("|-")]


def test_the_table_of_kinds_is_what_happens():
    rows = TEXT.partition('| | `"100"` |')[2].partition("\n\n")[0].splitlines()
    values = ["100", 100, 100.0, True, ["100"], None]
    assert len(rows) > 6
    for row in rows[2:]:
        name, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        operator, _, operand = name.strip("`").partition(" ")
        test = OPERATORS[operator].compile(json.loads(operand) if operand else None)
        assert [test(value) for value in values] == [cell == "holds" for cell in cells], name


def test_the_operators_take_the_kinds_that_are_listed():
    rows = [(re.findall(r"`(\w+)`", names), kinds) for names, kinds, *_ in table("## Operators")[1:]]
    assert {name for names, _ in rows for name in names} == set(OPERATORS)
    for names, kinds in rows:
        for name in names:
            listed = {"any"} if kinds == "any" else set(kinds.split(", "))
            asked = {kind.value for kind in OPERATORS[name].kinds}
            assert listed == ({"any"} if len(asked) == len(Kind) else asked), name


def test_the_bounds_are_the_bounds():
    written = [re.sub(r"days|deep|either way|[ ,]", "", row[-1]) for row in table("## Bounds")[1:]]
    day = 86_400_000
    assert written == [
        str(bounds.DEPTH), str(bounds.NODES), str(bounds.LIST), str(bounds.TEXT),
        f"{bounds.FIELD};{bounds.FIELD_PARTS}", f"2to{bounds.STEPS}", "2^53", str(bounds.THRESHOLD),
        str(bounds.DURATION // day), str(bounds.ANNIVERSARY // day),
    ]  # fmt: skip
    assert bounds.EVENT_TYPE == bounds.FIELD
    assert bounds.WHOLE == 2**53

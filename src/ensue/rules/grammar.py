"""From JSON to a rule. What is not understood is refused here, when it is saved, and never evaluates to false."""

from ensue.base.json import canonical, decode
from ensue.rules.condition import Condition
from ensue.rules.conditions import PARSERS
from ensue.rules.faults import Faults, Reader
from ensue.rules.rule import Rule
from ensue.rules.tree import parse_tree


def parse_rule(json_value: object, path: str = "rules") -> Rule:
    """The rule of a decoded JSON value.

    Raises:
        Invalid: with everything that is wrong, by path (`rules.conditions[0].operator`).
    """
    faults = Faults()
    tree = parse_tree(json_value, path, faults, parse_condition)
    faults.refuse()
    if tree is None:
        raise AssertionError("a value that parses to nothing has a fault")
    return Rule.of(decode(canonical(json_value)), tree)


def parse_condition(reader: Reader) -> Condition | None:
    """One condition of any type. Notes faults and returns None when it is faulty."""
    name = reader.one_of("type", list(PARSERS))
    return PARSERS[name](reader) if name else None

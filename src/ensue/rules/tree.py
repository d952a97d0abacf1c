"""Groups: AND, OR and NOT over any kind of leaf."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ensue.rules import bounds
from ensue.rules.faults import Faults, Reader

Leaf = TypeVar("Leaf")

GROUPS = ["AND", "OR", "NOT"]


@dataclass(frozen=True, slots=True)
class Group(Generic[Leaf]):
    """Conditions taken together. NOT holds when none of its conditions does."""

    operator: str
    conditions: "tuple[Group[Leaf] | Leaf, ...]"


def parse_tree(
    value: object, path: str, faults: Faults, leaf: Callable[[Reader], Leaf | None], depth: int = 1
) -> Group[Leaf] | Leaf | None:
    """Read a group, or one condition by `leaf`. None when anything below is faulty."""
    if not faults.admit_node(path):
        return None
    if not isinstance(value, dict):
        faults.add(path, "must be an object: a group with conditions, or one condition")
        return None
    reader = Reader(value, path, faults)
    if "conditions" not in value and value.get("operator") not in GROUPS:
        return leaf(reader)
    return _parse_group(reader, leaf, depth)


def _parse_group(reader: Reader, leaf: Callable[[Reader], Leaf | None], depth: int) -> Group[Leaf] | None:
    operator = reader.one_of("operator", GROUPS)
    conditions = reader.required("conditions")
    reader.close()
    if depth > bounds.DEPTH:
        reader.faults.add(reader.path, f"must not be nested deeper than {bounds.DEPTH} groups")
        return None
    if not isinstance(conditions, list) or not conditions:
        if "conditions" in reader.value:
            reader.fault("conditions", "must be a list of at least one condition")
        return None
    parsed = []
    for index, condition in enumerate(conditions):
        path = f"{reader.path}.conditions[{index}]"
        child = parse_tree(condition, path, reader.faults, leaf, depth + 1)
        if child is not None:
            parsed.append(child)
        elif reader.faults.overrun:
            return None
    return Group(operator, tuple(parsed)) if operator and reader.sound else None


def leaves(tree: Group[Leaf] | Leaf) -> Iterator[Leaf]:
    """All conditions of a tree, left to right."""
    if not isinstance(tree, Group):
        yield tree
        return
    for condition in tree.conditions:
        yield from leaves(condition)


def compile_tree(tree: Any, compile_leaf: Callable[[Any], Callable[[Any], bool]]) -> Callable[[Any], bool]:
    """One test for a tree whose leaves have no horizon; it takes what the leaves' tests take."""
    if not isinstance(tree, Group):
        return compile_leaf(tree)
    tests = tuple(compile_tree(condition, compile_leaf) for condition in tree.conditions)
    if tree.operator == "NOT":
        return lambda subject: not any(test(subject) for test in tests)
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        # Most groups have two conditions, and a generator costs four times as much as two calls.
        first, second = tests
        if tree.operator == "AND":
            return lambda subject: first(subject) and second(subject)
        return lambda subject: first(subject) or second(subject)
    if tree.operator == "AND":
        return lambda subject: all(test(subject) for test in tests)
    return lambda subject: any(test(subject) for test in tests)

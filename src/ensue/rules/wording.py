"""English for the parts of a rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, to_iso
from ensue.rules.facts import MISSING
from ensue.rules.operator import Comparison
from ensue.rules.tree import Group
from ensue.rules.window import Window

if TYPE_CHECKING:
    from ensue.rules.aggregate import AggregateKind
    from ensue.rules.source import Source
    from ensue.rules.where import Where

_UNITS = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")]


def value_text(value: Any, joint: str = "or") -> str:
    """A rule's value: texts in quotes, lists as `a, b or c`."""
    if isinstance(value, list):
        return listed([value_text(item) for item in value], joint)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"“{value}”"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def listed(items: Sequence[str], joint: str) -> str:
    """`a, b or c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}"


def duration_text(milliseconds: int) -> str:
    """`30 days`, in the largest unit up to days that divides it."""
    for unit, name in _UNITS:
        count, rest = divmod(milliseconds, unit)
        if count and not rest:
            return f"{count} {name}" + ("" if count == 1 else "s")
    return f"{milliseconds} milliseconds"


def window_text(window: Window) -> str:
    """`in the last 30 days`, `from … to …`, or nothing."""
    if window.span is not None:
        return f"in the last {duration_text(window.span)}"
    ends = [("from", window.first), ("to", window.last)]
    return " ".join(f"{word} {to_iso(at)}" for word, at in ends if at is not None)


def comparison_text(comparison: Comparison) -> str:
    """`is over 50`."""
    return comparison.operator.phrase.format(_operand(comparison))


def field_text(field: str, comparison: Comparison) -> str:
    """`plan is “gold”`, without the root of the path."""
    return f"{field.removeprefix('attributes.').removeprefix('metadata.')} {comparison_text(comparison)}"


def where_text(where: "Where | None") -> str:
    """`where amount is over 50`, or nothing."""
    if where is None:
        return ""
    return "where " + tree_text(where.tree, lambda leaf: field_text(leaf.field.name, leaf.comparison))


def tree_text(tree: Any, leaf_text: Any, nested: bool = False) -> str:
    """A group in words; groups inside groups in brackets."""
    if not isinstance(tree, Group):
        return str(leaf_text(tree))
    parts = [tree_text(condition, leaf_text, nested=True) for condition in tree.conditions]
    if tree.operator == "NOT":
        return f"not ({' or '.join(parts)})"
    text = f" {tree.operator.lower()} ".join(parts)
    return f"({text})" if nested and len(parts) > 1 else text


def event_phrase(
    kind: "AggregateKind", read_from: str | None, comparison: Comparison, source: "Source", where: "Where | None"
) -> str:
    """An aggregate over events, compared with a number."""
    quantity = (comparison.operator.quantity or "").format(_operand(comparison))
    if kind.counts and not kind.reads_property:
        single = comparison.value == 1
        head = f"{source.event_type} {quantity} time{'' if single else 's'}"
    else:
        of = (read_from or "").removeprefix("metadata.")
        head = f"{kind.phrase.format(property=of, events=source.event_type)} {comparison_text(comparison)}"
    return " ".join(part for part in (head, window_text(source.window), where_text(where)) if part)


def _operand(comparison: Comparison) -> str:
    if comparison.value is MISSING:
        return ""
    joint = "and" if comparison.operator.name == "between" else "or"
    return value_text(comparison.value, joint)

"""`where`: a group over the fields of one event."""

from collections.abc import Callable
from typing import NamedTuple

from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.comparison import read_comparison
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader
from ensue.rules.fields import EVENT, EventField, event_field
from ensue.rules.operator import Comparison
from ensue.rules.tree import Group, compile_tree, parse_tree

EventTest = Callable[[Event], bool]


class EventComparison(NamedTuple):
    """A field of the event compared with a value."""

    field: EventField
    comparison: Comparison

    def compile(self) -> EventTest:
        """The test of one event."""
        get, test = self.field.get, self.comparison.test
        return lambda event: test(get(event))


class Where(NamedTuple):
    """What events must satisfy: its tree, and the same as one test."""

    tree: Group[EventComparison] | EventComparison
    test: EventTest


def parse_where(value: object, path: str, faults: Faults) -> Where | None:
    """Read a group, or one comparison, over event fields. Notes faults and returns None when it is faulty."""
    tree = parse_tree(value, path, faults, read_event_comparison)
    return None if tree is None else Where(tree, compile_tree(tree, EventComparison.compile))


def read_where(reader: Reader) -> Where | None:
    """Read the optional `where` of a condition or a step."""
    value = reader.optional("where")
    return None if value is MISSING else parse_where(value, reader.at("where"), reader.faults)


def read_event_comparison(reader: Reader) -> EventComparison | None:
    """Read `{field, operator, value}`; `type` may be left out or `attribute`."""
    reader.one_of("type", ["attribute"], default="attribute")
    name = reader.text("field", bounds.FIELD)
    field = event_field(name) if name else None
    if name and not field:
        reader.fault("field", f"must be metadata.<name> or one of {', '.join(EVENT)}")
    comparison = read_comparison(reader, field.kind if field else None)
    reader.close()
    return EventComparison(field, comparison) if field and comparison and reader.sound else None

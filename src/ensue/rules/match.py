"""A match: a group over one event and the contact that it belongs to.

The condition of scoring rules and of campaign triggers. It is asked once, when the event happens, so it has no
horizon, and conditions over other events are refused.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.condition import Reads
from ensue.rules.conditions import attribute, channel, segment, tag
from ensue.rules.conditions.attribute import AttributeCondition
from ensue.rules.conditions.channel import ChannelCondition
from ensue.rules.conditions.segment import SegmentCondition
from ensue.rules.conditions.tag import TagCondition
from ensue.rules.facts import Facts
from ensue.rules.faults import Faults, Reader
from ensue.rules.fields import CONTACT, EVENT, contact_field, event_field
from ensue.rules.tree import Group, compile_tree, leaves, parse_tree
from ensue.rules.where import EventComparison, read_event_comparison
from ensue.rules.wording import field_text, tree_text

Occasion = tuple[Event, Facts]
ContactLeaf = AttributeCondition | TagCondition | ChannelCondition | SegmentCondition
Leaf = EventComparison | ContactLeaf
Tree = Group[Leaf] | Leaf

_CONTACT_PARSERS: dict[str, Callable[[Reader], ContactLeaf | None]] = {
    tag.TYPE: tag.parse,
    channel.TYPE: channel.parse,
    segment.TYPE: segment.parse,
}
_TYPES = [attribute.TYPE, *_CONTACT_PARSERS]


class Match(NamedTuple):
    """A condition on one event and its contact."""

    tree: Tree
    reads: Reads
    test: Callable[[Occasion], bool]

    def holds(self, event: Event, facts: Facts) -> bool:
        """Whether the event and the contact, as it is now, match."""
        return self.test((event, facts))

    @property
    def fields(self) -> frozenset[str]:
        """The contact fields read."""
        return self.reads.fields

    @property
    def tags(self) -> frozenset[str]:
        """The tags asked for."""
        return self.reads.tags

    @property
    def channels(self) -> frozenset[str]:
        """The channels whose consent is asked for."""
        return self.reads.channels

    @property
    def segments(self) -> frozenset[int]:
        """The segments (ids) whose membership is asked for."""
        return self.reads.segments

    def describe(self) -> str:
        """An English phrase."""
        return tree_text(self.tree, _leaf_text)


def parse_match(json_value: object, path: str = "condition") -> Match:
    """The match of a decoded JSON value: a group, or one condition.

    Raises:
        Invalid: with everything that is wrong, by path.
    """
    faults = Faults()
    tree: Tree | None = parse_tree(json_value, path, faults, _parse_leaf)
    faults.refuse()
    if tree is None:
        raise AssertionError("a value that parses to nothing has a fault")
    asked = [leaf.reads for leaf in _leaves(tree) if not isinstance(leaf, EventComparison)]
    return Match(tree, reduce(Reads.merged, asked, Reads()), compile_tree(tree, _compile_leaf))


def _leaves(tree: Tree) -> Iterator[Leaf]:
    return leaves(tree)


def _parse_leaf(reader: Reader) -> Leaf | None:
    name = reader.value.get("type", attribute.TYPE)
    if name in ("event", "sequence", "date"):
        reader.fault("type", f"{name} conditions look beyond one event; put it in a segment and ask for that")
        return None
    kind = reader.one_of("type", _TYPES, default=attribute.TYPE)
    if kind is None:
        return None
    if kind != attribute.TYPE:
        return _CONTACT_PARSERS[kind](reader)
    field = reader.text("field", bounds.FIELD)
    if field is None:
        return None
    if event_field(field):
        return read_event_comparison(reader)
    if contact_field(field):
        return attribute.parse(reader)
    known = ", ".join(["metadata.<name>", *EVENT, "attributes.<name>", *CONTACT])
    reader.fault("field", f"must be one of {known}")
    return None


def _compile_leaf(leaf: Leaf) -> Callable[[Occasion], bool]:
    if isinstance(leaf, EventComparison):
        get, test = leaf.field.get, leaf.comparison.test
        return lambda occasion: test(get(occasion[0]))
    holds = leaf.holds
    return lambda occasion: holds(occasion[1])


def _leaf_text(leaf: Leaf) -> str:
    if isinstance(leaf, EventComparison):
        return field_text(leaf.field.name, leaf.comparison)
    return leaf.describe()

"""A rule: a tree of conditions that was read and found sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ensue.rules.condition import Condition, EventBased, Reads, content_key
from ensue.rules.facts import Facts
from ensue.rules.tree import Group, leaves
from ensue.rules.verdict import Verdict

Tree = Group[Condition] | Condition


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule, immutable; made by `grammar.parse_rule`.

    Attributes:
        json: the validated JSON value.
        key: content hash of the rule's canonical JSON.
        tree: the parsed groups and conditions.
        event_conditions: conditions over events, one per state key.
        reads: the contact's fields, tags, channels and segments that the answer depends on.
        time_dependent: whether the answer can change with no new input.
    """

    json: dict[str, Any]
    key: str
    tree: Tree
    event_conditions: tuple[EventBased, ...]
    reads: Reads
    time_dependent: bool

    @classmethod
    def of(cls, json: dict[str, Any], tree: Tree) -> "Rule":
        """The rule of a parsed tree and the JSON that it was parsed from."""
        conditions = list(leaves(tree))
        by_key = {condition.key: condition for condition in reversed(conditions) if isinstance(condition, EventBased)}
        return cls(
            json=json,
            key=content_key(json),
            tree=tree,
            event_conditions=tuple(reversed(by_key.values())),
            reads=reduce(Reads.merged, (condition.reads for condition in conditions)),
            time_dependent=any(condition.time_dependent for condition in conditions),
        )

    @property
    def fields(self) -> frozenset[str]:
        """The contact fields read: `email`, `score`, `attributes.plan`."""
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

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether the rule holds at `now` (ms), and until when that is certain."""
        return evaluate(self.tree, facts, now)


def evaluate(tree: Tree, facts: Facts, now: int) -> Verdict:
    """The verdict of a group or a condition."""
    if not isinstance(tree, Group):
        return tree.evaluate(facts, now)
    # AND is decided by one condition that does not hold, OR and NOT by one that does.
    return _combined(tree.conditions, tree.operator != "AND", tree.operator == "OR", facts, now)


def _combined(conditions: Sequence[Tree], decisive: bool, when_decided: bool, facts: Facts, now: int) -> Verdict:
    """The verdict of conditions of which one with the answer `decisive` decides: `when_decided`, else the opposite.

    Undecided, the first flip of any can change it. Decided, all decisive ones must flip before anything can.
    """
    soonest: int | None = None
    latest: int | None = None
    for condition in conditions:
        holds, flips_at = evaluate(condition, facts, now)
        if holds is decisive:
            if flips_at is None:
                return Verdict(when_decided, None)
            if latest is None or flips_at > latest:
                latest = flips_at
        elif latest is None and flips_at is not None and (soonest is None or flips_at < soonest):
            soonest = flips_at
    if latest is not None:
        return Verdict(when_decided, latest)
    return Verdict(not when_decided, soonest)

"""A rule as SQL over contacts: the second lowering, held to the evaluator by `tests/property/test_lowering.py`.

`holding` is exact or None. `differing` is a superset: whoever is not in it gets the very answer of a contact of whom
nothing is known. Both are clauses over `contacts c`.
"""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from ensue.rules.conditions.attribute import AttributeCondition
from ensue.rules.conditions.channel import ChannelCondition
from ensue.rules.conditions.date import DateCondition
from ensue.rules.conditions.event import EventCondition
from ensue.rules.conditions.segment import SegmentCondition
from ensue.rules.conditions.sequence import SequenceCondition
from ensue.rules.conditions.tag import TagCondition
from ensue.rules.facts import MISSING
from ensue.rules.fields import EVENT
from ensue.rules.rule import Tree
from ensue.rules.tree import Group, leaves
from ensue.store.sql.clause import ALL, Clause
from ensue.store.sql.comparing import Operand, compare, compare_number, in_json, text_column
from ensue.store.sql.contacts import ITSELF
from ensue.store.sql.json_sql import JsonSql

_COLUMNS = {
    "email": "c.email",
    "externalId": "c.external_id",
    "firstName": "c.first_name",
    "lastName": "c.last_name",
    "phone": "c.phone",
    "timezone": "c.time_zone",
    "locale": "c.locale",
}
_INSTANTS = {"createdAt": "c.created_at", "updatedAt": "c.updated_at"}
_SESSION = "(SELECT s.key FROM sessions s WHERE s.workspace_id = e.workspace_id AND s.id = e.session_id)"
_SCORE = (
    "(SELECT n.score FROM standings n WHERE n.workspace_id = c.workspace_id AND n.contact_id = c.id"
    f" AND n.slot = {ITSELF})"
)
_EXTREMES = {"min": "MIN", "max": "MAX"}
_COUNT_STEPS = 1_001
"""The largest count that is tried when looking for the smallest one that makes a difference."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """Lowers rules for one workspace at one instant."""

    json: JsonSql
    workspace: int
    now: int

    def holding(self, tree: Tree) -> Clause | None:
        """Exactly the contacts for which a rule holds; None when SQL cannot say."""
        if not isinstance(tree, Group):
            return self._leaf(tree)
        parts = [self.holding(condition) for condition in tree.conditions]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if tree.operator == "AND":
            return reduce(and_, known)
        return ~reduce(or_, known) if tree.operator == "NOT" else reduce(or_, known)

    def differing(self, tree: Tree) -> Clause:
        """At least the contacts for which any condition's answer, or its horizon, is not that for a blank contact."""
        return reduce(or_, [self._differing(leaf) for leaf in leaves(tree)])

    def _leaf(self, leaf: Any) -> Clause | None:
        match leaf:
            case AttributeCondition():
                operand = self._contact_field(leaf.field.name)
                return compare(operand, leaf.comparison) if operand else None
            case TagCondition():
                return self._tagged(leaf.tag) if leaf.wanted else ~self._tagged(leaf.tag)
            case ChannelCondition():
                return self._consented(leaf.channel, leaf.status)
            case SegmentCondition():
                members = self.members(leaf.segment_id)
                return members if leaf.wanted else ~members
            case EventCondition():
                return self._event(leaf)
            case _:
                return None

    def _differing(self, leaf: Any) -> Clause:
        match leaf:
            case AttributeCondition() if leaf.field.name == "score":
                # Points that cancel out may decay; the timer of the decay looks at these segments anyway.
                return Clause(f"({_SCORE} <> 0)")
            case AttributeCondition() | DateCondition():
                operand = self._contact_field(leaf.field.name)
                return operand.present if operand else ALL
            case TagCondition():
                return self._tagged(leaf.tag)
            case ChannelCondition():
                return ~self._consented(leaf.channel, "UNKNOWN")
            case SegmentCondition():
                return self.members(leaf.segment_id)
            case EventCondition():
                return self._moved(leaf)
            case SequenceCondition():
                return self._began(leaf)
            case _:
                return ALL

    def members(self, segment_id: int) -> Clause:
        """Those who are in a segment."""
        return Clause(
            "(c.id IN (SELECT m.contact_id FROM memberships m"
            " WHERE m.workspace_id = ? AND m.segment_id = ? AND m.exited_at IS NULL))",
            (self.workspace, segment_id),
        )

    def _contact_field(self, name: str) -> Operand | None:
        if name == "score":
            return Operand(ALL, number=Clause(self.json.exact(_SCORE)))
        if name in _INSTANTS:
            return Operand(ALL, instant=Clause(_INSTANTS[name]))
        if name in _COLUMNS:
            return text_column(_COLUMNS[name])
        return in_json(self.json, "c.attributes", name.split(".")[1:])

    def _event_field(self, name: str, event_type: str) -> Operand | None:
        if name == "type":
            return text_column("CAST(? AS TEXT)", event_type)
        if name == "sessionId":
            return text_column(_SESSION)
        if name in EVENT:
            return text_column(f"e.{EVENT[name]}")
        return in_json(self.json, "e.metadata", name.split(".")[1:])

    def _tagged(self, name: str) -> Clause:
        return Clause(
            "(c.id IN (SELECT g.contact_id FROM contact_tags g"
            " JOIN tags t ON t.workspace_id = g.workspace_id AND t.id = g.tag_id"
            " WHERE g.workspace_id = ? AND t.name = ?))",
            (self.workspace, name),
        )

    def _consented(self, channel: str, status: str) -> Clause:
        kept = "(c.id IN (SELECT k.contact_id FROM consents k WHERE k.workspace_id = ? AND k.channel = ? AND k.status"
        if status == "UNKNOWN":
            return ~Clause(f"{kept} <> ?))", (self.workspace, channel, status))
        return Clause(f"{kept} = ?))", (self.workspace, channel, status))

    # Conditions over events

    def _event(self, leaf: EventCondition) -> Clause | None:
        source = self._source(leaf, exact=True)
        aggregate: Clause | None = Clause(self.json.exact("COUNT(*)"))
        if leaf.kind.name in _EXTREMES:
            value = self._value(leaf)
            aggregate = Clause(f"{_EXTREMES[leaf.kind.name]}({value.sql})", value.values) if value else None
            source = source & Clause(f"({value.sql} IS NOT NULL)", value.values) if source and value else None
        elif leaf.kind.name != "count":
            # The exact sum does not depend on the order of its terms; that of a database does.
            return None
        compared = compare_number(aggregate, leaf.comparison) if aggregate else None
        if source is None or compared is None:
            return None
        # Who has no such event is in no group, so it is asked who has the answer that a blank contact has not.
        if leaf.comparison.test(0 if leaf.kind.counts else MISSING):
            return ~self._grouped(source, ~compared)
        return self._grouped(source, compared)

    def _value(self, leaf: EventCondition) -> Clause | None:
        """The number that an aggregate reads of an event; past 2^53 the nearest double, as the evaluator has it."""
        operand = self._event_field(leaf.read_from or "", leaf.source.event_type)
        return Clause(f"CAST({operand.number.sql} AS DOUBLE PRECISION)", operand.number.values) if operand else None

    def _moved(self, leaf: EventCondition) -> Clause:
        """Contacts with enough events for the answer to be, or to have been, another than over none."""
        source = self._source(leaf, exact=False)
        assert source is not None
        least = 1
        if leaf.kind.name in ("count", "distinct"):
            # No fewer than `least` events make a difference, and as many can only shrink to fewer.
            test = leaf.comparison.test
            steps = (number for number in range(1, _COUNT_STEPS) if test(number) is not test(0))
            least = next(steps, _COUNT_STEPS)
        return self._grouped(source, Clause("COUNT(*) >= ?", (least,)))

    def _began(self, leaf: SequenceCondition) -> Clause:
        """Contacts that have taken the first step at any time that still counts."""
        window = leaf.steps.window
        first = leaf.steps.steps[0]
        return self._grouped(self._in_window(first.event_type, window.after(self.now), window.upto(self.now)), ALL)

    def _source(self, leaf: EventCondition, *, exact: bool) -> Clause | None:
        """The events that a condition is about; inexact means more than those, where SQL cannot tell."""
        window = leaf.source.window
        source = self._in_window(leaf.source.event_type, window.after(self.now), window.upto(self.now))
        if leaf.where is None:
            return source
        where = self._where(leaf.where.tree, leaf.source.event_type)
        if where is None:
            return None if exact else source
        return source & where

    def _where(self, tree: Any, event_type: str) -> Clause | None:
        if not isinstance(tree, Group):
            operand = self._event_field(tree.field.name, event_type)
            return compare(operand, tree.comparison) if operand else None
        parts = [self._where(condition, event_type) for condition in tree.conditions]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if tree.operator == "AND":
            return reduce(and_, known)
        return ~reduce(or_, known) if tree.operator == "NOT" else reduce(or_, known)

    def busy(self, types: frozenset[str], after: int | None, least: int) -> Clause:
        """Contacts with at least so many events of one of the types."""
        each = [
            self._grouped(self._in_window(name, after, self.now), Clause("COUNT(*) >= ?", (least,)))
            for name in sorted(types)
        ]
        return reduce(or_, each)

    def _grouped(self, source: Clause, having: Clause) -> Clause:
        return Clause(
            # The plus keeps SQLite from walking the whole log contact by contact to be spared a sort.
            f"(c.id IN (SELECT +e.contact_id FROM events e WHERE {source.sql}"
            f" GROUP BY +e.contact_id HAVING {having.sql}))",
            (*source.values, *having.values),
        )

    def _in_window(self, event_type: str, after: int | None, upto: int) -> Clause:
        source = Clause(
            "(e.workspace_id = ? AND e.type_id = (SELECT id FROM event_types WHERE workspace_id = ? AND name = ?)"
            " AND +e.contact_id IS NOT NULL AND e.timestamp <= ?)",
            (self.workspace, self.workspace, event_type, upto),
        )
        return source if after is None else source & Clause("e.timestamp > ?", (after,))

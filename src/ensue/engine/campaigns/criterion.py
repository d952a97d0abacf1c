"""What a wait, a goal or an exit looks for: an event that matches, or rules that hold.

JSON: `{"eventType": "purchase", "conditions": group?}`, as in an EVENT trigger, or `{"rules": group}`, as in a segment.
"""

from dataclasses import dataclass

from ensue.base.errors import Invalid
from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.condition import EventBased, Reads
from ensue.rules.facts import MISSING, Facts
from ensue.rules.faults import Reader
from ensue.rules.grammar import parse_rule
from ensue.rules.match import Match, parse_match
from ensue.rules.rule import Rule
from ensue.rules.verdict import NEVER, Verdict


@dataclass(frozen=True, slots=True)
class Criterion:
    """An event of a type, that matches when there is a match; or else a rule."""

    event_type: str | None
    match: Match | None
    rule: Rule | None

    @property
    def hears(self) -> frozenset[str]:
        """The types of event to be told of."""
        return frozenset((self.event_type,)) if self.event_type is not None else frozenset()

    @property
    def reads(self) -> Reads:
        """What of the contact the rule depends on."""
        return self.rule.reads if self.rule is not None else Reads()

    @property
    def conditions(self) -> tuple[EventBased, ...]:
        """The rule's conditions over events."""
        return self.rule.event_conditions if self.rule is not None else ()

    def heard(self, event: Event, facts: Facts) -> bool:
        """Whether this is the event that is looked for."""
        return event.type == self.event_type and (self.match is None or self.match.holds(event, facts))

    def verdict(self, facts: Facts, at: int) -> Verdict:
        """Whether the rule holds; never, when an event is looked for."""
        return self.rule.evaluate(facts, at) if self.rule is not None else NEVER


def read_criterion(reader: Reader) -> Criterion | None:
    """Read `eventType` with `conditions`, or `rules`, of an object. Notes faults and returns None when it is faulty."""
    event_type, rules = reader.optional("eventType"), reader.optional("rules")
    if (event_type is MISSING) is (rules is MISSING):
        reader.fault("eventType", "is required, or rules instead, and not both")
        return None
    if rules is not MISSING:
        rule = read_rule(reader, "rules")
        return Criterion(None, None, rule) if rule is not None else None
    name = reader.text("eventType", bounds.EVENT_TYPE)
    match = read_match(reader, "conditions")
    return Criterion(name, match, None) if reader.sound else None


def read_rule(reader: Reader, name: str) -> Rule | None:
    """Read a required rule. Notes faults and returns None when it is faulty."""
    value = reader.required(name)
    if value is MISSING:
        return None
    try:
        return parse_rule(value, reader.at(name))
    except Invalid as error:
        reader.faults.details.extend(error.details)
        return None


def read_match(reader: Reader, name: str) -> Match | None:
    """Read an optional match. Notes faults and returns None when it is absent or faulty."""
    value = reader.optional(name)
    if value is MISSING:
        return None
    try:
        return parse_match(value, reader.at(name))
    except Invalid as error:
        reader.faults.details.extend(error.details)
        return None

"""Everything that is kept about contacts, derived again from the log by the naive readings, and compared.

Each contact is judged as of the instant up to which it was evaluated (`as_of`), so timers that are due but have not run
yet are no difference. Reads on one snapshot, some contacts at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ensue.base.ids import show
from ensue.engine.subject import DECAY, ENROLMENT, SEGMENT, Subject
from ensue.engine.verification.score import ScoreCheck
from ensue.engine.view import View
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.rules import naive
from ensue.rules.facts import MISSING
from ensue.rules.fields import CONTACT

_SLICE = 20


class Difference(NamedTuple):
    """One thing that is not as the log says.

    Attributes:
        what: MEMBERSHIP, STAYS, TIMER, DUE_AT, SCORE, CONTRIBUTION, MATCH, LEDGER, TYPE_COUNT or ORPHAN.
        about: which segment, rule, event, type or table.
    """

    workspace_id: int
    contact_id: int | None
    what: str
    about: str
    stored: str
    derived: str


class Progress(NamedTuple):
    """So many of all contacts of a workspace have been looked at."""

    workspace_id: int
    done: int
    total: int


def verify(room: View, progress: Callable[[Progress], None] = lambda _: None) -> Iterator[Difference]:
    """Every difference in one workspace; none when it is sound."""
    workspace_id = room.tables.workspace_id
    yield from _tables(room)
    total = room.tables.populations.count()
    types = [name for name, _, _ in room.tables.inspection.type_counts()]
    score_check = ScoreCheck(room)
    done = above = 0
    while ids := room.tables.populations.ids(above=above, limit=_SLICE):
        above = ids[-1]
        histories = dict(room.tables.events.of_contacts(ids, types, None, 2**62))
        for contact in sorted(room.tables.populations.contacts(ids), key=lambda contact: contact.id):
            for what, about, stored, derived in _Check(room, contact, histories.get(contact.id, []), score_check).all():
                yield Difference(workspace_id, contact.id, what, about, stored, derived)
        done += len(ids)
        progress(Progress(workspace_id, done, total))


Finding = tuple[str, str, str, str]
"""(what, about, stored, derived)"""


def _tables(room: View) -> Iterator[Difference]:
    workspace_id, inspection = room.tables.workspace_id, room.tables.inspection
    for name, counted, stored in inspection.type_counts():
        if counted != stored:
            yield Difference(workspace_id, None, "TYPE_COUNT", name, f"{counted} events", f"{stored} events")
    for table, contact_id, rows in inspection.orphans():
        yield Difference(workspace_id, contact_id, "ORPHAN", table, f"{rows} rows", "no such contact")
    for contact_id, segment_id in inspection.stays_without_segment():
        about = show("seg", segment_id)
        yield Difference(workspace_id, contact_id, "ORPHAN", about, "a member", "no such segment")


class _Check:
    """One contact, with its whole history."""

    def __init__(self, room: View, contact: Contact, events: Sequence[Event], score_check: ScoreCheck) -> None:
        self._room = room
        self._contact = contact
        self._events = events
        self._score_check = score_check
        self._timers = room.tables.inspection.timers(contact.id)
        self._subject = Subject(room, contact)

    def all(self) -> Iterator[Finding]:
        """Everything that is wrong with it."""
        score = self._score_check.of(self._subject, self._events)
        yield from score.findings
        yield from self._stays()
        yield from self._memberships(score.derived, score.changes_at)
        yield from self._timers_of_rules(score.decays)
        yield from self._due_at()

    def _stays(self) -> Iterator[Finding]:
        last: tuple[int, int | None] | None = None
        for segment_id, _, entered, exited in self._room.tables.inspection.stays(self._contact.id):
            about = show("seg", segment_id)
            if exited is not None and exited < entered:
                yield "STAYS", about, f"exited at {exited}", f"not before {entered}"
            if last is not None and last[0] == segment_id and (last[1] is None or last[1] > entered):
                yield "STAYS", about, f"entered at {entered}", f"in it until {last[1]}"
            last = segment_id, exited

    def _memberships(self, score: int, score_changes_at: int | None) -> Iterator[Finding]:
        at, stored = self._contact.as_of, self._subject.memberships
        segments = set(stored)
        flips: dict[int, int | None] = {}
        for segment_id, compiled in self._room.definitions.segments.items():
            rule = compiled.rule
            if rule is None or compiled.segment.status != "READY":
                continue
            person = self._person(segments, score)
            holds = naive.holds(rule, self._events, person, at)
            segments = segments | {segment_id} if holds else segments - {segment_id}
            if holds is not (segment_id in stored):
                said = ["not a member", "a member"]
                yield "MEMBERSHIP", show("seg", segment_id), said[segment_id in stored], said[holds]
            # Until something else makes the engine look, this rule must be looked at by itself.
            wakes = [flips[inner] for inner in rule.segments if flips.get(inner) is not None]
            wakes += [score_changes_at] if "score" in rule.fields else []
            until = min((wake for wake in wakes if wake is not None), default=None)
            timer = self._timers.get((SEGMENT, segment_id))
            flip = self._flip(rule.json, person, holds, min((t for t in (until, timer) if t is not None), default=None))
            flips[segment_id] = min((t for t in (flip, timer, until) if t is not None), default=None)
            if flip is not None:
                yield "TIMER", show("seg", segment_id), _instant(timer), f"at {flip} at the latest"

    def _flip(self, rule: naive.Json, person: naive.NaiveContact, holds: bool, before: int | None) -> int | None:
        """The first instant before another at which the answer changes by time alone."""
        for edge in naive.edges(rule, self._events, person, self._contact.as_of):
            if before is not None and edge >= before:
                return None
            if naive.holds(rule, self._events, person, edge) is not holds:
                return edge
        return None

    def _person(self, segments: set[int], score: int) -> naive.NaiveContact:
        subject = self._subject
        names = [*(name for name in CONTACT if name != "score"), "attributes"]
        fields = {name: value for name in names if (value := subject.field(name)) is not MISSING}
        return naive.NaiveContact(
            fields, frozenset(subject.tags), subject.consents, frozenset(segments), subject.time_zone(), score
        )

    def _timers_of_rules(self, decays: dict[int, int]) -> Iterator[Finding]:
        for rule_id, due in decays.items():
            timer = self._timers.get((DECAY, rule_id))
            if timer is None or timer > due:
                yield "TIMER", show("sr", rule_id), _instant(timer), f"at {due} at the latest"
        for enrolment_id, due in self._room.tables.inspection.wakes(self._contact.id):
            timer = self._timers.get((ENROLMENT, enrolment_id))
            if timer is None or timer > due:
                yield "TIMER", show("enr", enrolment_id), _instant(timer), f"at {due} at the latest"

    def _due_at(self) -> Iterator[Finding]:
        earliest = min(self._timers.values(), default=None)
        due_at = self._contact.due_at
        if earliest is not None and (due_at is None or due_at > earliest):
            yield "DUE_AT", show("ct", self._contact.id), _instant(due_at), f"at {earliest} at the latest"


def _instant(at: int | None) -> str:
    return "never" if at is None else f"at {at}"

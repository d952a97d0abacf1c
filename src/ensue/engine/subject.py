"""One contact inside one transaction: its facts, loaded when asked for, and what changes about them.

Reactions read it through `rules.facts.Facts`; the working set writes what has changed, once, at the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgspec

from ensue.base import json
from ensue.engine.definitions import CompiledScoringRule, Watched
from ensue.engine.scoring.contribution import Standing, Sum, next_decay
from ensue.engine.segments import history
from ensue.model.campaign import Enrolment, Step
from ensue.model.contact import Contact
from ensue.model.effects import ContactCard
from ensue.model.event import Event
from ensue.model.score import LedgerLine
from ensue.model.segment import Membership
from ensue.rules.condition import EventBased
from ensue.rules.facts import MISSING

if TYPE_CHECKING:
    from ensue.engine.waves import Taken
    from ensue.engine.working_set import WorkingSet

# The kinds of timers; their order is the order of work that is due at the same instant.
DECAY = 1
SEGMENT = 2
ENROLMENT = 3
DATE = 4

_NONE: frozenset[str] = frozenset()

_FIELDS = {
    "email": "email",
    "externalId": "external_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "phone",
    "timezone": "time_zone",
    "locale": "locale",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "attributes": "attributes",
}


class Tally:
    """What the conditions (by content key) and scoring rules (by id) of one event type remember."""

    __slots__ = ("changed", "conditions", "scores")

    def __init__(self, text: str | None) -> None:
        body: list[dict[str, Any]] = json.decode(text) if text else [{}, {}]
        self.conditions, self.scores = body
        self.changed = False

    def text(self, known: AbstractSet[str]) -> str:
        """As it is stored, without the states of conditions that are not in use any more."""
        if not known >= self.conditions.keys():
            self.conditions = {name: state for name, state in self.conditions.items() if name in known}
        return json.encode_text([self.conditions, self.scores])


class SubjectLog:
    """The contact's events: the stored ones and those of this transaction."""

    __slots__ = ("_subject",)

    def __init__(self, subject: "Subject") -> None:
        self._subject = subject

    def events(self, types: frozenset[str], after: int | None, upto: int) -> Iterable[Event]:
        """Events of these types with `after < timestamp <= upto`, ascending by (timestamp, id)."""
        subject = self._subject
        stored = subject.room.tables.events.of_contact(subject.id, types, after, upto)
        fresh = [
            event
            for event in subject.appended
            if event.type in types and event.timestamp <= upto and (after is None or event.timestamp > after)
        ]
        return sorted(stored + fresh, key=lambda event: (event.timestamp, event.id)) if fresh else stored


class Subject:
    """A contact, held by this transaction. See `rules.facts.Facts` for the questions it answers."""

    __slots__ = (
        "_active",
        "_consents",
        "_memberships",
        "_tags",
        "_tallies",
        "appended",
        "arms",
        "as_of",
        "caught_up",
        "card",
        "contact",
        "due_at",
        "entered",
        "enrolments",
        "exited",
        "id",
        "latest_line",
        "ledger",
        "log",
        "nudges",
        "room",
        "score",
        "steps",
        "sums",
        "taken",
    )

    def __init__(self, room: "WorkingSet", contact: Contact) -> None:
        self.room = room
        self.contact = contact
        self.id = contact.id
        self.score = contact.score
        self.as_of = contact.as_of
        # Backfills that it need not wait for any more.
        self.caught_up: set[int] = set()
        self.due_at = contact.due_at
        # Timers that were read with those of others, until they are run.
        self.taken: Taken | None = None
        self.card = ContactCard(contact.id, contact.email, contact.first_name, contact.last_name)
        self.log = SubjectLog(self)
        self.appended: list[Event] = []
        self.arms: dict[tuple[int, int], int] = {}
        self.entered: dict[int, Membership] = {}
        self.exited: list[tuple[int, int, str]] = []
        self.ledger: list[LedgerLine] = []
        # The newest line that is stored, or will be with the next write.
        self.latest_line = contact.latest_line
        # By scoring rule, once a match came late: read from the ledger once, then kept up with it.
        self.sums: dict[int, Sum] = {}
        self.enrolments: dict[int, Enrolment] = {}
        self.steps: list[Step] = []
        # Enrolments whose rules may say something else since a change, with the depth of its cause.
        self.nudges: dict[int, int] = {}
        self._tallies: dict[int, Tally] = {}
        self._memberships: dict[int, int] | None = None
        self._tags: dict[str, int] | None = None
        self._consents: dict[str, str] | None = None
        self._active: dict[int, Enrolment] | None = None

    @classmethod
    def new(cls, room: "WorkingSet", contact: Contact) -> "Subject":
        """A contact that was just made: there is nothing to load."""
        subject = cls(room, contact)
        subject._memberships, subject._tags, subject._consents, subject._active = {}, {}, {}, {}
        return subject

    # Facts

    def field(self, name: str) -> object:
        """The value of a contact field, or MISSING."""
        if name == "score":
            return self.score
        value = getattr(self.contact, _FIELDS[name])
        return MISSING if value is None else value

    def time_zone(self) -> str:
        """The contact's time zone, else the workspace's."""
        return self.contact.time_zone or self.room.definitions.workspace.time_zone

    def has_tag(self, tag: str) -> bool:
        """Whether the contact has the tag."""
        return tag in self.tags

    def consent(self, channel: str) -> str:
        """The consent on a channel."""
        return self.consents.get(channel, "UNKNOWN")

    def in_segment(self, segment_id: int) -> bool:
        """Whether the contact is a member now."""
        return segment_id in self.memberships

    def score_changes_at(self) -> int | None:
        """The next instant at which decay alone changes the score."""
        dues = (next_decay(c.versions, self.standing(c), self.as_of) for c in self.room.definitions.decaying)
        return min((due for due in dues if due is not None), default=None)

    def standing(self, compiled: CompiledScoringRule) -> Standing | None:
        """Where a scoring rule stands with this contact; None before its first match."""
        kept = self.tally(self.room.type_id(compiled.kept_under)).scores.get(compiled.key)
        return Standing(*kept) if kept is not None else None

    def keep_standing(self, compiled: CompiledScoringRule, standing: Standing) -> None:
        """Keep where a scoring rule stands."""
        tally = self.tally(self.room.type_id(compiled.kept_under))
        tally.scores[compiled.key] = standing
        tally.changed = True

    def drop_standing(self, compiled: CompiledScoringRule) -> None:
        """Forget where a scoring rule stands: it has no match any more."""
        tally = self.tally(self.room.type_id(compiled.kept_under))
        tally.changed |= tally.scores.pop(compiled.key, None) is not None

    def state(self, key: str) -> object:
        """The kept state of an event or sequence condition."""
        definitions = self.room.definitions
        if key not in definitions.conditions:
            # Only a campaign asks, of those who are in it: no state is kept of anybody.
            asked = definitions.listening.conditions[key]
            return history.states((asked,), self.log, self.as_of)[key]
        slot = self.room.slot(key)
        self.build_states(slot, (definitions.watched[key],))
        return self.tally(slot).conditions.get(definitions.state_names[key])

    def build_states(self, slot: int, conditions: Sequence[Watched]) -> frozenset[str]:
        """Build from the log the states that this contact, being older than the condition, does not have yet.

        Conditions over the same types are built from one reading. Returns the keys of all that were built.
        """
        definitions = self.room.definitions
        if self.id >= definitions.all_complete_since:
            return _NONE
        states = self.tally(slot).conditions
        names, since = definitions.state_names, definitions.complete_since

        def lacks(condition: EventBased) -> bool:
            return self.id < since[condition.key] and names[condition.key] not in states

        lacked = {watched.condition.event_types for watched in conditions if lacks(watched.condition)}
        built: set[str] = set()
        for types in lacked:
            lacking = [condition for condition in definitions.over_types[types] if lacks(condition)]
            for key, state in history.states(lacking, self.log, self.as_of).items():
                states[names[key]] = state
                built.add(key)
        self.tally(slot).changed |= bool(built)
        return frozenset(built)

    def seed_states(self, states: Mapping[str, object]) -> None:
        """Keep states, by key, that were built from the very log that the contact has now."""
        names = self.room.definitions.state_names
        for key, state in states.items():
            if key in names:
                tally = self.tally(self.room.slot(key))
                if tally.conditions.setdefault(names[key], state) is state:
                    tally.changed = True

    # What the facts are made of

    @property
    def tags(self) -> dict[str, int]:
        """Tag names to ids."""
        if self._tags is None:
            self._tags = self.room.tables.contacts.tags(self.id)
        return self._tags

    @property
    def consents(self) -> dict[str, str]:
        """Channels to the status of the consent, where one is known."""
        if self._consents is None:
            self._consents = dict(self.room.tables.contacts.consents(self.id))
        return self._consents

    @property
    def memberships(self) -> dict[int, int]:
        """The segments the contact is in, to the membership."""
        if self._memberships is None:
            self._memberships = self.room.tables.memberships.current(self.id)
        return self._memberships

    @property
    def active(self) -> dict[int, Enrolment]:
        """Enrolments that have not ended, by id."""
        if self._active is None:
            self._active = {e.id: e for e in self.room.tables.enrolments.active(self.id)}
        return self._active

    def run_with(self, running: Iterable[Enrolment]) -> None:
        """Take over the enrolments that have not ended, which were read with those of others."""
        if self._active is None:
            self._active = {enrolment.id: enrolment for enrolment in running}

    def tally(self, type_id: int) -> Tally:
        """The tally of one event type, or of sequences."""
        tally = self._tallies.get(type_id)
        if tally is None:
            tally = self._tallies[type_id] = Tally(self.room.tables.tallies.get(self.id, type_id))
        return tally

    def knows(self, type_id: int) -> bool:
        """Whether the tally of an event type has been loaded."""
        return type_id in self._tallies

    def keep_tally(self, type_id: int, text: str | None) -> None:
        """Take a tally that was loaded elsewhere."""
        self._tallies[type_id] = Tally(text)

    def changed_tallies(self) -> list[tuple[int, int, str]]:
        """Rows of the tallies that have changed."""
        known = self.room.definitions.known_states
        return [(self.id, type_id, tally.text(known)) for type_id, tally in self._tallies.items() if tally.changed]

    def chained_lines(self) -> Iterator[tuple[int, int | None, LedgerLine]]:
        """The fresh lines of the ledger, each after the one before it."""
        for line in self.ledger:
            yield self.id, self.latest_line, line
            self.latest_line = line.id

    # Changes

    def keep_state(self, key: str, state: object) -> None:
        """Keep the new state of a condition."""
        tally = self.tally(self.room.slot(key))
        tally.conditions[self.room.definitions.state_names[key]] = state
        tally.changed = True

    def arm(self, kind: int, subject_id: int, due: int | None) -> None:
        """Wake this contact no later than `due` for a segment, a decay or an enrolment."""
        if due is None:
            return
        standing = self.arms.get((kind, subject_id))
        if standing is None or due < standing:
            self.arms[kind, subject_id] = due
        if self.due_at is None or due < self.due_at:
            self.due_at = due

    def enter(self, segment_id: int, version: int, at: int, by: str) -> None:
        """Begin a stay in a segment."""
        stay = Membership(self.room.ids.next(), segment_id, self.id, version, at, by)
        self.memberships[segment_id] = stay.id
        self.entered[stay.id] = stay

    def exit(self, segment_id: int, at: int, by: str) -> None:
        """End the stay in a segment."""
        membership_id = self.memberships.pop(segment_id)
        fresh = self.entered.get(membership_id)
        if fresh is not None:
            self.entered[membership_id] = msgspec.structs.replace(fresh, exited_at=at, exited_by=by)
        else:
            self.exited.append((membership_id, at, by))

    def write_line(self, line: LedgerLine) -> None:
        """Add a ledger line and move the score by what it gives."""
        self.ledger.append(line)
        self.score = line.after

    def keep_enrolment(self, enrolment: Enrolment) -> None:
        """Change an enrolment that is just going on by itself, and needs no timer for that."""
        self.enrolments[enrolment.id] = self.active[enrolment.id] = enrolment

    def put_enrolment(self, enrolment: Enrolment) -> None:
        """Begin or change an enrolment, and wake the contact when it wants to go on."""
        self.enrolments[enrolment.id] = enrolment
        if enrolment.ended_at is None:
            self.active[enrolment.id] = enrolment
            self.arm(ENROLMENT, enrolment.id, enrolment.wake_at)
        else:
            self.active.pop(enrolment.id, None)

"""What one transaction holds of one workspace: contacts, what changes about them, and the one place that writes it."""

from collections.abc import Iterable

from ensue.base.errors import Contended
from ensue.base.ids import Ids, id_at
from ensue.engine.definitions import SEQUENCES, Definitions
from ensue.engine.subject import Subject
from ensue.engine.webhooks.notices import Notices
from ensue.model.event import Event
from ensue.model.message import Message
from ensue.store.ports import WorkspaceTables


class WorkingSet:
    """Loads each contact once and writes each change once, however many events of the transaction touch it."""

    def __init__(self, tables: WorkspaceTables, definitions: Definitions, ids: Ids, now: int) -> None:
        self.tables = tables
        self.definitions = definitions
        self.ids = ids
        self.now = now
        # None when nobody wants to hear of anything.
        self.notices = Notices(definitions.webhooks) if definitions.webhooks else None
        self._newest_id = ids.newest
        self._subjects: dict[int, Subject] = {}
        self._sessions: dict[str, tuple[int, int | None]] = {}
        self._rows: list[tuple[object, ...]] = []
        self._counts: dict[int, list[int]] = {}
        self._backfilled: dict[int, tuple[int, int]] = {}
        self._skips: list[tuple[int, int, int, int | None, str, int]] = []
        # Queued by this transaction and not written yet.
        self.messages: list[Message] = []

    def subject(self, contact_id: int) -> Subject | None:
        """A contact by its id, or by one that was merged into it; held until the end of the transaction."""
        subject = self._subjects.get(contact_id)
        if subject is not None:
            return subject
        contact = self.tables.contacts.lock(contact_id)
        if contact is None:
            survivor = self.tables.contacts.survivor(contact_id)
            return self.subject(survivor) if survivor is not None else None
        return self.hold(Subject(self, contact))

    def hold(self, subject: Subject) -> Subject:
        """Take a contact in: a new one, or one that was loaded elsewhere."""
        self._subjects[subject.id] = subject
        return subject

    def held(self) -> list[Subject]:
        """The contacts that are held now."""
        return list(self._subjects.values())

    def hold_all(self, contact_ids: Iterable[int]) -> None:
        """Load contacts in one order, so that two transactions never wait for each other."""
        missing = set(contact_ids) - self._subjects.keys()
        if len(missing) > 1:
            for contact in self.tables.contacts.lock_all(missing):
                self.hold(Subject(self, contact))
        # Alone, or merged into another.
        for contact_id in sorted(missing - self._subjects.keys()):
            self.subject(contact_id)

    def hold_sessions(self, keys: Iterable[str], unnamed: Iterable[str]) -> None:
        """Load sessions that may be asked for. Nobody ties an unnamed one meanwhile: its event would stay nobody's."""
        missing = set(keys) - self._sessions.keys()
        if held := missing & set(unnamed):
            self._sessions.update(self.tables.sessions.find_all(held, held=True))
        if len(missing - held) > 1:
            self._sessions.update(self.tables.sessions.find_all(missing - held))

    def hold_tallies(self, slot: int, contact_ids: Iterable[int]) -> None:
        """Load what one event type's conditions and rules remember of contacts that are held."""
        lacking = [s for i in set(contact_ids) if (s := self._subjects.get(i)) is not None and not s.knows(slot)]
        if len(lacking) > 1:
            found = self.tables.tallies.of_type(slot, [subject.id for subject in lacking])
            for subject in lacking:
                subject.keep_tally(slot, found.get(subject.id))

    def drop(self, contact_id: int) -> None:
        """Forget a contact that this transaction has removed."""
        self._subjects.pop(contact_id, None)

    def type_id(self, name: str) -> int:
        """The number of an event type, made when it is new."""
        known = self.definitions.type_ids.get(name)
        if known is None:
            known = self.tables.events.type_id(name) or self.tables.events.add_type(name, self.now)
            self.definitions.type_ids[name] = known
        return known

    def slot(self, key: str) -> int:
        """Which tally keeps the state of a condition."""
        types = self.definitions.conditions[key].event_types
        return self.type_id(next(iter(types))) if len(types) == 1 else SEQUENCES

    def owner(self, key: str | None) -> int | None:
        """The contact of a session that has been loaded."""
        known = self._sessions.get(key) if key is not None else None
        return known[1] if known is not None else None

    def known_session(self, key: str) -> tuple[int, int | None] | None:
        """(id, contact) of a session that has been seen before."""
        known = self._sessions.get(key)
        if known is None:
            known = self.tables.sessions.find(key)
            if known is not None:
                self._sessions[key] = known
        return known

    def session(self, key: str) -> tuple[int, int | None]:
        """(id, contact) of a session, made when it is new."""
        known = self.known_session(key)
        if known is None:
            known = self._sessions[key] = (self.ids.next(), None)
            self.tables.sessions.add(known[0], key, None, self.now)
        return known

    def link(self, key: str, contact_id: int) -> None:
        """Tie a session to a contact.

        Raises:
            Contended: another process has tied it since it was read.
        """
        session_id, _ = self.session(key)
        if not self.tables.sessions.link(session_id, contact_id, self.now):
            raise Contended("Another process has tied the session to a contact.")
        self._sessions[key] = (session_id, contact_id)

    def append(
        self, event: Event, session_id: int | None, metadata: str | None, answer: str | None, *, apart: bool
    ) -> None:
        """Add an event to the log; `apart` when the contact of its session is not its own."""
        if self.notices is not None:
            self.notices.event(event, metadata, answer)
        type_id = self.type_id(event.type)
        self._rows.append(
            (
                event.id, event.contact_id, type_id, event.timestamp, event.received_at, session_id, event.page_url,
                event.referrer, event.utm_source, event.utm_medium, event.utm_campaign, metadata, event.source,
                event.cause_id, event.depth, int(apart), answer,
            )
        )  # fmt: skip
        tally = self._counts.setdefault(type_id, [0, 0])
        tally[0] += 1
        tally[1] = max(tally[1], event.received_at)

    def skip(self, campaign_id: int, contact_id: int, event_id: int | None, reason: str, at: int) -> None:
        """Keep that a campaign did not take a contact in, and why."""
        self._skips.append((self.ids.next(), campaign_id, contact_id, event_id, reason, at))

    def count_backfilled(self, backfill_id: int, entered: int, exited: int) -> None:
        """Add to the entries and exits that a backfill has found."""
        before = self._backfilled.get(backfill_id, (0, 0))
        self._backfilled[backfill_id] = (before[0] + entered, before[1] + exited)

    def write(self) -> None:
        """Write everything that has changed, table by table. The contacts are let go."""
        self.write_events()
        if self.notices is not None:
            self.notices.write(self)
        subjects = list(self._subjects.values())
        tables = self.tables
        if tallies := [row for s in subjects for row in s.changed_tallies()]:
            tables.tallies.put(tallies)
        if lines := [line for s in subjects for line in s.chained_lines()]:
            tables.ledger.write(lines)
        # Exits first: a segment may have been left and entered again since the last write.
        if ends := [end for s in subjects for end in s.exited]:
            tables.memberships.exit(ends)
        if stays := [stay for s in subjects for stay in s.entered.values()]:
            tables.memberships.enter(stays)
        if enrolments := [e for s in subjects for e in s.enrolments.values()]:
            # Another process may have made a younger one; what this one did not make is there already.
            fresh = {e.id for e in enrolments if self.ids.handed_out(e.id, self._newest_id)}
            tables.enrolments.put([e for e in enrolments if e.id in fresh])
            tables.enrolments.change([e for e in enrolments if e.id not in fresh])
        if steps := [step for s in subjects for step in s.steps]:
            tables.enrolments.log(steps)
        if self._skips:
            tables.enrolments.skip(self._skips)
        if self.messages:
            tables.messages.add(self.messages)
        if arms := [(s.id, kind, subject, due) for s in subjects for (kind, subject), due in s.arms.items()]:
            tables.timers.arm(arms)
        if subjects:
            tables.contacts.advance([(s.score, s.as_of, s.due_at, s.latest_line, s.id) for s in subjects])
        if self._backfilled:
            tables.backfills.count((entered, exited, b) for b, (entered, exited) in self._backfilled.items())
        if subjects or self.ids.newest > self._newest_id:
            # Time alone may have written: a stay's end has no id, and its instant must not come again either.
            tables.definitions.keep_latest_id(max(self.ids.newest, id_at(self.now)))
            self._newest_id = self.ids.newest
        if self._counts:
            # Last, and in one order: other processes wait for these rows, which every event of a type changes.
            counts = sorted((type_id, n, last) for type_id, (n, last) in self._counts.items())
            tables.events.count_types(counts)
        self._subjects.clear()
        self._sessions.clear()
        self._counts.clear()
        self._backfilled.clear()
        self._skips = []
        self.messages = []

    def write_events(self) -> None:
        """Write the events alone, so that queries see them."""
        if self._rows:
            self.tables.events.append(self._rows)
            self._rows = []
            for subject in self._subjects.values():
                subject.appended.clear()

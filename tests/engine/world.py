"""One workspace on either store, on simulated time, driven in the process: what engine tests stand on."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ensue.base import bounds, json
from ensue.base.clock import SimulatedClock, from_iso
from ensue.base.ids import Ids
from ensue.engine.arrival import Arrival, Created
from ensue.engine.campaigns import background
from ensue.engine.contacts import changes, identity
from ensue.engine.engine import Engine
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.cause import Cause
from ensue.model.contact import Contact
from ensue.model.effects import Effects
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.store.ports import WorkspaceTables
from ensue.store.sqlite.store import SqliteStore
from tests.stores import AnyStore

T = TypeVar("T")

WAITING = {"nodes": [{"id": "wait", "type": "delay", "data": {"duration": "365d"}}], "edges": []}

START = from_iso("2026-01-15T10:00:00.000Z")


class World:
    """A workspace with a clock of its own. Every method is one transaction."""

    def __init__(self, folder: Path, now: int = START, store: AnyStore | None = None) -> None:
        """In a folder, or in a store that is open already."""
        self.clock = SimulatedClock(now)
        self.store: AnyStore = store or SqliteStore(folder, synchronous="OFF")
        self.engine = Engine(self.clock, Ids(self.clock))
        self.workspace = self.engine.ids.next()
        self._names = (f"thing {number}" for number in itertools.count(1))
        self.store.write(
            lambda tables: tables.sql.run(
                """INSERT INTO workspaces (id, name, slug, trigger_horizon, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?)""",
                (self.workspace, "World", f"world-{self.workspace}", bounds.TRIGGER_HORIZON, now, now),
            )
        )

    def close(self) -> None:
        self.store.close()

    # Running work

    def change(self, work: Callable[[WorkingSet], T]) -> T:
        """Work on the working set, committed; nothing stays when it raises."""
        try:
            return self.store.write(lambda tables: self.engine.within(tables, self.workspace, work))
        except BaseException:
            self.engine.forget()
            raise

    def ask(self, question: Callable[[WorkspaceTables], T]) -> T:
        return self.store.read(lambda tables: question(tables.workspace(self.workspace)))

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.store.read(lambda tables: tables.sql.rows(statement, values))

    def tables(self, column: str | None = None) -> list[str]:
        """The tables of the store, by name; only those with a column of this name."""
        columns = self.store.read(lambda tables: tables.sql.columns())
        return sorted({found.table for found in columns if column in {None, found.name}})

    def on(self, contact_id: int, work: Callable[[Subject], T]) -> T:
        """Work on one contact, brought to the present."""
        return self.change(lambda room: work(identity.held(room, contact_id)))

    # Time

    @property
    def now(self) -> int:
        return self.clock.now()

    def run_due(self) -> int:
        """Advance every contact that is due; returns how many were."""
        total = 0
        while advanced := self.store.write(self.engine.run_due):
            total += advanced
        return total

    def forward(self, milliseconds: int) -> int:
        """Let time pass in one jump, then run what came due."""
        self.clock.advance(milliseconds)
        return self.run_due()

    def run_campaigns(self, turns: int = 1_000) -> int:
        """Do what campaigns do in the background, until nothing is due or so many turns are over; returns how much."""
        done = 0
        for _ in range(turns):
            chores = self.store.read(lambda tables: background.due(tables, self.engine.ids.instant()))
            if not chores:
                break
            for chore in chores:
                self.store.read(partial(chore.read, ids=self.engine.ids))
                self.change(chore.write)
                done += 1
        return done

    # Definitions

    def define(self, work: Callable[[WorkspaceTables], T]) -> T:
        def change(room: WorkingSet) -> T:
            result = work(room.tables)
            room.tables.definitions.bump(room.now)
            return result

        return self.change(change)

    def segment(self, rules: dict[str, Any] | None, name: str | None = None, status: str = "READY") -> int:
        """A DYNAMIC segment, or a STATIC one without rules. Contacts that are there already are not looked at."""
        segment_id, now = self.engine.ids.next(), self.now
        kind = "STATIC" if rules is None else "DYNAMIC"
        segment = Segment(segment_id, name or next(self._names), None, kind, 1, rules, status, now, now)
        self.define(lambda tables: tables.definitions.put_segment(segment))
        return segment_id

    def scoring_rule(self, event_type: str, delta: int, **more: Any) -> int:
        rule_id, now = self.engine.ids.next(), self.now
        rule = ScoringRule(
            rule_id, next(self._names), 1, True, event_type, delta, **{"created_at": now, "updated_at": now} | more
        )
        self.define(lambda tables: tables.definitions.put_scoring_rule(rule))
        return rule_id

    def campaign(
        self, *triggers: dict[str, Any], workflow: dict[str, Any] | None = None, settings: dict[str, Any] | None = None
    ) -> int:
        """An ACTIVE campaign; whose enrolments just wait, when no workflow is given."""
        campaign_id, now = self.engine.ids.next(), self.now
        campaign = Campaign(
            campaign_id, next(self._names), "AUTOMATED", "ACTIVE", 1, list(triggers),
            workflow or WAITING, settings or {}, None, None, None, now, now,
        )  # fmt: skip
        self.define(lambda tables: tables.definitions.put_campaign(campaign))
        return campaign_id

    # Contacts and events

    def contact(self, **fields: Any) -> int:
        """A new contact, by its API fields."""
        return self.create(**fields)[0]

    def create(self, **fields: Any) -> tuple[int, Effects]:
        def work(room: WorkingSet) -> tuple[int, Effects]:
            subject, effects = changes.create(room, fields, Cause("CHANGE"))
            return subject.id, effects

        return self.change(work)

    def update(self, contact_id: int, **fields: Any) -> Effects:
        return self.on(contact_id, lambda subject: changes.update(subject, fields, Cause("CHANGE")))

    def post(self, event_type: str, contact_id: int | None = None, metadata: Any = None, **more: Any) -> Created:
        """Ingest one event; `more` are fields of `Arrival`.

        Raises what the engine refused it with.
        """
        arrival = Arrival(
            self.workspace, event_type, self.now, contact_id, metadata=metadata or {},
            metadata_text=json.encode_text(metadata) if metadata else None, **more,
        )  # fmt: skip
        (outcome,) = self.store.write(lambda tables: self.engine.ingest(tables, [arrival]))
        if isinstance(outcome, Created):
            return outcome
        raise outcome.error

    # What is stored

    def stored(self, contact_id: int) -> Contact:
        contact = self.ask(lambda tables: tables.contacts.lock(contact_id))
        assert contact is not None
        return contact

    def members(self, segment_id: int) -> set[int]:
        rows = self.rows("SELECT contact_id FROM memberships WHERE segment_id = ? AND exited_at IS NULL", segment_id)
        return {row[0] for row in rows}

    def segments_of(self, contact_id: int) -> set[int]:
        return set(self.ask(lambda tables: tables.memberships.current(contact_id)))

    def score(self, contact_id: int) -> int:
        return self.stored(contact_id).score

    def ledger_sum(self, contact_id: int) -> int:
        return sum(line.given for line in self.ask(lambda tables: tables.ledger.of_contact(contact_id, None, 10_000)))

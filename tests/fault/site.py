"""One workspace on a store that may break under it, its client's ledger, and the search for what is missing.

Each event is worth 5 points, is counted by segments and starts a campaign, so that every one leaves a trace in each
kind of table. `flaws` derives all traces again from the log.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ensue.base import bounds, json
from ensue.base.clock import SimulatedClock
from ensue.base.ids import Ids, show
from ensue.engine.arrival import Arrival, Created, Outcome
from ensue.engine.contacts import changes
from ensue.engine.engine import Engine
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.cause import Cause
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.store.ports import Tables
from ensue.store.sqlite.store import SqliteStore
from tests.stores import AnyStore

WORKSPACE = 1
POINTS = 5
MANY = 3
START = 1_768_471_200_000
WINDOW = 60_000


@dataclass
class Ledger:
    """The client's own record: a key is written here only once its answer was read."""

    answers: dict[str, int] = field(default_factory=dict)
    sent: int = 0

    def key(self) -> str:
        self.sent += 1
        return f"key {self.sent}"

    def acknowledge(self, key: str, outcome: Outcome) -> None:
        assert isinstance(outcome, Created)
        self.answers[key] = outcome.event.id


class Site:
    """A store in a folder, with an engine over it."""

    def __init__(
        self,
        folder: Path,
        *,
        now: int = START,
        vfs: str | None = None,
        synchronous: str = "FULL",
        workspace: int = WORKSPACE,
        store: AnyStore | None = None,
    ) -> None:
        """In a folder, or in a store that is open already."""
        self.workspace = workspace
        self.store: AnyStore = store or SqliteStore(folder, vfs=vfs, synchronous=synchronous)
        self.clock = SimulatedClock(now)
        self.engine = Engine(self.clock, Ids(self.clock, floor=self.store.read(lambda tables: tables.largest_id())))
        if not self.store.read(lambda tables: tables.workspace(workspace).definitions.segments()):
            self.store.write(self._prepare)
        self.contacts = self.store.read(lambda tables: tables.workspace(workspace).contacts.after(0, 100))

    def _prepare(self, tables: Tables) -> None:
        now = self.clock.now()
        own = tables.workspace(self.workspace).definitions
        if own.workspace() is None:
            tables.accounts.workspaces.add(
                Workspace(self.workspace, "Site", "site", "UTC", bounds.TRIGGER_HORIZON, 1, now, now)
            )
        for name, least, window in (("one", 1, None), ("many", MANY, None), ("lately", 1, "60s")):
            condition: dict[str, Any] = {
                "type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": least,
            }  # fmt: skip
            rules = {"operator": "AND", "conditions": [condition | ({"timeWindow": window} if window else {})]}
            own.put_segment(Segment(self.engine.ids.next(), name, None, "DYNAMIC", 1, rules, "READY", now, now))
        own.put_scoring_rule(
            ScoringRule(self.engine.ids.next(), "buys", 1, True, "buy", POINTS, created_at=now, updated_at=now)
        )
        workflow = {
            "nodes": [{"id": "a", "type": "delay", "data": {"for": "365d"}}, {"id": "b", "type": "exit", "data": {}}],
            "edges": [{"from": "a", "to": "b"}],
        }
        own.put_campaign(
            Campaign(
                self.engine.ids.next(), "hello", "AUTOMATED", "ACTIVE", 1, [{"type": "EVENT", "eventType": "buy"}],
                workflow, {}, None, None, None, now, now,
            )
        )  # fmt: skip
        own.bump(now)
        self.engine.within(tables, self.workspace, self._meet)

    @staticmethod
    def _meet(room: WorkingSet) -> None:
        for number in range(4):
            changes.create(room, {"externalId": f"person {number}"}, Cause("CHANGE"))

    def arrival(self, key: str, who: int, body: bytes = b"same", **more: Any) -> Arrival:
        """A `buy` of one of the contacts, with an idempotency key; `body` stands for what else was sent."""
        digest = blake2b(key.encode(), digest_size=16).digest()
        metadata = {"padding": "x" * (37 * len(key) % 600)}
        return Arrival(
            self.workspace, "buy", self.clock.now(), self.contacts[who % len(self.contacts)], metadata=metadata,
            metadata_text=json.encode_text(metadata), key=digest, fingerprint=body, **more,
        )  # fmt: skip

    def post(self, ledger: Ledger, count: int) -> None:
        """Commit some events together, and acknowledge them after."""
        keys = [ledger.key() for _ in range(count)]
        arrivals = [self.arrival(key, who) for who, key in enumerate(keys, ledger.sent)]
        outcomes = self.store.write(lambda tables: self.engine.ingest(tables, arrivals))
        for key, outcome in zip(keys, outcomes, strict=True):
            ledger.acknowledge(key, outcome)

    def run_due(self) -> None:
        while self.store.write(self.engine.run_due):
            pass

    def close(self) -> None:
        self.store.close()

    def missing(self, ledger: Ledger) -> set[str]:
        """Keys that were acknowledged and are not in the store, or stand for another event there."""
        rows = self.store.read(
            lambda tables: tables.sql.rows(
                """SELECT i.key, e.id FROM idempotency i
                JOIN events e ON e.workspace_id = i.workspace_id AND e.id = i.event_id WHERE i.workspace_id = ?""",
                (self.workspace,),
            )
        )
        found = {bytes(key): event_id for key, event_id in rows}
        digests = {key: blake2b(key.encode(), digest_size=16).digest() for key in ledger.answers}
        return {key for key, event_id in ledger.answers.items() if found.get(digests[key]) != event_id}

    def flaws(self) -> list[str]:
        """What does not follow from the log, or follows twice."""
        return [*self.store.check(), *self.store.read(_derived_again)]


def _derived_again(tables: Tables) -> Iterable[str]:
    ask = tables.sql.rows

    def pairs(statement: str) -> dict[Any, Any]:
        return {row[0]: row[1] for row in ask(statement)}

    found: list[str] = []
    happened = Counter(pairs("SELECT contact_id, COUNT(*) FROM events GROUP BY contact_id"))
    keys = {row[0] for row in ask("SELECT event_id FROM idempotency")}
    events = {row[0] for row in ask("SELECT id FROM events")}
    if keys != events:
        found.append(f"keys without events or events without keys: {keys ^ events}")
    counted = pairs("SELECT name, events FROM event_types").get("buy", 0)
    if counted != len(events):
        found.append(f"{counted} counted, {len(events)} stored")
    segments = pairs("SELECT name, id FROM segments")
    scores = pairs("SELECT contact_id, score FROM standings WHERE slot = -1")
    sums = pairs("SELECT contact_id, SUM(given) FROM score_ledger GROUP BY contact_id")
    members = set(ask("SELECT segment_id, contact_id FROM memberships WHERE exited_at IS NULL"))
    armed = {row[0] for row in ask("SELECT contact_id FROM timers WHERE kind = 2")}
    enrolled = Counter(row[0] for row in ask("SELECT contact_id FROM enrolments"))
    for contact_id, score in scores.items():
        times = happened[contact_id]
        who = show("ct", contact_id)
        if not score == POINTS * times == sums.get(contact_id, 0):
            found.append(f"{who}: {times} events, score {score}, ledger {sums.get(contact_id, 0)}")
        for name, least in (("one", 1), ("many", MANY)):
            if ((segments[name], contact_id) in members) != (times >= least):
                found.append(f"{who}: {times} events, segment {name} {times < least}")
        if (segments["lately"], contact_id) in members and contact_id not in armed:
            found.append(f"{who}: nothing will end its stay")
        if enrolled[contact_id] != min(times, 1):
            found.append(f"{who}: {times} events, {enrolled[contact_id]} enrolments")
    return found

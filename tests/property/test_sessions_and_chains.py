"""Sessions and ledgers through merges, deletions and erasures, against a model that keeps whole lists.

The events of a session lie in two indexes, and the ledger of a score in a chain: neither may lose or double anything,
whoever the events and the lines belong to in the end.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base.errors import EnsueError
from ensue.engine.arrival import Arrival, Created
from ensue.engine.contacts import erase, identity
from ensue.engine.contacts.merge import merge
from ensue.model.score import LedgerLine
from ensue.store.ports import Row, WorkspaceTables
from tests.engine.world import World
from tests.stores import STORES, Place

SESSIONS = ("s", "t", "u")

who = st.integers(0, 4)
session = st.sampled_from(SESSIONS)
arrivals = st.tuples(st.none() | who, st.none() | session, st.integers(-3, 3), st.sampled_from(["buy", "look"]))
steps = st.one_of(
    st.tuples(st.just("post"), st.lists(arrivals, min_size=1, max_size=6)),
    st.tuples(st.just("post"), st.lists(arrivals, min_size=1, max_size=6)),
    st.tuples(st.just("merge"), st.lists(st.tuples(who, who), min_size=1, max_size=3)),
    st.tuples(st.just("identify"), who, session),
    st.tuples(st.just("delete"), who),
    st.tuples(st.just("erase"), who),
    st.tuples(
        st.just("meet"),
    ),
    st.tuples(st.just("undone"), st.tuples(who, who), st.lists(arrivals, min_size=1, max_size=3)),
    st.tuples(st.just("pass"), st.sampled_from([1_000, 3_600_000, 86_400_000])),
)


def _page(tables: WorkspaceTables, key: str, limit: int) -> list[Row]:
    return tables.events.page(None, None, key, None, None, None, limit)


def _chain(tables: WorkspaceTables, contact: int) -> list[LedgerLine]:
    return tables.ledger.all_of_contact(contact)


class Story:
    """A world, and for each session the events that were posted with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.scoring_rule("buy", 5, cooldown=60_000)
        world.scoring_rule("buy", 3, max_score=9, decay_points=1, decay_period=3_600_000)
        world.scoring_rule("look", 1)
        self.contacts = [world.contact() for _ in range(3)]
        self.of_session: dict[str, set[int]] = {key: set() for key in SESSIONS}
        self.owner: dict[str, int | None] = dict.fromkeys(SESSIONS)
        self.lived_on: dict[int, int] = {}
        self.gone: set[int] = set()
        # Erased, and not begun anew with an event of a contact that is known.
        self.closed: set[str] = set()

    def person(self, number: int) -> int:
        return self.contacts[number % len(self.contacts)]

    def now_is(self, contact: int) -> int | None:
        while contact in self.lived_on:
            contact = self.lived_on[contact]
        return None if contact in self.gone else contact

    def meet(self) -> None:
        self.contacts.append(self.world.contact())

    def arrivals(self, items: list[Any]) -> list[Arrival]:
        return [
            Arrival(
                self.world.workspace, kind, self.world.now, None if number is None else self.person(number),
                session_id=key, timestamp=self.world.now + min(back, 0) * 3_600_000, metadata={}, metadata_text=None,
            )
            for number, key, back, kind in items
        ]  # fmt: skip

    def post(self, items: list[Any]) -> None:
        given_in = self.arrivals(items)
        outcomes = self.world.store.write(lambda tables: self.world.engine.ingest(tables, given_in))
        for (number, key, _, _), outcome in zip(items, outcomes, strict=True):
            named = self.now_is(self.person(number)) if number is not None else None
            refused = self.refused(number, key)
            assert isinstance(outcome, Created) is not refused, outcome
            if not isinstance(outcome, Created):
                continue
            if key is not None:
                self.of_session[key].add(outcome.event.id)
                if self.owner[key] is None:
                    self.owner[key] = named
                named = named if named is not None else self.owner[key]
            assert outcome.event.contact_id == named

    def refused(self, number: int | None, key: str | None) -> bool:
        if number is None:
            return key in self.closed
        if self.now_is(self.person(number)) is None:
            return True
        self.closed.discard(key or "")
        return False

    def undone(self, pair: tuple[int, int], items: list[Any]) -> None:
        """A merge behind a savepoint that is not kept, after events and before others of the same transaction."""
        first, second = map(self.person, pair)
        world = self.world

        def work(tables: Any) -> None:
            def both(room: Any) -> None:
                merge(room, first, second)
                raise KeyError

            world.engine.ingest(tables, self.arrivals(items))
            try:
                with world.store.savepoint():
                    world.engine.within(tables, world.workspace, both)
            except (KeyError, EnsueError):
                world.engine.forget()
            world.engine.ingest(tables, self.arrivals(items))

        before = set(self.ids())
        world.store.write(work)
        for number, key, _, _ in items:
            named = self.now_is(self.person(number)) if number is not None else None
            if not self.refused(number, key) and key is not None and self.owner[key] is None:
                self.owner[key] = named
        for event_id, key in world.rows("SELECT e.id, s.key FROM events e JOIN sessions s ON s.id = e.session_id"):
            if event_id not in before:
                self.of_session[key].add(event_id)

    def ids(self) -> list[int]:
        return [row[0] for row in self.world.rows("SELECT id FROM events")]

    def merge(self, pairs: list[tuple[int, int]]) -> None:
        """All in one transaction."""
        ready = []
        for one, two in pairs:
            first, second = self.now_is(self.person(one)), self.now_is(self.person(two))
            if first is not None and second is not None and self.person(one) != self.person(two):
                ready.append((self.person(one), self.person(two)))
                if first != second:
                    self.lived_on[second] = first

        def work(room: Any) -> None:
            for one, two in ready:
                merge(room, one, two)

        self.world.change(work)
        for key, owner in self.owner.items():
            self.owner[key] = self.now_is(owner) if owner is not None else None

    def identify(self, number: int, key: str) -> None:
        contact = self.now_is(self.person(number))
        if contact is not None and key not in self.closed and self.owner[key] in {None, contact}:
            self.world.on(contact, lambda subject: identity.identify_session(subject.room, subject, key))
            self.owner[key] = contact

    def leave(self, number: int, how: Any) -> None:
        contact = self.now_is(self.person(number))
        if contact is not None:
            self.world.on(contact, how)
            self.gone.add(contact)

    def delete(self, number: int) -> None:
        self.leave(number, erase.delete)
        for key, owner in self.owner.items():
            self.owner[key] = self.now_is(owner) if owner is not None else None

    # What must be so

    def check(self) -> None:
        world = self.world
        for key in SESSIONS:
            for limit in (3, 200):
                page = world.ask(partial(_page, key=key, limit=limit))
                stored = world.rows("SELECT id, timestamp FROM events")
                expected = sorted(((at, i) for i, at in stored if i in self.of_session[key]), reverse=True)[:limit]
                assert [row[0] for row in page] == [i for _, i in expected]
        lines = world.rows("SELECT contact_id, id, given, before, after FROM score_ledger ORDER BY id")
        by_contact: dict[int, list[Any]] = {}
        for contact, *line in lines:
            by_contact.setdefault(contact, []).append(tuple(line))
        present = {row[0] for row in world.rows("SELECT id FROM contacts")}
        assert present == {c for c in self.contacts if self.now_is(c) == c}
        assert by_contact.keys() <= present
        for contact in present:
            chain = world.ask(partial(_chain, contact=contact))
            assert [(n.id, n.given, n.before, n.after) for n in chain] == by_contact.get(contact, [])
            assert sum(n.given for n in chain) == world.score(contact)

    def take(self, step: tuple[Any, ...]) -> None:
        kind, *values = step
        if kind == "erase":
            contact = self.now_is(self.person(values[0]))
            theirs = {row[0] for row in self.world.rows("SELECT id FROM events WHERE contact_id = ?", contact)}
            self.leave(values[0], erase.erase)
            self.of_session = {key: events - theirs for key, events in self.of_session.items()}
            for key in SESSIONS:
                owner = self.owner[key]
                if owner is not None and self.now_is(owner) is None:
                    # Nothing says any more which session an event was of, and the session is refused.
                    self.of_session[key] = set()
                    self.owner[key] = None
                    self.closed.add(key)
        elif kind == "pass":
            self.world.forward(values[0])
        else:
            getattr(self, kind)(*values)


@pytest.mark.parametrize("place", STORES)
@settings(deadline=None, max_examples=60)
@given(told=st.lists(steps, min_size=2, max_size=14))
def test_nothing_is_lost_or_doubled(place: Place, told: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, place(Path(folder)) as opened:
        world = World(Path(folder), store=opened())
        try:
            story = Story(world)
            for step in told:
                story.take(step)
                story.check()
        finally:
            world.close()

"""What the engine keeps up to date equals what the whole history says, after every step (P4, P8)."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY
from ensue.base.ids import Ids, show
from ensue.engine.contacts import changes, identity
from ensue.engine.engine import Engine
from ensue.model.cause import Cause
from ensue.model.score import ScoringRule
from tests.engine.world import World
from tests.property import world as generated
from tests.property.engine_mirror import Mirror, renamed
from tests.property.world import SEGMENTS, UNITS
from tests.stores import Place, postgres, sqlite

EXAMPLES = int(os.environ.get("ENSUE_EXAMPLES", "60"))
CHANGE = Cause("CHANGE")
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def one(condition: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "AND", "conditions": [condition]}


class Both:
    """The engine and its mirror, told the same."""

    def __init__(self, world: World, unit: int) -> None:
        self.world = world
        self.mirror = Mirror()
        self.unit = unit
        self.anonymous: dict[str, list[Any]] = {}
        self.owners: dict[str, int] = {}

    @property
    def instant(self) -> int:
        return self.world.engine.ids.instant()

    def person(self, number: int) -> int:
        return list(self.mirror.people)[number % len(self.mirror.people)]

    def define(self, rules: list[dict[str, Any]], scoring: list[dict[str, Any]]) -> None:
        """What was drawn, and a little that lets no lost event, point or change of another segment go unseen."""
        for drawn in rules:
            earlier = [show("seg", segment) for segment in self.mirror.segments] or list(SEGMENTS.values())
            self.segment(renamed(drawn, dict(zip(SEGMENTS.values(), earlier[::-1] * 2, strict=False))))
        twice = self.segment(
            one({"type": "event", "eventType": "a", "aggregate": "count", "operator": "gte", "value": 2})
        )
        scored = self.segment(one({"type": "attribute", "field": "score", "operator": "gte", "value": 4}))
        inner = [
            {"type": "segment", "segmentId": show("seg", segment), "operator": "in"} for segment in (twice, scored)
        ]
        neither = self.segment({"operator": "NOT", "conditions": inner})
        self.segment(one({"type": "segment", "segmentId": show("seg", neither), "operator": "not_in"}))
        always = {"event_type": "a", "delta": 3, "max_score": 8, "decay_points": 2, "decay_period": 3 * self.unit}
        for body in [*scoring, always]:
            rule_id = self.world.scoring_rule(**body)
            self.mirror.scoring.append(ScoringRule(rule_id, "", 1, True, **body))

    def segment(self, rules: dict[str, Any]) -> int:
        segment_id = self.world.segment(rules)
        self.mirror.segments[segment_id] = rules
        return segment_id

    # Steps: each one is told to the engine, then to the mirror, then compared.

    def meet(self, fields: dict[str, Any]) -> None:
        self.mirror.meet(self.world.stored(self.world.contact(**fields)))

    def post(self, who: int | None, kind: str, back: int, value: object, session: str | None) -> None:
        contact_id = self.person(who) if who is not None else None
        owner = self.owners.get(session) if session is not None else None
        doer = contact_id if contact_id is not None else owner
        upto = self.reached(doer) if doer is not None else 0
        timestamp = self.world.now - back if back else None
        event = self.world.post(
            kind, contact_id, {"n": value}, timestamp=timestamp, session_id=session, page_url="/p"
        ).event
        assert event.contact_id == doer
        if doer is None:
            if session is not None:
                self.anonymous.setdefault(session, []).append(event)
        else:
            self.mirror.touch(doer, upto)
            if session is not None and session not in self.owners:
                self.attribute(doer, session)
            self.mirror.happen(doer, event)

    def identify(self, who: int, session: str) -> None:
        if session in self.owners:
            return
        contact_id = self.person(who)
        upto = self.reached(contact_id)
        self.world.change(lambda room: identity.identify_session(room, identity.held(room, contact_id), session))
        self.mirror.touch(contact_id, upto)
        self.attribute(contact_id, session)

    def attribute(self, contact_id: int, session: str) -> None:
        self.owners[session] = contact_id
        oldest = self.instant - 30 * DAY
        for event in sorted(self.anonymous.pop(session, []), key=lambda event: (event.timestamp, event.id)):
            if event.timestamp >= oldest:
                self.mirror.happen(contact_id, event)

    def change(self, who: int, plan: str | None, *, tagged: bool | None) -> None:
        contact_id = self.person(who)
        upto = self.reached(contact_id)
        person = self.mirror.people[contact_id]
        self.mirror.touch(contact_id, upto)
        if tagged is None:
            self.world.update(contact_id, attributes={"plan": plan})
        else:
            work = changes.add_tag if tagged else changes.remove_tag
            self.world.on(contact_id, lambda subject: work(subject, "vip", CHANGE))
            (person.tags.add if tagged else person.tags.discard)("vip")
        person.contact = self.world.stored(contact_id)
        self.mirror.look(contact_id)

    def move(self, milliseconds: int) -> None:
        self.world.clock.advance(milliseconds)

    def restart(self) -> None:
        # Not within one millisecond of what was done before: ledger lines are told apart by it (`largest_id`).
        self.world.clock.advance(7)
        floor = self.world.store.read(lambda tables: tables.largest_id())
        self.world.engine = Engine(self.world.clock, Ids(self.world.clock, floor=floor))

    def reached(self, contact_id: int) -> int:
        """The instant to which work on a contact brings it."""
        return max(self.world.stored(contact_id).as_of, self.instant)

    def run_due(self) -> None:
        self.world.run_due()
        for contact_id in self.mirror.people:
            self.mirror.advance(contact_id, self.instant)

    def compare(self) -> None:
        for contact_id, person in self.mirror.people.items():
            contact = self.world.stored(contact_id)
            assert self.intervals(contact_id) == {key: stays for key, stays in person.stays.items() if stays}
            assert contact.score == person.score == self.world.ledger_sum(contact_id)
            assert self.decays(contact_id) == {at: sum_ for at, sum_ in person.decays.items() if sum_}
            flips = self.mirror.next_change(contact_id, self.instant + 20 * self.unit)
            assert flips is None or (contact.due_at is not None and contact.due_at <= flips), "a horizon is too late"

    def intervals(self, contact_id: int) -> dict[int, list[tuple[int, int | None]]]:
        found: dict[int, list[tuple[int, int | None]]] = {}
        for segment, entered, exited in self.world.rows(
            "SELECT segment_id, entered_at, exited_at FROM memberships WHERE contact_id = ? ORDER BY id", contact_id
        ):
            stays = found.setdefault(segment, [])
            assert exited is None or entered <= exited
            if stays:
                left = stays[-1][1]
                assert left is not None, "a stay began in another"
                assert left <= entered, "a stay began in another"
            stays.append((entered, exited))
        return found

    def decays(self, contact_id: int) -> dict[int, int]:
        lines = self.world.rows(
            "SELECT at, SUM(given) FROM score_ledger WHERE contact_id = ? AND cause = 'DECAY' GROUP BY at", contact_id
        )
        return {at: given for at, given in lines if given}


PLANS = ["gold", "tin", None]
SESSIONS = ["s1", "s2", "s3"]
# What overflows a double is refused at the border.
STORABLE = [value for value in generated.VALUES if value != 10**400]
POOLS = [generated.FEW, generated.FEW, STORABLE]


def scoring_rules(scale: str) -> st.SearchStrategy[dict[str, Any]]:
    spans = st.integers(1, 4).map(lambda count: count * UNITS[scale])
    bounded = st.sampled_from([{}, {"max_score": 12}, {"min_score": -2}, {"min_score": -4, "max_score": 9}])
    condition = {"type": "attribute", "field": "metadata.n", "operator": "gte", "value": 1}
    rules: st.SearchStrategy[dict[str, Any]] = generated.merged(
        st.fixed_dictionaries({"event_type": st.sampled_from("aab"), "delta": st.sampled_from([5, 3, -3, 10])}),
        bounded,
        st.just({}) | st.fixed_dictionaries({"decay_points": st.integers(1, 6), "decay_period": spans}),
        st.just({}) | st.fixed_dictionaries({"cooldown": spans}),
        st.sampled_from([{}, {}, {"once": True}]),
        st.sampled_from([{}, {"condition": condition}]),
    )
    return rules


Step = tuple[Any, ...]


@st.composite
def stories(draw: st.DrawFn, scale: str) -> list[Step]:
    """What happens, step by step.

    Drawn from a seed: Hypothesis likes short lists of equal things, and defects here need long ones of unequal things.
    """
    random, unit = Random(draw(st.integers(0, 2**64))), UNITS[scale]
    pool = random.choice(POOLS)

    def span() -> int:
        return max(random.randint(0, 7) * unit + random.choice([0, 0, 1, -1]), 0)

    def post() -> Step:
        anonymous = random.random() < 0.25
        session = random.choice(SESSIONS if anonymous else [*[None] * 12, *SESSIONS])
        late = span() if random.random() < 0.4 else 0
        who = None if anonymous else random.randint(0, 1)
        return "post", who, random.choice("aaaabbc"), late, random.choice(pool), session

    others: list[Callable[[], Step]] = [
        lambda: ("identify", random.randint(0, 1), random.choice(SESSIONS)),
        lambda: (
            "change",
            random.randint(0, 1),
            random.choice(["gold", "tin", None]),
            random.choice([None, True, False]),
        ),
        lambda: ("pass", span()),
        lambda: ("pass", span()),
        lambda: ("stand still", span()),
        lambda: ("stand still", span()),
        lambda: ("pass", random.choice([DAY, -DAY])),
        lambda: ("restart",),
    ]
    return [post() if random.random() < 0.55 else random.choice(others)() for _ in range(random.randint(1, 16))]


def take(both: Both, step: Step) -> None:
    match step:
        case ("post", *rest):
            both.post(*rest)
        case ("identify", who, session):
            both.identify(who, session)
        case ("change", who, plan, tagged):
            both.change(who, plan, tagged=tagged)
        case ("pass", span):
            both.move(span)
            both.run_due()
        case ("stand still", span):
            # The clock goes on while nobody looks at timers, as after a crash.
            both.move(span)
            return
        case ("restart",):
            both.restart()
            both.run_due()
    both.compare()


@thorough
@given(st.data())
def test_memberships_scores_and_horizons_are_those_of_the_history(data):
    check_one(data, sqlite)


@pytest.mark.timeout(300)
@settings(thorough, max_examples=EXAMPLES // 10)
@given(st.data())
def test_and_so_they_are_on_the_server_store(data):
    check_one(data, postgres)


def check_one(data: st.DataObject, place: Place) -> None:
    scale = data.draw(generated.scales)
    with tempfile.TemporaryDirectory() as folder, place(Path(folder)) as opened:
        both = Both(World(Path(folder), store=opened()), UNITS[scale])
        try:
            both.define(
                data.draw(st.lists(generated.groups(scale), min_size=1, max_size=4)),
                data.draw(st.lists(scoring_rules(scale), max_size=2)),
            )
            for plan in ("gold", None):
                both.meet({"attributes": {"plan": plan, "day": "2026-01-20"}})
            for step in data.draw(stories(scale)):
                take(both, step)
            both.move(20 * both.unit)
            both.run_due()
            both.compare()
        finally:
            both.world.close()

"""A shop with half a year behind it, lived through the engine itself on a simulated clock.

Nothing is written past the engine: every membership, point and enrolment of the demo followed from an event or from
time, at its own instant.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ensue.accounts import keys, people, roles, tokens
from ensue.accounts.audit import Actor, Recorder
from ensue.base import bounds, json
from ensue.base.clock import DAY, HOUR, MINUTE, SimulatedClock
from ensue.base.errors import Conflict
from ensue.base.ids import Ids, show
from ensue.engine.arrival import Arrival
from ensue.engine.campaigns import editing
from ensue.engine.contacts import changes
from ensue.engine.engine import Engine
from ensue.engine.working_set import WorkingSet
from ensue.model.account import User
from ensue.model.cause import Cause
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.store.ports import Tables, Writable

EMAIL = "demo@example.com"
SLUG = "fernhill"
DAYS = 180
CONTACTS = 300

_FIRST = ("Ada", "Ben", "Chidi", "Dora", "Emil", "Fatima", "Goran", "Hana", "Ines", "Jonas", "Kofi", "Lena", "Mei")
_LAST = ("Abara", "Berg", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Hoang", "Ivanova", "Jensen", "Kim", "Lopez")
_PAGES = ("/", "/tents", "/boots", "/stoves", "/pricing", "/journal/first-hike", "/cart")
_SOURCES = (("google", "cpc", "spring"), ("newsletter", "email", "summer-sale"), ("instagram", "social", None))


@dataclass(frozen=True)
class Access:
    """How to get into the demo: what was made for this start."""

    workspace: str
    email: str
    password: str
    key: str


@dataclass(frozen=True)
class _Life:
    """Where the demo lives; `contacts` are the persons who have come so far."""

    engine: Engine
    clock: SimulatedClock
    workspace: int
    contacts: dict[int, int]


@dataclass(frozen=True)
class _Moment:
    """Something that somebody does."""

    at: int
    person: int
    type: str
    metadata: dict[str, Any]
    page: str | None = None
    source: tuple[str, str, str | None] | None = None


def prepare(store: Writable, now: int, password: str, password_hash: str) -> Access:
    """The demo as of `now`: made when it is not there, else with a new password and key.

    Raises:
        Conflict: the folder is somebody's own.
    """
    clock = SimulatedClock(now)
    ids = Ids(clock, floor=store.write(lambda tables: tables.largest_id()))
    if missing(store):
        if store.write(lambda tables: tables.accounts.users.any()):
            raise Conflict("There are accounts in this folder already; give the demo a folder of its own.")
        _live(store, now)
        ids = Ids(clock, floor=store.write(lambda tables: tables.largest_id()))
    return store.write(lambda tables: _let_in(tables, ids, password, password_hash))


def missing(store: Writable) -> bool:
    """Whether the demo has not been made yet."""
    return store.write(lambda tables: not tables.accounts.workspaces.has_slug(SLUG))


def _let_in(tables: Tables, ids: Ids, password: str, password_hash: str) -> Access:
    accounts = tables.accounts
    owner = accounts.users.by_email(people.email_key(EMAIL))
    assert owner is not None
    accounts.users.set_password(owner.id, password_hash, ids.instant())
    ((workspace, _),) = accounts.workspaces.of_user(owner.id)
    accounts.of(workspace.id).keys.revoke_all(ids.instant())
    order = keys.Order("SECRET", "demo", ["admin"], None, None, None)
    recorder = Recorder(tables, ids, Actor(owner.id, None, "local"))
    _, key = keys.issue(tables, ids, workspace.id, order, roles.SCOPES["OWNER"], owner.id, recorder)
    return Access(show("ws", workspace.id), EMAIL, password, key)


def _live(store: Writable, now: int) -> None:
    """Half a year, a day at a time: what happened, then what came due."""
    chance = random.Random(20_26)  # noqa: S311  a demo must be the same each time, not unguessable
    start = now - DAYS * DAY
    clock = SimulatedClock(start)
    engine = Engine(clock, Ids(clock))
    life = _Life(engine, clock, store.write(lambda tables: _found(tables, engine, start)), {})
    moments = sorted(_moments(chance, start, now), key=lambda moment: (moment.at, moment.person))
    day = start
    while day < now:
        day = min(day + DAY, now)
        today = []
        while moments and moments[0].at <= day:
            today.append(moments.pop(0))
        store.write(partial(_days_events, life, today))
        clock.set(day)
        while store.write(engine.run_due):
            pass


def _days_events(life: _Life, today: list[_Moment], tables: Tables) -> None:
    for moment in today:
        life.clock.set(moment.at)
        if moment.person not in life.contacts:
            life.contacts[moment.person] = _newcomer(tables, life, moment.person)
        life.engine.ingest(tables, [_arrival(life, moment)])


def _arrival(life: _Life, moment: _Moment) -> Arrival:
    source, medium, campaign = moment.source or (None, None, None)
    return Arrival(
        life.workspace,
        moment.type,
        moment.at,
        life.contacts[moment.person],
        metadata=moment.metadata,
        metadata_text=json.encode_text(moment.metadata) if moment.metadata else None,
        session_id=f"visit-{moment.person}-{moment.at // DAY}",
        page_url=f"https://fernhill.example{moment.page}" if moment.page else None,
        utm_source=source,
        utm_medium=medium,
        utm_campaign=campaign,
        source="demo",
    )


def _newcomer(tables: Tables, life: _Life, number: int) -> int:
    chance = random.Random(number)  # noqa: S311  see above
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    fields = {
        "email": f"{first}.{last}.{number}@example.com".lower(),
        "firstName": first,
        "lastName": last,
        "timezone": chance.choice(("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")),
        "attributes": {"plan": chance.choice(("free", "free", "pro", "team")), "birthday": _birthday(chance)},
    }
    return life.engine.within(tables, life.workspace, lambda room: changes.create(room, fields, Cause("MANUAL"))[0].id)


def _birthday(chance: random.Random) -> str:
    return f"{chance.randint(1960, 2004)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


def _moments(chance: random.Random, start: int, now: int) -> Iterator[_Moment]:
    """What everybody did: some come once, some come often, some stop coming."""
    for person in range(CONTACTS):
        at = start + chance.randrange(DAYS * DAY)
        leaves = min(now, at + int(chance.expovariate(1 / 60) * DAY) + HOUR)
        source = chance.choice((*_SOURCES, None, None))
        yield _Moment(at, person, "signup", {"via": source[0] if source else "direct"}, "/", source)
        keenness = chance.choice((1, 2, 2, 4, 8))
        while (at := at + int(chance.expovariate(keenness / 6) * DAY)) < leaves:
            yield from _visit(chance, at, person, now)


def _visit(chance: random.Random, at: int, person: int, now: int) -> Iterator[_Moment]:
    source = chance.choice((*_SOURCES, None, None, None))
    for step in range(chance.randint(1, 5)):
        moment = at + step * 2 * MINUTE
        if moment < now:
            yield _Moment(moment, person, "page_view", {}, chance.choice(_PAGES), source)
    bought = at + 15 * MINUTE
    if chance.random() < 0.35 and bought < now:
        yield _Moment(bought - MINUTE, person, "cart.added", {"items": chance.randint(1, 4)}, "/cart")
        if chance.random() < 0.6:
            amount = round(chance.lognormvariate(4, 0.7), 2)
            yield _Moment(bought, person, "purchase", {"amount": amount, "currency": "EUR"}, "/checkout")


def _found(tables: Tables, engine: Engine, now: int) -> int:
    """The owner, the workspace and what it has defined."""
    ids = engine.ids
    owner = User(ids.next(), EMAIL, people.email_key(EMAIL), "Demo", tokens.new(), now, now)
    workspace = Workspace(ids.next(), "Fernhill Outdoor", SLUG, "Europe/Berlin", bounds.TRIGGER_HORIZON, 1, now, now)
    tables.accounts.users.add(owner)
    tables.accounts.workspaces.add(workspace)
    tables.accounts.of(workspace.id).members.put(owner.id, "OWNER", now)
    own = tables.workspace(workspace.id).definitions
    segments = {}
    for name, rules in _SEGMENTS:
        segment_id = segments[name] = ids.next()
        own.put_segment(Segment(segment_id, name, None, "DYNAMIC", 1, _filled(rules, segments), "READY", now, now))
    for name, event_type, delta, more in _SCORING:
        own.put_scoring_rule(
            ScoringRule(ids.next(), name, 1, True, event_type, delta, created_at=now, updated_at=now, **more)
        )
    own.bump(now)
    for campaign in _CAMPAIGNS:
        fields = _filled(campaign, segments)
        engine.within(tables, workspace.id, partial(_launch, fields))
    return workspace.id


def _launch(fields: dict[str, Any], room: WorkingSet) -> None:
    campaign = editing.create(room, fields)
    editing.change_status(room, campaign, "ACTIVE")


def _filled(value: Any, segments: dict[str, int]) -> Any:
    """The same JSON with names of segments after `@` turned into their ids."""
    match value:
        case dict():
            return {name: _filled(item, segments) for name, item in value.items()}
        case list():
            return [_filled(item, segments) for item in value]
        case str() if value.startswith("@"):
            return show("seg", segments[value[1:]])
        case _:
            return value


def _all(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "AND", "conditions": list(conditions)}


def _events(event_type: str, operator: str, value: float, window: str | None = None, **more: Any) -> dict[str, Any]:
    condition = {"type": "event", "eventType": event_type, "aggregate": "count", "operator": operator, "value": value}
    return condition | ({"timeWindow": window} if window else {}) | more


_SEGMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Active this week", _all(_events("page_view", "gte", 1, "7d"))),
    ("Customers", _all(_events("purchase", "gte", 1))),
    ("Loyal customers", _all(_events("purchase", "gte", 3, "90d"))),
    ("Big spenders", _all(_events("purchase", "gt", 300, "60d", aggregate="sum", property="metadata.amount"))),
    ("Lapsed customers", _all(
        {"type": "segment", "segmentId": "@Customers", "operator": "in"}, _events("purchase", "eq", 0, "30d"))),
    ("Left a cart", _all({
        "type": "sequence", "steps": [{"eventType": "cart.added"}, {"eventType": "purchase"}],
        "within": "2h", "lastStep": "absent", "timeWindow": "7d"})),
    ("Hot leads", _all(
        {"type": "attribute", "field": "score", "operator": "gte", "value": 25}, _events("purchase", "eq", 0))),
    ("Paid plans", _all(
        {"type": "attribute", "field": "attributes.plan", "operator": "in", "value": ["pro", "team"]})),
    ("Birthday today", _all(
        {"type": "date", "field": "attributes.birthday", "operator": "anniversary", "value": "1d"})),
)  # fmt: skip

_SCORING: tuple[tuple[str, str, int, dict[str, Any]], ...] = (
    ("Looks around", "page_view", 1, {"max_score": 30, "decay_points": 5, "decay_period": 7 * DAY}),
    ("Fills a cart", "cart.added", 8, {"cooldown": DAY}),
    ("Buys", "purchase", 20, {"max_score": 100}),
    ("Signed up", "signup", 10, {"once": True}),
)

_CAMPAIGNS: tuple[dict[str, Any], ...] = (
    {
        "name": "Welcome", "type": "AUTOMATED",
        "triggers": [{"type": "EVENT", "eventType": "signup"}],
        "workflow": {
            "nodes": [
                {"id": "first-purchase", "type": "wait_until", "data": {"eventType": "purchase", "timeout": "3d"}},
                {"id": "bought", "type": "tag", "data": {"tag": "quick starter"}},
                {"id": "not-yet", "type": "tag", "data": {"tag": "needs a nudge"}},
            ],
            "edges": [
                {"from": "first-purchase", "to": "bought"},
                {"from": "first-purchase", "to": "not-yet", "branch": "timeout"},
            ],
        },
        "settings": {"reentry": "NEVER"},
    },
    {
        "name": "Win back", "type": "AUTOMATED",
        "triggers": [{"type": "SEGMENT_ENTERED", "segmentId": "@Lapsed customers"}],
        "workflow": {
            "nodes": [
                {"id": "offer", "type": "split", "data": {
                    "branches": [{"name": "discount", "weight": 50}, {"name": "story", "weight": 50}]}},
                {"id": "discount", "type": "update_contact", "data": {
                    "fields": {"attributes": {"winBack": "discount"}}}},
                {"id": "story", "type": "update_contact", "data": {"fields": {"attributes": {"winBack": "story"}}}},
            ],
            "edges": [
                {"from": "offer", "to": "discount", "branch": "discount"},
                {"from": "offer", "to": "story", "branch": "story"},
            ],
        },
        "settings": {"reentry": "AFTER_EXIT"},
    },
    {
        "name": "Talk to sales", "type": "AUTOMATED",
        "triggers": [{"type": "SCORE_CROSSED", "threshold": 60}],
        "workflow": {
            "nodes": [
                {"id": "breathe", "type": "delay", "data": {"duration": "1h"}},
                {"id": "hand-over", "type": "emit_event", "data": {
                    "eventType": "sales.lead", "metadata": {"from": "score"}}},
            ],
            "edges": [{"from": "breathe", "to": "hand-over"}],
        },
        "settings": {"reentry": "AFTER_EXIT"},
    },
)  # fmt: skip

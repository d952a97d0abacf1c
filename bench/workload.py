"""The workload that is measured: what a workspace has defined, who is in it, what it remembers, what is posted.

A workspace of 100 segments, 30 scoring rules and 20 active campaigns, over 20 event types. The posted type touches 5
segments (2 of them windowed), 2 scoring rules and 1 trigger, whose condition holds in one event of twenty. Everything
is drawn from a seed.
"""

import json
import random
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from ensue.accounts import tokens
from ensue.base.clock import DAY, HOUR, SystemClock
from ensue.base.ids import Ids, show
from ensue.engine.arrival import Arrival
from ensue.engine.engine import Engine
from ensue.model.account import ApiKey, User
from ensue.model.campaign import Campaign
from ensue.model.contact import Contact
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.store.ports import Store, Tables
from ensue.store.sqlite.store import SqliteStore

SEED = 20_260_115
POSTED = "purchase"
TYPES = (POSTED, *(f"page_view.{number:02}" for number in range(1, 20)))
_CHUNK = 10_000
_GROWN = 1_000_000
_HISTORY = 60 * DAY

Json = dict[str, Any]


class Size(NamedTuple):
    """How big a workspace is. `rules` is the number of segments that no posted event touches."""

    contacts: int = 100_000
    events: int = 1_000_000
    rules: int = 95


class Site(NamedTuple):
    """A workspace that stands ready in a folder."""

    folder: Path
    workspace_id: int
    key: str
    contacts: list[int]

    @property
    def path(self) -> str:
        """The path of its events."""
        return f"/api/workspaces/{show('ws', self.workspace_id)}/events"


def build(folder: Path, size: Size, *, defined: bool = True) -> Site:
    """Make a workspace of a size. With `defined` false it has contacts and a log but no segments, rules, campaigns.

    Events of the posted type go through the engine, so that tallies, memberships, scores and timers are what they
    would be. The others are written straight to the log: nothing that is measured reads what they would have led to.
    """
    store = SqliteStore(folder, synchronous="OFF")
    try:
        # What is written at once here is more than a server's cache holds.
        store.write(lambda tables: tables.sql.run("PRAGMA cache_size = -524288"))
        return fill(store, folder, size, defined=defined)
    finally:
        store.close()


def fill(store: Store, folder: Path, size: Size, *, defined: bool = True) -> Site:
    """The same in a store that is open; the folder is for what belongs to the workspace beside it."""
    clock = SystemClock()
    engine = Engine(clock, Ids(clock))
    chance = random.Random(SEED)
    site = store.write(lambda tables: _workspace(tables, engine, folder))
    if defined:
        store.write(lambda tables: define(tables, engine, site, size.rules))
    for start in range(0, size.contacts, _CHUNK):
        count = min(_CHUNK, size.contacts - start)
        store.write(lambda tables, start=start, count=count: _contacts(tables, engine, site, start, count))  # type: ignore[misc]
    posted = size.events // len(TYPES) if defined else 0
    through_engine(store, engine, site, POSTED, posted, chance)
    write_log(store, engine, site, size.events - posted, TYPES[1:] if defined else TYPES, chance)
    return site


def bodies(site: Site, count: int, seed: int = SEED) -> list[bytes]:
    """Bodies of about 311 bytes for contacts drawn by Zipf."""
    chance = random.Random(seed)
    return [body(contact, at, chance) for at, contact in zipf(site.contacts, count, chance)]


def batch_bodies(site: Site, count: int, events: int) -> list[bytes]:
    """Bodies of batches; `@@` stands where each event's idempotency key goes."""
    single = bodies(site, count * events, SEED + 1)
    keyed = [text[:-1] + b',"idempotencyKey":"@@"}' for text in single]
    return [b'{"events":[' + b",".join(keyed[at : at + events]) + b"]}" for at in range(0, count * events, events)]


def body(contact_id: int, session: int, chance: random.Random) -> bytes:
    """One request body, as the contract shows it."""
    return json.dumps(
        {
            "type": POSTED,
            "contactId": show("ct", contact_id),
            "metadata": {
                "productId": f"prod_{chance.randrange(1000):03}",
                "amount": round(chance.random() * 100, 2),
                "currency": "USD",
            },
            "sessionId": _session(session),
            "pageUrl": "https://shop.example.com/checkout",
            "referrer": "https://shop.example.com/cart",
            "utmSource": "email",
            "utmMedium": "campaign",
            "utmCampaign": "summer-sale",
        },
        separators=(",", ":"),
    ).encode()


def zipf(contacts: list[int], count: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """(place, contact), the contact of rank r being r times rarer than the first; ranks are shuffled over ids."""
    weights = list(accumulate(1 / rank for rank in range(1, len(contacts) + 1)))
    places = list(range(len(contacts)))
    random.Random(SEED).shuffle(places)
    for _ in range(count):
        place = places[bisect_left(weights, chance.random() * weights[-1])]
        yield place, contacts[place]


def _session(place: int) -> str:
    return f"sess_{place:07}"


# The workspace and its people


def _workspace(tables: Tables, engine: Engine, folder: Path) -> Site:
    ids, now = engine.ids, engine.clock.now()
    workspace_id, user_id = ids.next(), ids.next()
    tables.accounts.workspaces.add(Workspace(workspace_id, "Bench", "bench", "UTC", 72 * HOUR, 1, now, now))
    tables.accounts.users.add(User(user_id, "bench@example.com", "bench@example.com", "Bench", "-", now, now))
    accounts = tables.accounts.of(workspace_id)
    accounts.members.put(user_id, "OWNER", now)
    token = tokens.new(tokens.API_KEY)
    accounts.keys.add(
        ApiKey(
            workspace_id, ids.next(), "SECRET", "bench", tokens.shown(token), tokens.digest(token), ["admin"], None,
            None, user_id, now, None, None, None,
        )
    )  # fmt: skip
    for name in TYPES:
        tables.workspace(workspace_id).events.add_type(name, now)
    return Site(folder, workspace_id, token, [])


def _contacts(tables: Tables, engine: Engine, site: Site, start: int, count: int) -> None:
    own, ids, now = tables.workspace(site.workspace_id), engine.ids, engine.clock.now()
    for place in range(start, start + count):
        email = f"person{place:07}@example.com"
        contact = Contact(
            ids.next(), now, now, now, email=email, first_name="Jane", last_name="Smith",
            attributes={"plan": ("free", "pro", "team")[place % 3], "country": f"C{place % 40:02}", "age": place % 80},
        )  # fmt: skip
        own.contacts.add(contact, email)
        own.sessions.add(ids.next(), _session(place), contact.id, now)
        site.contacts.append(contact.id)


# What is defined


def define(tables: Tables, engine: Engine, site: Site, rules: int) -> None:
    """Store the definitions: 5 segments that the posted type touches, `rules` that it does not, and the others."""
    own, ids, now = tables.workspace(site.workspace_id).definitions, engine.ids, engine.clock.now()
    made: list[int] = []
    for at in range(len(_TOUCHED) + rules):
        rule = event_rule(POSTED, *_TOUCHED[at]) if at < len(_TOUCHED) else _untouched(at - len(_TOUCHED), made)
        made.append(ids.next())
        own.put_segment(Segment(made[-1], f"Segment {at}", None, "DYNAMIC", 1, rule, "READY", now, now))
    for at in range(30):
        name = POSTED if at < 2 else TYPES[1 + at % 19]
        decay = (5, 30 * DAY) if at == 1 else (None, None)
        own.put_scoring_rule(
            ScoringRule(
                ids.next(), f"Rule {at}", 1, True, name, 5, None, max_score=50, decay_points=decay[0],
                decay_period=decay[1], created_at=now, updated_at=now,
            )
        )  # fmt: skip
    for at in range(20):
        name = POSTED if at == 0 else TYPES[at]
        over = {"operator": "AND", "conditions": [attribute("metadata.amount", "gt", 95)]}
        own.put_campaign(
            Campaign(
                ids.next(), f"Campaign {at}", "AUTOMATED", "ACTIVE", 1,
                [{"type": "EVENT", "eventType": name, "conditions": over}], _WORKFLOW, {}, None, None, None, now, now,
            )
        )  # fmt: skip
    own.bump(now)


# (how many, within what): 3 over all time, 2 windowed.
_TOUCHED = ((2, None), (6, None), (15, None), (3, "7d"), (20, "30d"))
_WORKFLOW = {
    "nodes": [
        {"id": "wait", "type": "delay", "data": {"duration": "30d"}},
        {"id": "end", "type": "exit", "data": {}},
    ],
    "edges": [{"from": "wait", "to": "end"}],
}


def _untouched(at: int, made: list[int]) -> Json:
    """55 of 95 on other events (28 windowed), 30 on attributes, 10 nested."""
    slot = at % 95
    if slot < 55:
        return event_rule(TYPES[1 + at % 19], 1 + at // 19, f"{1 + at % 90}d" if slot % 2 == 0 else None)
    if slot < 85:
        return {"operator": "AND", "conditions": [_attribute(at)]}
    inner = [
        {"type": "segment", "segmentId": show("seg", made[5 + at % 55]), "operator": "in"},
        {"operator": "NOT", "conditions": [_attribute(at)]},
    ]
    return {"operator": "OR", "conditions": inner}


def event_rule(name: str, needed: int, window: str | None) -> Json:
    """So many events of a type, each over 20, perhaps within a window."""
    where = {"operator": "AND", "conditions": [attribute("metadata.amount", "gt", 20)]}
    condition: Json = {
        "type": "event", "eventType": name, "aggregate": "count", "operator": "gte", "value": needed, "where": where,
    }  # fmt: skip
    if window is not None:
        condition["timeWindow"] = window
    return {"operator": "AND", "conditions": [condition]}


def attribute(field: str, operator: str, value: object) -> Json:
    """A condition on a field."""
    return {"type": "attribute", "field": field, "operator": operator, "value": value}


def _attribute(at: int) -> Json:
    return (
        attribute("attributes.plan", "eq", ("free", "pro", "team")[at % 3]),
        attribute("attributes.country", "eq", f"C{at % 400:02}"),
        attribute("attributes.age", "gt", at % 80),
    )[at % 3]


# What it remembers


def through_engine(
    store: Store,
    engine: Engine,
    site: Site,
    event_type: str,
    count: int,
    chance: random.Random,
    *,
    at: int | None = None,
    each_once: bool = False,
) -> None:
    """Let events happen, drawn by Zipf (or one for each contact), over the last 60 days (or all at one instant)."""
    now = engine.clock.now()
    instants = sorted(now - chance.randrange(_HISTORY) if at is None else at for _ in range(count))
    drawn = list(enumerate(site.contacts)) if each_once else list(zipf(site.contacts, count, chance))
    for start in range(0, count, 1_000):
        arrivals = []
        for number in range(start, min(start + 1_000, count)):
            metadata = {"productId": "prod_1", "amount": 21 + round(chance.random() * 79, 2), "currency": "USD"}
            place, contact_id = drawn[number]
            arrivals.append(
                Arrival(
                    site.workspace_id, event_type, now, contact_id, instants[number], metadata,
                    json.dumps(metadata, separators=(",", ":")), _session(place),
                    "https://shop.example.com/checkout", "https://shop.example.com/cart", "email", "campaign",
                    "summer-sale", triggers=False, key=chance.randbytes(16), fingerprint=chance.randbytes(16),
                )
            )  # fmt: skip
        store.write(lambda tables, arrivals=arrivals: engine.ingest(tables, arrivals))  # type: ignore[misc]


def write_log(
    store: Store, engine: Engine, site: Site, count: int, types: tuple[str, ...], chance: random.Random
) -> None:
    """Write events straight to the log, with the keys that they came with.

    Up to a million, as the file would have grown: pages are as full as inserts leave them. Beyond that the indexes are
    made afterwards, which is sooner; what is then measured only reads.
    """
    if not count:
        return
    now = engine.clock.now()
    instants = sorted(now - chance.randrange(_HISTORY) for _ in range(count))
    drawn = zipf(site.contacts, count, chance)
    indexes = store.write(_drop_indexes) if count > _GROWN else []
    type_ids = store.write(lambda tables: _type_ids(tables, site, types))
    for start in range(0, count, _CHUNK):
        rows, keys = [], []
        for at in range(start, min(start + _CHUNK, count)):
            _, contact_id = next(drawn)
            event_id, instant = engine.ids.next(), instants[at]
            amount = int(chance.random() * 10_000) / 100
            rows.append(
                (
                    event_id, contact_id, chance.choice(type_ids), instant, instant, None,
                    "https://shop.example.com/checkout", "https://shop.example.com/cart", "email", "campaign",
                    "summer-sale", f'{{"productId":"prod_1","amount":{amount},"currency":"USD"}}', "api", None, 0, 0,
                    f'[[{contact_id},"person@example.com","Jane","Smith"],[0,0]]',
                )
            )  # fmt: skip
            keys.append((site.workspace_id, chance.randbytes(16), b"", event_id))
        store.write(lambda tables, rows=rows, keys=keys: _append(tables, site, rows, keys))  # type: ignore[misc]
    store.write(lambda tables: _make_indexes(tables, indexes))


def _append(tables: Tables, site: Site, rows: list[tuple[object, ...]], keys: list[tuple[object, ...]]) -> None:
    tables.workspace(site.workspace_id).events.append(rows)
    tables.sql.run_many(
        "INSERT INTO idempotency (workspace_id, key, fingerprint, event_id) VALUES (?, ?, ?, ?)", sorted(keys)
    )


def _type_ids(tables: Tables, site: Site, types: tuple[str, ...]) -> list[int]:
    log = tables.workspace(site.workspace_id).events
    return [found for name in types if (found := log.type_id(name)) is not None]


def _drop_indexes(tables: Tables) -> list[str]:
    rows = tables.sql.rows(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL"
    )
    for name, _ in rows:
        tables.sql.run(f"DROP INDEX {name}")
    return [sql for _, sql in rows]


def _make_indexes(tables: Tables, indexes: list[str]) -> None:
    for sql in indexes:
        tables.sql.run(sql)

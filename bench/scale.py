"""Section 3: what an event costs must not depend on how many contacts, past events or rules there are."""

import random
from contextlib import ExitStack
from pathlib import Path

from bench import load
from bench.load import Bodies, fetch
from bench.posting import MAIN
from bench.server import Server
from bench.stage import Stage
from bench.table import Line
from bench.workload import POSTED, SEED, Site, Size, body, build, through_engine
from ensue.base.clock import SystemClock
from ensue.base.ids import Ids, show
from ensue.engine.engine import Engine
from ensue.store.sqlite.store import SqliteStore

_LIGHT_EVENTS = 10
# A contact with a short history gets so many posts, then it is another one's turn.
_POSTS_EACH = 640
_LIGHT = 200


def contacts(stage: Stage) -> list[Line]:
    """Many contacts against few."""
    many = Size(1_000_000) if stage.full else MAIN
    few = Size(1_000, many.events // 10)
    large = stage.site("million" if stage.full else "main", many)
    lines = _compare(stage, f"{many.contacts:,} contacts", large, f"{few.contacts:,}", stage.site("few", few), 1.3)
    stage.drop("million")
    stage.drop("few")
    return lines


def rules(stage: Stage) -> list[Line]:
    """Many rules that the event does not touch against few."""
    large = stage.site("rules", Size(1_000, 2_000, 10_000))
    small = stage.site("no rules", Size(1_000, 2_000, 100))
    return _compare(stage, "10,000 untouched rules", large, "100", small, 1.1)


def history(stage: Stage) -> list[Line]:
    """A contact with a long history against contacts with a short one, the same number of each in a transaction."""
    long = 100_000 if stage.full else 20_000
    site = stage.site("history", Size(1_000, long), _make_history)
    chance = random.Random(SEED)
    heavy = load.write_bodies(site.folder / "heavy", [body(site.contacts[0], 0, chance) for _ in range(10_000)])
    light = load.write_bodies(
        site.folder / "light",
        [body(site.contacts[1 + at], 1 + at, chance) for at in range(_LIGHT) for _ in range(_POSTS_EACH)],
    )
    with ExitStack() as stack:
        server, own = stack.enter_context(stage.product("history, long", site))
        other, own2 = stack.enter_context(stage.product("history, short", site))
        costs = stage.interleave(
            {
                "long": lambda: 1e6 / stage.post(server, own, heavy, 64).rate,
                "short": lambda: 1e6 / stage.post(other, own2, light, 64).rate,
            }
        )
    return [_cost(f"{long:,} events in the contact's history", costs["long"], f"{_LIGHT_EVENTS}", costs["short"], 1.2)]


def listing(stage: Stage) -> list[Line]:
    """`GET events`, 50 of one contact, against the same bytes from a handler that has them."""
    site = long_log(stage)
    with ExitStack() as stack:
        server, own = stack.enter_context(stage.product("list", site))
        path = _busy_contact(server, own)
        answer = own.folder / "page"
        answer.write_bytes(fetch(server, own, path))
        page = stack.enter_context(stage.serving("list, same bytes", "page", str(answer)))
        get = Bodies(answer, "get")
        found = stage.interleave(
            {
                "same": lambda: load.run(page, own, get, 64, stage.seconds, path).rate,
                "list": lambda: load.run(server, own, get, 64, stage.seconds, path).rate,
            }
        )
    return [
        Line(
            f"GET 50 events, {long_size(stage).events:,} stored", f"{found['list']:,.0f}/s",
            f"the same bytes: {found['same']:,.0f}/s", found["list"] / found["same"], 0.25, at_least=True,
            figures=dict(found),
        )
    ]  # fmt: skip


def _busy_contact(server: Server, site: Site) -> str:
    for contact_id in site.contacts[::7]:
        path = f"{site.path}?contactId={show('ct', contact_id)}&limit=50"
        if fetch(server, site, path).count(b'"id":"evt_') == 50:
            return path
    raise RuntimeError("No contact has 50 events.")


def _compare(stage: Stage, name: str, large: Site, other: str, small: Site, bar: float) -> list[Line]:
    with ExitStack() as stack:
        server, own = stack.enter_context(stage.product(name, large))
        second, own2 = stack.enter_context(stage.product(f"{name}, against {other}", small))
        sent, sent2 = stage.bodies(large), stage.bodies(small)
        costs = stage.interleave(
            {
                "large": lambda: 1e6 / stage.post(server, own, sent, 64).rate,
                "small": lambda: 1e6 / stage.post(second, own2, sent2, 64).rate,
            }
        )
    return [_cost(name, costs["large"], other, costs["small"], bar)]


def _cost(name: str, measured: float, against: str, other: float, bar: float) -> Line:
    return Line(
        f"cost with {name}", f"{measured:,.0f} us", f"with {against}: {other:,.0f} us", measured / other, bar,
        at_least=False, figures={"measured": measured, "against": other},
    )  # fmt: skip


def _make_history(folder: Path, size: Size) -> Site:
    site = build(folder, Size(size.contacts, 0))
    store = SqliteStore(folder, synchronous="OFF")
    clock = SystemClock()
    engine = Engine(clock, Ids(clock, floor=store.read(lambda tables: tables.largest_id())))
    try:
        chance = random.Random(SEED)
        through_engine(store, engine, site._replace(contacts=site.contacts[:1]), POSTED, size.events, chance)
        for at in range(1, _LIGHT + 1):
            through_engine(store, engine, site._replace(contacts=[site.contacts[at]]), POSTED, _LIGHT_EVENTS, chance)
    finally:
        store.close()
    return site


def long_size(stage: Stage) -> Size:
    """How much is stored where the length of the log is what matters."""
    return Size(1_000_000, 10_000_000) if stage.full else MAIN


def long_log(stage: Stage) -> Site:
    """A workspace with a long log. The quick run has one already; ten million events are made without definitions."""
    return stage.site("log", long_size(stage), _only_log) if stage.full else stage.site("main", MAIN)


def _only_log(folder: Path, size: Size) -> Site:
    return build(folder, size, defined=False)

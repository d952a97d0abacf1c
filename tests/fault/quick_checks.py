"""Small checks of the promises, each done in a second or two: what `test_breakages` runs against broken code.

Each takes a folder and raises AssertionError when what it looks at does not hold.
"""

import gc
import random
import shutil
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ensue.base.errors import Conflict, NotFound
from ensue.engine.arrival import Created, Refused
from ensue.model.contact import Contact
from ensue.model.workspace import Workspace
from tests.fault.committing import driven
from tests.fault.power_loss import PowerLossVFS, register
from tests.fault.site import START, WINDOW, WORKSPACE, Ledger, Site

OTHER = 2


def power(root: Path) -> None:
    """P1: what was answered survives the power, with its effects."""
    vfs = register("power-quick")
    try:
        for seed in range(4):
            found = losses(vfs, root / str(seed), seed, "FULL", lives=25)
            assert found == [], f"seed {seed}: {found}"
    finally:
        gc.collect()
        vfs.unregister()


def losses(vfs: PowerLossVFS, root: Path, seed: int, synchronous: str, lives: int) -> list[str]:
    """What the first of many lives that finds something missing or wrong finds. Each starts from what was left."""
    rng, ledger = random.Random(seed), Ledger()
    Site(root / "0").close()
    for number in range(lives):
        left = root / str(number + 1)
        now = START + number * 3_600_000
        with vfs.until_power_loss(after=rng.randint(0, 120), seed=rng.getrandbits(32), into=left):
            _live(root / str(number), now, vfs, synchronous, ledger, rng)
        # Judged on a copy, so that the next life has the recovery to do.
        after = Site(shutil.copytree(left, root / f"{number + 1} judged"), now=now, synchronous="OFF")
        found = [*after.missing(ledger), *after.flaws()]
        after.close()
        if found:
            return found
    assert len(ledger.answers) > lives, "the lives are too short to lose anything"
    return []


def _live(folder: Path, now: int, vfs: PowerLossVFS, synchronous: str, ledger: Ledger, rng: random.Random) -> None:
    """Start, and work until the power goes or for a while."""
    site = Site(folder, now=now, vfs=vfs.name, synchronous=synchronous)
    for _ in range(rng.randint(1, 12)):
        site.clock.advance(rng.choice([0, 1, 1_000, 40_000]))
        if rng.random() < 0.3:
            site.run_due()
        site.post(ledger, rng.randint(1, 6))
    if rng.random() < 0.1:
        site.close()


def races(folder: Path) -> None:
    """P2: eight at once for each of twenty keys; one wins, the others get its answer."""
    site = Site(folder, synchronous="OFF")

    async def story(committing: Any) -> None:
        for number in range(20):
            asked = [committing.commits.ingest([site.arrival(f"key {number}", number)]) for _ in range(8)]
            outcomes = [(await answer)[0] for answer in asked]
            assert len({outcome.event.id for outcome in outcomes}) == 1, "two events for one key"
            assert [outcome.replayed for outcome in outcomes] == [False, *[True] * 7]

    driven(site, Ledger(), story)
    assert _count(site, "events") == 20
    assert site.flaws() == []
    site.close()


def keys(folder: Path) -> None:
    """P2: the same key with the same body is the same answer; with another body it is refused."""
    site = Site(folder, synchronous="OFF")

    def send(body: bytes) -> Any:
        return site.store.write(lambda tables: site.engine.ingest(tables, [site.arrival("key", 0, body)]))[0]

    first, again, other = send(b"one"), send(b"one"), send(b"two")
    assert isinstance(first, Created)
    assert replace(again, replayed=False) == first
    assert isinstance(other, Refused), "another body was answered as if it were the first"
    assert site.flaws() == []
    site.close()


def savepoints(folder: Path) -> None:
    """Work that is refused leaves nothing behind in the transaction that it shared."""
    site = Site(folder, synchronous="OFF")

    def refused(tables: Any) -> None:
        tables.workspace(WORKSPACE).contacts.add_tag(99, "half done", 1)
        raise Conflict("No.")

    async def story(committing: Any) -> None:
        waiting = committing.commits.run(refused)
        assert await committing.post(committing.ledger.key())
        assert isinstance(await _error_of(waiting), Conflict)

    driven(site, Ledger(), story)
    assert _count(site, "tags") == 0, "half of what was refused is stored"
    assert site.flaws() == []
    site.close()


def instants(folder: Path) -> None:
    """P4, P8: a stay ends at its own instant, however late that is noticed."""
    site, ledger = Site(folder, synchronous="OFF"), Ledger()
    site.post(ledger, 1)
    began = site.clock.now()
    for step in (WINDOW - 1, 1, 10 * WINDOW):
        site.clock.advance(step)
        site.run_due()
        assert site.flaws() == []
        ended = None if site.clock.now() < began + WINDOW else began + WINDOW
        assert _stays(site) == [(began, ended)]
    site.post(ledger, 4)
    site.clock.advance(5 * WINDOW)
    site.post(ledger, 4)
    assert {ended - entered for entered, ended in _stays(site) if ended is not None} == {WINDOW}
    site.close()


def effects(folder: Path) -> None:
    """P2: everything that follows from each event, in several transactions."""
    site, ledger = Site(folder, synchronous="OFF"), Ledger()
    for count in (1, 4, 7):
        site.clock.advance(1_000)
        site.post(ledger, count)
        assert site.flaws() == []
        assert site.missing(ledger) == set()
    site.close()


def tenancy(folder: Path) -> None:
    """Another workspace's contact is nobody here."""
    site = Site(folder, synchronous="OFF")
    site.store.write(lambda tables: tables.accounts.workspaces.add(Workspace(OTHER, "", "o", "UTC", 1, 1, 1, 1)))
    site.store.write(lambda tables: tables.workspace(OTHER).contacts.add(Contact(77, 1, 1, 1), None))
    arrival = replace(site.arrival("key", 0), contact_id=77)
    (outcome,) = site.store.write(lambda tables: site.engine.ingest(tables, [arrival]))
    assert isinstance(outcome, Refused), "an event was given to another workspace's contact"
    assert isinstance(outcome.error, NotFound)
    site.close()


def rollbacks(folder: Path) -> None:
    """What was learned in a transaction that failed is not believed in the next."""
    site = Site(folder, synchronous="OFF")

    def poison(tables: Any) -> None:
        tables.sql.run("no such statement")

    async def story(committing: Any) -> None:
        fresh = replace(site.arrival("key", 0), type="never seen before")
        waiting = [committing.commits.ingest([fresh]), committing.commits.run(poison)]
        assert isinstance((await waiting[0])[0], Created)
        assert await _error_of(waiting[1]) is not None

    driven(site, Ledger(), story)
    rows = site.store.read(
        lambda tables: tables.sql.rows(
            "SELECT t.name, t.events FROM events e LEFT JOIN event_types t ON t.id = e.type_id"
        )
    )
    assert rows == [("never seen before", 1)], "an event has a type that is not there"
    site.close()


async def _error_of(waiting: Any) -> BaseException | None:
    try:
        await waiting
    except Exception as error:  # noqa: BLE001 - it is the answer
        return error
    return None


def _count(site: Site, table: str) -> int:
    rows = site.store.read(lambda tables: tables.sql.rows(f"SELECT COUNT(*) FROM {table}"))
    return int(rows[0][0])


def _stays(site: Site) -> list[tuple[int, int | None]]:
    rows = site.store.read(
        lambda tables: tables.sql.rows(
            """SELECT m.entered_at, m.exited_at FROM memberships m JOIN segments s
            ON s.workspace_id = m.workspace_id AND s.id = m.segment_id WHERE s.name = 'lately' ORDER BY m.id"""
        )
    )
    return [(row[0], row[1]) for row in rows]

"""Node numbers, leased: each process has one of its own, so that no two ever hand out the same id.

A process that stood still for longer than its lease may find that another has its number. Every transaction asks for
the token it holds, last of all before its commit, so that one that comes back too late stores nothing any more.
"""

import secrets
from typing import NamedTuple

from ensue.base.clock import SECOND
from ensue.base.errors import Unavailable
from ensue.base.ids import NODES
from ensue.store.sql.connection import Sql

LEASE = 60 * SECOND
# Clocks of hosts differ: a lease is taken over only when it has been over for as long again.
_GRACE = LEASE


class Lost(Exception):
    """Another process has this one's node number, so it must not hand out ids any more."""

    stops_the_process = True


class Lease(NamedTuple):
    """A node number, and the proof of holding it."""

    node: int
    token: str


def take(sql: Sql, now: int) -> Lease:
    """Lease the lowest number that is free.

    Raises:
        Unavailable: all are taken.
    """
    lease = Lease(_free(sql, now), secrets.token_hex(16))
    sql.run(
        """INSERT INTO nodes (node, token, expires_at, latest_id) VALUES (?, ?, ?, 0)
        ON CONFLICT (node) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at""",
        (*lease, now + LEASE),
    )
    return lease


def _free(sql: Sql, now: int) -> int:
    # Two that begin at once must not find the same one free.
    sql.run("LOCK TABLE nodes IN SHARE ROW EXCLUSIVE MODE")
    taken = {row[0] for row in sql.rows("SELECT node FROM nodes WHERE expires_at > ?", (now - _GRACE,))}
    for node in range(NODES):
        if node not in taken:
            return node
    raise Unavailable(f"{NODES} processes are at work already, or were a moment ago.")


def hold(sql: Sql, lease: Lease, latest_id: int, now: int) -> None:
    """Renew a lease, and keep the latest id, in the transaction that this must be true of.

    Raises:
        Lost: it is another's.
    """
    held = sql.run(
        """UPDATE nodes SET latest_id = CASE WHEN latest_id < ? THEN ? ELSE latest_id END, expires_at = ?
        WHERE node = ? AND token = ?""",
        (latest_id, latest_id, now + LEASE, *lease),
    )
    if not held:
        raise Lost(f"Another process has taken over node {lease.node}.")


def give_back(sql: Sql, lease: Lease) -> None:
    """Leave the number to the next one that asks."""
    sql.run("UPDATE nodes SET expires_at = 0 WHERE node = ? AND token = ?", lease)

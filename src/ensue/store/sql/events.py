"""The log of events, the types seen in it, sessions, and the keys that make retries safe."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from ensue.base import json
from ensue.model.event import Event
from ensue.store.sql.clause import ALL, Clause
from ensue.store.sql.connection import Row, Sql

_COLUMNS = """e.id, t.name, e.timestamp, e.received_at, e.contact_id, e.metadata, s.key, e.page_url, e.referrer,
  e.utm_source, e.utm_medium, e.utm_campaign, e.source, e.cause_id, e.depth"""
_JOINED = """events e JOIN event_types t ON t.workspace_id = e.workspace_id AND t.id = e.type_id
  LEFT JOIN sessions s ON s.workspace_id = e.workspace_id AND s.id = e.session_id"""

_WITH_CONTACT = f"""{_JOINED}
  LEFT JOIN contacts c ON c.workspace_id = e.workspace_id AND c.id = e.contact_id"""
_NEWEST_FIRST = "ORDER BY e.timestamp DESC, e.id DESC"

# Several processes write to a server at once, so ids are not in the order of the commits there. `xact` is the
# transaction: what is older than every one that still runs has settled, and nothing can come before it any more.
_SETTLED = Clause("(e.xact < pg_snapshot_xmin(pg_current_snapshot()))")


def _event(row: Row) -> Event:
    return Event(row[0], row[1], row[2], row[3], row[4], json.decode(row[5]) if row[5] else {}, *row[6:])


class EventLog:
    """The events of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def append(self, rows: Iterable[Sequence[object]]) -> None:
        """Store events.

        A row is (id, contact, type id, timestamp, received, session id, page, referrer, three utm, metadata,
        source, cause, depth, apart, answer); metadata and answer are texts, `apart` is 1 when the contact of the
        session is not the event's.
        """
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO events (workspace_id, id, contact_id, type_id, timestamp, received_at, session_id, page_url,
              referrer, utm_source, utm_medium, utm_campaign, metadata, source, cause_id, depth, apart, answer)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [(workspace, *row) for row in rows],
        )

    def get(self, event_id: int) -> tuple[Event, str | None, str | None] | None:
        """An event with the text of its answer and of its later effects."""
        row = self._sql.row(
            f"SELECT {_COLUMNS}, e.answer, e.effects FROM {_JOINED} WHERE e.workspace_id = ? AND e.id = ?",
            (self._workspace, event_id),
        )
        return (_event(row[:15]), row[15], row[16]) if row else None

    def of_contact(self, contact_id: int, types: Iterable[str], after: int | None, upto: int) -> list[Event]:
        """A contact's events of these types with `after < timestamp <= upto`, ascending by (timestamp, id)."""
        names = json.encode_text(list(types))
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM {_JOINED}
            WHERE e.workspace_id = ? AND e.contact_id = ? AND e.timestamp > ? AND e.timestamp <= ?
              AND e.type_id IN (SELECT id FROM event_types
                WHERE workspace_id = ? AND {self._sql.json.among_texts("name")})
            ORDER BY e.timestamp, e.id""",
            (self._workspace, contact_id, -(2**62) if after is None else after, upto, self._workspace, names),
        )
        return [_event(row) for row in rows]

    def of_contacts(
        self, contact_ids: Sequence[int], types: Iterable[str], after: int | None, upto: int
    ) -> Iterator[tuple[int, list[Event]]]:
        """Those contacts that have events of these types with `after < timestamp <= upto`, each with these events.

        The contacts are ascending, the events by (timestamp, id).
        """
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM {_JOINED}
            WHERE e.workspace_id = ? AND {self._sql.json.among("e.contact_id")}
              AND e.timestamp > ? AND e.timestamp <= ?
              AND e.type_id IN (SELECT id FROM event_types
                WHERE workspace_id = ? AND {self._sql.json.among_texts("name")})
            ORDER BY e.contact_id, e.timestamp, e.id""",
            (
                self._workspace, json.encode_text(list(contact_ids)), -(2**62) if after is None else after, upto,
                self._workspace, json.encode_text(list(types)),
            ),
        )  # fmt: skip
        for contact_id, group in groupby(rows, key=itemgetter(4)):
            yield contact_id, [_event(row) for row in group]

    def of_type(self, type_name: str, below: tuple[int, int] | None, limit: int) -> list[Event]:
        """Events of a type that a contact is known to have done, newest first, below a place (timestamp, id)."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM {_JOINED}
            WHERE e.workspace_id = ? AND e.type_id = ? AND e.contact_id IS NOT NULL AND (e.timestamp, e.id) < (?, ?)
            ORDER BY e.timestamp DESC, e.id DESC LIMIT ?""",
            (self._workspace, self.type_id(type_name), *(below or (2**62, 0)), limit),
        )
        return [_event(row) for row in rows]

    def unattributed(self, session_id: int, since: int) -> list[Event]:
        """A session's events that nobody is known to have done yet, ascending by (timestamp, id)."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM {_JOINED}
            WHERE e.workspace_id = ? AND e.session_id = ? AND e.timestamp >= ? AND e.apart = 1 AND e.contact_id IS NULL
            ORDER BY e.timestamp, e.id""",
            (self._workspace, session_id, since),
        )
        return [_event(row) for row in rows]

    def attribute(self, event_id: int, contact_id: int) -> None:
        """Give an anonymous event its contact."""
        self._sql.run(
            "UPDATE events SET contact_id = ? WHERE workspace_id = ? AND id = ?",
            (contact_id, self._workspace, event_id),
        )

    def keep_effects(self, event_id: int, effects: str) -> None:
        """Keep what followed from an event when it was attributed."""
        self._sql.run(
            "UPDATE events SET effects = ? WHERE workspace_id = ? AND id = ?", (effects, self._workspace, event_id)
        )

    def page(
        self,
        contact_id: int | None,
        type_name: str | None,
        session_key: str | None,
        since: int | None,
        until: int | None,
        below: tuple[int, int] | None,
        limit: int,
    ) -> list[Row]:
        """One page of events, newest first.

        A row has the columns of an event (metadata as text) and of its contact (email, names). The order is by
        (timestamp, id): `since <= timestamp < until`, and below a place in that order.
        """
        who = ALL
        if contact_id is not None:
            who &= Clause("e.contact_id = ?", (contact_id,))
        if type_name is not None:
            who &= Clause("e.type_id = ?", (self.type_id(type_name),))
        if since is not None:
            who &= Clause("e.timestamp >= ?", (since,))
        if until is not None:
            who &= Clause("e.timestamp < ?", (until,))
        if below is not None:
            who &= Clause("(e.timestamp, e.id) < (?, ?)", below)
        if session_key is None:
            return self._shown(who, _NEWEST_FIRST, limit)
        rows = [row for part in self._of_session(session_key) for row in self._shown(who & part, _NEWEST_FIRST, limit)]
        return sorted(rows, key=itemgetter(2, 0), reverse=True)[:limit]

    def _of_session(self, key: str) -> list[Clause]:
        """The events of a session in two parts, each with an index of its own: apart from its contact, and with it."""
        session = self._sql.row(
            "SELECT id, contact_id FROM sessions WHERE workspace_id = ? AND key = ?", (self._workspace, key)
        )
        if session is None:
            return []
        parts = [Clause("e.session_id = ? AND e.apart = 1", session[:1])]
        if session[1] is not None:
            parts.append(Clause("e.contact_id = ? AND e.session_id = ? AND e.apart = 0", session[::-1]))
        return parts

    def row(self, event_id: int) -> Row | None:
        """One event as `page` gives it."""
        return next(iter(self._shown(Clause("e.id = ?", (event_id,)), "", 1)), None)

    def newest(self, limit: int) -> list[Row]:
        """The events committed last, the last one first, as `page` gives them."""
        return self._shown(self._settled, f"ORDER BY {self._newest_first}", limit)

    def committed_after(self, event_id: int, limit: int) -> list[Row]:
        """Events committed after one, in the order of their commits, as `page` gives them."""
        if self._sql.ids_follow_commits:
            return self._shown(Clause("e.id > ?", (event_id,)), "ORDER BY e.id", limit)
        # Differs by necessity, see `_SETTLED`.
        later = Clause(
            """(e.xact, e.id) > (COALESCE((SELECT a.xact FROM events a WHERE a.workspace_id = ? AND a.id <= ?
              ORDER BY a.id DESC LIMIT 1), CAST('0' AS xid8)), ?)""",
            (self._workspace, event_id, event_id),
        )
        return self._shown(_SETTLED & later, "ORDER BY e.xact, e.id", limit)

    @property
    def _settled(self) -> Clause:
        return ALL if self._sql.ids_follow_commits else _SETTLED

    @property
    def _newest_first(self) -> str:
        return "e.id DESC" if self._sql.ids_follow_commits else "e.xact DESC, e.id DESC"

    def _shown(self, which: Clause, order: str, limit: int) -> list[Row]:
        """Events as lists show them."""
        return self._sql.rows(
            f"SELECT {_COLUMNS}, c.email, c.first_name, c.last_name FROM {_WITH_CONTACT}"
            f" WHERE e.workspace_id = ? AND {which.sql} {order} LIMIT ?",
            (self._workspace, *which.values, limit),
        )

    def types(self) -> list[tuple[str, int, int, int]]:
        """(name, events, first seen, last seen) of every type, most frequent first."""
        rows = self._sql.rows(
            """SELECT name, events, first_at, last_at FROM event_types WHERE workspace_id = ? AND events > 0
            ORDER BY events DESC, name""",
            (self._workspace,),
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def latest_id(self) -> int:
        """The id of the event committed last, or 0."""
        row = self._sql.row(
            f"""SELECT e.id FROM events e WHERE e.workspace_id = ? AND {self._settled.sql}
            ORDER BY {self._newest_first} LIMIT 1""",
            (self._workspace,),
        )
        return row[0] if row else 0

    def type_id(self, name: str) -> int | None:
        """The number of an event type that has been seen."""
        row = self._sql.row("SELECT id FROM event_types WHERE workspace_id = ? AND name = ?", (self._workspace, name))
        return row[0] if row else None

    def add_type(self, name: str, at: int) -> int:
        """The number of an event type, made when it is new."""
        row = self._sql.row(
            """INSERT INTO event_types (workspace_id, id, name, first_at, last_at)
            SELECT ?, COALESCE(MAX(id), 0) + 1, ?, ?, ? FROM event_types WHERE workspace_id = ?
            ON CONFLICT (workspace_id, name) DO UPDATE SET name = excluded.name RETURNING id""",
            (self._workspace, name, at, at, self._workspace),
        )
        assert row is not None
        return int(row[0])

    def count_types(self, counts: Iterable[tuple[int, int, int]]) -> None:
        """Add to the counts of types: (type id, events, newest instant)."""
        self._sql.run_many(
            """UPDATE event_types SET events = events + ?,
              last_at = CASE WHEN last_at < ? THEN ? ELSE last_at END
            WHERE workspace_id = ? AND id = ?""",
            [(events, last_at, last_at, self._workspace, type_id) for type_id, events, last_at in sorted(counts)],
        )


class IdempotencyKeys:
    """Which keys have been used in one workspace, for what, and with which event as the answer."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def claim(self, key: bytes, fingerprint: bytes, event_id: int) -> bool:
        """Take a key; False when somebody had it first. Waits for a claim that is under way elsewhere."""
        return (
            self._sql.run(
                """INSERT INTO idempotency (workspace_id, key, fingerprint, event_id) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, key) DO NOTHING""",
                (self._workspace, key, fingerprint, event_id),
            )
            == 1
        )

    def claim_all(self, claims: Iterable[tuple[bytes, bytes, int]]) -> set[bytes]:
        """Take keys: (key, fingerprint, event), each key once. Returns those that nobody had before."""
        rows = self._sql.returned(
            """INSERT INTO idempotency (workspace_id, key, fingerprint, event_id) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, key) DO NOTHING RETURNING key""",
            [(self._workspace, *claim) for claim in claims],
        )
        return {row[0] for row in rows}

    def release(self, key: bytes) -> None:
        """Give back a key that was taken in this transaction."""
        self._sql.run("DELETE FROM idempotency WHERE workspace_id = ? AND key = ?", (self._workspace, key))

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        """The fingerprint and the event of a used key."""
        row = self._sql.row(
            "SELECT fingerprint, event_id FROM idempotency WHERE workspace_id = ? AND key = ?", (self._workspace, key)
        )
        return (row[0], row[1]) if row else None


class Sessions:
    """The browser sessions of one workspace, and whose they are."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def find(self, key: str) -> tuple[int, int | None] | None:
        """(id, contact) of a session."""
        row = self._sql.row(
            "SELECT id, contact_id FROM sessions WHERE workspace_id = ? AND key = ?", (self._workspace, key)
        )
        return (row[0], row[1]) if row else None

    def find_all(self, keys: Iterable[str], *, held: bool = False) -> dict[str, tuple[int, int | None]]:
        """(id, contact) of those sessions that have been seen before; `held` so that nobody ties them meanwhile."""
        ending = f" ORDER BY key{self._sql.for_update}" if held else ""
        rows = self._sql.rows(
            f"""SELECT key, id, contact_id FROM sessions
            WHERE workspace_id = ? AND {self._sql.json.among_texts("key")}{ending}""",
            (self._workspace, json.encode_text(list(keys))),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def linked_since(self, contact_id: int, since: int) -> dict[str, int]:
        """The sessions that were tied to a contact from an instant on, by key, and when."""
        rows = self._sql.rows(
            "SELECT key, linked_at FROM sessions WHERE workspace_id = ? AND contact_id = ? AND linked_at >= ?",
            (self._workspace, contact_id, since),
        )
        return {row[0]: row[1] for row in rows}

    def add(self, session_id: int, key: str, contact_id: int | None, at: int) -> None:
        """Store a new session."""
        self._sql.run(
            "INSERT INTO sessions (workspace_id, id, key, contact_id, created_at, linked_at) VALUES (?, ?, ?, ?, ?, ?)",
            (self._workspace, session_id, key, contact_id, at, at if contact_id else None),
        )

    def link(self, session_id: int, contact_id: int, at: int) -> bool:
        """Tie a session to a contact; False when it is tied already."""
        changed = self._sql.run(
            """UPDATE sessions SET contact_id = ?, linked_at = ?
            WHERE workspace_id = ? AND id = ? AND contact_id IS NULL""",
            (contact_id, at, self._workspace, session_id),
        )
        return changed == 1

"""Addresses that get nothing any more."""

from typing import NamedTuple

from ensue.model.suppression import Suppression
from ensue.store.sql.connection import Sql

_COLUMNS = "id, channel, address, reason, note, message_id, created_at"


class Wanted(NamedTuple):
    """Which suppressions; None is any. `part` is a part of the address's key."""

    channel: str | None = None
    reason: str | None = None
    part: str | None = None


class Suppressions:
    """The suppression list of one workspace. `key` is what the spellings of one address have in common."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def has(self, channel: str, key: str) -> bool:
        """Whether an address is suppressed."""
        row = self._sql.row(
            "SELECT 1 FROM suppressions WHERE workspace_id = ? AND channel = ? AND address_key = ?",
            (self._workspace, channel, key),
        )
        return row is not None

    def find(self, channel: str, key: str) -> Suppression | None:
        """The suppression of an address."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = ? AND channel = ? AND address_key = ?",
            (self._workspace, channel, key),
        )
        return Suppression(*row) if row else None

    def get(self, suppression_id: int) -> Suppression | None:
        """One suppression."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = ? AND id = ?", (self._workspace, suppression_id)
        )
        return Suppression(*row) if row else None

    def add(self, suppression: Suppression, key: str) -> bool:
        """Suppress an address; False when it is already, and stays as it is."""
        added = self._sql.run(
            f"""INSERT INTO suppressions (workspace_id, address_key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, channel, address_key) DO NOTHING""",
            (
                self._workspace, key, suppression.id, suppression.channel, suppression.address, suppression.reason,
                suppression.note, suppression.message_id, suppression.created_at,
            ),
        )  # fmt: skip
        return added == 1

    def annotate(self, suppression_id: int, note: str | None) -> None:
        """Write another note."""
        self._sql.run(
            "UPDATE suppressions SET note = ? WHERE workspace_id = ? AND id = ?",
            (note, self._workspace, suppression_id),
        )

    def remove(self, suppression_id: int) -> bool:
        """Take an address off the list; False when it is not on it."""
        removed = self._sql.run(
            "DELETE FROM suppressions WHERE workspace_id = ? AND id = ?", (self._workspace, suppression_id)
        )
        return removed == 1

    def forget(self, channel: str, key: str) -> None:
        """Take an address off the list, of somebody who is erased."""
        self._sql.run(
            "DELETE FROM suppressions WHERE workspace_id = ? AND channel = ? AND address_key = ?",
            (self._workspace, channel, key),
        )

    def page(self, wanted: Wanted, limit: int, offset: int) -> tuple[int, list[Suppression]]:
        """(how many in all, one page newest first)."""
        where = "workspace_id = ?"
        values: list[object] = [self._workspace]
        for column, value in (("channel", wanted.channel), ("reason", wanted.reason)):
            if value is not None:
                where += f" AND {column} = ?"
                values.append(value)
        if wanted.part is not None:
            escaped = wanted.part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            where += " AND address_key LIKE ? ESCAPE '\\'"
            values.append(f"%{escaped}%")
        total = self._sql.row(f"SELECT COUNT(*) FROM suppressions WHERE {where}", values)
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM suppressions WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return (total[0] if total else 0), [Suppression(*row) for row in rows]

"""Identities that were erased, as keyed hashes."""

from ensue.store.sql.connection import Sql


class Erasures:
    """The erased identities of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def key(self) -> bytes | None:
        """The key of the hashes; None before the first erasure."""
        row = self._sql.row("SELECT key FROM erasure_keys WHERE workspace_id = ?", (self._workspace,))
        return row[0] if row else None

    def keep_key(self, key: bytes, at: int) -> None:
        """Keep the key."""
        self._sql.run(
            "INSERT INTO erasure_keys (workspace_id, key, created_at) VALUES (?, ?, ?)", (self._workspace, key, at)
        )

    def has(self, identity: bytes) -> bool:
        """Whether an identity is among them."""
        row = self._sql.row(
            "SELECT 1 FROM erasures WHERE workspace_id = ? AND identity = ?", (self._workspace, identity)
        )
        return row is not None

    def add(self, identity: bytes, at: int) -> None:
        """Add an identity, unless it is there."""
        self._sql.run(
            """INSERT INTO erasures (workspace_id, identity, at) VALUES (?, ?, ?)
            ON CONFLICT (workspace_id, identity) DO NOTHING""",
            (self._workspace, identity, at),
        )

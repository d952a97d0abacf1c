"""The key pair by which push services know a workspace."""

from typing import NamedTuple

from ensue.store.sql.connection import Sql


class PushKey(NamedTuple):
    """The public half as browsers take it, and the private half, sealed."""

    public: str
    private: bytes


class PushKeys:
    """The key of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def get(self) -> PushKey | None:
        """The key, once it was made."""
        row = self._sql.row("SELECT public_key, private_key FROM push_keys WHERE workspace_id = ?", (self._workspace,))
        return PushKey(*row) if row else None

    def add(self, key: PushKey, at: int) -> None:
        """Keep a key, unless there is one."""
        self._sql.run(
            """INSERT INTO push_keys (workspace_id, public_key, private_key, created_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id) DO NOTHING""",
            (self._workspace, key.public, key.private, at),
        )

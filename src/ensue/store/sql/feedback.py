"""Who may report bounces and complaints of a workspace's mail."""

from ensue.store.sql.connection import Sql


class FeedbackTokens:
    """The one token of a workspace, as a digest."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def digest(self) -> bytes | None:
        """The digest of the token; None before there is one. A workspace that is being removed has none."""
        row = self._sql.row(
            """SELECT digest FROM feedback_tokens WHERE workspace_id = ?
            AND workspace_id NOT IN (SELECT workspace FROM workspace_removals)""",
            (self._workspace,),
        )
        return row[0] if row else None

    def created_at(self) -> int | None:
        """When the token was made."""
        row = self._sql.row("SELECT created_at FROM feedback_tokens WHERE workspace_id = ?", (self._workspace,))
        return row[0] if row else None

    def put(self, digest: bytes, at: int) -> None:
        """Take another token; the one before is worth nothing any more."""
        self._sql.run(
            """INSERT INTO feedback_tokens (workspace_id, digest, created_at) VALUES (?, ?, ?)
            ON CONFLICT (workspace_id) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at""",
            (self._workspace, digest, at),
        )

    def remove(self) -> bool:
        """Take no more reports; False when none were taken."""
        return self._sql.run("DELETE FROM feedback_tokens WHERE workspace_id = ?", (self._workspace,)) == 1

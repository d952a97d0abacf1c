"""Where anonymous people can be reached: chats and push subscriptions of sessions that are nobody's yet."""

from typing import Any

from ensue.base import bounds, json
from ensue.store.sql.connection import Sql


class VisitorDevices:
    """The devices of one workspace's anonymous sessions."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, number: int, session_id: int, channel: str, address: str, detail: dict[str, Any], at: int) -> None:
        """Keep a device of a session, or its newer detail. An address is one session's: the last that showed it."""
        self.remove(channel, address, but_session=session_id)
        self._sql.run(
            """INSERT INTO visitor_devices (workspace_id, session_id, channel, address, id, detail, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, session_id, channel, address) DO UPDATE SET detail = excluded.detail""",
            (self._workspace, session_id, channel, address, number, json.encode_text(detail), at),
        )
        self._sql.run(
            """DELETE FROM visitor_devices WHERE workspace_id = ? AND session_id = ? AND id NOT IN
              (SELECT id FROM visitor_devices WHERE workspace_id = ? AND session_id = ? ORDER BY id DESC LIMIT ?)""",
            (self._workspace, session_id, self._workspace, session_id, bounds.VISITOR_DEVICES),
        )

    def remove(self, channel: str, address: str, but_session: int = 0) -> bool:
        """Forget an address, or all but that of one session; False when it was not there."""
        return (
            self._sql.run(
                """DELETE FROM visitor_devices
                WHERE workspace_id = ? AND channel = ? AND address = ? AND session_id <> ?""",
                (self._workspace, channel, address, but_session),
            )
            > 0
        )

    def take(self, session_id: int) -> list[tuple[int, str, str, dict[str, Any], int]]:
        """(id, channel, address, detail, created at) of a session's devices, which are taken out."""
        rows = self._sql.rows(
            """SELECT id, channel, address, detail, created_at FROM visitor_devices
            WHERE workspace_id = ? AND session_id = ? ORDER BY id""",
            (self._workspace, session_id),
        )
        if rows:
            self._sql.run(
                "DELETE FROM visitor_devices WHERE workspace_id = ? AND session_id = ?", (self._workspace, session_id)
            )
        return [(number, channel, address, json.decode(detail), at) for number, channel, address, detail, at in rows]

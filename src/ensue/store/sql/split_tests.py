"""Tests between branches, and what the logs and the messages say of each."""

from collections.abc import Sequence

from ensue.base import json
from ensue.model.split_test import SplitTest
from ensue.store.sql.connection import Sql

_COLUMNS = "campaign_id, node_id, since, entered, look_at, winner, decided_at, decided_by"


class SplitTests:
    """The tests of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, test: SplitTest) -> None:
        """Store a test, new or decided. How many have entered is kept by `count` alone."""
        self._sql.run(
            f"""INSERT INTO split_tests (workspace_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, campaign_id, node_id) DO UPDATE SET look_at = excluded.look_at,
              winner = excluded.winner, decided_at = excluded.decided_at, decided_by = excluded.decided_by""",
            (
                self._workspace, test.campaign_id, test.node_id, test.since, test.entered, test.look_at, test.winner,
                test.decided_at, test.decided_by,
            ),
        )  # fmt: skip

    def get(self, campaign_id: int, node_id: str) -> SplitTest | None:
        """The test of a node."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM split_tests WHERE workspace_id = ? AND campaign_id = ? AND node_id = ?",
            (self._workspace, campaign_id, node_id),
        )
        return SplitTest(*row) if row else None

    def due(self, now: int) -> list[tuple[int, str]]:
        """(campaign, node) of the tests that may be decided now."""
        rows = self._sql.rows(
            "SELECT campaign_id, node_id FROM split_tests WHERE workspace_id = ? AND look_at <= ? ORDER BY look_at",
            (self._workspace, now),
        )
        return [(row[0], row[1]) for row in rows]

    def count(self, campaign_id: int, node_id: str, size: int, after: int, at: int) -> None:
        """Count somebody who came to an undecided split. From `size` on it may be decided, `after` (ms) its start."""
        self._sql.run(
            """UPDATE split_tests SET entered = entered + 1,
              look_at = CASE WHEN entered + 1 < ? THEN NULL WHEN look_at IS NOT NULL THEN look_at
                WHEN since + ? > ? THEN since + ? ELSE ? END
            WHERE workspace_id = ? AND campaign_id = ? AND node_id = ? AND winner IS NULL""",
            (size, after, at, after, at, self._workspace, campaign_id, node_id),
        )

    def went(self, contact_id: int, campaign_id: int, node_id: str) -> str | None:
        """The branch that a contact took at a split when it first came to it; None when it never did."""
        row = self._sql.row(
            """SELECT s.detail FROM enrolments e
              JOIN enrolment_steps s ON s.workspace_id = e.workspace_id AND s.enrolment_id = e.id
            WHERE e.workspace_id = ? AND e.contact_id = ? AND e.campaign_id = ? AND s.node_id = ?
              AND s.outcome = 'SPLIT' AND s.detail IS NOT NULL
            ORDER BY s.at, s.enrolment_id, s.step LIMIT 1""",
            (self._workspace, contact_id, campaign_id, node_id),
        )
        return json.decode(row[0]).get("branch") if row else None

    def runs(self, campaign_id: int, node_id: str) -> list[tuple[str, int, int]]:
        """(detail of the split, how many runs it led on, how many of them reached a goal behind it)."""
        rows = self._sql.rows(
            """SELECT s.detail, COUNT(DISTINCT e.id), COUNT(DISTINCT CASE WHEN EXISTS (
                SELECT 1 FROM enrolment_steps g WHERE g.workspace_id = s.workspace_id
                  AND g.enrolment_id = s.enrolment_id AND g.step > s.step AND g.outcome = 'REACHED') THEN e.id END)
            FROM enrolments e JOIN enrolment_steps s ON s.workspace_id = e.workspace_id AND s.enrolment_id = e.id
            WHERE e.workspace_id = ? AND e.campaign_id = ? AND s.node_id = ? AND s.outcome = 'SPLIT'
              AND s.detail IS NOT NULL
            GROUP BY s.detail""",
            (self._workspace, campaign_id, node_id),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def messages(self, campaign_id: int, node_id: str, behind: Sequence[str]) -> list[tuple[str, int, int, int]]:
        """(detail of the split, runs that got a message from a node behind it, that opened one, that clicked one)."""
        if not behind:
            return []
        places = ", ".join("?" * len(behind))
        rows = self._sql.rows(
            f"""SELECT s.detail, COUNT(DISTINCT CASE WHEN m.sent_at IS NOT NULL THEN m.enrolment_id END),
              COUNT(DISTINCT CASE WHEN m.opened_at IS NOT NULL THEN m.enrolment_id END),
              COUNT(DISTINCT CASE WHEN m.clicked_at IS NOT NULL THEN m.enrolment_id END)
            FROM messages m
              JOIN enrolment_steps s ON s.workspace_id = m.workspace_id AND s.enrolment_id = m.enrolment_id
            WHERE m.workspace_id = ? AND m.campaign_id = ? AND s.node_id = ? AND s.outcome = 'SPLIT'
              AND s.detail IS NOT NULL AND s.at <= m.created_at AND m.node_id IN ({places})
            GROUP BY s.detail""",
            (self._workspace, campaign_id, node_id, *behind),
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def messages_by_node(self, campaign_id: int) -> dict[str, dict[str, int]]:
        """What became of the messages of each node of a campaign: counts by a word."""
        rows = self._sql.rows(
            """SELECT node_id, COUNT(*), COUNT(sent_at), COUNT(delivered_at), COUNT(opened_at), COUNT(clicked_at),
              COUNT(CASE WHEN status = 'BOUNCED' THEN 1 END), COUNT(CASE WHEN status = 'FAILED' THEN 1 END),
              COUNT(CASE WHEN status = 'UNKNOWN' THEN 1 END), COUNT(CASE WHEN status = 'UNSUBSCRIBED' THEN 1 END)
            FROM messages WHERE workspace_id = ? AND campaign_id = ? AND node_id IS NOT NULL GROUP BY node_id""",
            (self._workspace, campaign_id),
        )
        words = ("queued", "sent", "delivered", "opened", "clicked", "bounced", "failed", "unknown", "unsubscribed")
        return {row[0]: dict(zip(words, row[1:], strict=True)) for row in rows}

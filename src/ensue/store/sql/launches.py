"""Audiences on their way into campaigns, and when the next ones begin."""

from ensue.base.ids import id_at
from ensue.model.launch import Invited, Launch
from ensue.store.sql.connection import Sql

_COLUMNS = """id, campaign_id, trigger, segment_id, status, reason, per_minute, as_of, next_at, started_at, after_at,
  after_id, total, done, enrolled, skipped, finished_at"""
# Everybody who was a member at an instant, each once: a contact has at most one stay at a time.
_MEMBERS = """memberships m WHERE m.workspace_id = ? AND m.segment_id = ? AND m.entered_at <= ?
  AND (m.exited_at IS NULL OR m.exited_at > ?)"""


class Launches:
    """The launches of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, launch: Launch) -> None:
        """Store a launch, new or as far as it has come."""
        n = launch
        self._sql.run(
            f"""INSERT INTO launches (workspace_id, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET status = excluded.status, reason = excluded.reason,
              per_minute = excluded.per_minute, next_at = excluded.next_at, after_at = excluded.after_at,
              after_id = excluded.after_id,
              total = excluded.total, done = excluded.done, enrolled = excluded.enrolled, skipped = excluded.skipped,
              finished_at = excluded.finished_at""",
            (
                self._workspace, n.id, n.campaign_id, n.trigger, n.segment_id, n.status, n.reason, n.per_minute,
                n.as_of, n.next_at, n.started_at, n.after_at, n.after_id, n.total, n.done, n.enrolled, n.skipped,
                n.finished_at,
            ),
        )  # fmt: skip

    def get(self, launch_id: int) -> Launch | None:
        """One launch."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM launches WHERE workspace_id = ? AND id = ?", (self._workspace, launch_id)
        )
        return Launch(*row) if row else None

    def due(self, now: int) -> list[Launch]:
        """The running ones whose next contacts may go in, of campaigns that are active."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM launches l WHERE workspace_id = ? AND status = 'RUNNING' AND next_at <= ?
              AND EXISTS (SELECT 1 FROM campaigns c
                WHERE c.workspace_id = l.workspace_id AND c.id = l.campaign_id AND c.status = 'ACTIVE')
            ORDER BY next_at, id""",
            (self._workspace, now),
        )
        return [Launch(*row) for row in rows]

    def running(self, campaign_id: int) -> list[Launch]:
        """Those of a campaign that are not over."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM launches WHERE workspace_id = ? AND campaign_id = ? AND status = 'RUNNING'
            ORDER BY id""",
            (self._workspace, campaign_id),
        )
        return [Launch(*row) for row in rows]

    def any(self, campaign_id: int) -> bool:
        """Whether a campaign was ever launched."""
        row = self._sql.row(
            "SELECT 1 FROM launches WHERE workspace_id = ? AND campaign_id = ? LIMIT 1", (self._workspace, campaign_id)
        )
        return row is not None

    def page(self, campaign_id: int, limit: int, offset: int) -> tuple[int, list[Launch]]:
        """(how many in all, one page newest first) of a campaign's launches."""
        where = (self._workspace, campaign_id)
        total = self._sql.row("SELECT COUNT(*) FROM launches WHERE workspace_id = ? AND campaign_id = ?", where)
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM launches WHERE workspace_id = ? AND campaign_id = ?
            ORDER BY id DESC LIMIT ? OFFSET ?""",
            (*where, limit, offset),
        )
        return (total[0] if total else 0), [Launch(*row) for row in rows]

    def audience(self, launch: Launch, limit: int) -> list[Invited]:
        """The next of a launch's audience, in order."""
        if launch.segment_id is None:
            rows = self._sql.rows(
                """SELECT 0, id, id FROM contacts WHERE workspace_id = ? AND id > ? AND id < ? ORDER BY id LIMIT ?""",
                (self._workspace, launch.after_id, id_at(launch.as_of + 1), limit),
            )
        else:
            # The first comparison is what an index can begin at; the second is the order itself.
            rows = self._sql.rows(
                f"""SELECT m.entered_at, m.id, m.contact_id FROM {_MEMBERS}
                  AND m.entered_at >= ? AND (m.entered_at, m.id) > (?, ?)
                ORDER BY m.entered_at, m.id LIMIT ?""",
                (self._workspace, launch.segment_id, launch.as_of, launch.as_of, launch.after_at, launch.after_at,
                 launch.after_id, limit),
            )  # fmt: skip
        return [Invited(*row) for row in rows]

    def audience_size(self, launch: Launch) -> int:
        """How many a launch's audience are."""
        if launch.segment_id is None:
            row = self._sql.row(
                "SELECT COUNT(*) FROM contacts WHERE workspace_id = ? AND id < ?",
                (self._workspace, id_at(launch.as_of + 1)),
            )
        else:
            row = self._sql.row(
                f"SELECT COUNT(*) FROM {_MEMBERS}", (self._workspace, launch.segment_id, launch.as_of, launch.as_of)
            )
        return int(row[0]) if row else 0


class Schedules:
    """When campaigns of one workspace are launched next; see the table."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, campaign_id: int, place: int, next_at: int) -> None:
        """Say when the trigger at a place among a campaign's is due next."""
        self._sql.run(
            """INSERT INTO schedules (workspace_id, campaign_id, place, next_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, campaign_id, place) DO UPDATE SET next_at = excluded.next_at""",
            (self._workspace, campaign_id, place, next_at),
        )

    def get(self, campaign_id: int, place: int) -> int | None:
        """When that is; None for never."""
        row = self._sql.row(
            "SELECT next_at FROM schedules WHERE workspace_id = ? AND campaign_id = ? AND place = ?",
            (self._workspace, campaign_id, place),
        )
        return row[0] if row else None

    def of_campaign(self, campaign_id: int) -> dict[int, int]:
        """When the triggers of a campaign are due, by their place."""
        return dict(
            self._sql.rows(
                "SELECT place, next_at FROM schedules WHERE workspace_id = ? AND campaign_id = ?",
                (self._workspace, campaign_id),
            )
        )

    def due(self, now: int) -> list[tuple[int, int]]:
        """(campaign, place) of those that are due, longest due first."""
        rows = self._sql.rows(
            """SELECT campaign_id, place FROM schedules WHERE workspace_id = ? AND next_at <= ?
            ORDER BY next_at, campaign_id, place""",
            (self._workspace, now),
        )
        return [(row[0], row[1]) for row in rows]

    def clear(self, campaign_id: int, place: int | None = None) -> None:
        """Forget one, or all, of a campaign's."""
        if place is None:
            self._sql.run(
                "DELETE FROM schedules WHERE workspace_id = ? AND campaign_id = ?", (self._workspace, campaign_id)
            )
        else:
            self._sql.run(
                "DELETE FROM schedules WHERE workspace_id = ? AND campaign_id = ? AND place = ?",
                (self._workspace, campaign_id, place),
            )

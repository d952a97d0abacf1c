"""Endpoints that are told what happens, what is to be told, and every try."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ensue.base import json
from ensue.model.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from ensue.store.sql.connection import Row, Sql

_ENDPOINT = """id, url, description, kinds, status, reason, secret, previous_secret, previous_until, failing_since,
  delivered_at, created_at, updated_at"""
_DELIVERY = """id, endpoint_id, kind, contact_id, event_id, body, status, due_at, attempts, tries, created_at,
  finished_at"""
_ATTEMPT = """delivery_id, attempt, at, took, outcome, error, url, request_headers, status_code, response_headers,
  response_body"""


class Filter(NamedTuple):
    """Which deliveries of an endpoint; None asks for all. Ids from `since` on."""

    status: str | None = None
    kind: str | None = None
    since: int | None = None


def _endpoint(row: Row) -> WebhookEndpoint:
    return WebhookEndpoint(row[0], row[1], row[2], json.decode(row[3]), *row[4:])


def _attempt(row: Row) -> WebhookAttempt:
    headers = json.decode(row[9]) if row[9] is not None else None
    return WebhookAttempt(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], json.decode(row[7]), row[8], headers, row[10]
    )


class WebhookEndpoints:
    """The endpoints of one workspace. One that is REMOVED is only seen by who takes its deliveries away."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def all(self) -> list[WebhookEndpoint]:
        """Oldest first."""
        rows = self._sql.rows(
            f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE workspace_id = ? AND status <> 'REMOVED' ORDER BY id",
            (self._workspace,),
        )
        return [_endpoint(row) for row in rows]

    def get(self, endpoint_id: int) -> WebhookEndpoint | None:
        """One endpoint."""
        row = self._sql.row(
            f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE workspace_id = ? AND id = ? AND status <> 'REMOVED'",
            (self._workspace, endpoint_id),
        )
        return _endpoint(row) if row else None

    def put(self, endpoint: WebhookEndpoint) -> None:
        """Store an endpoint, new or changed. Who hears of what is a definition: bump it."""
        e = endpoint
        self._sql.run(
            f"""INSERT INTO webhook_endpoints (workspace_id, {_ENDPOINT})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET url = excluded.url, description = excluded.description,
              kinds = excluded.kinds, status = excluded.status, reason = excluded.reason, secret = excluded.secret,
              previous_secret = excluded.previous_secret, previous_until = excluded.previous_until,
              failing_since = excluded.failing_since, delivered_at = excluded.delivered_at,
              updated_at = excluded.updated_at""",
            (
                self._workspace, e.id, e.url, e.description, json.encode_text(e.kinds), e.status, e.reason, e.secret,
                e.previous_secret, e.previous_until, e.failing_since, e.delivered_at, e.created_at, e.updated_at,
            ),
        )  # fmt: skip

    def succeeded(self, endpoint_id: int, at: int) -> None:
        """Keep that it was told something."""
        self._sql.run(
            "UPDATE webhook_endpoints SET delivered_at = ?, failing_since = NULL WHERE workspace_id = ? AND id = ?",
            (at, self._workspace, endpoint_id),
        )

    def failed(self, endpoint_id: int, at: int) -> None:
        """Keep since when it has failed without a break."""
        self._sql.run(
            """UPDATE webhook_endpoints SET failing_since = ?
            WHERE workspace_id = ? AND id = ? AND failing_since IS NULL""",
            (at, self._workspace, endpoint_id),
        )

    def remove(self, endpoint_id: int, at: int) -> None:
        """Let nobody see an endpoint any more. Its row goes last, when its deliveries are gone."""
        self._sql.run(
            "UPDATE webhook_endpoints SET status = 'REMOVED', updated_at = ? WHERE workspace_id = ? AND id = ?",
            (at, self._workspace, endpoint_id),
        )

    def removed(self) -> list[int]:
        """Endpoints of which deliveries may be left."""
        rows = self._sql.rows(
            "SELECT id FROM webhook_endpoints WHERE workspace_id = ? AND status = 'REMOVED'", (self._workspace,)
        )
        return [row[0] for row in rows]

    def forget(self, endpoint_id: int) -> None:
        """Delete the row of one that is REMOVED, when nothing else is left of it."""
        self._sql.run(
            "DELETE FROM webhook_endpoints WHERE workspace_id = ? AND id = ? AND status = 'REMOVED'",
            (self._workspace, endpoint_id),
        )


class WebhookDeliveries:
    """What the endpoints of one workspace are to be told."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def add(self, deliveries: Iterable[WebhookDelivery]) -> None:
        """Queue some."""
        self._sql.run_many(
            f"""INSERT INTO webhook_deliveries (workspace_id, {_DELIVERY})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (
                    self._workspace, d.id, d.endpoint_id, d.kind, d.contact_id, d.event_id, d.body, d.status, d.due_at,
                    d.attempts, d.tries, d.created_at, d.finished_at,
                )
                for d in deliveries
            ],
        )  # fmt: skip

    def get(self, delivery_id: int) -> WebhookDelivery | None:
        """One delivery."""
        row = self._sql.row(
            f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE workspace_id = ? AND id = ?",
            (self._workspace, delivery_id),
        )
        return WebhookDelivery(*row) if row else None

    def page(self, endpoint_id: int, wanted: Filter, offset: int, limit: int) -> tuple[list[WebhookDelivery], int]:
        """Some deliveries, newest first, and how many there are in all."""
        asked = "workspace_id = ? AND endpoint_id = ?"
        values: list[object] = [self._workspace, endpoint_id]
        for condition, value in (("status = ?", wanted.status), ("kind = ?", wanted.kind), ("id >= ?", wanted.since)):
            if value is not None:
                asked += f" AND {condition}"
                values.append(value)
        total = self._sql.row(f"SELECT COUNT(*) FROM webhook_deliveries WHERE {asked}", values)
        rows = self._sql.rows(
            f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE {asked} ORDER BY id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [WebhookDelivery(*row) for row in rows], total[0] if total else 0

    def next_due(self, endpoint_id: int, after: int) -> int | None:
        """The first instant after one at which a try of an endpoint is due, or a lease ends."""
        row = self._sql.row(
            """SELECT MIN(due_at) FROM webhook_deliveries
            WHERE workspace_id = ? AND endpoint_id = ? AND due_at > ?""",
            (self._workspace, endpoint_id, after),
        )
        return row[0] if row else None

    def due(self, endpoint_id: int, now: int, limit: int) -> list[WebhookDelivery]:
        """Those whose try is due, or whose lease has run out, the longest due first."""
        rows = self._sql.rows(
            f"""SELECT {_DELIVERY} FROM webhook_deliveries
            WHERE workspace_id = ? AND endpoint_id = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?""",
            (self._workspace, endpoint_id, now, limit),
        )
        return [WebhookDelivery(*row) for row in rows]

    def under_way(self, endpoint_id: int, now: int) -> int:
        """How many tries of an endpoint hold a lease, in whatever process."""
        # The sum keeps the planner off the index of what is due, where everything that waits for later stands.
        row = self._sql.row(
            """SELECT COUNT(*) FROM webhook_deliveries
            WHERE workspace_id = ? AND endpoint_id = ? AND status = 'SENDING' AND due_at + 0 > ?""",
            (self._workspace, endpoint_id, now),
        )
        return row[0] if row else 0

    def take(self, delivery: WebhookDelivery, lease_until: int) -> bool:
        """Lease one for its next try; False when another process was first."""
        changed = self._sql.run(
            """UPDATE webhook_deliveries SET status = 'SENDING', due_at = ?, attempts = attempts + 1, tries = tries + 1
            WHERE workspace_id = ? AND id = ? AND status = ? AND attempts = ?""",
            (lease_until, self._workspace, delivery.id, delivery.status, delivery.attempts),
        )
        return changed > 0

    def settle(self, delivery_id: int, attempt: int, status: str, due_at: int | None, finished_at: int | None) -> bool:
        """Say what became of a try; False when its lease was lost to another, and nothing was written."""
        changed = self._sql.run(
            """UPDATE webhook_deliveries SET status = ?, due_at = ?, finished_at = ?
            WHERE workspace_id = ? AND id = ? AND status = 'SENDING' AND attempts = ?""",
            (status, due_at, finished_at, self._workspace, delivery_id, attempt),
        )
        return changed > 0

    def queue_again(self, delivery_ids: Sequence[int], now: int) -> None:
        """Begin the tries of some deliveries anew, the first one now."""
        self._sql.run_many(
            """UPDATE webhook_deliveries SET status = 'QUEUED', due_at = ?, tries = 0, finished_at = NULL
            WHERE workspace_id = ? AND id = ?""",
            [(now, self._workspace, delivery_id) for delivery_id in delivery_ids],
        )

    def dead(self, endpoint_id: int, since: int, limit: int) -> list[int]:
        """Deliveries that were given up, with ids from `since` on, oldest first."""
        rows = self._sql.rows(
            """SELECT id FROM webhook_deliveries
            WHERE workspace_id = ? AND endpoint_id = ? AND status = 'DEAD' AND id >= ? AND body IS NOT NULL
            ORDER BY id LIMIT ?""",
            (self._workspace, endpoint_id, since, limit),
        )
        return [row[0] for row in rows]

    def waiting(self, endpoint_id: int, most: int) -> int:
        """How many deliveries wait for an endpoint, counted up to `most`."""
        row = self._sql.row(
            """SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries
              WHERE workspace_id = ? AND endpoint_id = ? AND due_at IS NOT NULL LIMIT ?) w""",
            (self._workspace, endpoint_id, most),
        )
        return row[0] if row else 0

    def remove(self, endpoint_id: int, below: int, limit: int) -> int:
        """Delete deliveries of an endpoint with ids below one, with their attempts; returns how many."""
        rows = self._sql.rows(
            """SELECT id FROM webhook_deliveries WHERE workspace_id = ? AND endpoint_id = ? AND id < ?
            ORDER BY id LIMIT ?""",
            (self._workspace, endpoint_id, below, limit),
        )
        self._sql.run_many(
            "DELETE FROM webhook_attempts WHERE workspace_id = ? AND delivery_id = ?",
            [(self._workspace, row[0]) for row in rows],
        )
        self._sql.run_many(
            "DELETE FROM webhook_deliveries WHERE workspace_id = ? AND id = ?",
            [(self._workspace, row[0]) for row in rows],
        )
        return len(rows)

    def note(self, attempts: Iterable[WebhookAttempt]) -> None:
        """Keep what was tried."""
        self._sql.run_many(
            f"INSERT INTO webhook_attempts (workspace_id, {_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self._workspace, a.delivery_id, a.attempt, a.at, a.took, a.outcome, a.error, a.url,
                    json.encode_text(a.request_headers), a.status_code,
                    json.encode_text(a.response_headers) if a.response_headers is not None else None, a.response_body,
                )
                for a in attempts
            ],
        )  # fmt: skip

    def attempts(self, delivery_id: int) -> list[WebhookAttempt]:
        """What was tried, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_ATTEMPT} FROM webhook_attempts WHERE workspace_id = ? AND delivery_id = ? ORDER BY attempt",
            (self._workspace, delivery_id),
        )
        return [_attempt(row) for row in rows]

"""Addresses that others post to, and what they have posted lately."""

from ensue.base import json
from ensue.model.webhook import IncomingEndpoint, IncomingRequest
from ensue.store.sql.connection import Row, Sql

_ENDPOINT = "workspace_id, id, name, status, digest, prefix, mapping, verification, secret, created_at, updated_at"
_REQUEST = "id, endpoint_id, at, outcome, code, reason, event_id, contact_id, content_type, body"


def _endpoint(row: Row) -> IncomingEndpoint:
    mapping, verification = json.decode(row[6]), json.decode(row[7])
    return IncomingEndpoint(row[0], row[1], row[2], row[3], row[4], row[5], mapping, verification, *row[8:])


def incoming_by_digest(sql: Sql, digest: bytes) -> IncomingEndpoint | None:
    """The endpoint of a token, in whichever workspace that is still there."""
    row = sql.row(
        f"""SELECT {_ENDPOINT} FROM incoming_endpoints
        WHERE digest = ? AND workspace_id NOT IN (SELECT workspace FROM workspace_removals)""",
        (digest,),
    )
    return _endpoint(row) if row else None


class IncomingEndpoints:
    """The incoming endpoints of one workspace, and their latest requests."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def all(self) -> list[IncomingEndpoint]:
        """Oldest first."""
        rows = self._sql.rows(
            f"SELECT {_ENDPOINT} FROM incoming_endpoints WHERE workspace_id = ? ORDER BY id", (self._workspace,)
        )
        return [_endpoint(row) for row in rows]

    def get(self, endpoint_id: int) -> IncomingEndpoint | None:
        """One endpoint."""
        row = self._sql.row(
            f"SELECT {_ENDPOINT} FROM incoming_endpoints WHERE workspace_id = ? AND id = ?",
            (self._workspace, endpoint_id),
        )
        return _endpoint(row) if row else None

    def put(self, endpoint: IncomingEndpoint) -> None:
        """Store an endpoint, new or changed."""
        e = endpoint
        self._sql.run(
            f"""INSERT INTO incoming_endpoints ({_ENDPOINT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, status = excluded.status,
              digest = excluded.digest, prefix = excluded.prefix, mapping = excluded.mapping,
              verification = excluded.verification, secret = excluded.secret, updated_at = excluded.updated_at""",
            (
                self._workspace, e.id, e.name, e.status, e.digest, e.prefix, json.encode_text(e.mapping),
                json.encode_text(e.verification), e.secret, e.created_at, e.updated_at,
            ),
        )  # fmt: skip

    def remove(self, endpoint_id: int) -> None:
        """Delete an endpoint with its requests, of which few are kept."""
        self._sql.run(
            "DELETE FROM incoming_requests WHERE workspace_id = ? AND endpoint_id = ?", (self._workspace, endpoint_id)
        )
        self._sql.run(
            "DELETE FROM incoming_endpoints WHERE workspace_id = ? AND id = ?", (self._workspace, endpoint_id)
        )

    def note(self, request: IncomingRequest, most: int) -> None:
        """Keep a request, and of its endpoint's earlier ones so many that there are at most `most`."""
        r = request
        self._sql.run(
            f"INSERT INTO incoming_requests (workspace_id, {_REQUEST}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._workspace, r.id, r.endpoint_id, r.at, r.outcome, r.code, r.reason, r.event_id, r.contact_id,
                r.content_type, r.body,
            ),
        )  # fmt: skip
        self._sql.run(
            """DELETE FROM incoming_requests WHERE workspace_id = ? AND endpoint_id = ? AND id <=
              (SELECT id FROM incoming_requests WHERE workspace_id = ? AND endpoint_id = ?
               ORDER BY id DESC LIMIT 1 OFFSET ?)""",
            (self._workspace, r.endpoint_id, self._workspace, r.endpoint_id, most),
        )

    def requests(self, endpoint_id: int, limit: int) -> list[IncomingRequest]:
        """The latest requests, newest first."""
        rows = self._sql.rows(
            f"""SELECT {_REQUEST} FROM incoming_requests WHERE workspace_id = ? AND endpoint_id = ?
            ORDER BY id DESC LIMIT ?""",
            (self._workspace, endpoint_id, limit),
        )
        return [IncomingRequest(*row) for row in rows]

"""Who may come in: users, their sessions, members, invitations, keys and the audit log."""

from typing import Any

from ensue.base import json
from ensue.model.account import ApiKey, AuditLine, Invitation, Member, Role, User, UserSession
from ensue.store.sql.connection import Row, Sql
from ensue.store.sql.workspaces import Workspaces

_USER = "id, email, email_key, name, password_hash, created_at, updated_at"
_SESSION = "id, user_id, digest, address, agent, created_at, seen_at, expires_at"
_INVITATION = "workspace_id, id, digest, email, email_key, role, created_at, expires_at"
_KEY = """workspace_id, id, kind, name, prefix, digest, scopes, origins, event_types, created_by, created_at,
  expires_at, revoked_at, used_at"""
_AUDIT = "id, at, user_id, key_id, address, action, target, result, detail"

INSTANCE = 0
"""The workspace that lines about the instance itself are kept under."""


def _key(row: Row) -> ApiKey:
    scopes, origins, event_types = json.decode(row[6]), _optional(row[7]), _optional(row[8])
    return ApiKey(row[0], row[1], row[2], row[3], row[4], row[5], scopes, origins, event_types, *row[9:])


def _line(row: Row) -> AuditLine:
    return AuditLine(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], _optional(row[8]))


def _optional(text: str | None) -> Any:
    return json.decode(text) if text is not None else None


class Users:
    """The people of this instance."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def any(self) -> bool:
        """Whether there is anybody at all."""
        return self._sql.row("SELECT 1 FROM users LIMIT 1") is not None

    def get(self, user_id: int) -> User | None:
        """One person."""
        row = self._sql.row(f"SELECT {_USER} FROM users WHERE id = ?", (user_id,))
        return User(*row) if row else None

    def by_email(self, email_key: str) -> User | None:
        """The person with this address, as it is compared."""
        row = self._sql.row(f"SELECT {_USER} FROM users WHERE email_key = ?", (email_key,))
        return User(*row) if row else None

    def add(self, user: User) -> None:
        """Store a new person.

        Raises:
            Conflict: the address is taken.
        """
        self._sql.run(
            f"INSERT INTO users ({_USER}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (user.id, user.email, user.email_key, user.name, user.password_hash, user.created_at, user.updated_at),
        )

    def set_password(self, user_id: int, password_hash: str, at: int) -> None:
        """Replace a password."""
        self._sql.run("UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?", (password_hash, at, user_id))


class UserSessions:
    """Sign-ins. A session that has ended is gone."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def by_digest(self, digest: bytes) -> UserSession | None:
        """The session of a token."""
        row = self._sql.row(f"SELECT {_SESSION} FROM user_sessions WHERE digest = ?", (digest,))
        return UserSession(*row) if row else None

    def of_user(self, user_id: int) -> list[UserSession]:
        """A person's sessions, newest first."""
        rows = self._sql.rows(f"SELECT {_SESSION} FROM user_sessions WHERE user_id = ? ORDER BY id DESC", (user_id,))
        return [UserSession(*row) for row in rows]

    def add(self, session: UserSession) -> None:
        """Store a new session."""
        self._sql.run(
            f"INSERT INTO user_sessions ({_SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                session.id, session.user_id, session.digest, session.address, session.agent, session.created_at,
                session.seen_at, session.expires_at,
            ),
        )  # fmt: skip

    def touch(self, session_id: int, at: int) -> None:
        """Note that a session was used."""
        self._sql.run("UPDATE user_sessions SET seen_at = ? WHERE id = ? AND seen_at < ?", (at, session_id, at))

    def remove(self, user_id: int, session_id: int) -> bool:
        """End a session of this person; False when it is not theirs or has ended."""
        return self._sql.run("DELETE FROM user_sessions WHERE user_id = ? AND id = ?", (user_id, session_id)) > 0

    def remove_all(self, user_id: int) -> None:
        """End all sessions of a person."""
        self._sql.run("DELETE FROM user_sessions WHERE user_id = ?", (user_id,))

    def trim(self, user_id: int, now: int, seen_after: int, keep: int) -> None:
        """Remove a person's sessions that have run out, and all but the newest few."""
        self._sql.run(
            """DELETE FROM user_sessions WHERE user_id = ? AND (expires_at <= ? OR seen_at <= ? OR id NOT IN
              (SELECT id FROM user_sessions WHERE user_id = ? ORDER BY id DESC LIMIT ?))""",
            (user_id, now, seen_after, user_id, keep),
        )


class Members:
    """The people of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def role(self, user_id: int) -> Role | None:
        """What a person is here; None when they are not a member."""
        row = self._sql.row(
            "SELECT role FROM members WHERE workspace_id = ? AND user_id = ?", (self._workspace, user_id)
        )
        return row[0] if row else None

    def all(self) -> list[Member]:
        """All members, oldest first."""
        rows = self._sql.rows(
            """SELECT m.user_id, u.email, u.name, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.workspace_id = ? ORDER BY m.created_at, m.user_id""",
            (self._workspace,),
        )
        return [Member(*row) for row in rows]

    def get(self, user_id: int) -> Member | None:
        """One member."""
        row = self._sql.row(
            """SELECT m.user_id, u.email, u.name, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.workspace_id = ? AND m.user_id = ?""",
            (self._workspace, user_id),
        )
        return Member(*row) if row else None

    def owners(self) -> int:
        """How many owners there are."""
        row = self._sql.row(
            "SELECT COUNT(*) FROM members WHERE workspace_id = ? AND role = 'OWNER'", (self._workspace,)
        )
        return row[0] if row else 0

    def put(self, user_id: int, role: Role, at: int) -> None:
        """Give a person a role here."""
        self._sql.run(
            """INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role""",
            (self._workspace, user_id, role, at),
        )

    def remove(self, user_id: int) -> None:
        """Take a person out."""
        self._sql.run("DELETE FROM members WHERE workspace_id = ? AND user_id = ?", (self._workspace, user_id))

    def remove_all(self) -> None:
        """Take everybody out."""
        self._sql.run("DELETE FROM members WHERE workspace_id = ?", (self._workspace,))


class Invitations:
    """Open invitations to one workspace, at most one for an address."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def all(self) -> list[Invitation]:
        """All of them, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_INVITATION} FROM invitations WHERE workspace_id = ? ORDER BY id", (self._workspace,)
        )
        return [Invitation(*row) for row in rows]

    def put(self, invitation: Invitation) -> None:
        """Store an invitation in place of an earlier one to the same address."""
        self._sql.run(
            "DELETE FROM invitations WHERE workspace_id = ? AND email_key = ?", (self._workspace, invitation.email_key)
        )
        self._sql.run(
            f"INSERT INTO invitations ({_INVITATION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._workspace, invitation.id, invitation.digest, invitation.email, invitation.email_key,
                invitation.role, invitation.created_at, invitation.expires_at,
            ),
        )  # fmt: skip

    def remove(self, invitation_id: int) -> bool:
        """Take an invitation back, or use it up; False when there is none."""
        return (
            self._sql.run("DELETE FROM invitations WHERE workspace_id = ? AND id = ?", (self._workspace, invitation_id))
            > 0
        )

    def remove_all(self) -> None:
        """Take every invitation back."""
        self._sql.run("DELETE FROM invitations WHERE workspace_id = ?", (self._workspace,))


class ApiKeys:
    """The keys of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def all(self) -> list[ApiKey]:
        """All keys, oldest first, revoked and expired ones too."""
        rows = self._sql.rows(f"SELECT {_KEY} FROM api_keys WHERE workspace_id = ? ORDER BY id", (self._workspace,))
        return [_key(row) for row in rows]

    def get(self, key_id: int) -> ApiKey | None:
        """One key."""
        row = self._sql.row(f"SELECT {_KEY} FROM api_keys WHERE workspace_id = ? AND id = ?", (self._workspace, key_id))
        return _key(row) if row else None

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        scopes, origins, event_types = (
            json.encode_text(values) if values is not None else None
            for values in (key.scopes, key.origins, key.event_types)
        )
        self._sql.run(
            f"INSERT INTO api_keys ({_KEY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._workspace, key.id, key.kind, key.name, key.prefix, key.digest, scopes, origins, event_types,
                key.created_by, key.created_at, key.expires_at, key.revoked_at, key.used_at,
            ),
        )  # fmt: skip

    def revoke(self, key_id: int, at: int) -> bool:
        """End a key; False when there is none that still works."""
        return (
            self._sql.run(
                "UPDATE api_keys SET revoked_at = ? WHERE workspace_id = ? AND id = ? AND revoked_at IS NULL",
                (at, self._workspace, key_id),
            )
            > 0
        )

    def revoke_secrets_of(self, user_id: int, at: int) -> int:
        """End the secret keys that a person made; returns how many."""
        return self._sql.run(
            """UPDATE api_keys SET revoked_at = ?
            WHERE workspace_id = ? AND created_by = ? AND kind = 'SECRET' AND revoked_at IS NULL""",
            (at, self._workspace, user_id),
        )

    def revoke_all(self, at: int) -> None:
        """End every key."""
        self._sql.run(
            "UPDATE api_keys SET revoked_at = ? WHERE workspace_id = ? AND revoked_at IS NULL", (at, self._workspace)
        )

    def touch(self, key_id: int, at: int) -> None:
        """Note that a key was used."""
        self._sql.run(
            "UPDATE api_keys SET used_at = ? WHERE workspace_id = ? AND id = ?", (at, self._workspace, key_id)
        )


class AuditLog:
    """What was done in one workspace, or to the instance. Lines are only ever added."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def add(self, line: AuditLine) -> None:
        """Append a line."""
        self._sql.run(
            f"INSERT INTO audit_log (workspace_id, {_AUDIT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._workspace, line.id, line.at, line.user_id, line.key_id, line.address, line.action, line.target,
                line.result, json.encode_text(line.detail) if line.detail else None,
            ),
        )  # fmt: skip

    def before(self, line_id: int, limit: int) -> list[AuditLine]:
        """Lines below an id, newest first."""
        rows = self._sql.rows(
            f"SELECT {_AUDIT} FROM audit_log WHERE workspace_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
            (self._workspace, line_id, limit),
        )
        return [_line(row) for row in rows]

    def before_of_user(self, user_id: int, line_id: int, limit: int) -> list[AuditLine]:
        """Lines of one person below an id, newest first."""
        rows = self._sql.rows(
            f"""SELECT {_AUDIT} FROM audit_log WHERE workspace_id = ? AND user_id = ? AND id < ?
            ORDER BY id DESC LIMIT ?""",
            (self._workspace, user_id, line_id, limit),
        )
        return [_line(row) for row in rows]


class WorkspaceAccounts:
    """Who may come into one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self.members = Members(sql, workspace_id)
        self.invitations = Invitations(sql, workspace_id)
        self.keys = ApiKeys(sql, workspace_id)
        self.audit = AuditLog(sql, workspace_id)


class Accounts:
    """Who may come in at all. `of` opens one workspace's part."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self.users = Users(sql)
        self.sessions = UserSessions(sql)
        self.workspaces = Workspaces(sql)
        self.audit = AuditLog(sql, INSTANCE)

    def of(self, workspace_id: int) -> WorkspaceAccounts:
        """The part of one workspace."""
        return WorkspaceAccounts(self._sql, workspace_id)

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, in whichever workspace."""
        row = self._sql.row(f"SELECT {_KEY} FROM api_keys WHERE digest = ?", (digest,))
        return _key(row) if row else None

    def invitation_by_digest(self, digest: bytes) -> Invitation | None:
        """The invitation with this digest, to whichever workspace."""
        row = self._sql.row(f"SELECT {_INVITATION} FROM invitations WHERE digest = ?", (digest,))
        return Invitation(*row) if row else None

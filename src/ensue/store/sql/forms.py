"""Forms and what was sent with them."""

from ensue.base import json
from ensue.base.clock import DAY
from ensue.model.form import ACCEPTED, PENDING, Form, FormContent, Sent, Submission
from ensue.store.sql.connection import Row, Sql

_FORM = "id, name, status, content, created_at, updated_at"
_SUBMISSION = """id, form_id, status, created_at, contact_id, event_id, email_key, reason, content, accepted_at,
  expires_at"""

_content = json.decoder(FormContent)
_sent = json.decoder(Sent)


def read_form(row: Row) -> Form:
    """The form of a row with the columns `id, name, status, content, created_at, updated_at`."""
    return Form(row[0], row[1], row[2], _content.decode(row[3]), row[4], row[5])


def _submission(row: Row) -> Submission:
    sent = _sent.decode(row[8]) if row[8] else None
    return Submission(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], sent, row[9], row[10])


def owner_and_form(sql: Sql, form_id: int) -> tuple[int, Form] | None:
    """(workspace, form) of a form that a public request names. A workspace that is being removed has none."""
    row = sql.row(
        f"""SELECT workspace_id, {_FORM} FROM forms
        WHERE id = ? AND workspace_id NOT IN (SELECT workspace FROM workspace_removals)""",
        (form_id,),
    )
    return (row[0], read_form(row[1:])) if row else None


class Forms:
    """The forms of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def all(self) -> list[Form]:
        """Every form, oldest first."""
        rows = self._sql.rows(f"SELECT {_FORM} FROM forms WHERE workspace_id = ? ORDER BY id", (self._workspace,))
        return [read_form(row) for row in rows]

    def get(self, form_id: int) -> Form | None:
        """One form."""
        row = self._sql.row(f"SELECT {_FORM} FROM forms WHERE workspace_id = ? AND id = ?", (self._workspace, form_id))
        return read_form(row) if row else None

    def put(self, form: Form) -> None:
        """Store a form, new or changed."""
        self._sql.run(
            """INSERT INTO forms (workspace_id, id, name, status, segment_id, content, created_at, updated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, status = excluded.status,
              segment_id = excluded.segment_id, content = excluded.content, updated_at = excluded.updated_at""",
            (
                self._workspace, form.id, form.name, form.status, form.content.segment_id,
                json.encode_text(form.content), form.created_at, form.updated_at,
            ),
        )  # fmt: skip

    def remove(self, form_id: int) -> None:
        """Delete a form."""
        self._sql.run("DELETE FROM forms WHERE workspace_id = ? AND id = ?", (self._workspace, form_id))

    def filling(self, segment_id: int) -> list[tuple[int, str]]:
        """(id, name) of the forms that put people on a segment's list, unless they are archived."""
        rows = self._sql.rows(
            """SELECT id, name FROM forms WHERE workspace_id = ? AND segment_id = ? AND status <> 'ARCHIVED'
            ORDER BY id""",
            (self._workspace, segment_id),
        )
        return [(row[0], row[1]) for row in rows]


class FormSubmissions:
    """What was sent with the forms of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def claim(self, submission: Submission, key: bytes, fingerprint: bytes) -> bool:
        """Store a new submission; False when its key was used with this form before."""
        return (
            self._sql.run(
                """INSERT INTO form_submissions (workspace_id, id, form_id, status, key, fingerprint, email_key, reason,
                  content, created_at, expires_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (workspace_id, form_id, key) DO NOTHING""",
                (
                    self._workspace, submission.id, submission.form_id, submission.status, key, fingerprint,
                    submission.email_key, submission.reason,
                    json.encode_text(submission.sent) if submission.sent is not None else None,
                    submission.created_at, submission.expires_at,
                ),
            )
            == 1
        )  # fmt: skip

    def fingerprint(self, form_id: int, key: bytes) -> bytes | None:
        """What was sent under a key, as a digest."""
        row = self._sql.row(
            "SELECT fingerprint FROM form_submissions WHERE workspace_id = ? AND form_id = ? AND key = ?",
            (self._workspace, form_id, key),
        )
        return row[0] if row else None

    def get(self, submission_id: int) -> Submission | None:
        """One submission."""
        row = self._sql.row(
            f"SELECT {_SUBMISSION} FROM form_submissions WHERE workspace_id = ? AND id = ?",
            (self._workspace, submission_id),
        )
        return _submission(row) if row else None

    def keep_message(self, submission_id: int, message_id: int) -> None:
        """Say with which message a submission is to be confirmed."""
        self._sql.run(
            "UPDATE form_submissions SET message_id = ? WHERE workspace_id = ? AND id = ?",
            (message_id, self._workspace, submission_id),
        )

    def accept(self, submission_id: int, contact_id: int | None, event_id: int, at: int) -> None:
        """Say that a submission counts from now on, whose it is and which event it became.

        The message that it was confirmed with turns out to be the contact's.
        """
        self._sql.run(
            """UPDATE messages SET contact_id = ? WHERE workspace_id = ? AND id =
              (SELECT message_id FROM form_submissions WHERE workspace_id = ? AND id = ?)""",
            (contact_id, self._workspace, self._workspace, submission_id),
        )
        self._sql.run(
            """UPDATE form_submissions SET status = ?, contact_id = ?, event_id = ?, accepted_at = ?, expires_at = NULL
            WHERE workspace_id = ? AND id = ?""",
            (ACCEPTED, contact_id, event_id, at, self._workspace, submission_id),
        )

    def discard(self, submission_id: int, reason: str) -> None:
        """Forget who sent a submission and what."""
        self._sql.run(
            """UPDATE form_submissions SET status = 'DISCARDED', reason = ?, email_key = NULL, content = NULL,
              expires_at = NULL WHERE workspace_id = ? AND id = ?""",
            (reason, self._workspace, submission_id),
        )

    def remove(self, form_id: int, submission_id: int) -> bool:
        """Delete a submission of a form; False when there is none."""
        return (
            self._sql.run(
                "DELETE FROM form_submissions WHERE workspace_id = ? AND id = ? AND form_id = ?",
                (self._workspace, submission_id, form_id),
            )
            == 1
        )

    def pending_of_address(self, email_key: str, since: int) -> int:
        """How many that were sent since an instant wait for this address to be confirmed."""
        row = self._sql.row(
            """SELECT COUNT(*) FROM form_submissions
            WHERE workspace_id = ? AND email_key = ? AND status = 'PENDING' AND created_at >= ?""",
            (self._workspace, email_key, since),
        )
        return int(row[0]) if row else 0

    def forget_expired(self, now: int, limit: int) -> int:
        """Delete some that nobody confirmed in time, and to whom they were sent; returns how many."""
        rows = self._sql.rows(
            """SELECT id, message_id FROM form_submissions
            WHERE workspace_id = ? AND status = 'PENDING' AND expires_at <= ? ORDER BY expires_at LIMIT ?""",
            (self._workspace, now, limit),
        )
        self._forget([(row[0], row[1]) for row in rows])
        return len(rows)

    def forget_pending(self, email_key: str) -> None:
        """Delete all that wait for an address to be confirmed, and to whom they were sent."""
        rows = self._sql.rows(
            """SELECT id, message_id FROM form_submissions
            WHERE workspace_id = ? AND email_key = ? AND status = 'PENDING'""",
            (self._workspace, email_key),
        )
        self._forget([(row[0], row[1]) for row in rows])

    def _forget(self, found: list[tuple[int, int | None]]) -> None:
        self._sql.run_many(
            "UPDATE messages SET address = NULL, given = NULL, rendered = NULL WHERE workspace_id = ? AND id = ?",
            [(self._workspace, message_id) for _, message_id in found if message_id is not None],
        )
        self._sql.run_many(
            "DELETE FROM form_submissions WHERE workspace_id = ? AND id = ?",
            [(self._workspace, submission_id) for submission_id, _ in found],
        )

    def page(self, form_id: int, status: str, offset: int, limit: int) -> tuple[int, list[Submission]]:
        """How many of a form have a status, and a page of them, newest first."""
        values = (self._workspace, form_id, status)
        row = self._sql.row(
            "SELECT COUNT(*) FROM form_submissions WHERE workspace_id = ? AND form_id = ? AND status = ?", values
        )
        rows = self._sql.rows(
            f"""SELECT {_SUBMISSION} FROM form_submissions WHERE workspace_id = ? AND form_id = ? AND status = ?
            ORDER BY id DESC LIMIT ? OFFSET ?""",
            (*values, limit, offset),
        )
        return int(row[0]) if row else 0, [_submission(found) for found in rows]

    def after(self, form_id: int, status: str, submission_id: int, limit: int) -> list[Submission]:
        """Those of a form with a status and a greater id, oldest first."""
        rows = self._sql.rows(
            f"""SELECT {_SUBMISSION} FROM form_submissions
            WHERE workspace_id = ? AND form_id = ? AND status = ? AND id > ? ORDER BY id LIMIT ?""",
            (self._workspace, form_id, status, submission_id, limit),
        )
        return [_submission(found) for found in rows]

    def any(self, form_id: int) -> bool:
        """Whether anything was sent with a form."""
        row = self._sql.row(
            "SELECT 1 FROM form_submissions WHERE workspace_id = ? AND form_id = ? LIMIT 1", (self._workspace, form_id)
        )
        return row is not None

    def counts(self, form_id: int) -> dict[str, int]:
        """How many of a form have each status."""
        rows = self._sql.rows(
            """SELECT status, COUNT(*) FROM form_submissions WHERE workspace_id = ? AND form_id = ? GROUP BY status""",
            (self._workspace, form_id),
        )
        return dict(rows)

    def latest(self, form_id: int) -> int | None:
        """When the form was last sent and not discarded."""
        row = self._sql.row(
            """SELECT MAX(created_at) FROM form_submissions
            WHERE workspace_id = ? AND form_id = ? AND status IN (?, ?)""",
            (self._workspace, form_id, ACCEPTED, PENDING),
        )
        return row[0] if row else None

    def accepted_by_day(self, form_id: int, since: int) -> list[tuple[int, int]]:
        """(start of the UTC day, how many) of the days on which some were accepted, from an instant on."""
        rows = self._sql.rows(
            f"""SELECT accepted_at / {DAY}, COUNT(*) FROM form_submissions
            WHERE workspace_id = ? AND form_id = ? AND status = ? AND accepted_at >= ?
            GROUP BY accepted_at / {DAY} ORDER BY 1""",
            (self._workspace, form_id, ACCEPTED, since),
        )
        return [(row[0] * DAY, row[1]) for row in rows]

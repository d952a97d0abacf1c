"""Everything that hangs on one contact, taken as a whole: handed to another contact, let go, or wiped.

A new table with a `contact_id` gets its line here; `tests/engine/test_belongings.py` fails until it has one.
"""

from ensue.base import json
from ensue.model.message import written_for
from ensue.store.sql.connection import Sql
from ensue.store.sql.standing import Ledger

# What simply changes hands. Rows of these are never in each other's way.
_MOVED = (
    "events", "sessions", "enrolments", "enrolment_skips", "contact_changes", "contact_aliases",
    "messages", "devices",
    "form_submissions", "webhook_deliveries", "incoming_requests",
)  # fmt: skip

# What is derived, or is about the person alone: gone with the contact.
_FORGOTTEN = (
    "standings", "timers", "contact_tags", "consents", "contact_changes", "contact_aliases", "devices",
)  # fmt: skip


class Belongings:
    """What belongs to the contacts of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def hand_over(self, old_id: int, contact_id: int, at: int) -> None:
        """Give all that one contact has to another, who from now on answers for it under the old id too.

        Where it stands, timers and consents are dropped: what they say of both together is worked out anew. Stays in
        segments keep the old id, as the history of a contact that was.
        """
        self._sql.run(
            """INSERT INTO contact_tags (workspace_id, contact_id, tag_id, added_at)
            SELECT workspace_id, ?, tag_id, added_at FROM contact_tags WHERE workspace_id = ? AND contact_id = ?
            ON CONFLICT (workspace_id, contact_id, tag_id) DO NOTHING""",
            (contact_id, self._workspace, old_id),
        )
        for table in _MOVED:
            self._sql.run(
                f"UPDATE {table} SET contact_id = ? WHERE workspace_id = ? AND contact_id = ?",
                (contact_id, self._workspace, old_id),
            )
        Ledger(self._sql, self._workspace).hand_over(old_id, contact_id)
        for table in ("contact_tags", "standings", "timers", "consents"):
            self._delete(table, old_id)
        self._sql.run(
            "INSERT INTO contact_aliases (workspace_id, old_id, contact_id, merged_at) VALUES (?, ?, ?, ?)",
            (self._workspace, old_id, contact_id, at),
        )

    def let_go(self, contact_id: int) -> None:
        """Forget the person. Events and sessions stay as those of nobody, enrolments and stays as history."""
        # What is on its way is not sent; of a hand-over that is under way, only the outcome is still written.
        self._sql.run(
            """UPDATE messages SET status = 'FAILED', reason = 'CONTACT_GONE', due_at = NULL
            WHERE workspace_id = ? AND contact_id = ? AND status IN ('QUEUED', 'SENDING') AND leased = 0""",
            (self._workspace, contact_id),
        )
        self._sql.run(
            "UPDATE messages SET address = NULL WHERE workspace_id = ? AND contact_id = ? AND leased = 1",
            (self._workspace, contact_id),
        )
        for table in ("events", "sessions", "messages", "form_submissions"):
            apart = ", apart = 1" if table == "events" else ""
            self._sql.run(
                f"UPDATE {table} SET contact_id = NULL{apart} WHERE workspace_id = ? AND contact_id = ?",
                (self._workspace, contact_id),
            )
        # Its first line is found through the standing.
        Ledger(self._sql, self._workspace).clear(contact_id)
        for table in _FORGOTTEN:
            self._delete(table, contact_id)

    def wipe(self, contact_id: int) -> None:
        """Take everything personal out of what stays, so that it still counts but says nothing of anybody."""
        contact = (self._workspace, contact_id)
        self._silence(contact_id)
        self._sql.run(
            """UPDATE events SET contact_id = NULL, session_id = NULL, page_url = NULL, referrer = NULL,
              metadata = NULL, answer = NULL WHERE workspace_id = ? AND contact_id = ?""",
            contact,
        )
        # Events of the sessions that were never attributed are the same person's.
        self._sql.run(
            """UPDATE events SET session_id = NULL, page_url = NULL, referrer = NULL, metadata = NULL, answer = NULL
            WHERE workspace_id = ? AND apart = 1 AND contact_id IS NULL
              AND session_id IN (SELECT id FROM sessions WHERE workspace_id = ? AND contact_id = ?)""",
            (self._workspace, *contact),
        )
        self._sql.run(
            """UPDATE events SET session_id = NULL
            WHERE workspace_id = ? AND apart = 1
              AND session_id IN (SELECT id FROM sessions WHERE workspace_id = ? AND contact_id = ?)""",
            (self._workspace, *contact),
        )
        # What told the runs apart came from the metadata; all of them have ended, so none can meet another.
        # An occasion is a day of the person's, such as a birthday.
        self._sql.run(
            "UPDATE enrolments SET entry_key = '', occasion = NULL WHERE workspace_id = ? AND contact_id = ?", contact
        )
        self._sql.run(
            """UPDATE enrolment_steps SET detail = NULL
            WHERE workspace_id = ?
              AND enrolment_id IN (SELECT id FROM enrolments WHERE workspace_id = ? AND contact_id = ?)""",
            (self._workspace, *contact),
        )
        self._sql.run(
            "UPDATE form_submissions SET content = NULL, email_key = NULL WHERE workspace_id = ? AND contact_id = ?",
            contact,
        )
        self._wipe_messages(contact_id)
        self._delete("sessions", contact_id)

    def _wipe_messages(self, contact_id: int) -> None:
        # Also what was sent to the address by itself, without saying whose it is, and what was shown to somebody else.
        theirs = """(contact_id = ? OR (contact_id IS NULL AND given = ?) OR (contact_id IS NULL AND channel = 'EMAIL'
          AND LOWER(address) = (SELECT email_key FROM contacts WHERE workspace_id = ? AND id = ?)))"""
        shown_to_others = json.encode_text(written_for(contact_id))
        values = (self._workspace, contact_id, shown_to_others, self._workspace, contact_id)
        self._sql.run(
            f"""UPDATE message_attempts SET reason = NULL WHERE workspace_id = ?
              AND message_id IN (SELECT id FROM messages WHERE workspace_id = ? AND {theirs})""",
            (self._workspace, *values),
        )
        self._sql.run(
            f"""DELETE FROM message_links WHERE workspace_id = ?
              AND message_id IN (SELECT id FROM messages WHERE workspace_id = ? AND {theirs})""",
            (self._workspace, *values),
        )
        self._sql.run(
            f"""UPDATE messages SET status = 'FAILED', reason = 'CONTACT_GONE', due_at = NULL
            WHERE workspace_id = ? AND status IN ('QUEUED', 'SENDING') AND leased = 0 AND {theirs}""",
            values,
        )
        self._sql.run(
            f"""UPDATE messages SET address = NULL, content = NULL, given = NULL, rendered = NULL, detail = NULL,
              provider_id = NULL WHERE workspace_id = ? AND {theirs}""",
            values,
        )

    def _silence(self, contact_id: int) -> None:
        """Nothing that is still to be told of a person is told, and nothing of what was told is kept."""
        contact = (self._workspace, contact_id)
        # What an anonymous event was told as has nobody's name on it, but the event's.
        # Each part has an index: what a session has with its contact, the contact has.
        their_events = """contact_id IS NULL AND event_id IN
          (SELECT id FROM events WHERE workspace_id = ? AND contact_id = ?
           UNION ALL
           SELECT id FROM events WHERE workspace_id = ? AND apart = 1 AND session_id IN
            (SELECT id FROM sessions WHERE workspace_id = ? AND contact_id = ?))"""
        for whose, values in (("contact_id = ?", contact[1:]), (their_events, (*contact, self._workspace, *contact))):
            self._sql.run(
                f"""UPDATE webhook_attempts SET response_headers = NULL, response_body = NULL
                WHERE workspace_id = ? AND delivery_id IN
                  (SELECT id FROM webhook_deliveries WHERE workspace_id = ? AND {whose})""",
                (self._workspace, self._workspace, *values),
            )
            self._sql.run(
                f"""UPDATE webhook_deliveries SET body = NULL, contact_id = NULL, due_at = NULL,
                  status = CASE WHEN status IN ('QUEUED', 'SENDING') THEN 'CANCELLED' ELSE status END
                WHERE workspace_id = ? AND {whose}""",
                (self._workspace, *values),
            )
        self._sql.run(
            "UPDATE incoming_requests SET body = NULL, contact_id = NULL WHERE workspace_id = ? AND contact_id = ?",
            contact,
        )

    def sessions(self, contact_id: int) -> list[str]:
        """The keys of the sessions of a contact, newest first."""
        rows = self._sql.rows(
            "SELECT key FROM sessions WHERE workspace_id = ? AND contact_id = ? ORDER BY id DESC",
            (self._workspace, contact_id),
        )
        return [row[0] for row in rows]

    def old_ids(self, contact_id: int) -> list[int]:
        """The ids of contacts that were merged into this one."""
        rows = self._sql.rows(
            "SELECT old_id FROM contact_aliases WHERE workspace_id = ? AND contact_id = ? ORDER BY old_id",
            (self._workspace, contact_id),
        )
        return [row[0] for row in rows]

    def event_types(self, contact_id: int) -> set[str]:
        """The types of event that a contact has done."""
        rows = self._sql.rows(
            # Left alone, SQLite reads all events of the workspace, for those come by type.
            f"""SELECT t.name FROM event_types t WHERE t.workspace_id = ? AND t.id IN
              (SELECT DISTINCT type_id FROM events{self._sql.by("events_by_contact")}
               WHERE workspace_id = ? AND contact_id = ?)""",
            (self._workspace, self._workspace, contact_id),
        )
        return {row[0] for row in rows}

    def _delete(self, table: str, contact_id: int) -> None:
        self._sql.run(f"DELETE FROM {table} WHERE workspace_id = ? AND contact_id = ?", (self._workspace, contact_id))

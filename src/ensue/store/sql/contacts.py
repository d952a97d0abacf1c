"""Contacts and what hangs on one: aliases, tags, consents."""

from collections.abc import Iterable, Mapping, Sequence

from ensue.base import json
from ensue.model.contact import Contact
from ensue.store.sql.connection import Row, Sql

COLUMNS = """c.id, c.created_at, c.updated_at, n.as_of, c.email, c.external_id, c.first_name, c.last_name, c.phone,
  c.time_zone, c.locale, c.attributes, n.score, n.due_at, n.latest_line"""
# The slot of `standings` that holds where the contact itself stands.
ITSELF = -1
STANDING = f"""contacts c JOIN standings n
  ON n.workspace_id = c.workspace_id AND n.contact_id = c.id AND n.slot = {ITSELF}"""


def read_contact(row: Row) -> Contact:
    """The contact of a row of `COLUMNS`."""
    attributes = json.decode(row[11]) if row[11] != "{}" else {}
    return Contact(*(*row[:11], attributes, *row[12:]))


class Contacts:
    """The contacts of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def get(self, contact_id: int) -> Contact | None:
        """A contact, to look at."""
        row = self._sql.row(
            f"SELECT {COLUMNS} FROM {STANDING} WHERE c.workspace_id = ? AND c.id = ?", (self._workspace, contact_id)
        )
        return read_contact(row) if row else None

    def lock(self, contact_id: int) -> Contact | None:
        """A contact, held for this transaction."""
        row = self._sql.row(
            f"SELECT {COLUMNS} FROM {STANDING} WHERE c.workspace_id = ? AND c.id = ?{self._sql.for_update}",
            (self._workspace, contact_id),
        )
        return read_contact(row) if row else None

    def lock_all(self, contact_ids: Iterable[int]) -> list[Contact]:
        """Those contacts that there are, held for this transaction in the order of their ids."""
        rows = self._sql.rows(
            f"""SELECT {COLUMNS} FROM {STANDING} WHERE c.workspace_id = ? AND {self._sql.json.among("c.id")}
            ORDER BY c.id{self._sql.for_update}""",
            (self._workspace, json.encode_text(sorted(contact_ids))),
        )
        return [read_contact(row) for row in rows]

    def survivor(self, old_id: int) -> int | None:
        """The contact that a merged one lives on in."""
        row = self._sql.row(
            "SELECT contact_id FROM contact_aliases WHERE workspace_id = ? AND old_id = ?", (self._workspace, old_id)
        )
        return row[0] if row else None

    def id_by_email(self, email_key: str) -> int | None:
        """The contact with this address (lower case)."""
        row = self._sql.row(
            "SELECT id FROM contacts WHERE workspace_id = ? AND email_key = ?", (self._workspace, email_key)
        )
        return row[0] if row else None

    def id_by_external_id(self, external_id: str) -> int | None:
        """The contact with this id of the customer's own."""
        row = self._sql.row(
            "SELECT id FROM contacts WHERE workspace_id = ? AND external_id = ?", (self._workspace, external_id)
        )
        return row[0] if row else None

    def add(self, contact: Contact, email_key: str | None) -> None:
        """Store a new contact."""
        self._sql.run(
            """INSERT INTO contacts (workspace_id, email_key, id, created_at, updated_at, email, external_id,
              first_name, last_name, phone, time_zone, locale, attributes)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                self._workspace, email_key, contact.id, contact.created_at, contact.updated_at, contact.email,
                contact.external_id, contact.first_name, contact.last_name, contact.phone, contact.time_zone,
                contact.locale, json.encode_text(contact.attributes),
            ),
        )  # fmt: skip
        self._sql.run(
            f"""INSERT INTO standings (workspace_id, contact_id, slot, score, as_of, due_at, latest_line)
            VALUES (?, ?, {ITSELF}, ?, ?, ?, ?)""",
            (self._workspace, contact.id, contact.score, contact.as_of, contact.due_at, contact.latest_line),
        )

    def change(self, contact: Contact, email_key: str | None) -> None:
        """Write what a person or a campaign can change. What evaluation changes is written by `advance`."""
        self._sql.run(
            """UPDATE contacts SET email = ?, email_key = ?, external_id = ?, first_name = ?, last_name = ?, phone = ?,
              time_zone = ?, locale = ?, attributes = ?, updated_at = ? WHERE workspace_id = ? AND id = ?""",
            (
                contact.email, email_key, contact.external_id, contact.first_name, contact.last_name, contact.phone,
                contact.time_zone, contact.locale, json.encode_text(contact.attributes), contact.updated_at,
                self._workspace, contact.id,
            ),
        )  # fmt: skip

    def advance(self, rows: Iterable[tuple[int, int, int | None, int | None, int]]) -> None:
        """Write what evaluation changes: (score, as_of, due_at, latest_line, id)."""
        workspace = self._workspace
        self._sql.run_many(
            f"""UPDATE standings SET score = ?, as_of = ?, due_at = ?, latest_line = ?
            WHERE workspace_id = ? AND contact_id = ? AND slot = {ITSELF}""",
            [(*row[:-1], workspace, row[-1]) for row in rows],
        )

    def remove(self, contact_id: int) -> None:
        """Delete the contact's own row; where it stands is one of its belongings."""
        self._sql.run("DELETE FROM contacts WHERE workspace_id = ? AND id = ?", (self._workspace, contact_id))

    def due(self, now: int, limit: int) -> list[int]:
        """Contacts for which time alone may have changed something, longest due first."""
        rows = self._sql.rows(
            """SELECT contact_id FROM standings WHERE workspace_id = ? AND due_at <= ?
            ORDER BY due_at, contact_id LIMIT ?""",
            (self._workspace, now, limit),
        )
        return [row[0] for row in rows]

    def present(self, contact_ids: Sequence[int]) -> list[int]:
        """Those of some ids that are contacts now."""
        if not contact_ids:
            return []
        places = ", ".join("?" * len(contact_ids))
        rows = self._sql.rows(
            f"SELECT id FROM contacts WHERE workspace_id = ? AND id IN ({places})", (self._workspace, *contact_ids)
        )
        return [row[0] for row in rows]

    def due_no_later(self, rows: Iterable[tuple[int, int]]) -> None:
        """Count contacts as due at instants, unless they are due before: (contact, instant)."""
        workspace = self._workspace
        self._sql.run_many(
            f"""UPDATE standings SET due_at = ? WHERE workspace_id = ? AND contact_id = ? AND slot = {ITSELF}
              AND (due_at IS NULL OR due_at > ?)""",
            [(at, workspace, contact_id, at) for contact_id, at in rows],
        )

    def claim_due(self, now: int, limit: int) -> list[int]:
        """As `due`, held for this transaction; those that another transaction works on are left to it."""
        rows = self._sql.rows(
            # Both rows, in the order in which `lock` takes them.
            f"""SELECT c.id FROM {STANDING} WHERE c.workspace_id = ? AND n.workspace_id = c.workspace_id
              AND n.due_at <= ? ORDER BY n.due_at, c.id LIMIT ?{self._sql.skip_locked}""",
            (self._workspace, now, limit),
        )
        return [row[0] for row in rows]

    def put_off(self, contact_id: int, until: int) -> None:
        """Do not count a contact as due before an instant, whatever its timers say."""
        self._sql.run(
            f"UPDATE standings SET due_at = ? WHERE workspace_id = ? AND contact_id = ? AND slot = {ITSELF}",
            (until, self._workspace, contact_id),
        )

    def after(self, contact_id: int, limit: int) -> list[int]:
        """Ids of contacts above one, ascending."""
        rows = self._sql.rows(
            "SELECT id FROM contacts WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?",
            (self._workspace, contact_id, limit),
        )
        return [row[0] for row in rows]

    def tags(self, contact_id: int) -> dict[str, int]:
        """The contact's tags: name to tag id."""
        rows = self._sql.rows(
            """SELECT t.name, t.id FROM contact_tags c
            JOIN tags t ON t.workspace_id = c.workspace_id AND t.id = c.tag_id
            WHERE c.workspace_id = ? AND c.contact_id = ?""",
            (self._workspace, contact_id),
        )
        return dict(rows)

    def tag_id(self, name: str) -> int | None:
        """The id of a tag by its name."""
        row = self._sql.row("SELECT id FROM tags WHERE workspace_id = ? AND name = ?", (self._workspace, name))
        return row[0] if row else None

    def add_tag(self, tag_id: int, name: str, at: int) -> None:
        """Make a new tag."""
        self._sql.run(
            "INSERT INTO tags (workspace_id, id, name, created_at) VALUES (?, ?, ?, ?)",
            (self._workspace, tag_id, name, at),
        )

    def tag(self, contact_id: int, tag_id: int, at: int) -> None:
        """Put a tag on a contact."""
        self._sql.run(
            """INSERT INTO contact_tags (workspace_id, contact_id, tag_id, added_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, contact_id, tag_id) DO NOTHING""",
            (self._workspace, contact_id, tag_id, at),
        )

    def untag(self, contact_id: int, tag_id: int) -> None:
        """Take a tag off a contact."""
        self._sql.run(
            "DELETE FROM contact_tags WHERE workspace_id = ? AND contact_id = ? AND tag_id = ?",
            (self._workspace, contact_id, tag_id),
        )

    def consents(self, contact_id: int) -> Mapping[str, str]:
        """The contact's consents: channel to status."""
        rows = self._sql.rows(
            "SELECT channel, status FROM consents WHERE workspace_id = ? AND contact_id = ?",
            (self._workspace, contact_id),
        )
        return dict(rows)

    def set_consent(self, contact_id: int, channel: str, status: str, source: str, at: int) -> None:
        """Set one consent."""
        self._sql.run(
            """INSERT INTO consents (workspace_id, contact_id, channel, status, source, updated_at)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, contact_id, channel)
            DO UPDATE SET status = excluded.status, source = excluded.source, updated_at = excluded.updated_at""",
            (self._workspace, contact_id, channel, status, source, at),
        )

    def add_change(self, contact_id: int, change_id: int, at: int, changes: str, source: str) -> None:
        """Keep a line of what was changed, for the timeline."""
        self._sql.run(
            "INSERT INTO contact_changes (workspace_id, contact_id, id, at, changes, source) VALUES (?, ?, ?, ?, ?, ?)",
            (self._workspace, contact_id, change_id, at, changes, source),
        )

    def changes(self, contact_id: int) -> list[str]:
        """What was ever changed of a contact, as it is kept, oldest first."""
        rows = self._sql.rows(
            "SELECT changes FROM contact_changes WHERE workspace_id = ? AND contact_id = ? ORDER BY id",
            (self._workspace, contact_id),
        )
        return [row[0] for row in rows]

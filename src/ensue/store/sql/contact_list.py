"""Contacts as lists show them: searched, filtered, sorted, page by page, with their tags."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ensue.base import json
from ensue.model.contact import Contact
from ensue.store.sql.clause import ALL, Clause
from ensue.store.sql.connection import Sql
from ensue.store.sql.contacts import COLUMNS, STANDING, read_contact

Value = str | int | float | bool | None

# Ids are ordered by creation. What is missing comes last in either direction, and ties are broken by id.
SORTS = {
    "createdAt": "c.id",
    "updatedAt": "c.updated_at",
    "lastName": "LOWER(c.last_name)",
    "email": "c.email_key",
    "score": "n.score",
}

# Text with an escape, so that a search for `50%` looks for just that.
_SEARCHED = (
    "c.email_key",
    "c.external_id",
    "c.first_name",
    "c.last_name",
    "COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')",
)


class Wanted(NamedTuple):
    """Which contacts: all that is given must hold.

    Attributes:
        search: a part of the e-mail address, external id or name, in any case.
        attributes: (keys from the top, value) each; the value is of just that kind, None for absent or null.
        sort: a key of `SORTS`.
    """

    search: str | None = None
    email_key: str | None = None
    external_id: str | None = None
    tags: Sequence[str] = ()
    segments: Sequence[int] = ()
    attributes: Sequence[tuple[Sequence[str], Value]] = ()
    sort: str = "createdAt"
    descending: bool = True


class ContactList:
    """The contacts of one workspace, as lists."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def page(self, wanted: Wanted, offset: int, limit: int) -> tuple[list[Contact], int]:
        """Contacts in their order, leaving out so many, and how many there are altogether."""
        who = self._who(wanted)
        sort = SORTS[wanted.sort]
        direction = "DESC" if wanted.descending else "ASC"
        rows = self._sql.rows(
            f"""SELECT {COLUMNS} FROM {STANDING} WHERE c.workspace_id = ? AND {who.sql}
            ORDER BY ({sort} IS NULL), {sort} {direction}, c.id {direction} LIMIT ? OFFSET ?""",
            (self._workspace, *who.values, limit, offset),
        )
        total = self._sql.row(
            f"SELECT COUNT(*) FROM contacts c WHERE c.workspace_id = ? AND {who.sql}", (self._workspace, *who.values)
        )
        return [read_contact(row) for row in rows], int(total[0]) if total else 0

    def tags(self, contact_ids: Iterable[int]) -> dict[int, list[str]]:
        """The tags of contacts, by name in order."""
        rows = self._sql.rows(
            f"""SELECT c.contact_id, t.name FROM contact_tags c
            JOIN tags t ON t.workspace_id = c.workspace_id AND t.id = c.tag_id
            WHERE c.workspace_id = ? AND {self._sql.json.among("c.contact_id")} ORDER BY t.name""",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        found: dict[int, list[str]] = {}
        for contact_id, name in rows:
            found.setdefault(contact_id, []).append(name)
        return found

    def tag_counts(self) -> list[tuple[str, int, int]]:
        """(name, contacts, made at) of every tag, by name."""
        rows = self._sql.rows(
            """SELECT t.name, COUNT(c.contact_id), t.created_at FROM tags t
            LEFT JOIN contact_tags c ON c.workspace_id = t.workspace_id AND c.tag_id = t.id
            WHERE t.workspace_id = ? GROUP BY t.id, t.name, t.created_at ORDER BY t.name""",
            (self._workspace,),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def _who(self, wanted: Wanted) -> Clause:
        who = ALL
        if wanted.search is not None:
            who &= _containing(wanted.search)
        if wanted.email_key is not None:
            who &= Clause("(c.email_key = ?)", (wanted.email_key,))
        if wanted.external_id is not None:
            who &= Clause("(c.external_id = ?)", (wanted.external_id,))
        for tag in wanted.tags:
            who &= Clause(
                """EXISTS (SELECT 1 FROM contact_tags g
                JOIN tags t ON t.workspace_id = g.workspace_id AND t.id = g.tag_id
                WHERE g.workspace_id = ? AND g.contact_id = c.id AND t.name = ?)""",
                (self._workspace, tag),
            )
        for segment_id in wanted.segments:
            who &= Clause(
                """EXISTS (SELECT 1 FROM memberships m
                WHERE m.workspace_id = ? AND m.contact_id = c.id AND m.segment_id = ? AND m.exited_at IS NULL)""",
                (self._workspace, segment_id),
            )
        for keys, value in wanted.attributes:
            who &= self._having(keys, value)
        return who

    def _having(self, keys: Sequence[str], value: Value) -> Clause:
        json_sql, column = self._sql.json, "c.attributes"
        match value:
            case None:
                return ~json_sql.present(column, keys)
            case bool():
                side = json_sql.truth(column, keys)
                value = int(value)
            case str():
                side = json_sql.text(column, keys)
            case _:
                side = json_sql.number(column, keys)
        return Clause(f"({side.sql} = ?)", (*side.values, value))


def _containing(text: str) -> Clause:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # Databases lower the letters of ASCII alike, and others each in its own way.
    lowered = "".join(letter.lower() if letter.isascii() else letter for letter in escaped)
    likes = [f"LOWER({expression}) LIKE ? ESCAPE '\\'" for expression in _SEARCHED]
    return Clause(f"({' OR '.join(likes)})", (f"%{lowered}%",) * len(likes))

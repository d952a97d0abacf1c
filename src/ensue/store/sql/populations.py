"""Which contacts of a workspace: asked by rule, by segment, or both. Read on a snapshot."""

from collections.abc import Sequence

from ensue.base import json
from ensue.model.contact import Contact
from ensue.rules.rule import Tree
from ensue.store.sql.clause import ALL, Clause
from ensue.store.sql.connection import Sql
from ensue.store.sql.contacts import COLUMNS, STANDING, read_contact
from ensue.store.sql.lowering import Lowering

__all__ = ["ALL", "Clause", "Populations"]


class Populations:
    """Sets of contacts of one workspace, as clauses, and the statements that count and list them."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def holding(self, tree: Tree, now: int) -> Clause | None:
        """Exactly the contacts for which a rule holds; None when only the evaluator can say."""
        return self._lowering(now).holding(tree)

    def differing(self, tree: Tree, now: int) -> Clause:
        """At least the contacts to which a rule gives another answer or horizon than to a blank one."""
        return self._lowering(now).differing(tree)

    def members(self, segment_id: int) -> Clause:
        """Those who are in a segment."""
        return self._lowering(0).members(segment_id)

    def count(self, who: Clause = ALL) -> int:
        """How many there are."""
        row = self._sql.row(
            f"SELECT COUNT(*) FROM contacts c WHERE c.workspace_id = ? AND {who.sql}", (self._workspace, *who.values)
        )
        return int(row[0]) if row else 0

    def count_and_first(self, who: Clause, limit: int) -> tuple[int, list[int]]:
        """How many there are, and the lowest ids among them, from one reading."""
        rows = self._sql.rows(
            f"""SELECT c.id, COUNT(*) OVER () FROM contacts c WHERE c.workspace_id = ? AND {who.sql}
            ORDER BY c.id LIMIT ?""",
            (self._workspace, *who.values, limit),
        )
        return (rows[0][1] if rows else 0), [row[0] for row in rows]

    def ids(self, who: Clause = ALL, above: int = 0, limit: int = -1) -> list[int]:
        """Their ids above one, ascending; all of them, or so many."""
        most = (limit,) if limit >= 0 else ()
        rows = self._sql.rows(
            f"SELECT c.id FROM contacts c WHERE c.workspace_id = ? AND c.id > ? AND {who.sql} ORDER BY c.id"
            + (" LIMIT ?" if most else ""),
            (self._workspace, above, *who.values, *most),
        )
        return [row[0] for row in rows]

    def ids_of_any(self, sets: Sequence[Clause], above: int, upto: int) -> list[int]:
        """The ids with `above < id <= upto` that are in any of some sets, ascending.

        Each set is found by itself, where one condition over all of them would have to be asked of every contact.
        """
        each = " UNION ".join(
            f"SELECT c.id FROM contacts c WHERE c.workspace_id = ? AND c.id > ? AND c.id <= ? AND {who.sql}"
            for who in sets
        )
        values = [value for who in sets for value in (self._workspace, above, upto, *who.values)]
        return [row[0] for row in self._sql.rows(f"{each} ORDER BY 1", values)]

    def contacts(self, contact_ids: Sequence[int]) -> list[Contact]:
        """Contacts by their ids, in no order; those that are gone are left out."""
        rows = self._sql.rows(
            f"SELECT {COLUMNS} FROM {STANDING} WHERE c.workspace_id = ? AND {self._sql.json.among('c.id')}",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        return [read_contact(row) for row in rows]

    def _lowering(self, now: int) -> Lowering:
        return Lowering(self._sql.json, self._workspace, now)

    def tags(self, contact_ids: Sequence[int]) -> dict[int, set[str]]:
        """The names of the tags of those contacts that have any."""
        rows = self._sql.rows(
            f"""SELECT g.contact_id, t.name FROM contact_tags g
            JOIN tags t ON t.workspace_id = g.workspace_id AND t.id = g.tag_id
            WHERE g.workspace_id = ? AND {self._sql.json.among("g.contact_id")}""",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        found: dict[int, set[str]] = {}
        for contact_id, name in rows:
            found.setdefault(contact_id, set()).add(name)
        return found

    def consents(self, contact_ids: Sequence[int]) -> dict[int, dict[str, str]]:
        """Channel to status of those contacts that have any consent."""
        rows = self._sql.rows(
            f"""SELECT contact_id, channel, status FROM consents
            WHERE workspace_id = ? AND {self._sql.json.among("contact_id")}""",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        found: dict[int, dict[str, str]] = {}
        for contact_id, channel, status in rows:
            found.setdefault(contact_id, {})[channel] = status
        return found

    def memberships(self, contact_ids: Sequence[int]) -> dict[int, set[int]]:
        """The segments that those contacts are in, of those who are in any."""
        rows = self._sql.rows(
            f"""SELECT contact_id, segment_id FROM memberships{self._sql.by("memberships_now")}
            WHERE workspace_id = ? AND {self._sql.json.among("contact_id")} AND exited_at IS NULL""",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        found: dict[int, set[int]] = {}
        for contact_id, segment_id in rows:
            found.setdefault(contact_id, set()).add(segment_id)
        return found

    def busy(self, types: frozenset[str], after: int | None, upto: int, least: int) -> Clause:
        """Those with at least so many events of these types with `after < timestamp <= upto`."""
        return self._lowering(upto).busy(types, after, least)

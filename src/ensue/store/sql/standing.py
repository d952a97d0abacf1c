"""Where each contact stands: tallies, memberships, timers and the ledger of the score."""

from collections.abc import Iterable, Sequence

from ensue.base import json
from ensue.model.score import LedgerLine
from ensue.model.segment import Membership
from ensue.store.sql.connection import Sql
from ensue.store.sql.contacts import ITSELF


class Tallies:
    """What conditions and scoring rules remember of a contact, one text per event type."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def get(self, contact_id: int, type_id: int) -> str | None:
        """The text of one tally."""
        row = self._sql.row(
            "SELECT body FROM standings WHERE workspace_id = ? AND contact_id = ? AND slot = ?",
            (self._workspace, contact_id, type_id),
        )
        return row[0] if row else None

    def of_type(self, type_id: int, contact_ids: Iterable[int]) -> dict[int, str]:
        """The texts of one type's tallies, of those contacts that have one."""
        rows = self._sql.rows(
            f"""SELECT contact_id, body FROM standings
            WHERE workspace_id = ? AND {self._sql.json.among("contact_id")} AND slot = ?""",
            (self._workspace, json.encode_text(list(contact_ids)), type_id),
        )
        return dict(rows)

    def put(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Write tallies: (contact, type, text)."""
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO standings (workspace_id, contact_id, slot, body) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, contact_id, slot) DO UPDATE SET body = excluded.body""",
            [(workspace, *row) for row in rows],
        )

    def clear(self, contact_id: int) -> None:
        """Forget everything remembered of a contact."""
        self._sql.run(
            f"DELETE FROM standings WHERE workspace_id = ? AND contact_id = ? AND slot <> {ITSELF}",
            (self._workspace, contact_id),
        )


_STAY = "id, segment_id, contact_id, version, entered_at, entered_by, exited_at, exited_by"


class Memberships:
    """Stays in segments."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def current(self, contact_id: int) -> dict[int, int]:
        """The segments a contact is in: segment to membership."""
        rows = self._sql.rows(
            f"""SELECT segment_id, id FROM memberships{self._sql.by("memberships_now")}
            WHERE workspace_id = ? AND contact_id = ? AND exited_at IS NULL""",
            (self._workspace, contact_id),
        )
        return dict(rows)

    def members(self, segment_id: int, after: int, limit: int) -> list[int]:
        """Contacts in a segment now with ids above one, ascending."""
        rows = self._sql.rows(
            """SELECT contact_id FROM memberships
            WHERE workspace_id = ? AND segment_id = ? AND exited_at IS NULL AND contact_id > ?
            ORDER BY contact_id LIMIT ?""",
            (self._workspace, segment_id, after, limit),
        )
        return [row[0] for row in rows]

    def stay(self, segment_id: int, contact_id: int) -> Membership | None:
        """The stay of a contact who is in a segment."""
        row = self._sql.row(
            f"""SELECT {_STAY} FROM memberships
            WHERE workspace_id = ? AND contact_id = ? AND segment_id = ? AND exited_at IS NULL""",
            (self._workspace, contact_id, segment_id),
        )
        return Membership(*row) if row else None

    def of_contact(self, contact_id: int, offset: int, limit: int) -> tuple[int, list[Membership]]:
        """How many stays a contact has had, and some of them, latest entered first."""
        total = self._sql.row(
            "SELECT COUNT(*) FROM memberships WHERE workspace_id = ? AND contact_id = ?", (self._workspace, contact_id)
        )
        rows = self._sql.rows(
            f"""SELECT {_STAY} FROM memberships WHERE workspace_id = ? AND contact_id = ?
            ORDER BY entered_at DESC, id DESC LIMIT ? OFFSET ?""",
            (self._workspace, contact_id, limit, offset),
        )
        return (total[0] if total else 0), [Membership(*row) for row in rows]

    def counts(self) -> dict[int, int]:
        """How many are in each segment that anybody is in."""
        return dict(
            self._sql.rows(
                """SELECT segment_id, COUNT(*) FROM memberships WHERE workspace_id = ? AND exited_at IS NULL
                GROUP BY segment_id""",
                (self._workspace,),
            )
        )

    def page(self, segment_id: int, offset: int, limit: int) -> tuple[int, list[Membership]]:
        """How many are in a segment, and the stays of some of them by contact."""
        return self._page("m.exited_at IS NULL", (segment_id,), offset, limit)

    def page_at(self, segment_id: int, at: int, offset: int, limit: int) -> tuple[int, list[Membership]]:
        """How many were in a segment at an instant, and their stays then."""
        where = "m.entered_at <= ? AND (m.exited_at IS NULL OR m.exited_at > ?)"
        return self._page(where, (segment_id, at, at), offset, limit)

    def _page(self, where: str, values: tuple[int, ...], offset: int, limit: int) -> tuple[int, list[Membership]]:
        source = f"FROM memberships m WHERE m.workspace_id = ? AND m.segment_id = ? AND {where}"
        total = self._sql.row(f"SELECT COUNT(*) {source}", (self._workspace, *values))
        rows = self._sql.rows(
            f"SELECT {_STAY} {source} ORDER BY m.contact_id LIMIT ? OFFSET ?", (self._workspace, *values, limit, offset)
        )
        return (total[0] if total else 0), [Membership(*row) for row in rows]

    def enter(self, stays: Iterable[Membership]) -> None:
        """Begin stays."""
        self._sql.run_many(
            """INSERT INTO memberships (workspace_id, id, segment_id, contact_id, version, entered_at, entered_by,
              exited_at, exited_by)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (self._workspace, s.id, s.segment_id, s.contact_id, s.version, s.entered_at, s.entered_by, s.exited_at,
                 s.exited_by)
                for s in stays
            ],
        )  # fmt: skip

    def exit(self, ends: Iterable[tuple[int, int, str]]) -> None:
        """End stays: (membership, instant, cause)."""
        self._sql.run_many(
            "UPDATE memberships SET exited_at = ?, exited_by = ? WHERE workspace_id = ? AND id = ?",
            [(at, by, self._workspace, membership_id) for membership_id, at, by in ends],
        )


class Timers:
    """When time alone may change something. kind: see `engine.subject`."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def arm(self, rows: Iterable[tuple[int, int, int, int]]) -> None:
        """Set timers (contact, kind, subject, due), unless an earlier one stands: early is harmless, late is not."""
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO timers (workspace_id, contact_id, kind, subject_id, due_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, contact_id, kind, subject_id) DO UPDATE SET due_at = excluded.due_at
            WHERE excluded.due_at < timers.due_at""",
            [(workspace, *row) for row in rows],
        )

    def take(self, contact_id: int, now: int) -> list[tuple[int, int, int]]:
        """Remove and return the timers of a contact that are due: (due, kind, subject)."""
        rows = self._sql.rows(
            """DELETE FROM timers WHERE workspace_id = ? AND contact_id = ? AND due_at <= ?
            RETURNING due_at, kind, subject_id""",
            (self._workspace, contact_id, now),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def take_all(
        self, contact_ids: Sequence[int], now: int
    ) -> tuple[dict[int, list[tuple[int, int, int]]], dict[int, int]]:
        """Remove the timers of some contacts that are due: (due, kind, subject), and the earliest of those that stay.

        Both by contact; who has none is left out.
        """
        where = f"workspace_id = ? AND {self._sql.json.among('contact_id')}"
        values = (self._workspace, json.encode_text(list(contact_ids)))
        due: dict[int, list[tuple[int, int, int]]] = {}
        for contact_id, due_at, kind, subject_id in self._sql.rows(
            f"DELETE FROM timers WHERE {where} AND due_at <= ? RETURNING contact_id, due_at, kind, subject_id",
            (*values, now),
        ):
            due.setdefault(contact_id, []).append((due_at, kind, subject_id))
        rows = self._sql.rows(f"SELECT contact_id, MIN(due_at) FROM timers WHERE {where} GROUP BY contact_id", values)
        return due, dict(rows)

    def next_due(self, contact_id: int) -> int | None:
        """The earliest of a contact's timers."""
        row = self._sql.row(
            "SELECT MIN(due_at) FROM timers WHERE workspace_id = ? AND contact_id = ?", (self._workspace, contact_id)
        )
        return row[0] if row else None

    def cancel(self, contact_id: int, kind: int, subject_id: int) -> None:
        """Remove one timer."""
        self._sql.run(
            "DELETE FROM timers WHERE workspace_id = ? AND contact_id = ? AND kind = ? AND subject_id = ?",
            (self._workspace, contact_id, kind, subject_id),
        )

    def clear(self, contact_id: int) -> None:
        """Remove all timers of a contact."""
        self._sql.run("DELETE FROM timers WHERE workspace_id = ? AND contact_id = ?", (self._workspace, contact_id))


_LINE = "id, rule_id, version, cause, event_id, event_at, at, asked, given, before, after"
_OF_LINE = ", ".join(f"n.{column}" for column in _LINE.split(", "))

# The lines of a contact, newest first: from the one that its standing names, each to the one before it.
CHAIN = f"""WITH RECURSIVE chain AS (
  SELECT n.* FROM standings s JOIN score_ledger n ON n.workspace_id = s.workspace_id AND n.id = s.latest_line
  WHERE s.workspace_id = ? AND s.contact_id = ? AND s.slot = {ITSELF}
  UNION ALL
  SELECT n.* FROM chain JOIN score_ledger n ON n.workspace_id = chain.workspace_id AND n.id = chain.previous)"""


class Ledger:
    """Every change of a contact's score. Of one contact, each line names the one before it."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def write(self, lines: Iterable[tuple[int, int | None, LedgerLine]]) -> None:
        """Append lines: (contact, the contact's line before it, line). The newest is named by `Contacts.advance`."""
        workspace = self._workspace
        self._sql.run_many(
            f"""INSERT INTO score_ledger (workspace_id, contact_id, previous, {_LINE})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (workspace, contact_id, previous, n.id, n.rule_id, n.version, n.cause, n.event_id, n.event_at, n.at,
                 n.asked, n.given, n.before, n.after)
                for contact_id, previous, n in lines
            ],
        )  # fmt: skip

    def of_rule(self, contact_id: int, rule_id: int) -> list[LedgerLine]:
        """A contact's lines of one rule, oldest first."""
        return self._read(contact_id, "n.rule_id = ?", rule_id)[::-1]

    def of_contact(self, contact_id: int, below: int | None, limit: int) -> list[LedgerLine]:
        """A contact's lines with ids below one, newest first."""
        return self._read(contact_id, "n.id < ? LIMIT ?", below if below is not None else 2**63 - 1, limit)

    def all_of_contact(self, contact_id: int) -> list[LedgerLine]:
        """All of a contact's lines, oldest first."""
        return self._read(contact_id, "1 = 1")[::-1]

    def begun_anew(self, contact_id: int) -> list[int]:
        """The rules whose matches of a contact were counted anew at some time."""
        lines = self._read(contact_id, "n.event_id IS NULL AND n.cause IN ('REBUILD', 'MERGE')")
        return sorted({line.rule_id for line in lines})

    def score_at(self, contact_id: int, at: int) -> int:
        """What a contact's score was at an instant; 0 before its first line."""
        row = self._sql.row(
            f"{CHAIN} SELECT COALESCE(SUM(n.given), 0) FROM chain n WHERE n.at <= ?", (self._workspace, contact_id, at)
        )
        return int(row[0]) if row else 0

    def hand_over(self, old_id: int, contact_id: int) -> None:
        """Give the lines of one contact to another, in among its own by their ids."""
        ids = sorted(line.id for owner in (old_id, contact_id) for line in self._read(owner, "1 = 1"))
        previous = [None, *ids]
        self._sql.run_many(
            "UPDATE score_ledger SET contact_id = ?, previous = ? WHERE workspace_id = ? AND id = ?",
            [(contact_id, before, self._workspace, line_id) for before, line_id in zip(previous, ids, strict=False)],
        )
        self._sql.run(
            f"UPDATE standings SET latest_line = ? WHERE workspace_id = ? AND contact_id = ? AND slot = {ITSELF}",
            (previous[-1], self._workspace, contact_id),
        )

    def clear(self, contact_id: int) -> None:
        """Forget the lines of a contact."""
        self._sql.run(
            f"""DELETE FROM score_ledger WHERE workspace_id = ? AND id IN
              ({CHAIN} SELECT n.id FROM chain n)""",
            (self._workspace, self._workspace, contact_id),
        )

    def _read(self, contact_id: int, where: str, *values: int) -> list[LedgerLine]:
        rows = self._sql.rows(
            f"{CHAIN} SELECT {_OF_LINE} FROM chain n WHERE {where}", (self._workspace, contact_id, *values)
        )
        return [LedgerLine(*row) for row in rows]

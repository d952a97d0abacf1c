"""One transaction over all tables, opened to the engine workspace by workspace."""

from ensue.store.sql.accounts import Accounts
from ensue.store.sql.belongings import Belongings
from ensue.store.sql.connection import Sql
from ensue.store.sql.contacts import Contacts
from ensue.store.sql.definitions import DefinitionTables
from ensue.store.sql.enrolments import Enrolments
from ensue.store.sql.erasures import Erasures
from ensue.store.sql.events import EventLog, IdempotencyKeys, Sessions
from ensue.store.sql.standing import Ledger, Memberships, Tallies, Timers


class WorkspaceTables:
    """The tables of one workspace: nothing reached from here can see another's rows."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self.definitions = DefinitionTables(sql, workspace_id)
        self.events = EventLog(sql, workspace_id)
        self.keys = IdempotencyKeys(sql, workspace_id)
        self.sessions = Sessions(sql, workspace_id)
        self.contacts = Contacts(sql, workspace_id)
        self.belongings = Belongings(sql, workspace_id)
        self.erasures = Erasures(sql, workspace_id)
        self.tallies = Tallies(sql, workspace_id)
        self.memberships = Memberships(sql, workspace_id)
        self.timers = Timers(sql, workspace_id)
        self.ledger = Ledger(sql, workspace_id)
        self.enrolments = Enrolments(sql, workspace_id)


class Tables:
    """All tables, inside one transaction (or one read snapshot)."""

    def __init__(self, sql: Sql) -> None:
        self.sql = sql
        self.accounts = Accounts(sql)
        self._workspaces: dict[int, WorkspaceTables] = {}

    def workspace(self, workspace_id: int) -> WorkspaceTables:
        """The tables of one workspace."""
        tables = self._workspaces.get(workspace_id)
        if tables is None:
            tables = self._workspaces[workspace_id] = WorkspaceTables(self.sql, workspace_id)
        return tables

    def workspaces_due(self, now: int) -> list[int]:
        """Workspaces that have a contact for which time alone may have changed something."""
        rows = self.sql.rows(
            """SELECT id FROM workspaces w WHERE EXISTS
              (SELECT 1 FROM contacts c WHERE c.workspace_id = w.id AND c.due_at <= ?)""",
            (now,),
        )
        return [row[0] for row in rows]

    def next_due(self) -> int | None:
        """The earliest instant at which time alone may change something anywhere."""
        row = self.sql.row(
            "SELECT MIN((SELECT MIN(due_at) FROM contacts c WHERE c.workspace_id = w.id AND c.due_at IS NOT NULL)) FROM workspaces w"
        )
        return row[0] if row else None

    def largest_id(self) -> int:
        """The largest id in use, so that new ones go on above it even when the clock stepped back."""
        row = self.sql.row(
            "SELECT MAX(COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT MAX(id) FROM contacts), 0))"
        )
        return int(row[0]) if row else 0

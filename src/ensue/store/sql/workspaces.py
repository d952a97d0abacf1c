"""The workspaces themselves, and their removal."""

from typing import NamedTuple

from ensue.model.account import Role
from ensue.model.workspace import Workspace
from ensue.store.sql.connection import Sql

_WORKSPACE = "id, name, slug, time_zone, trigger_horizon, definitions_version, created_at, updated_at"


class Holding(NamedTuple):
    """A table that holds rows of workspaces, and its primary key."""

    table: str
    key: tuple[str, ...]


class Workspaces:
    """All workspaces."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def get(self, workspace_id: int) -> Workspace | None:
        """One workspace."""
        row = self._sql.row(f"SELECT {_WORKSPACE} FROM workspaces WHERE id = ?", (workspace_id,))
        return Workspace(*row) if row else None

    def has_slug(self, slug: str) -> bool:
        """Whether a workspace goes by this slug."""
        return self._sql.row("SELECT 1 FROM workspaces WHERE slug = ?", (slug,)) is not None

    def of_user(self, user_id: int) -> list[tuple[Workspace, Role]]:
        """The workspaces that a person is in, oldest first, with their role."""
        columns = ", ".join(f"w.{name}" for name in _WORKSPACE.split(", "))
        rows = self._sql.rows(
            f"""SELECT {columns}, m.role FROM members m JOIN workspaces w ON w.id = m.workspace_id
            WHERE m.user_id = ? ORDER BY w.id""",
            (user_id,),
        )
        return [(Workspace(*row[:8]), row[8]) for row in rows]

    def add(self, workspace: Workspace) -> None:
        """Store a new workspace.

        Raises:
            Conflict: the slug is taken.
        """
        # Nobody else knows of it yet, so its definitions may change from the beginning.
        self._sql.alone(workspace.id)
        self._sql.run(
            f"INSERT INTO workspaces ({_WORKSPACE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                workspace.id, workspace.name, workspace.slug, workspace.time_zone, workspace.trigger_horizon,
                workspace.definitions_version, workspace.created_at, workspace.updated_at,
            ),
        )  # fmt: skip

    def change(self, workspace: Workspace) -> None:
        """Write what a person can change. The definitions are compiled again, since they rest on it."""
        self._sql.run(
            """UPDATE workspaces SET name = ?, time_zone = ?, trigger_horizon = ?, updated_at = ?,
              definitions_version = definitions_version + 1 WHERE id = ?""",
            (workspace.name, workspace.time_zone, workspace.trigger_horizon, workspace.updated_at, workspace.id),
        )

    def begin_removal(self, workspace_id: int, at: int) -> None:
        """Give the slug free and remember that the workspace's rows must go."""
        self._sql.run("UPDATE workspaces SET slug = ? WHERE id = ?", (f"removed {workspace_id}", workspace_id))
        self._sql.run("INSERT INTO workspace_removals (workspace, started_at) VALUES (?, ?)", (workspace_id, at))

    def removals(self) -> list[int]:
        """Workspaces of which rows may be left."""
        return [row[0] for row in self._sql.rows("SELECT workspace FROM workspace_removals ORDER BY started_at")]

    def holdings(self) -> list[Holding]:
        """Every table with rows of a workspace: asked of the schema, so that none can be forgotten."""
        columns = self._sql.columns()
        tables: dict[str, list[str]] = {}
        bound = {table for table, column, _ in columns if column == "workspace_id"}
        for table, column, place in columns:
            if table in bound and place:
                tables.setdefault(table, []).append(column)
        return [Holding(table, tuple(key)) for table, key in tables.items()]

    def remove_rows(self, holding: Holding, workspace_id: int, limit: int) -> int:
        """Delete some rows of a workspace from one table; returns how many."""
        key = ", ".join(holding.key)
        return self._sql.run(
            f"""DELETE FROM {holding.table} WHERE ({key}) IN
              (SELECT {key} FROM {holding.table} WHERE workspace_id = ? LIMIT ?)""",
            (workspace_id, limit),
        )

    def end_removal(self, workspace_id: int) -> None:
        """Delete the workspace's own row, when nothing else is left of it."""
        self._sql.run("DELETE FROM workspaces WHERE id = ?", (workspace_id,))
        self._sql.run("DELETE FROM workspace_removals WHERE workspace = ?", (workspace_id,))

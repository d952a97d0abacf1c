"""Templates and their versions."""

from ensue.base import json
from ensue.model.template import Content, Template, TemplateCard, TemplateVersion
from ensue.store.sql.connection import Row, Sql

_CARD = "id, name, channel, version, created_at, updated_at"
_TEMPLATE = "t.id, t.name, t.version, v.content, t.created_at, t.updated_at"
_NEWEST = """templates t JOIN template_versions v
  ON v.workspace_id = t.workspace_id AND v.template_id = t.id AND v.version = t.version"""

_content = json.decoder(Content)


def _template(row: Row) -> Template:
    return Template(row[0], row[1], row[2], _content.decode(row[3]), row[4], row[5])


class Templates:
    """The templates of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def page(self, channel: str | None, offset: int, limit: int) -> tuple[int, list[TemplateCard]]:
        """(how many in all, some of them without their texts), oldest first; of one channel, or (None) of every one."""
        also, values = (
            ("AND channel = ?", (self._workspace, channel)) if channel is not None else ("", (self._workspace,))
        )
        count = self._sql.row(f"SELECT COUNT(*) FROM templates WHERE workspace_id = ? {also}", values)
        rows = self._sql.rows(
            f"SELECT {_CARD} FROM templates WHERE workspace_id = ? {also} ORDER BY id LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return count[0] if count else 0, [TemplateCard(*row) for row in rows]

    def get(self, template_id: int) -> Template | None:
        """One template with the texts of its newest version."""
        row = self._sql.row(
            f"SELECT {_TEMPLATE} FROM {_NEWEST} WHERE t.workspace_id = ? AND t.id = ?", (self._workspace, template_id)
        )
        return _template(row) if row else None

    def called(self, name_key: str) -> int | None:
        """The id of the template with a name."""
        row = self._sql.row(
            "SELECT id FROM templates WHERE workspace_id = ? AND name_key = ?", (self._workspace, name_key)
        )
        return row[0] if row else None

    def put(self, template: Template, name_key: str) -> None:
        """Store a template and, when its version is new, keep that version."""
        self._sql.run(
            """INSERT INTO templates (workspace_id, id, name, name_key, channel, version, created_at, updated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
              version = excluded.version, updated_at = excluded.updated_at""",
            (
                self._workspace, template.id, template.name, name_key, template.content.channel, template.version,
                template.created_at, template.updated_at,
            ),
        )  # fmt: skip
        self._sql.run(
            """INSERT INTO template_versions (workspace_id, template_id, version, content, created_at)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, template_id, version) DO NOTHING""",
            (
                self._workspace,
                template.id,
                template.version,
                json.encode_text(template.content),
                template.updated_at,
            ),
        )

    def remove(self, template_id: int) -> None:
        """Delete a template; its versions remain, since messages name them."""
        self._sql.run("DELETE FROM templates WHERE workspace_id = ? AND id = ?", (self._workspace, template_id))

    def versions(self, template_id: int, offset: int, limit: int) -> tuple[int, list[TemplateVersion]]:
        """(how many in all, some of them), newest first; also of a deleted template."""
        whose = (self._workspace, template_id)
        count = self._sql.row(
            "SELECT COUNT(*) FROM template_versions WHERE workspace_id = ? AND template_id = ?", whose
        )
        rows = self._sql.rows(
            """SELECT version, content, created_at FROM template_versions WHERE workspace_id = ? AND template_id = ?
            ORDER BY version DESC LIMIT ? OFFSET ?""",
            (*whose, limit, offset),
        )
        found = [TemplateVersion(row[0], _content.decode(row[1]), row[2]) for row in rows]
        return count[0] if count else 0, found

    def version(self, template_id: int, version: int) -> TemplateVersion | None:
        """One version, also of a deleted template."""
        row = self._sql.row(
            """SELECT version, content, created_at FROM template_versions
            WHERE workspace_id = ? AND template_id = ? AND version = ?""",
            (self._workspace, template_id, version),
        )
        return TemplateVersion(row[0], _content.decode(row[1]), row[2]) if row else None

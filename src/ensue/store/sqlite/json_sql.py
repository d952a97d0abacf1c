"""JSON in SQLite. `json_type` tells apart what `json_extract` would mix up: `true` and `1`, a list and a text."""

from collections.abc import Sequence

from ensue.store.sql.clause import Clause


class SqliteJson:
    """See `store.sql.json_sql.JsonSql`. SQLite keeps a document parsed while one row asks of it again."""

    def text(self, column: str, keys: Sequence[str]) -> Clause:
        """A text."""
        path = _path(keys)
        return Clause(f"CASE WHEN json_type({column}, ?) = 'text' THEN json_extract({column}, ?) END", (path, path))

    def number(self, column: str, keys: Sequence[str]) -> Clause:
        """A number."""
        path = _path(keys)
        sql = f"CASE WHEN json_type({column}, ?) IN ('integer', 'real') THEN json_extract({column}, ?) END"
        return Clause(sql, (path, path))

    def truth(self, column: str, keys: Sequence[str]) -> Clause:
        """1 or 0."""
        return Clause(f"CASE json_type({column}, ?) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END", (_path(keys),))

    def present(self, column: str, keys: Sequence[str]) -> Clause:
        """Neither absent nor null."""
        return Clause(f"(COALESCE(json_type({column}, ?), 'null') <> 'null')", (_path(keys),))

    def exact(self, whole: str) -> str:
        """As it is: SQLite compares numbers of any kind exactly."""
        return whole

    def among(self, column: str) -> str:
        """Whether a number is in a bound list."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def among_texts(self, column: str) -> str:
        """Whether a text is in a bound list."""
        return self.among(column)


def _path(keys: Sequence[str]) -> str:
    return "$." + ".".join(keys)

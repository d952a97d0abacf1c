"""JSON in PostgreSQL. The columns are TEXT, so that what was sent comes back as it was; a question casts them."""

from collections.abc import Sequence

from ensue.store.sql.clause import Clause


class PostgresJson:
    """See `store.sql.json_sql.JsonSql`."""

    def text(self, column: str, keys: Sequence[str]) -> Clause:
        """A text, ordered by code point."""
        sql = f"""CASE WHEN {_kind(column)} = 'string' THEN {_shown(column)} END COLLATE "C\""""
        return Clause(f"({sql})", (_path(keys),) * 2)

    def number(self, column: str, keys: Sequence[str]) -> Clause:
        """A number, exact: numeric holds every one that JSON can show."""
        sql = f"CASE WHEN {_kind(column)} = 'number' THEN CAST({_shown(column)} AS numeric) END"
        return Clause(f"({sql})", (_path(keys),) * 2)

    def truth(self, column: str, keys: Sequence[str]) -> Clause:
        """1 or 0."""
        shown = f"CASE {_shown(column)} WHEN 'true' THEN 1 ELSE 0 END"
        return Clause(f"(CASE WHEN {_kind(column)} = 'boolean' THEN {shown} END)", (_path(keys),) * 2)

    def present(self, column: str, keys: Sequence[str]) -> Clause:
        """Neither absent nor null."""
        return Clause(f"(COALESCE({_kind(column)}, 'null') <> 'null')", (_path(keys),))

    def exact(self, whole: str) -> str:
        """As numeric: beside a bigint, 0.5 would have to be one too."""
        return f"CAST({whole} AS numeric)"

    def among(self, column: str) -> str:
        """Whether a number is in a bound list."""
        return f"{column} = ANY (CAST(translate(?, '[]', '{{}}') AS bigint[]))"

    def among_texts(self, column: str) -> str:
        """Whether a text is in a bound list."""
        return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST(? AS json))))"


def _kind(column: str) -> str:
    return f"json_typeof(CAST({column} AS json) #> CAST(? AS text[]))"


def _shown(column: str) -> str:
    return f"(CAST({column} AS json) #>> CAST(? AS text[]))"


def _path(keys: Sequence[str]) -> str:
    # Quoted, because a bare null would not be the name `null`.
    return "{" + ",".join(f'"{key}"' for key in keys) + "}"

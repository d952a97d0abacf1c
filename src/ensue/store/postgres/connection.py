"""psycopg behind `Sql`.

Statements go through libpq's prepared statements: the server knows the types, so a value that is missing makes no
second statement, and a round trip costs less than a cursor's does.
"""

from collections.abc import Callable, Iterable, Sequence

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader, Transformer

from ensue.base.errors import Contended, Unavailable
from ensue.store.postgres.errors import failure, translated
from ensue.store.postgres.json_sql import PostgresJson
from ensue.store.postgres.statements import Bulk, bulk, numbered
from ensue.store.postgres.values import arrays_of, text_of
from ensue.store.sql.connection import Column, Row, Values

_PREPARED = 500
_PREPARED_FROM = 2
"""A statement that is composed for one question is not worth preparing."""

_EXCLUSIVE = "SELECT pg_advisory_xact_lock(?)"
_SHARED = "SELECT pg_advisory_xact_lock_shared(?)"

_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class _WholeOrFloat(Loader):
    """Sums of whole numbers are numeric here, and int everywhere else."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


class PostgresConnection:
    """One connection of the server store."""

    own_id = "workspace_id, id"
    ids_follow_commits = False

    def __init__(self, connection: psycopg.Connection, *, writes: bool) -> None:
        self.raw = connection
        # A snapshot stands still by itself, and may lock nothing.
        self.for_update = " FOR UPDATE" if writes else ""
        self.skip_locked = " FOR UPDATE SKIP LOCKED" if writes else ""
        self._writes = writes
        self.json = PostgresJson()
        connection.adapters.register_loader("numeric", _WholeOrFloat)
        self._pg = connection.pgconn
        self._loading = Transformer(connection)
        self._prepared: dict[str, bytes] = {}
        self._seen: dict[str, int] = {}
        self._names = 0
        self._kinds: dict[tuple[str, str], str] | None = None
        self._bulks: dict[str, Bulk | None] = {}
        # The workspaces that this transaction shares with others, and those that it has to itself.
        self._shared: set[int] = set()
        self._own: set[int] = set()
        self._own_from_start: set[int] = set()
        # The latest id of this transaction; where no node is leased, it is kept as in a file.
        self.latest_id = 0
        self.has_node = False
        self._wanted: set[int] = set()

    @property
    def lost(self) -> bool:
        """Whether the server is not at the other end any more."""
        return self._pg.status != pq.ConnStatus.OK

    @property
    def inside(self) -> bool:
        """Whether a transaction is under way, spoiled or not."""
        return self._pg.transaction_status != pq.TransactionStatus.IDLE

    def by(self, _index: str) -> str:
        """Nothing: it chooses by what it has counted."""
        return ""

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        result = self._ask(statement, [text_of(value) for value in values])
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, result.ntuples, tuple)

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row of a query, or None."""
        result = self._ask(statement, [text_of(value) for value in values])
        if not result.ntuples:
            return None
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, 1, tuple)[0]

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a change and return how many rows it changed."""
        return self._ask(statement, [text_of(value) for value in values]).command_tuples or 0

    def returned(self, statement: str, values: Iterable[Values]) -> list[Row]:
        """Run one change for each row of values, as one statement where there are several; what it returns."""
        rows = [tuple(row) for row in values]
        whole = self._bulk(statement) if len(rows) > 1 else None
        if whole is None:
            return [found for row in rows for found in self.rows(statement, row)]
        result = self._ask(whole.statement, arrays_of(rows, whole.kinds))
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, result.ntuples, tuple)

    def run_many(self, statement: str, values: Iterable[Values]) -> None:
        """Run one change for each row of values: as one statement where that does the same."""
        rows = [tuple(row) for row in values]
        whole = self._bulk(statement) if len(rows) > 1 else None
        if whole is not None and (whole.key is None or len({whole.key(row) for row in rows}) == len(rows)):
            self._ask(whole.statement, arrays_of(rows, whole.kinds))
            return
        for row in rows:
            self.run(statement, row)

    def simply(self, statement: str) -> str:
        """Run a statement of no values, and return what the server says it did."""
        result = self._sent(self._pg.exec_, statement.encode())
        return (result.command_status or b"").decode()

    def columns(self) -> list[Column]:
        """The columns of every table, asked of the catalogue."""
        rows = self.rows(
            """SELECT c.relname, a.attname, COALESCE(array_position(CAST(i.indkey AS smallint[]), a.attnum) + 1, 0)
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p')
              AND NOT c.relispartition
            ORDER BY c.relname, 3, a.attnum"""
        )
        return [Column(*row) for row in rows]

    def begun(self) -> None:
        """A transaction has begun. Where the last one found that it had to be alone, wait until nobody else works."""
        self._shared.clear()
        self.latest_id = 0
        self._own_from_start, self._wanted = self._wanted, set()
        self._own = set(self._own_from_start)
        for workspace_id in sorted(self._own):
            self.row(_EXCLUSIVE, (workspace_id,))

    def undone(self) -> None:
        """What was done since a savepoint is undone: the locks that were taken since are gone with it."""
        self._shared.clear()
        self._own = set(self._own_from_start)

    def beside_others(self, workspace_id: int) -> int:
        """See `Sql`. A lock that many can hold together, and that costs no write."""
        if workspace_id in self._own:
            row = self.row("SELECT COALESCE(MAX(latest_id), 0) FROM nodes")
            assert row is not None
            return int(row[0])
        if self._writes and workspace_id not in self._shared:
            self.row(_SHARED, (workspace_id,))
            self._shared.add(workspace_id)
        return 0

    def alone(self, workspace_id: int) -> None:
        """See `Sql`. Two that share a lock would wait for each other to let go, so neither waits: it begins again.

        What was read beside others may be true no more, which is the other reason to begin again.
        """
        if workspace_id in self._own:
            return
        if workspace_id in self._shared:
            self._wanted.add(workspace_id)
            raise Contended("The definitions of a workspace are changed by one transaction at a time.")
        self.row(_EXCLUSIVE, (workspace_id,))
        self._own.add(workspace_id)

    def keep_latest_id(self, workspace_id: int, latest: int) -> None:
        """See `Sql`. Differs by necessity: all processes would wait for one another at the workspace's row."""
        self.latest_id = max(self.latest_id, latest)
        if not self.has_node:
            self.run(
                "UPDATE workspaces SET latest_id = ? WHERE id = ? AND latest_id < ?", (latest, workspace_id, latest)
            )

    def _bulk(self, statement: str) -> Bulk | None:
        if statement not in self._bulks:
            if self._kinds is None:
                rows = self.rows(
                    """SELECT table_name, column_name, data_type FROM information_schema.columns
                    WHERE table_schema = current_schema()"""
                )
                self._kinds = {(row[0], row[1]): row[2] for row in rows}
            self._bulks[statement] = bulk(statement, self._kinds)
        return self._bulks[statement]

    def _ask(self, statement: str, values: Sequence[bytes | None]) -> pq.abc.PGresult:
        name = self._prepared.get(statement)
        if name is None:
            name = self._prepare(statement)
        if name is None:
            return self._sent(self._pg.exec_params, numbered(statement).encode(), values)
        return self._sent(self._pg.exec_prepared, name, values)

    def _prepare(self, statement: str) -> bytes | None:
        seen = self._seen[statement] = self._seen.get(statement, 0) + 1
        if seen < _PREPARED_FROM:
            if len(self._seen) > 4 * _PREPARED:
                self._seen.clear()
            return None
        if len(self._prepared) >= _PREPARED:
            oldest = self._prepared.pop(next(iter(self._prepared)))
            self.simply(f"DEALLOCATE {oldest.decode()}")
        self._names += 1
        name = b"s%d" % self._names
        self._sent(self._pg.prepare, name, numbered(statement).encode())
        self._prepared[statement] = name
        return name

    def _sent(self, send: Callable[..., pq.abc.PGresult], *given: object) -> pq.abc.PGresult:
        """What the server answers, when it is no error."""
        try:
            result = send(*given)
        except psycopg.Error as error:
            raise translated(error) from error
        if result.status in _GOOD:
            return result
        if self.lost:
            raise Unavailable("The connection to the database was lost.")
        raise failure(result, self.raw)

"""`ensue copy`: every row of a file moves to a server, table by table, and goes on where it was cut off."""

import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ensue.base import json
from ensue.base.errors import Conflict, Unavailable
from ensue.store.ports import Readable, Row, Sql, Tables

# Rows of one transaction. The largest that are kept, bodies of 64 KiB, are then 64 MiB.
BATCH = 1_000

BRING_THE_KEY = (
    "The secret key is not in the database: bring {folder}/secret.key into the data folder of whoever serves, or set "
    "ENSUE_SECRET_KEY to what is in it. Without it the passwords of mail servers and the tokens of bots must be "
    "entered again, and links in mails that were sent lead nowhere."
)


class Target(Protocol):
    """Where the rows go. Each method raises Unavailable when it cannot be done now."""

    def columns(self) -> dict[str, set[str]]:
        """The names of the columns of every table."""
        ...

    def in_order(self, tables: Sequence[str]) -> list[str]:
        """Those of the tables that are copied, each after those that it refers to."""
        ...

    def begin(self, source: str, tables: Sequence[str]) -> bool:
        """Begin, or go on; True when going on. Conflict: it holds anything else."""
        ...

    def last_key(self, table: str) -> list[object] | None:
        """The key of the row that a table has come to."""
        ...

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], last_key: Sequence[object]) -> None:
        """Add rows, and note how far the table has come, together."""
        ...

    def count(self, table: str) -> int:
        """How many rows a table has."""
        ...

    def finish(self, tables: Sequence[str]) -> None:
        """The copy is whole."""
        ...


class Source(Readable, Protocol):
    """Where the rows come from; nobody else writes to it."""

    def settled(self) -> str:
        """A text that is the same for as long as nothing is written."""
        ...


class _Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    # The places of the primary key's columns among `columns`.
    key: tuple[int, ...]


def run(source: Source, target: Target, console: Console, folder: str, *, as_json: bool = False) -> int:
    """Copy everything that is not in the target yet, compare the counts, and return 0.

    As JSON, each table is a line when it is whole, and a last line says how much there was.

    Raises:
        Conflict: the target holds anything else, or has other columns. Unavailable: what arrived is not what was sent.
    """
    mark = source.settled()
    bar = Bar(
        TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=as_json or not sys.stderr.isatty(),
    )  # fmt: skip

    def work(tables: Tables) -> int:
        known = _tables(tables.sql)
        _refuse_unlike(known, target.columns())
        order = target.in_order(list(known))
        if target.begin(mark, order):
            _say(console, "Going on where the last copy was cut off.", as_json=as_json)
        rows = 0
        for name in order:
            rows += _copy(tables.sql, target, known[name], bar)
            if as_json:
                console.out(json.encode_text({"table": name, "rows": target.count(name)}), highlight=False)
        _compare(tables.sql, target, order)
        target.finish(order)
        return rows

    with bar:
        rows = source.read(work)
    if as_json:
        console.out(json.encode_text({"copied": rows, "whole": True}), highlight=False)
    _say(console, f"{rows:,} rows were copied; every table has as many as before.", as_json=as_json)
    _say(console, BRING_THE_KEY.format(folder=folder), as_json=as_json)
    return 0


def _say(console: Console, sentence: str, *, as_json: bool) -> None:
    if not as_json:
        console.print(sentence, highlight=False, soft_wrap=True)


def _tables(sql: Sql) -> dict[str, _Table]:
    """Every table there is, asked of the schema, so that none that is added later can be forgotten here."""
    found: dict[str, list[tuple[str, int]]] = {}
    for column in sql.columns():
        found.setdefault(column.table, []).append((column.name, column.place))
    return {
        table: _Table(
            table,
            tuple(name for name, _ in columns),
            tuple(
                index for _, index in sorted((place, index) for index, (_, place) in enumerate(columns) if place > 0)
            ),
        )
        for table, columns in found.items()
    }


def _refuse_unlike(known: dict[str, _Table], columns: dict[str, set[str]]) -> None:
    for table in known.values():
        missing = set(table.columns) - columns.get(table.name, set())
        if missing:
            raise Conflict(f"The database has no {', '.join(sorted(missing))} in {table.name}.")


def _copy(sql: Sql, target: Target, table: _Table, bar: Bar) -> int:
    done = target.count(table.name)
    task = bar.add_task(table.name, total=_count(sql, table.name), completed=done)
    last = target.last_key(table.name)
    copied = 0
    while rows := _next(sql, table, last):
        last = [rows[-1][place] for place in table.key]
        target.append(table.name, table.columns, rows, last)
        copied += len(rows)
        bar.update(task, completed=done + copied)
    return copied


def _next(sql: Sql, table: _Table, last: Sequence[object] | None) -> list[Row]:
    key = ", ".join(f'"{table.columns[place]}"' for place in table.key)
    columns = ", ".join(f'"{name}"' for name in table.columns)
    after = "" if last is None else f" WHERE ({key}) > ({', '.join('?' for _ in last)})"
    return sql.rows(f'SELECT {columns} FROM "{table.name}"{after} ORDER BY {key} LIMIT ?', (*(last or ()), BATCH))


def _count(sql: Sql, table: str) -> int:
    row = sql.row(f'SELECT COUNT(*) FROM "{table}"')
    assert row is not None
    return int(row[0])


def _compare(sql: Sql, target: Target, order: Sequence[str]) -> None:
    for table in order:
        there, here = target.count(table), _count(sql, table)
        if there != here:
            raise Unavailable(f"The copy is not whole: {table} has {there:,} rows, and {here:,} were there before.")

"""`ensue copy` moves every row of a file to PostgreSQL exactly, and goes on after it was killed."""

import itertools
import os
import select
import shutil
import signal
import subprocess
import time

import apsw
import psycopg
import pytest

from ensue import app
from ensue.base.clock import SystemClock
from ensue.base.errors import Conflict, NotFound, Unavailable
from ensue.config import Config
from ensue.operations import copy
from ensue.operations import demo as example
from ensue.store.postgres.store import PostgresStore
from ensue.store.postgres.target import PostgresTarget
from ensue.store.sqlite.claim import claimed
from ensue.store.sqlite.store import FILE, SqliteStore
from tests.engine.world import START
from tests.fault.serving import ensue, environment
from tests.operations.test_operations import Terminal
from tests.postgres.server import databases

# Texts that a way through text could change: of COPY itself, of JSON, beyond ASCII, and none at all.
TEXTS = ("", "\\N", "a\tb\nc\\.\r", '{"a": [1, 2.50, null, "\\u0000é"]}', "日本 🦊 %s {}", "NULL", "\\x41", "'\"")
BLOBS = (b"", b"\x00\xff\\x", b"\\N\t\n", bytes(range(256)))
NUMBERS = (0, 1, -1, 2**63 - 1, -(2**63))
BY_TYPE = {"INTEGER": NUMBERS, "TEXT": TEXTS, "BLOB": BLOBS}
NOT_COPIED = {"nodes"}


@pytest.fixture
def url():
    url = databases().empty()
    yield url
    databases().drop(url)


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The demo's data: half a year of everything."""
    folder = tmp_path_factory.mktemp("shop") / "data"
    store = SqliteStore(folder, synchronous="OFF")
    example.prepare(store, START, "sturdy lantern parade", "no hash")
    store.close()
    return folder


@pytest.fixture
def folder(shop, tmp_path):
    return shutil.copytree(shop, tmp_path / "data")


def filled(folder):
    """A file with rows in every table, of every kind of value that its columns take."""
    SqliteStore(folder).close()
    connection = apsw.Connection(str(folder / FILE))
    columns = connection.execute(
        """SELECT t.name, c.name, c.type, c."notnull" OR c.pk > 0 FROM pragma_table_list t
        JOIN pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'"""
    ).fetchall()
    for table, rows in itertools.groupby(columns, key=lambda column: column[0]):
        kinds = [(name, kind, needed) for _, name, kind, needed in rows]
        refers = {row[3]: row[4] for row in connection.execute(f"SELECT * FROM pragma_foreign_key_list('{table}')")}
        for number in range(16):
            values = [
                number
                if name in refers or name == "id"
                else None
                if not needed and number % 3 == 0
                else distinct(kind, number)
                for name, kind, needed in kinds
            ]
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)
    connection.close()


def distinct(kind, number):
    """A value of a type; no two numbers give the same one."""
    choices = BY_TYPE[kind]
    chosen = choices[number % len(choices)]
    match chosen:
        case int():
            return chosen if number < len(choices) else number
        case str():
            return chosen if number < len(choices) else f"{chosen}{number}"
        case _:
            return chosen if number < len(choices) else chosen + b"%d" % number


def contents(store):
    """Every row of every table, without what only one of the stores keeps."""
    with_columns: dict[str, list[str]] = {}

    def ask(tables):
        for column in tables.sql.columns():
            if column.table not in {"ensue_schema", "nodes"} and column.name != "xact":
                with_columns.setdefault(column.table, []).append(column.name)
        return {
            table: sorted(tables.sql.rows(f"SELECT {', '.join(sorted(names))} FROM {table}"), key=repr)
            for table, names in with_columns.items()
        }

    return store.read(ask)


def same(folder, url):
    ours, theirs = SqliteStore(folder), PostgresStore(url)
    try:
        here, there = contents(ours), contents(theirs)
    finally:
        ours.close()
        theirs.close()
    assert here.keys() == there.keys()
    for table, rows in here.items():
        assert there[table] == rows, table
    return here


def command(folder, url, *options):
    return ensue("copy", "--from", f"sqlite:{folder}", "--to", url, *options)


def test_every_kind_of_value_in_every_table_arrives_as_it_was(tmp_path, url):
    filled(tmp_path / "data")
    assert app.copy(Config(), tmp_path / "data", url, as_json=False) == 0
    here = same(tmp_path / "data", url)
    assert {table for table, rows in here.items() if len(rows) < 16} == set()


def test_killed_in_the_middle_it_goes_on_and_verify_is_clean(folder, url):
    """The whole command, as an operator runs it."""
    with psycopg.connect(url, autocommit=True) as watch:
        copying = subprocess.Popen(command(folder, url, "--json"), stdout=subprocess.PIPE, env=environment(), text=True)
        try:
            assert copying.stdout is not None
            deadline = time.monotonic() + 60
            while '"contacts"' not in copying.stdout.readline():
                assert select.select([copying.stdout], [], [], deadline - time.monotonic())[0]
        finally:
            os.kill(copying.pid, signal.SIGKILL)
            copying.communicate()
        left = watch.execute(
            "SELECT COUNT(*) FILTER (WHERE last_key IS NULL), COUNT(last_key) FROM ensue_copy"
        ).fetchone()
        assert left is not None
        assert min(left) > 0, "it was killed too early or too late to prove anything"
    with pytest.raises(Unavailable, match="run the same"):
        PostgresStore(url)
    again = subprocess.run(command(folder, url), env=environment(), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "Going on where" in again.stdout
    assert f"{folder}/secret.key" in again.stdout
    verified = subprocess.run(
        ensue("verify", "--database-url", url), env=environment(), capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    same(folder, url)


@pytest.mark.parametrize("batches", [0, 1, 7])
def test_cut_off_at_any_batch_no_row_is_there_twice(folder, url, monkeypatch, batches):
    monkeypatch.setattr(copy, "BATCH", 100)
    whole = PostgresTarget.append
    left = itertools.count(batches, -1)

    def cut(self, *arguments):
        if not next(left):
            raise Unavailable("The connection was lost.")
        whole(self, *arguments)

    monkeypatch.setattr(PostgresTarget, "append", cut)
    with pytest.raises(Unavailable):
        app.copy(Config(), folder, url, as_json=False)
    monkeypatch.setattr(PostgresTarget, "append", whole)
    assert app.copy(Config(), folder, url, as_json=False) == 0
    same(folder, url)


def test_what_was_served_in_between_is_not_gone_on_with(folder, url, monkeypatch):
    def cut(*_):
        raise Unavailable("The connection was lost.")

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTarget, "append", cut)
        with pytest.raises(Unavailable):
            app.copy(Config(), folder, url, as_json=False)
    store = SqliteStore(folder)
    store.write(lambda tables: tables.sql.run("UPDATE standings SET score = score + 1 WHERE slot = -1"))
    store.close()
    with pytest.raises(Conflict, match="served again"):
        app.copy(Config(), folder, url, as_json=False)


def test_a_database_that_holds_anything_is_refused(folder, url):
    assert app.copy(Config(), folder, url, as_json=False) == 0
    with pytest.raises(Conflict, match="not empty"):
        app.copy(Config(), folder, url, as_json=False)


def test_nothing_is_copied_while_either_side_is_served(folder, url):
    with claimed(folder), pytest.raises(Conflict):
        app.copy(Config(), folder, url, as_json=False)
    store = PostgresStore(url)
    try:
        store.join(SystemClock())
        with pytest.raises(Conflict, match="being served"):
            app.copy(Config(), folder, url, as_json=False)
    finally:
        store.close()
    assert app.copy(Config(), folder, url, as_json=False) == 0


def test_two_copies_do_not_mix(folder, url):
    first = PostgresTarget(url, START)
    try:
        with pytest.raises(Conflict, match="Another copy"):
            PostgresTarget(url, START)
    finally:
        first.close()


def test_a_table_that_lost_a_row_on_the_way_is_noticed(folder, url, monkeypatch):
    whole = PostgresTarget.append

    def lossy(self, table, columns, rows, last_key):
        whole(self, table, columns, rows[1:] if table == "contacts" else rows, last_key)

    monkeypatch.setattr(PostgresTarget, "append", lossy)
    with pytest.raises(Unavailable, match="contacts has"):
        app.copy(Config(), folder, url, as_json=False)
    with pytest.raises(Unavailable, match="cut off"):
        PostgresStore(url)


def test_a_folder_without_a_file_is_a_sentence(tmp_path, url):
    with pytest.raises(NotFound):
        app.copy(Config(), tmp_path, url, as_json=False)


def test_as_json_each_table_is_a_line(folder, url):
    said = Terminal()
    source, target = SqliteStore(folder), PostgresTarget(url, START)
    try:
        assert copy.run(source, target, said, "data", as_json=True) == 0
    finally:
        source.close()
        target.close()
    *tables, last = said.lines
    assert last == {"copied": sum(line["rows"] for line in tables), "whole": True}
    assert {"contacts", "events", "users"} <= {line["table"] for line in tables}
    assert NOT_COPIED.isdisjoint(line["table"] for line in tables)

"""The two schemas say the same, and a database is brought to the present one whatever happened on the way."""

import threading

import psycopg
import pytest

from ensue.base.errors import NotFound, Unavailable
from ensue.store.postgres import migrate
from ensue.store.postgres.store import PostgresStore
from ensue.store.sqlite import migrate as of_sqlite
from ensue.store.sqlite.store import SqliteStore
from tests.postgres.server import databases

ONLY_ON_THE_SERVER = {("ensue_schema", "number"), ("events", "xact")}


@pytest.fixture
def url():
    url = databases().empty()
    yield url
    databases().drop(url)


def names(store):
    found = {(column.table, column.name) for column in store.read(lambda tables: tables.sql.columns())}
    store.close()
    return found


def test_both_schemas_have_the_same_tables_and_columns(tmp_path, url):
    """A migration of one store needs its counterpart, by the same number, in the folder of the other."""
    assert names(PostgresStore(url)) - ONLY_ON_THE_SERVER == names(SqliteStore(tmp_path, synchronous="OFF"))
    assert [number for number, _ in migrate.migrations()] == [number for number, _ in of_sqlite.migrations()]


def test_every_key_of_a_workspace_s_table_begins_with_it(url):
    store = PostgresStore(url)
    columns = store.read(lambda tables: tables.sql.columns())
    store.close()
    bound = {column.table for column in columns if column.name == "workspace_id"}
    first = {column.table: column.name for column in columns if column.place == 1}
    assert {table: first[table] for table in bound} == dict.fromkeys(bound, "workspace_id")


def test_texts_are_ordered_by_code_point(url):
    store = PostgresStore(url)
    rows = store.read(
        lambda tables: tables.sql.rows(
            """SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            JOIN pg_collation l ON l.oid = a.attcollation
            WHERE c.relnamespace = CAST('public' AS regnamespace) AND c.relkind IN ('r', 'p') AND l.collname <> 'C'"""
        )
    )
    store.close()
    assert rows == []


def test_a_newer_schema_is_refused(url):
    PostgresStore(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO ensue_schema VALUES (9999)")
    for migrates in (True, False):
        with pytest.raises(Unavailable, match="newer version"):
            PostgresStore(url, migrates=migrates)


def test_a_command_that_only_looks_makes_and_changes_nothing(url):
    with pytest.raises(NotFound):
        PostgresStore(url, migrates=False)
    PostgresStore(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM ensue_schema WHERE number = (SELECT MAX(number) FROM ensue_schema)")
    with pytest.raises(Unavailable, match="ensue migrate"):
        PostgresStore(url, migrates=False)


def test_one_that_was_interrupted_goes_on(url, monkeypatch):
    whole = migrate.migrations()
    number, statements = whole[3]
    broken = [*whole[:3], (number, f"{statements}; SELECT 1 / 0"), *whole[4:]]
    monkeypatch.setattr(migrate, "migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        PostgresStore(url)
    monkeypatch.setattr(migrate, "migrations", lambda: whole)
    store = PostgresStore(url)
    assert store.schema == whole[-1][0]
    store.close()


def test_two_that_begin_at_once_migrate_once(url):
    stores: list[PostgresStore] = []
    threads = [threading.Thread(target=lambda: stores.append(PostgresStore(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    for store in stores:
        store.close()


def test_a_table_in_use_is_not_waited_for_long(url, monkeypatch):
    PostgresStore(url).close()
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 0.1)
    more = [*migrate.migrations(), (9_000, "ALTER TABLE contacts ADD COLUMN more bigint")]
    monkeypatch.setattr(migrate, "migrations", lambda: more)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM contacts")
        with pytest.raises(Unavailable, match="busy"):
            PostgresStore(url)
    PostgresStore(url).close()

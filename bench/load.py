"""Load over real HTTP: `wrk` when it is there, otherwise `bench.client`. Either shares the cores with the server.

Every request has an idempotency key that was never used before. `wrk` counts as refused what is not 2xx or 3xx, and
nothing here answers 3xx.
"""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from bench.server import Server
from bench.workload import Site

GENERATOR = "wrk" if shutil.which("wrk") else "own"
_LIMIT_SECONDS = 120
_SCRIPT = Path(__file__).with_name("wrk.lua")


class Load(NamedTuple):
    """What one round did. Latencies in milliseconds."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class Bodies(NamedTuple):
    """A file of bodies, one a line. `kind`: `plain`, `keyed` (see `workload.batch_bodies`) or `get`."""

    file: Path
    kind: str = "plain"


def write_bodies(file: Path, lines: Sequence[bytes], kind: str = "plain") -> Bodies:
    """Put bodies where the generators read them."""
    file.write_bytes(b"\n".join(lines) + b"\n")
    return Bodies(file, kind)


class Unsound(Exception):
    """A run that does not count: something was not answered with a 2xx."""


def run(server: Server, site: Site, sent: Bodies, connections: int, seconds: float, path: str | None = None) -> Load:
    """Load a server for so long and wait for the figures.

    Raises:
        Unsound: a request was refused, or a connection broke.
    """
    return finish(start(server, site, sent, connections, seconds, path))


def start(
    server: Server, site: Site, sent: Bodies, connections: int, seconds: float, path: str | None = None
) -> "subprocess.Popen[str]":
    """Begin to load a server; `finish` has the figures."""
    prefix = secrets.token_hex(6) + "-"
    arguments = [str(sent.file), path or site.path, site.key, prefix, sent.kind]
    # wrk takes whole seconds only.
    length = f"-d{max(1, round(seconds))}s"
    if GENERATOR == "wrk":
        flags = ["-t1", f"-c{connections}", length, "--timeout", "30s", "-s", str(_SCRIPT)]
        command = ["wrk", *flags, server.url, "--", *arguments]
    else:
        command = [sys.executable, "-m", "bench.client", str(server.port), str(connections), str(seconds), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(generator: "subprocess.Popen[str]") -> Load:
    """Wait for a generator.

    Raises:
        Unsound: a request was refused, or a connection broke.
    """
    try:
        output, _ = generator.communicate(timeout=_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        generator.kill()
        raise Unsound("The load generator did not end.") from None
    figures = next((line[6:] for line in output.splitlines() if line.startswith("BENCH ")), None)
    if figures is None:
        raise Unsound(f"The load generator failed: {output[-500:]}")
    load = Load(**json.loads(figures))
    if load.refused or load.broken or not load.requests:
        raise Unsound(f"{load.refused} of {load.requests} requests were not 2xx, {load.broken} connections broke.")
    return load


def fetch(server: Server, site: Site, path: str, sent: bytes | None = None) -> bytes:
    """One answer of a server."""
    headers = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
    with urlopen(Request(server.url + path, sent, headers), timeout=600) as answer:
        body: bytes = answer.read()
        return body

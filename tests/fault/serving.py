"""The real server as a process of its own, and clients that post to it over HTTP."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
READY = re.compile(r"http://127\.0\.0\.1:(\d+)")
STARTS_WITHIN = 60


def ensue(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ensue.cli", *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path]), "PYTHONUNBUFFERED": "1"}


class Server:
    """`ensue serve` over a folder, on a free port; `options` are further arguments."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            ensue("serve", "--data", str(folder), "--port", "0", "--log-level", "warning", *options),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(), cwd=folder.parent,
        )  # fmt: skip
        self.port = self._port()

    def _port(self) -> int:
        assert self._process.stdout is not None
        said = b""
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if select.select([self._process.stdout], [], [], 0.5)[0]:
                said += os.read(self._process.stdout.fileno(), 65_536)
                if found := READY.search(said.decode()):
                    return int(found[1])
        self.kill()
        raise AssertionError(f"the server did not start: {said.decode()}")

    def members(self) -> list[int]:
        """The processes that serve, when there are several under the first one."""
        alive = [c for c in psutil.Process(self._process.pid).children() if c.status() != psutil.STATUS_ZOMBIE]
        return [child.pid for child in alive if any("spawn_main" in word for word in child.cmdline())]

    def wait_for_another(self, members: list[int]) -> None:
        """Until one that was not among these serves, too."""
        deadline = time.monotonic() + STARTS_WITHIN
        while len(set(self.members()) - set(members)) == 0:
            assert time.monotonic() < deadline, "nobody took its place"
            time.sleep(0.02)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def ended(self) -> int:
        """Wait until it has ended by itself, or by another's hand; its exit code."""
        code = self._process.wait(60)
        self.kill()
        return code

    def stop(self) -> int:
        """Stop it as an operator does; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


class Caller:
    """One connection that is kept open."""

    def __init__(self, port: int, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Content-Type": "application/json"} | headers

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Raises OSError or HTTPException when there is no whole answer."""
        self._connection.request("POST", path, json.dumps(body), self._headers | headers)
        response = self._connection.getresponse()
        text = response.read()
        return response.status, response.headers, text

    def close(self) -> None:
        self._connection.close()


class Load:
    """Clients that post until the server is gone. Each notes an answer only once it has read it."""

    def __init__(self, clients: int = 6, name: str = "key") -> None:
        self._name = name
        self.sent: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, bytes] = {}
        self.others: list[tuple[int, bytes]] = []
        self._clients = clients
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, port: int, path: str, headers: dict[str, str], contacts: list[str]) -> None:
        self._threads = [
            threading.Thread(target=self._post_on, args=(Caller(port, **headers), path, contacts[n % len(contacts)]))
            for n in range(self._clients)
        ]
        for thread in self._threads:
            thread.start()

    def _post_on(self, caller: Caller, path: str, contact: str) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(caller):
            while True:
                with self._lock:
                    key = f"{self._name} {len(self.sent)}"
                    self.sent[key] = body = {"type": "buy", "contactId": contact, "metadata": {"key": key}}
                status, _, text = caller.post(path, body, **{"Idempotency-Key": key})
                if status == 201:
                    self.answers[key] = text
                else:
                    self.others.append((status, text))

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, answers: int) -> None:
        """Until so many more answers were read."""
        enough = len(self.answers) + answers
        deadline = time.monotonic() + STARTS_WITHIN
        while len(self.answers) < enough:
            assert time.monotonic() < deadline, f"too few answers: {self.others[:3]}"
            time.sleep(0.001)

"""Servers under measurement: each a process of its own, with its memory and CPU read from /proc."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60


class Server:
    """A process of `bench.serve`, from the entry of the block to its end."""

    def __init__(self, kind: str, *arguments: str) -> None:
        """`kind` and arguments: see `bench.serve`."""
        self.kind = kind
        self._arguments = arguments
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.idle_mib = 0.0
        self.peak_mib = 0.0

    def __enter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("src", os.environ.get("PYTHONPATH", "")))}
        command = [sys.executable, "-m", "bench.serve", self.kind, str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        self._wait()
        self.idle_mib = self._memory("VmRSS")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.peak_mib = self._memory("VmHWM")
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of CPU used until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name))

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + "/api/health", timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        self._process.kill()
        raise RuntimeError(f"The {self.kind} server did not start.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

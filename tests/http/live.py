"""The real program in a process of its own, on a real port: started by its command line, stopped by a signal."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

PASSWORD = "sturdy lantern parade"
_WAIT = 30


class Live:
    """A running server. `stop` sends SIGTERM, `kill` does not ask."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._log = (folder.parent / f"{folder.name}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ensue.cli", "serve", "--data", str(folder), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.welcome = self._welcome()
        found = re.search(r"http://[\w.:]+", self.welcome)
        assert found, self.welcome
        self.url = found.group()

    def _welcome(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "API reference" in line:
                return "".join(lines)
        raise AssertionError(f"the server ended with {self.process.wait(_WAIT)}")

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> int:
        """End it as a power cut of the process would."""
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(_WAIT)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        return code


class Owner:
    """The first person, by session cookie, with a workspace and a key that may do everything."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=_WAIT)
        self.post("/api/auth/register", {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}, 201)
        self.workspace = self.post("/api/workspaces", {"name": "Shop", "slug": "shop"}, 201)["id"]
        self.w = f"/api/workspaces/{self.workspace}"
        self.key = self.post(f"{self.w}/keys", {"name": "all", "scopes": ["admin"]}, 201)["key"]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """The raw response, to a request with a JSON body."""
        return self.client.request(method, path, json=body, headers={"content-type": "application/json", **headers})

    def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self._expect(status, "POST", path, body, headers)

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return self._expect(status, "GET", path, None, headers)

    def _expect(self, status: int, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        response = self.send(method, path, body, **headers)
        assert response.status_code == status, response.text
        return response.json()

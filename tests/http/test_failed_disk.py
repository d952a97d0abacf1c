"""A server whose disk fails ends by itself, and its exit code tells whoever started it."""

import resource
from contextlib import closing

import httpx2
import pytest

from tests.http.live import Live, Owner


@pytest.fixture
def failing(tmp_path):
    server = Live(tmp_path / "store")
    yield server
    server.kill()


def test_a_server_that_stops_because_its_disk_failed_exits_with_one(failing):
    owner = Owner(failing.url)
    # Writing past this is an I/O error, not a full disk.
    most = (failing.folder / "ensue.db-wal").stat().st_size
    resource.prlimit(failing.process.pid, resource.RLIMIT_FSIZE, (most, most))
    with closing(owner.client):
        answer = owner.send("POST", f"{owner.w}/events", {"type": "lost", "metadata": {"text": "x" * 60_000}})
    assert answer.status_code == 503
    assert failing.process.wait(30) == 1
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{failing.url}/api/health")

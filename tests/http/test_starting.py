"""What stops a server from starting is said in a sentence, with an honest exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.live import Live


def _start(folder, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ensue.cli", "serve", "--data", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def _a_file(place):
    place.write_text("not a folder")


def _no_database(place):
    place.mkdir()
    (place / "ensue.db").write_bytes(b"not a database, but long enough to be one" * 100)


def _a_folder_in_its_place(place):
    (place / "ensue.db").mkdir(parents=True)


@pytest.mark.parametrize("made", [_a_file, _no_database, _a_folder_in_its_place])
def test_a_folder_that_cannot_be_used_is_a_sentence_and_one(tmp_path, made):
    place = tmp_path / "place"
    made(place)
    ended = _start(place, "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"ensue: {place} cannot be used: ")
    assert ended.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_a_sentence_and_one():
    # Not even root can make one there.
    ended = _start(Path("/proc/ensue/place"), "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.startswith("ensue: /proc/ensue/place cannot be used: ")


def test_a_port_in_use_is_a_sentence_and_one(live, tmp_path):
    ended = _start(tmp_path / "other", "--port", live.url.rpartition(":")[2])
    assert ended.returncode == 1
    assert ended.stderr.startswith("ensue: Cannot listen on 127.0.0.1, port ")
    assert "Traceback" not in ended.stderr


def test_a_folder_has_one_server_at_a_time(live):
    ended = _start(live.folder, "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr == f"ensue: Another server is using {live.folder}; stop it first, or choose another folder.\n"


def test_a_server_that_was_killed_leaves_its_folder_free(tmp_path):
    Live(tmp_path / "store").kill()
    assert Live(tmp_path / "store").stop() == 0

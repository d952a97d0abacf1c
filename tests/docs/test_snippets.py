"""Every console block of the README and the tutorial prints what the page says it prints."""

import os
import sys
from pathlib import Path

import pytest

from tests.docs.console import Shell, blocks, matches
from tests.http.live import Live

ROOT = Path(__file__).parents[2]
PAGES = (("README.md", "ensue-data"), ("docs/tutorial/first-campaign.md", "tutorial-data"))
REWRITE = "REWRITE_DOCS" in os.environ


@pytest.mark.parametrize(("page", "folder"), PAGES)
def test_a_page_prints_what_it_says(page, folder, tmp_path):
    document = (ROOT / page).read_text("utf-8")
    server = Live(tmp_path / folder)
    shell = Shell(tmp_path, {**os.environ, "PYTHON": sys.executable})
    ran = 0
    place = 0
    try:
        for commands in blocks(document):
            for command in commands:
                printed = shell.run(_here(command.text, server.url)).replace(server.url, "http://127.0.0.1:8000")
                if REWRITE:
                    place = document.index(command.source + command.shown, place)
                    fresh = command.source + (f"{printed}\n" if printed else "")
                    document = document[:place] + fresh + document[place + len(command.source + command.shown) :]
                else:
                    assert matches(command.shown, printed), (
                        f"{command.text}\n--- shown\n{command.shown}--- printed\n{printed}"
                    )
                place = document.index(command.source, place) + len(command.source)
                ran += 1
    finally:
        shell.close()
        assert server.stop() == 0
    if REWRITE:
        (ROOT / page).write_text(document, "utf-8")
    assert ran


def _here(command: str, url: str) -> str:
    """The command for this server, which has a port of its own, and for this Python, which is set up already."""
    run = f"{sys.executable} -m ensue.cli"
    return command.replace("http://127.0.0.1:8000", url).replace("python3 run.py", run)

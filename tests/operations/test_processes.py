"""Processes that serve together end together."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WORK = """
import os, signal

def work(fifo):
    told = os.open(fifo, os.O_WRONLY)
    signal.signal(signal.SIGTERM, lambda *_: (os.write(told, b"t"), os._exit(0)))
    os.write(told, b"u")
    while True:
        signal.pause()
"""

MAIN = """
import functools, sys
from ensue.processes import Crew
from together import work

if __name__ == "__main__":
    sys.exit(Crew(2, functools.partial(work, sys.argv[1])).run())
"""


def test_processes_stop_in_order_when_their_supervisor_is_killed(tmp_path):
    tmp_path.joinpath("together.py").write_text(WORK, encoding="utf-8")
    tmp_path.joinpath("main.py").write_text(MAIN, encoding="utf-8")
    fifo = tmp_path / "told"
    os.mkfifo(fifo)
    path = os.pathsep.join((str(ROOT / "src"), str(tmp_path)))
    supervisor = subprocess.Popen(
        [sys.executable, "main.py", str(fifo)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    )
    with fifo.open("rb", buffering=0) as heard:
        assert heard.read(1) + heard.read(1) == b"uu"
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        # The last one to close its end makes this the end of the file.
        assert heard.readall() == b"tt"

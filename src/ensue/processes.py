"""Several processes of one host that serve from one socket: started together, stopped together, replaced one by one."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from types import FrameType

_log = logging.getLogger("ensue")

_LOOK_SECONDS = 0.2
_DRAIN_SECONDS = 30
# A process that cannot live this long will not be better the next time.
_SOUND_SECONDS = 5.0
_UNSOUND = 3


class Crew:
    """Processes that all do the same."""

    def __init__(self, count: int, work: Callable[[], None]) -> None:
        """`work` must be picklable: each process begins with an interpreter of its own."""
        self._work = work
        self._start = multiprocessing.get_context("spawn").Process
        self._members: list[tuple[BaseProcess, float]] = []
        self._count = count
        self._unsound = 0
        self._stopping = False

    def run(self) -> int:
        """Keep them running until SIGTERM or SIGINT; 0 when all ended as told, 1 when they cannot be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._members = [self._begin() for _ in range(self._count)]
        while not self._stopping and self._unsound < _UNSOUND:
            time.sleep(_LOOK_SECONDS)
            self._replace()
        return self._end()

    def _begin(self) -> tuple[BaseProcess, float]:
        process = self._start(target=partial(_until_alone, self._work))
        process.start()
        return process, time.monotonic()

    def _replace(self) -> None:
        for place, (process, since) in enumerate(self._members):
            if not self._stopping and not process.is_alive():
                _log.error("process %s ended by itself (%s); another takes its place", process.pid, process.exitcode)
                self._unsound = self._unsound + 1 if time.monotonic() - since < _SOUND_SECONDS else 0
                self._members[place] = self._begin()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> int:
        for process, _ in self._members:
            process.terminate()
        deadline = time.monotonic() + _DRAIN_SECONDS
        for process, _ in self._members:
            process.join(max(deadline - time.monotonic(), 0))
            if process.is_alive():
                process.kill()
                process.join()
        # One that was told before it had begun ends by the signal itself.
        well = all(process.exitcode in {0, -signal.SIGTERM} for process, _ in self._members)
        return 0 if self._stopping and well else 1


def _until_alone(work: Callable[[], None]) -> None:
    """Work, and stop in order when whoever started this process is gone: nobody would replace it, or free its port."""
    starter = multiprocessing.parent_process()
    if starter is not None:
        threading.Thread(target=_end_after, args=(starter,), name="starter", daemon=True).start()
    work()


def _end_after(starter: BaseProcess) -> None:
    starter.join()
    os.kill(os.getpid(), signal.SIGTERM)

"""A sequence that must have come to its end."""

from collections.abc import Iterable
from typing import TypedDict

from ensue.model.event import Event
from ensue.rules.facts import Log
from ensue.rules.sequences.steps import Steps
from ensue.rules.verdict import ALWAYS, NEVER, Verdict


class Progress(TypedDict):
    """For each step the latest start of a chain that reached it.

    The latest start has the most time left and stays longest in a window, so no other is needed. `best` counts all
    chains, `before` only those that ended before `at`, the newest timestamp seen: the next step must come strictly
    later than the last, and several events may have that timestamp.
    """

    at: int
    before: list[int | None]
    best: list[int | None]


class Happened:
    """Holds when some chain of all steps exists, with `timeWindow` W while its start is in the window."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._span = steps.window.span

    def fold(self, state: Progress | None, event: Event, matched: list[int], now: int, log: Log) -> Progress | None:
        """Advance the chains by one event, which can be these steps."""
        timestamp = event.timestamp
        if self._span is None:
            if state is not None and state["best"][-1] is not None:
                return state
        elif timestamp <= now - self._span:
            return state
        if state is not None and timestamp < state["at"]:
            return self._fold_late(state, timestamp, log)
        return self._advance(state, timestamp, matched)

    def verdict(self, state: Progress | None, now: int, log: Log) -> Verdict:
        """Whether the newest complete chain is in the window."""
        start = self.start(state, now, log)
        if start is None:
            return NEVER
        return ALWAYS if self._span is None else Verdict(True, start + self._span)

    def start(self, state: Progress | None, now: int, _log: Log) -> int | None:
        """The start of the newest complete chain, when it counts."""
        start = state["best"][-1] if state else None
        if start is None or (self._span is not None and start <= now - self._span):
            return None
        return start

    def rebuild(self, events: Iterable[Event], _now: int) -> Progress | None:
        """Advance by each event in turn."""
        state: Progress | None = None
        for timestamp, matched in self._steps.matching(events):
            state = self._advance(state, timestamp, matched)
        return state

    def _advance(self, state: Progress | None, timestamp: int, matched: list[int]) -> Progress:
        """Take an event that is not older than any before it."""
        if state is None:
            length = len(self._steps.steps)
            state = Progress(at=timestamp, before=[None] * length, best=[None] * length)
        elif timestamp > state["at"]:
            state["at"] = timestamp
            state["before"] = list(state["best"])
        before, best = state["before"], state["best"]
        for index in matched:
            start = before[index - 1] if index else timestamp
            if start is None or timestamp >= start + self._steps.within:
                continue
            known = best[index]
            if known is None or start > known:
                best[index] = start
        return state

    def _fold_late(self, state: Progress, timestamp: int, log: Log) -> Progress:
        """Read again what a late event can be part of: chains of less than `within` on either side of it."""
        within = self._steps.within
        near: Progress | None = None
        for at, matched in self._steps.logged(log, timestamp - within, min(timestamp + within - 1, state["at"])):
            near = self._advance(near, at, matched)
        if near is None:
            return state
        complete = [start for start in (state["best"][-1], near["best"][-1]) if start is not None]
        # A chain that could still go on began less than `within` before the newest event. When the late event is
        # older than that, it changes none of those; otherwise all of them were just read.
        progress = near if timestamp + within > state["at"] else state
        progress["best"][-1] = max(complete, default=None)
        return progress

"""A sequence whose last step must not have come.

A start is an event of the first step. Its chain is made of all steps but the last, each the earliest that is
possible; it must end less than `within` after the start. From start + `within` on the start counts, when no event of
the last step came after the chain's end and before that instant.
"""

from collections.abc import Iterable
from typing import TypedDict

from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.facts import Log
from ensue.rules.sequences.steps import Steps
from ensue.rules.verdict import Verdict


class Watch(TypedDict):
    """What is known of the starts as of `at`, the newest timestamp seen.

    `settled` is the newest start whose time was over by then and that counts. `open` are those whose time was not
    over, oldest first: `[start, steps done, timestamp of the last one done]`. There are at most
    `bounds.OPEN_STARTS` of them; from the start `rest` on they are left to the log.
    """

    at: int
    settled: int | None
    open: list[list[int]]
    rest: int | None


class Absent:
    """Holds when some start counts, with `timeWindow` W while it is in the window. W is longer than `within`."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._within = steps.within
        self._span = steps.window.span

    def fold(self, state: Watch | None, event: Event, matched: list[int], now: int, log: Log) -> Watch | None:
        """Advance, end or open starts by one event, which can be these steps."""
        timestamp = event.timestamp
        if self._span is not None and timestamp <= now - self._span:
            return state
        if state is None:
            state = _nothing(timestamp)
        if timestamp < state["at"]:
            self._fold_late(state, timestamp, now, log)
        else:
            self._advance(state, timestamp, matched)
        _trim(state)
        if state["rest"] is not None and len(state["open"]) < bounds.OPEN_STARTS // 2:
            self._take_up_rest(state, state["rest"], log)
            _trim(state)
        return state

    def verdict(self, state: Watch | None, now: int, log: Log) -> Verdict:
        """Whether a start counts now; if so until the last that follows on leaves the window."""
        if state is None:
            return Verdict(False, None)
        waiting = [start for start in self._complete(state, now, log) if start + self._within > now]
        counting = self.start(state, now, log)
        if counting is None:
            if waiting:
                return Verdict(False, waiting[0] + self._within)
            # Whether one of the rest has done its steps is in the log; its time is not over before this.
            soonest = None if state["rest"] is None else state["rest"] + self._within
            return Verdict(False, soonest if soonest is not None and soonest > now else None)
        if self._span is None:
            return Verdict(True, None)
        until = counting + self._span
        for start in waiting:
            if start + self._within > until:
                break
            until = start + self._span
        return Verdict(True, until)

    def start(self, state: Watch | None, now: int, log: Log) -> int | None:
        """The newest start that counts now."""
        if state is None:
            return None
        over = [start for start in self._complete(state, now, log) if start + self._within <= now]
        newest = over[-1] if over else state["settled"]
        if newest is None or (self._span is not None and newest <= now - self._span):
            return None
        return newest

    def rebuild(self, events: Iterable[Event], _now: int) -> Watch | None:
        """Advance by each event in turn."""
        state = self._replay(self._steps.matching(events))
        if state is not None:
            _trim(state)
        return state

    def _advance(self, state: Watch, timestamp: int, matched: list[int]) -> None:
        """Take an event that is not older than any before it."""
        state["at"] = timestamp
        self._settle(state, timestamp)
        kept = []
        for entry in state["open"]:
            _, done, reached = entry
            if timestamp > reached and done in matched:
                if done == self._steps.last:
                    continue
                entry[1:] = done + 1, timestamp
            kept.append(entry)
        if 0 in matched and (not kept or kept[-1][0] != timestamp):
            kept.append([timestamp, 1, timestamp])
        state["open"] = kept

    def _settle(self, state: Watch, instant: int) -> None:
        """Decide the starts whose time is over at an instant."""
        opened = state["open"]
        over = 0
        while over < len(opened) and opened[over][0] + self._within <= instant:
            if opened[over][1] == self._steps.last:
                state["settled"] = opened[over][0]
            over += 1
        if over:
            state["open"] = opened[over:]

    def _fold_late(self, state: Watch, timestamp: int, now: int, log: Log) -> None:
        """Decide again the starts that a late event can concern: those less than `within` before it, and itself."""
        first = timestamp - self._within
        over = timestamp + self._within
        near = self._replay(self._steps.logged(log, first, min(over - 1, state["at"])))
        if near is None:
            return
        if over <= state["at"]:
            self._settle(near, over)
        else:
            # Every open start is later than `first`, so all of them were just read.
            state["open"], state["rest"] = near["open"], None
        candidates = [start for start in (state["settled"], near["settled"]) if start is not None]
        if state["settled"] is not None and first < state["settled"] <= timestamp:
            candidates.remove(state["settled"])
            if not candidates:
                candidates = self._older(timestamp, now, log)
        state["settled"] = max(candidates, default=None)

    def _older(self, timestamp: int, now: int, log: Log) -> list[int]:
        """The newest start that counts and whose time was over at `timestamp`, read from all that the window holds."""
        after = None if self._span is None else now - self._span
        older = self._replay(self._steps.logged(log, after, timestamp))
        if older is None:
            return []
        self._settle(older, timestamp)
        return [] if older["settled"] is None else [older["settled"]]

    def _replay(self, events: Iterable[tuple[int, list[int]]]) -> Watch | None:
        state: Watch | None = None
        for timestamp, matched in events:
            state = state or _nothing(timestamp)
            self._advance(state, timestamp, matched)
        return state

    def _complete(self, state: Watch, now: int, log: Log) -> list[int]:
        """The open starts whose chain is complete; with those left to the log when the time of one is over."""
        opened, rest = state["open"], state["rest"]
        if rest is not None and rest + self._within <= now:
            left = self._replay(self._steps.logged(log, rest - 1, state["at"]))
            opened = [*opened, *(left["open"] if left else [])]
        return [start for start, done, _ in opened if done == self._steps.last]

    def _take_up_rest(self, state: Watch, rest: int, log: Log) -> None:
        """Read the starts that were left to the log."""
        left = self._replay(self._steps.logged(log, rest - 1, state["at"]))
        state["rest"] = None
        if left is None:
            return
        state["open"] += left["open"]
        if left["settled"] is not None:
            state["settled"] = left["settled"]


def _nothing(timestamp: int) -> Watch:
    return Watch(at=timestamp, settled=None, open=[], rest=None)


def _trim(state: Watch) -> None:
    """Leave what is over the bound to the log."""
    rest = state["rest"]
    if rest is None and len(state["open"]) > bounds.OPEN_STARTS:
        rest = state["rest"] = state["open"][bounds.OPEN_STARTS][0]
    if rest is not None:
        # Starts newer than one that is left to the log are left to it too, so that `open` has no gaps.
        state["open"] = [entry for entry in state["open"] if entry[0] < rest]

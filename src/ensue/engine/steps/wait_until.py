"""`wait_until`: wait for an event or until rules hold, and no longer than a timeout.

`{"eventType", "conditions"?, "timeout"?}` or `{"rules", "timeout"?}`. With a timeout there is a branch `timeout` beside
the edge without a branch. Rules that hold already pass at once; an event at the instant of the timeout is too late.
"""

from dataclasses import dataclass

from ensue.engine.campaigns.criterion import Criterion, read_criterion
from ensue.engine.campaigns.node import MET, Node, Outcome, Passed, Run, Waits
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "wait_until"
TIMEOUT = "timeout"


@dataclass(frozen=True)
class WaitUntil(Node):
    """What is waited for, and how long at most (ms)."""

    criterion: Criterion
    timeout: int | None

    @property
    def branches(self) -> tuple[str | None, ...]:
        """Met, and timed out."""
        return (None,) if self.timeout is None else (None, TIMEOUT)

    @property
    def always_waits(self) -> bool:
        """For an event always: it must come after the wait has begun."""
        return self.criterion.rule is None

    @property
    def awaits(self) -> Criterion:
        """What is waited for."""
        return self.criterion

    def run(self, run: Run) -> Outcome:
        """Pass when the rules hold, or when the time is over."""
        deadline = run.deadline
        if deadline is None and self.timeout is not None:
            deadline = run.at + self.timeout
        verdict = self.criterion.verdict(run.facts, run.at)
        # What holds from the instant of the timeout on came too late, as an event does then.
        if deadline is not None and run.at >= deadline:
            return Passed("TIMED_OUT", TIMEOUT)
        return Passed(MET) if verdict.holds else Waits(deadline, verdict.flips_at)


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    criterion = read_criterion(reader)
    timeout = None if reader.optional("timeout") is MISSING else reader.duration("timeout")
    return WaitUntil(criterion, timeout) if criterion is not None and reader.sound else None

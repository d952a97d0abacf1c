"""`goal`: what the part before it is for. `{}`, `{"eventType", "conditions"?}` or `{"rules"}`.

A goal that says what it looks for acts at any time: as soon as it is reached, an enrolment that still could come to it
goes on behind it, once, skipping what lies between. One that is walked up to unreached is passed as NOT_REACHED; one
that looks for nothing is reached by being walked up to.
"""

from dataclasses import dataclass

from ensue.engine.campaigns.criterion import Criterion, read_criterion
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules.faults import Reader

TYPE = "goal"


@dataclass(frozen=True)
class Goal(Node):
    """What is looked for; None for nothing."""

    criterion: Criterion | None

    @property
    def target(self) -> Criterion | None:
        """What is looked for."""
        return self.criterion

    def run(self, run: Run) -> Outcome:
        """Pass, and say whether it is reached."""
        if self.criterion is None or self.criterion.verdict(run.facts, run.at).holds:
            return Passed("REACHED")
        return Passed("NOT_REACHED")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    if not reader.value:
        return Goal(None)
    criterion = read_criterion(reader)
    return Goal(criterion) if criterion is not None else None

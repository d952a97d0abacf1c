"""`exit`: leave the campaign here: `{"reason": "not interested"}` (EXIT_NODE when not said)."""

from dataclasses import dataclass

from ensue.base import bounds
from ensue.engine.campaigns.node import Ends, Node, Outcome, Run
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "exit"


@dataclass(frozen=True)
class Exit(Node):
    """Why."""

    reason: str
    branches = ()

    def run(self, run: Run) -> Outcome:
        """Leave."""
        return Ends(self.reason)


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    if reader.optional("reason") is MISSING:
        return Exit("EXIT_NODE")
    reason = reader.text("reason", bounds.NAME)
    return Exit(reason) if reason is not None else None

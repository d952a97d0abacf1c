"""`emit_event`: let an event of the contact happen: `{"eventType": "trial.ended", "metadata": {…}}`."""

from dataclasses import dataclass
from typing import Any

from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules import bounds
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "emit_event"


@dataclass(frozen=True)
class EmitEvent(Node):
    """The event."""

    event_type: str
    metadata: dict[str, Any]

    def run(self, run: Run) -> Outcome:
        """Let it happen."""
        run.emit(self.event_type, self.metadata)
        return Passed("DONE")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    event_type = reader.text("eventType", bounds.EVENT_TYPE)
    metadata = reader.optional("metadata")
    if metadata is MISSING:
        metadata = {}
    if not isinstance(metadata, dict):
        reader.fault("metadata", "must be an object")
        return None
    return EmitEvent(event_type, metadata) if event_type is not None else None

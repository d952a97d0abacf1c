"""`add_to_segment`: put the contact on the list of a STATIC segment, or take it off.

`{"segmentId": "seg_…", "action": "add"|"remove"}` (add when not said)
"""

from dataclasses import dataclass

from ensue.base.ids import read as read_id
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules.faults import Reader

TYPE = "add_to_segment"


@dataclass(frozen=True)
class AddToSegment(Node):
    """The list, and whether the contact is to be on it."""

    segment_id: int
    member: bool

    @property
    def segments(self) -> frozenset[int]:
        """The list."""
        return frozenset((self.segment_id,))

    def run(self, run: Run) -> Outcome:
        """Put it on or take it off."""
        if run.facts.in_segment(self.segment_id) is self.member:
            return Passed("UNCHANGED")
        run.list_in(self.segment_id, member=self.member)
        return Passed("DONE")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    action = reader.one_of("action", ["add", "remove"], default="add")
    text = reader.text("segmentId")
    segment_id = read_id("seg", text) if text is not None else None
    if segment_id is None:
        if text is not None:
            reader.fault("segmentId", "is not the id of a segment")
        return None
    return AddToSegment(segment_id, action == "add") if action is not None else None

"""`segment`: whether the contact is a member of another segment."""

from dataclasses import dataclass
from typing import Any

from ensue.base import ids
from ensue.rules.condition import Observation, Reads
from ensue.rules.facts import Facts
from ensue.rules.faults import Reader
from ensue.rules.verdict import Verdict

TYPE = "segment"


@dataclass(frozen=True, slots=True, eq=False)
class SegmentCondition:
    """Whether the contact is in a segment, or is not.

    That segment may change by itself; then the change is itself an input to whatever depends on it, so there is no
    horizon here.
    """

    json: dict[str, Any]
    segment_id: int
    wanted: bool
    reads: Reads
    time_dependent: bool = False

    def holds(self, facts: Facts) -> bool:
        """Whether it is as wanted."""
        return facts.in_segment(self.segment_id) is self.wanted

    def evaluate(self, facts: Facts, _now: int) -> Verdict:
        """Whether it holds; only input changes it."""
        return Verdict(self.holds(facts), None)

    def observe(self, facts: Facts, _now: int) -> Observation:
        """Whether the contact is a member."""
        return Observation(facts.in_segment(self.segment_id), self.wanted, [])

    def describe(self) -> str:
        """`is in segment seg_…`."""
        return f"is {'' if self.wanted else 'not '}in segment {ids.show('seg', self.segment_id)}"


def parse(reader: Reader) -> SegmentCondition | None:
    """Read a segment condition. Notes faults and returns None when it is faulty."""
    operator = reader.one_of("operator", ["in", "not_in"])
    text = reader.text("segmentId")
    segment_id = ids.read("seg", text) if text else None
    if text and segment_id is None:
        reader.fault("segmentId", "must be the id of a segment, seg_…")
    reader.close()
    if not (reader.sound and operator and segment_id is not None):
        return None
    return SegmentCondition(reader.value, segment_id, operator == "in", Reads(segments=frozenset((segment_id,))))

"""`tag`: whether the contact has a tag."""

from dataclasses import dataclass
from typing import Any

from ensue.rules.condition import Observation, Reads
from ensue.rules.facts import Facts
from ensue.rules.faults import Reader
from ensue.rules.verdict import Verdict

TYPE = "tag"


@dataclass(frozen=True, slots=True, eq=False)
class TagCondition:
    """Whether the contact has a tag, or has not."""

    json: dict[str, Any]
    tag: str
    wanted: bool
    reads: Reads
    time_dependent: bool = False

    def holds(self, facts: Facts) -> bool:
        """Whether it is as wanted."""
        return facts.has_tag(self.tag) is self.wanted

    def evaluate(self, facts: Facts, _now: int) -> Verdict:
        """Whether it holds; only input changes it."""
        return Verdict(self.holds(facts), None)

    def observe(self, facts: Facts, _now: int) -> Observation:
        """Whether the contact has the tag."""
        return Observation(facts.has_tag(self.tag), self.wanted, [])

    def describe(self) -> str:
        """`has the tag “vip”`."""
        return f"{'has' if self.wanted else 'does not have'} the tag “{self.tag}”"


def parse(reader: Reader) -> TagCondition | None:
    """Read a tag condition. Notes faults and returns None when it is faulty."""
    operator = reader.one_of("operator", ["has", "not_has"])
    tag = reader.text("value")
    reader.close()
    if not (reader.sound and operator and tag):
        return None
    return TagCondition(reader.value, tag, operator == "has", Reads(tags=frozenset((tag,))))

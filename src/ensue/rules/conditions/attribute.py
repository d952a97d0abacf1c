"""`attribute`: a field of the contact, compared with a value."""

from dataclasses import dataclass
from typing import Any

from ensue.base.clock import to_iso
from ensue.rules import bounds
from ensue.rules.comparison import read_comparison
from ensue.rules.condition import Observation, Reads
from ensue.rules.facts import MISSING, Facts
from ensue.rules.faults import Reader
from ensue.rules.fields import CONTACT, ContactField, contact_field
from ensue.rules.operator import Comparison
from ensue.rules.values import Instant
from ensue.rules.verdict import Verdict
from ensue.rules.wording import field_text

TYPE = "attribute"


@dataclass(frozen=True, slots=True, eq=False)
class AttributeCondition:
    """A field of the contact, compared with a value. Only `score` changes by itself, by decay."""

    json: dict[str, Any]
    field: ContactField
    comparison: Comparison
    reads: Reads
    time_dependent: bool

    def holds(self, facts: Facts) -> bool:
        """Whether the field's present value compares."""
        return self.comparison.test(self.field.get(facts))

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether it holds at `now`, and until when that is certain."""
        return Verdict(self.holds(facts), facts.score_changes_at() if self.time_dependent else None)

    def observe(self, facts: Facts, now: int) -> Observation:
        """The field's value."""
        value = self.field.get(facts)
        if isinstance(value, Instant):
            value = to_iso(value)
        return Observation(None if value is MISSING else value, self.comparison.needed, [])

    def describe(self) -> str:
        """`plan is “gold”`."""
        return field_text(self.field.name, self.comparison)


def parse(reader: Reader) -> AttributeCondition | None:
    """Read an attribute condition. Notes faults and returns None when it is faulty."""
    field = read_contact_field(reader)
    comparison = read_comparison(reader, field.kind if field else None)
    reader.close()
    if not (reader.sound and field and comparison):
        return None
    return AttributeCondition(
        reader.value, field, comparison, Reads(fields=frozenset((field.reads,))), field.name == "score"
    )


def read_contact_field(reader: Reader) -> ContactField | None:
    """Read the required `field`, of the contact."""
    name = reader.text("field", bounds.FIELD)
    field = contact_field(name) if name else None
    if name and not field:
        reader.fault("field", f"must be attributes.<name> or one of {', '.join(CONTACT)}")
    return field

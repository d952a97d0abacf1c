"""`tag`: put a tag on the contact or take it off: `{"tag": "vip", "action": "add"|"remove"}` (add when not said)."""

from dataclasses import dataclass

from ensue.base.errors import Invalid
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.engine.contacts import profile
from ensue.rules.faults import Reader

TYPE = "tag"


@dataclass(frozen=True)
class Tag(Node):
    """The tag, and whether the contact is to have it."""

    name: str
    present: bool

    def run(self, run: Run) -> Outcome:
        """Put it on or take it off."""
        if run.facts.has_tag(self.name) is self.present:
            return Passed("UNCHANGED")
        run.tag(self.name, present=self.present)
        return Passed("DONE")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    action = reader.one_of("action", ["add", "remove"], default="add")
    try:
        name = profile.read_tag(reader.required("tag") or "")
    except Invalid as error:
        reader.fault("tag", error.details[0].message)
        return None
    return Tag(name, action == "add") if reader.sound else None

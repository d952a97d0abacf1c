"""`update_contact`: set fields of the contact: `{"fields": {"locale": "de", "attributes": {"plan": "pro"}}}`.

The fields are those of `PATCH contact`: null clears one, attributes are merged name by name.
"""

from dataclasses import dataclass
from typing import Any

from ensue.base.errors import Invalid
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.engine.contacts import profile
from ensue.rules.faults import Reader

TYPE = "update_contact"


@dataclass(frozen=True)
class UpdateContact(Node):
    """The fields, by their API names."""

    fields: dict[str, Any]

    def run(self, run: Run) -> Outcome:
        """Set them."""
        run.update(self.fields)
        return Passed("DONE")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    fields = reader.required("fields")
    if not isinstance(fields, dict) or not fields:
        reader.fault("fields", "must be an object with at least one field of a contact")
        return None
    try:
        profile.read(fields)
    except Invalid as error:
        for detail in error.details:
            reader.fault(f"fields.{detail.path}", detail.message)
        return None
    return UpdateContact(fields)

"""What was sent with a form, read field by field."""

from typing import Any

from ensue.base import bounds, json
from ensue.engine.forms import fields, mapping
from ensue.model.form import Form

Faults = list[tuple[str, str]]


def read_values(form: Form, raw: dict[str, Any], *, typed: bool) -> tuple[dict[str, Any], Faults]:
    """(values by the keys of the fields, what is wrong with which). `typed`: see `fields.read_value`.

    Nothing here looks at who is known already, so that every answer is the same for everybody.
    """
    found: dict[str, Any] = {}
    faults: Faults = []
    rest = dict(raw)
    for field in form.content.fields:
        value = rest.pop(field.key, field.default if field.type == "hidden" else None)
        try:
            read = fields.read_value(field, value, typed=typed)
            if isinstance(read, str) and field.maps_to in mapping.TARGETS:
                fields.sound_in_profile(str(field.maps_to), read)
        except ValueError as error:
            faults.append((field.key, str(error)))
            continue
        if read is not None:
            found[field.key] = read
    faults += [(str(name), "is not a field of this form") for name in rest]
    if not faults and len(json.encode(mapping.told(form, found).attributes)) > bounds.FORM_ATTRIBUTES_SIZE:
        faults.append(("$", "is too long altogether"))
    return found, faults

"""What the answers of a form say of a contact."""

from typing import Any, Final, NamedTuple

from ensue.engine.contacts import profile
from ensue.model.form import Form
from ensue.rules.conditions.channel import CHANNELS

ATTRIBUTE: Final = "attributes."
CONSENT: Final = "consents."

TARGETS: Final = tuple(name for name in profile.FIELDS if name != "externalId")
"""The fields of a contact that an answer may become. An external id is how a customer's own systems know somebody:
whoever could type one in could pass for anybody."""


class Told(NamedTuple):
    """What somebody said of themselves: contact fields by their API names, attributes, channels that they agreed to."""

    email: str | None
    fields: dict[str, str]
    attributes: dict[str, Any]
    channels: list[str]


def told(form: Form, values: dict[str, Any]) -> Told:
    """What values mean by the form's mapping. The e-mail address stands apart: it says who it is."""
    fields: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    channels: list[str] = []
    for field in form.content.fields:
        value, target = values.get(field.key), field.maps_to
        if value is None or target is None:
            continue
        if target.startswith(ATTRIBUTE):
            attributes[target.removeprefix(ATTRIBUTE)] = value
        elif target.startswith(CONSENT):
            if value is True:
                channels.append(target.removeprefix(CONSENT))
        else:
            fields[target] = value
    return Told(fields.pop("email", None), fields, attributes, channels)


def asks_consent(form: Form, channel: str) -> bool:
    """Whether the form has a checkbox for a channel."""
    return any(field.maps_to == CONSENT + channel for field in form.content.fields)


def fault(target: str, kind: str) -> str | None:
    """What is wrong with mapping a field of some type to a target; None when nothing is."""
    if target.startswith(CONSENT):
        if target.removeprefix(CONSENT) not in CHANNELS:
            return f"must name a channel: {', '.join(CONSENT + channel for channel in CHANNELS)}"
        return None if kind == "checkbox" else "a consent is given by a checkbox"
    if target.startswith(ATTRIBUTE):
        name = target.removeprefix(ATTRIBUTE)
        return None if name and "." not in name else "must be attributes.<name>, and the name without dots"
    if target == "externalId":
        return "a public form must not say who somebody is in your own systems"
    if target not in TARGETS:
        return f"must be one of {', '.join(TARGETS)}, attributes.<name>, consents.<channel>"
    if target == "email":
        return None if kind == "email" else "the address is asked for by a field of the type email"
    return None if kind in {"text", "tel", "email", "select", "hidden"} else "a field of the contact needs a text"

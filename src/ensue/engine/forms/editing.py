"""Forms made, changed and deleted."""

from collections import Counter
from typing import Any

import msgspec

from ensue.base import json
from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.contacts import profile
from ensue.engine.forms import mapping
from ensue.engine.forms.fields import read_value
from ensue.engine.working_set import WorkingSet
from ensue.model.form import Form, FormContent, FormField

NO_SUCH_FORM = "There is no such form in this workspace."
RESERVED = "_"
"""No key of a field begins with it: in an HTML form, what Ensue itself asks for does."""


def create(room: WorkingSet, name: str, status: str, content: FormContent) -> Form:
    """A new form.

    Raises:
        Invalid: naming every field that is unsound.
    """
    _refuse_unsound(room, content)
    form = Form(room.ids.next(), name, status, content, room.now, room.now)
    room.tables.forms.put(form)
    return form


def edit(room: WorkingSet, form_id: int, changes: dict[str, Any], content: dict[str, Any]) -> Form:
    """Change the name or status, and parts of the content.

    Raises:
        NotFound: there is no such form. Invalid: naming every field that is unsound.
    """
    old = held(room, form_id)
    form = msgspec.structs.replace(
        old, **changes, content=msgspec.structs.replace(old.content, **content), updated_at=room.now
    )
    _refuse_unsound(room, form.content)
    room.tables.forms.put(form)
    return form


def delete(room: WorkingSet, form_id: int) -> None:
    """Delete a form that was never sent and that nothing asks about.

    Raises:
        NotFound: there is no such form. Conflict: something asks about it, or what was sent with it is kept.
    """
    form = held(room, form_id)
    using = dependents(room, form_id)
    if using:
        names = ", ".join(f"{name}" for _, _, name in using)
        details = [Detail(kind, f"{name} ({text}) asks about it") for kind, text, name in using]
        raise Conflict(f"{form.name} cannot be deleted, because it is in use by {names}.", details, code="form_in_use")
    if room.tables.form_submissions.any(form_id):
        raise Conflict(
            f"{form.name} cannot be deleted, because it has submissions. Archive it, or delete them first.",
            code="form_has_submissions",
        )
    room.tables.forms.remove(form_id)


def held(room: WorkingSet, form_id: int) -> Form:
    """A form by its id.

    Raises:
        NotFound: there is no such form.
    """
    form = room.tables.forms.get(form_id)
    if form is None:
        raise NotFound(NO_SUCH_FORM)
    return form


def dependents(room: WorkingSet, form_id: int) -> list[tuple[str, str, str]]:
    """(kind, id, name) of the segments, campaigns and scoring rules that ask about a form by its id."""
    text, definitions = show("frm", form_id), room.definitions
    running = set(room.tables.definitions.running_mentions(text))
    segments = [compiled.segment for compiled in definitions.segments.values()]
    rules = [compiled.rule for compiled in definitions.scoring.values()]
    campaigns = [
        campaign
        for campaign in definitions.campaigns.values()
        if campaign.id in running
        or (
            campaign.status != "ARCHIVED" and _mentions([campaign.triggers, campaign.workflow, campaign.settings], text)
        )
    ]
    return [
        *(("segments", show("seg", s.id), s.name) for s in segments if _mentions(s.rules, text)),
        *(("campaigns", show("cmp", campaign.id), campaign.name) for campaign in campaigns),
        *(("scoringRules", show("sr", r.id), r.name) for r in rules if _mentions(r.condition, text)),
    ]


def _mentions(value: object, text: str) -> bool:
    return f'"{text}"' in json.encode_text(value)


def _refuse_unsound(room: WorkingSet, content: FormContent) -> None:
    faults = [fault for place, field in enumerate(content.fields) for fault in _field_faults(place, field)]
    faults += _doubled("key", [field.key for field in content.fields])
    faults += _doubled("mapsTo", [field.maps_to for field in content.fields if field.maps_to is not None])
    if content.double_opt_in and not any(f.maps_to == "email" and f.required for f in content.fields):
        faults.append(("doubleOptIn", "needs a required field that maps to email"))
    if content.segment_id is not None:
        compiled = room.definitions.segments.get(content.segment_id)
        if compiled is None:
            faults.append(("segmentId", "is no segment of this workspace"))
        elif compiled.segment.type != "STATIC":
            faults.append(("segmentId", "must be a STATIC segment; a DYNAMIC one follows its rules"))
    for place, name in enumerate(content.tags):
        try:
            profile.read_tag(name)
        except Invalid as error:
            faults.append((f"tags[{place}]", error.details[0].message))
    if faults:
        raise Invalid.of(faults)


def _field_faults(place: int, field: FormField) -> list[tuple[str, str]]:
    path = f"fields[{place}]"
    faults = []
    if field.type == "select" and not field.options:
        faults.append((f"{path}.options", "are required for a select"))
    if field.type != "select" and field.options:
        faults.append((f"{path}.options", "are for a select"))
    if field.type == "hidden" and field.required and not field.default:
        faults.append((f"{path}.required", "nobody can fill in a hidden field: give it a default"))
    if field.maps_to is not None and (wrong := mapping.fault(field.maps_to, field.type)) is not None:
        faults.append((f"{path}.mapsTo", wrong))
    if field.default is not None:
        try:
            read_value(msgspec.structs.replace(field, required=False), field.default, typed=False)
        except ValueError as error:
            faults.append((f"{path}.default", str(error)))
    # Consent is given by an act of one's own.
    if field.default and field.maps_to is not None and field.maps_to.startswith(mapping.CONSENT):
        faults.append((f"{path}.default", "a consent must not be ticked beforehand"))
    return faults


def _doubled(name: str, values: list[str]) -> list[tuple[str, str]]:
    counted = Counter(values)
    return [
        (f"fields[{place}].{name}", "stands there twice") for place, value in enumerate(values) if counted[value] > 1
    ]

"""A contact, and what followed from a change of one, as the API shows them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path

from ensue.api.bodies import Answer, ShownInstant
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.model.contact import Contact
from ensue.model.effects import Effects


class ShownContact(Answer):
    """A person."""

    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    external_id: str | None
    timezone: str | None
    locale: str | None
    attributes: dict[str, Any]
    score: int
    tags: list[str]
    created_at: ShownInstant
    updated_at: ShownInstant


class ScoreEntry(Answer):
    """How far one scoring rule moved the score."""

    rule_id: str
    delta: int


class ScoreEffect(Answer):
    """The score before and after, and the rules that moved it."""

    before: int | None
    after: int | None
    entries: list[ScoreEntry]


class Named(Answer):
    """Something by its id and name."""

    id: str
    name: str


class SegmentsEffect(Answer):
    """The segments that were entered and exited."""

    entered: list[Named]
    exited: list[Named]


class Enrolled(Named):
    """A campaign that took the contact in."""

    enrollment_id: str


class Skipped(Named):
    """A campaign that did not, and why."""

    reason: str


class CampaignsEffect(Answer):
    """The campaigns that were triggered."""

    enrolled: list[Enrolled]
    skipped: list[Skipped]


class ShownEffects(Answer):
    """What followed, as an event says it."""

    score: ScoreEffect
    segments: SegmentsEffect
    campaigns: CampaignsEffect


class ChangedContact(ShownContact):
    """A contact after a change, and what followed from it."""

    effects: ShownEffects


def contact_number(contact_id: Annotated[str, Path(alias="contactId")]) -> int:
    """A dependency of routes with `{contactId}`: the number of that id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("ct", contact_id)
    if number is None:
        raise NotFound("There is no such contact in this workspace.")
    return number


def fields(contact: Contact, tags: Sequence[str]) -> dict[str, Any]:
    """The fields of a `ShownContact`."""
    return {
        "id": show("ct", contact.id),
        "email": contact.email,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "phone": contact.phone,
        "external_id": contact.external_id,
        "timezone": contact.time_zone,
        "locale": contact.locale,
        "attributes": contact.attributes,
        "score": contact.score,
        "tags": sorted(tags),
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }


def effects(e: Effects) -> ShownEffects:
    """What followed."""
    return ShownEffects(
        score=ScoreEffect(
            before=e.before,
            after=e.after,
            entries=[ScoreEntry(rule_id=show("sr", entry.rule_id), delta=entry.delta) for entry in e.entries],
        ),
        segments=SegmentsEffect(
            entered=[Named(id=show("seg", s.segment_id), name=s.name) for s in e.entered],
            exited=[Named(id=show("seg", s.segment_id), name=s.name) for s in e.exited],
        ),
        campaigns=CampaignsEffect(
            enrolled=[
                Enrolled(id=show("cmp", c.campaign_id), name=c.name, enrollment_id=show("enr", c.enrolment_id))
                for c in e.enrolled
            ],
            skipped=[Skipped(id=show("cmp", c.campaign_id), name=c.name, reason=c.reason) for c in e.skipped],
        ),
    )

"""Segments, their backfills and the contacts in them, as the API shows them."""

from typing import Any, Literal

from pydantic import Field

from ensue.api.bodies import Answer, ShownInstant
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.segments.editing import NO_SUCH_SEGMENT
from ensue.model.backfill import Backfill
from ensue.model.contact import Contact
from ensue.model.segment import Membership, Segment

Kind = Literal["DYNAMIC", "STATIC"]


class ShownBackfill(Answer):
    """Work through history: `done` of `total` contacts were looked at one by one, and what was found."""

    id: str
    kind: str
    version: int
    status: str
    triggers: bool
    total: int
    done: int
    entered: int
    exited: int
    started_at: ShownInstant
    finished_at: ShownInstant | None
    error: str | None = Field(description="Why it was given up, when its status is FAILED.")


class ShownSegment(Answer):
    """A segment. `status` is BACKFILLING until everybody who was there before is where the rules want them."""

    id: str
    name: str
    description: str | None
    type: Kind
    version: int
    rules: dict[str, Any] | None
    status: Literal["READY", "BACKFILLING"]
    created_at: ShownInstant
    updated_at: ShownInstant


class SegmentInWork(ShownSegment):
    """A segment with the backfill that a request began, or the latest one."""

    backfill: ShownBackfill | None


class Card(Answer):
    """A contact in short."""

    id: str
    email: str | None
    first_name: str | None
    last_name: str | None


class Cause(Answer):
    """Why something changed: an EVENT (whose id is `id`), a CHANGE, TIME, a CAMPAIGN, a BACKFILL."""

    kind: str
    id: str | None


class Stay(Answer):
    """From when till when somebody was in a segment, and why, by which version of its rules."""

    segment_id: str
    contact_id: str
    version: int
    entered_at: ShownInstant
    entered_by: Cause
    exited_at: ShownInstant | None
    exited_by: Cause | None


_PREFIXES = {"EVENT": "evt", "BACKFILL": "bf", "CAMPAIGN": "enr", "MERGE": "ct", "FORM": "sub"}


def segment_id(text: str) -> int:
    """The number of a segment's id in a path.

    Raises:
        NotFound: it is no such id.
    """
    number = read("seg", text)
    if number is None:
        raise NotFound(NO_SUCH_SEGMENT)
    return number


def contact_id(text: str) -> int:
    """The number of a contact's id in a path or query.

    Raises:
        NotFound: it is no such id.
    """
    number = read("ct", text)
    if number is None:
        raise NotFound("There is no such contact in this workspace.")
    return number


def shown_segment(segment: Segment) -> dict[str, Any]:
    """The fields of a `ShownSegment`."""
    return {
        "id": show("seg", segment.id), "name": segment.name, "description": segment.description, "type": segment.type,
        "version": segment.version, "rules": segment.rules, "status": segment.status,
        "created_at": segment.created_at, "updated_at": segment.updated_at,
    }  # fmt: skip


def shown_backfill(backfill: Backfill) -> ShownBackfill:
    """A backfill as it is shown."""
    return ShownBackfill(
        id=show("bf", backfill.id), kind=backfill.kind, version=backfill.version, status=backfill.status,
        triggers=backfill.triggers, total=backfill.total, done=backfill.done, entered=backfill.entered,
        exited=backfill.exited, started_at=backfill.started_at, finished_at=backfill.finished_at,
        error=backfill.error,
    )  # fmt: skip


def in_work(segment: Segment, backfill: Backfill | None) -> SegmentInWork:
    """A segment with its backfill."""
    return SegmentInWork(**shown_segment(segment), backfill=shown_backfill(backfill) if backfill is not None else None)


def card(contact: Contact) -> Card:
    """A contact in short."""
    return Card(
        id=show("ct", contact.id), email=contact.email, first_name=contact.first_name, last_name=contact.last_name
    )


def stay(membership: Membership) -> Stay:
    """A stay as it is shown."""
    return Stay(
        segment_id=show("seg", membership.segment_id),
        contact_id=show("ct", membership.contact_id),
        version=membership.version,
        entered_at=membership.entered_at,
        entered_by=cause(membership.entered_by),
        exited_at=membership.exited_at,
        exited_by=cause(membership.exited_by) if membership.exited_by is not None else None,
    )


def cause(text: str) -> Cause:
    """The cause that `model.cause.Cause.text` wrote."""
    kind, _, number = text.partition(":")
    prefix = _PREFIXES.get(kind)
    return Cause(kind=kind, id=show(prefix, int(number)) if prefix and number.isdecimal() else None)

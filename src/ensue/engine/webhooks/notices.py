"""What a transaction is going to tell: noted where it happens, written with what it tells of, or not at all.

A workspace that nobody listens to has no `Notices`, and pays for none. What a transaction does to one contact is told
as it is at its end: one `contact.updated` and one `score.changed`, however many steps led there.
"""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ensue.base import json
from ensue.base.ids import show
from ensue.engine.webhooks import payloads
from ensue.engine.webhooks.interests import Interests, names_of_event
from ensue.engine.webhooks.payloads import Shape
from ensue.model.campaign import Enrolment
from ensue.model.cause import Cause
from ensue.model.effects import Answer
from ensue.model.event import IMPORT, Event
from ensue.model.message import DELIVERED, FAILED, SENT, UNKNOWN, Message
from ensue.model.segment import Segment
from ensue.model.webhook import WebhookDelivery

if TYPE_CHECKING:
    from ensue.engine.subject import Subject
    from ensue.engine.working_set import WorkingSet

_STATUSES = {
    SENT: "message.sent", DELIVERED: "message.delivered", FAILED: "message.failed", UNKNOWN: "message.unknown",
}  # fmt: skip
_answers = msgspec.json.Decoder(Answer)


class _Notice(NamedTuple):
    """Something to tell. The contact is added to `shape` when the transaction is written, as it is then."""

    kind: str
    at: int
    shape: Shape
    subject: "Subject | None" = None
    contact_id: int | None = None
    event_id: int | None = None
    names: tuple[str, ...] = ()


class _Changed:
    """A contact that was made or changed."""

    __slots__ = ("changes", "kind", "merged", "subject")

    def __init__(self, subject: "Subject") -> None:
        self.subject = subject
        self.kind = "contact.updated"
        self.changes: dict[str, tuple[object, object]] = {}
        self.merged: list[str] = []


class Notices:
    """Collects what happens in one working set."""

    def __init__(self, interests: Interests) -> None:
        self._interests = interests
        self._noted: list[_Notice] = []
        self._changed: dict[int, _Changed] = {}
        self._moved: dict[int, Subject] = {}

    def event(self, event: Event, metadata_text: str | None, answer: str | None) -> None:
        """An event was stored. An imported one triggers nothing, and is not told either."""
        names = names_of_event(event.type)
        if event.source == IMPORT or not self._interests.hearing(*names):
            return
        said = _answers.decode(answer or "[null,[]]")
        shape = {"event": payloads.event(event, metadata_text, said.contact, said.effects)}
        self._noted.append(_Notice(names[0], event.timestamp, shape, None, event.contact_id, event.id, names))

    def transitions(
        self, subject: "Subject", cause: Cause, entered: list[Segment], exited: list[Segment], score_before: int
    ) -> None:
        """Segments were entered and exited, and the score may have moved. What triggers nothing is not told."""
        if not cause.triggers:
            return
        for kind, segments in (("segment.entered", entered), ("segment.exited", exited)):
            for segment in segments:
                shape = {
                    "segment": payloads.named("seg", segment.id, segment.name),
                    "cause": payloads.cause(cause.kind, cause.subject_id),
                }
                self._note(kind, subject, shape)
        if subject.score != score_before:
            self._moved[subject.id] = subject

    def enrolled(self, subject: "Subject", enrolment: Enrolment) -> None:
        """A campaign took a contact in."""
        self._run("campaign.enrolled", subject, enrolment, {"trigger": enrolment.trigger})

    def ended(self, subject: "Subject", enrolment: Enrolment, status: str, reason: str) -> None:
        """A contact's run through a campaign came to its end, or ended before."""
        kind = "campaign.completed" if status == "COMPLETED" else "campaign.exited"
        self._run(kind, subject, enrolment, {"status": status, "reason": reason})

    def contact_created(self, subject: "Subject") -> None:
        """A contact was made."""
        self._change(subject).kind = "contact.created"

    def contact_changed(self, subject: "Subject", changes: dict[str, tuple[object, object]]) -> None:
        """A contact was changed: (before, after) by name."""
        known = self._change(subject).changes
        for name, (before, after) in changes.items():
            first = known[name][0] if name in known else before
            known[name] = (first, after)

    def contact_merged(self, subject: "Subject", other_id: int) -> None:
        """A contact took another in."""
        change = self._change(subject)
        change.kind = "contact.merged"
        change.merged.append(show("ct", other_id))

    def contact_left(self, subject: "Subject", *, erased: bool) -> None:
        """A contact was deleted, or erased: then nothing but the id is told."""
        gone = None if erased else payloads.contact(subject)
        shape = {"contactId": show("ct", subject.id), "contact": gone, "erased": erased}
        contact_id = None if erased else subject.id
        self._noted.append(_Notice("contact.deleted", subject.as_of, shape, None, contact_id))

    def message(self, message: Message, at: int) -> None:
        """What became of a message. Opens, clicks, bounces and the like are events, and told as those."""
        kind = _STATUSES.get(message.status)
        if kind is not None:
            self._noted.append(_Notice(kind, at, {"message": payloads.message(message)}, None, message.contact_id))

    def write(self, room: "WorkingSet") -> None:
        """Queue everything for whoever wants to hear of it. Called before what it tells of is written."""
        noted = [*self._noted, *self._contacts()]
        self._noted, self._changed, self._moved = [], {}, {}
        contacts: dict[int, Shape] = {}
        deliveries: list[WebhookDelivery] = []
        for notice in noted:
            hearing = self._interests.hearing(*(notice.names or (notice.kind,)))
            if hearing:
                data = _data(notice, contacts)
                deliveries += [_delivery(room, endpoint_id, notice, data) for endpoint_id in hearing]
        if deliveries:
            room.tables.webhook_deliveries.add(deliveries)

    def _contacts(self) -> list[_Notice]:
        noted = []
        for change in self._changed.values():
            shape: Shape = {}
            if change.kind != "contact.created":
                shape["changes"] = {
                    name: {"from": before, "to": after} for name, (before, after) in change.changes.items()
                }
            if change.merged:
                shape["mergedIds"] = change.merged
            noted.append(_Notice(change.kind, change.subject.as_of, shape, change.subject))
        for subject in self._moved.values():
            before = subject.contact.score
            if subject.score != before:
                shape = {"score": {"before": before, "after": subject.score}}
                noted.append(_Notice("score.changed", subject.as_of, shape, subject))
        return noted

    def _change(self, subject: "Subject") -> _Changed:
        return self._changed.setdefault(subject.id, _Changed(subject))

    def _run(self, kind: str, subject: "Subject", enrolment: Enrolment, more: Shape) -> None:
        campaign = subject.room.definitions.campaigns.get(enrolment.campaign_id)
        name = campaign.name if campaign is not None else ""
        shape = {
            "campaign": payloads.named("cmp", enrolment.campaign_id, name),
            "enrollmentId": show("enr", enrolment.id),
            **more,
        }
        self._note(kind, subject, shape)

    def _note(self, kind: str, subject: "Subject", shape: Shape) -> None:
        self._noted.append(_Notice(kind, subject.as_of, shape, subject))


def _data(notice: _Notice, contacts: dict[int, Shape]) -> str:
    subject = notice.subject
    if subject is None:
        return json.encode_text(notice.shape)
    if subject.id not in contacts:
        contacts[subject.id] = payloads.contact(subject)
    return json.encode_text({"contact": contacts[subject.id]} | notice.shape)


def _delivery(room: "WorkingSet", endpoint_id: int, notice: _Notice, data: str) -> WebhookDelivery:
    delivery_id = room.ids.next()
    return WebhookDelivery(
        id=delivery_id,
        endpoint_id=endpoint_id,
        kind=notice.kind,
        contact_id=notice.subject.id if notice.subject is not None else notice.contact_id,
        event_id=notice.event_id,
        body=payloads.body(delivery_id, notice.kind, notice.at, room.tables.workspace_id, data),
        status="QUEUED",
        due_at=room.now,
        attempts=0,
        tries=0,
        created_at=room.now,
    )

"""What followed from one event, and the answer that its sender got.

Kept as positional JSON beside the event (ids as integers), so that a replay and `GET event` say
exactly what the 201 said.
"""

import msgspec


class ScoreEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One scoring rule moved the score by so many points."""

    rule_id: int
    delta: int


class SegmentChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A segment that was entered or exited, by the name it had then."""

    segment_id: int
    name: str


class Enrolled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A campaign that took the contact in."""

    campaign_id: int
    name: str
    enrolment_id: int


class Skipped(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A campaign whose trigger fired but which did not take the contact in, and why."""

    campaign_id: int
    name: str
    reason: str


class Effects(msgspec.Struct, array_like=True, omit_defaults=True):
    """All that followed. `before` and `after` are None when nobody is known to have done it."""

    before: int | None = None
    after: int | None = None
    entries: list[ScoreEntry] = []
    entered: list[SegmentChange] = []
    exited: list[SegmentChange] = []
    enrolled: list[Enrolled] = []
    skipped: list[Skipped] = []


def together(parts: "list[Effects]") -> Effects:
    """What followed from several stimuli of one contact, one after the other. There must be at least one."""
    return Effects(
        parts[0].before,
        parts[-1].after,
        [entry for part in parts for entry in part.entries],
        [change for part in parts for change in part.entered],
        [change for part in parts for change in part.exited],
        [one for part in parts for one in part.enrolled],
        [one for part in parts for one in part.skipped],
    )


class ContactCard(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The contact as an event shows it."""

    id: int
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """The part of a created event's answer that may look different later."""

    contact: ContactCard | None
    effects: Effects

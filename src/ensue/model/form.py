"""What people are asked, and what they answered."""

from typing import Any

import msgspec

DRAFT, ACTIVE, ARCHIVED = "DRAFT", "ACTIVE", "ARCHIVED"
PENDING, ACCEPTED, DISCARDED = "PENDING", "ACCEPTED", "DISCARDED"


class FormField(msgspec.Struct, frozen=True, rename="camel"):
    """One question.

    `maps_to` is what the answer becomes besides metadata of the event: a field of the contact by its API name,
    `attributes.<name>`, or `consents.<channel>` for a checkbox.
    """

    key: str
    label: str
    type: str
    required: bool = False
    options: list[str] = []
    maps_to: str | None = None
    hint: str | None = None
    default: str | None = None


class Confirmation(msgspec.Struct, frozen=True, rename="camel"):
    """What the mail of a double opt-in says; None where our own words are used."""

    subject: str | None = None
    text: str | None = None


class FormContent(msgspec.Struct, frozen=True, rename="camel"):
    """What a form asks, and what follows from an answer.

    `allowed_origins` None is every site. `minimum_seconds` must have passed since a page of ours was opened;
    `own_pages_only` refuses what comes from no such page.
    """

    fields: list[FormField]
    title: str | None = None
    description: str | None = None
    submit_label: str | None = None
    message: str | None = None
    redirect_url: str | None = None
    double_opt_in: bool = False
    confirmation: Confirmation = Confirmation()
    tags: list[str] = []
    segment_id: int | None = None
    allowed_origins: list[str] | None = None
    minimum_seconds: int = 0
    own_pages_only: bool = False


class Form(msgspec.Struct, frozen=True):
    """A form. `status` is DRAFT, ACTIVE or ARCHIVED; only an ACTIVE one can be seen or sent."""

    id: int
    name: str
    status: str
    content: FormContent
    created_at: int
    updated_at: int


class Sent(msgspec.Struct, frozen=True, rename="camel"):
    """What came with a form: the values by the keys of its fields, and where the browser was."""

    values: dict[str, Any] = {}
    session_id: str | None = None
    page_url: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


class Submission(msgspec.Struct, frozen=True):
    """A form that was sent. Times in milliseconds.

    `status` is PENDING until the address is confirmed, then ACCEPTED; DISCARDED says why in `reason`, and nothing else
    of it is kept. `sent` is None for that, and once the person was erased.
    """

    id: int
    form_id: int
    status: str
    created_at: int
    contact_id: int | None = None
    event_id: int | None = None
    email_key: str | None = None
    reason: str | None = None
    sent: Sent | None = None
    accepted_at: int | None = None
    expires_at: int | None = None

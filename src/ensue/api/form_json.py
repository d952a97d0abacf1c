"""Forms and what was sent with them, as the API takes and shows them."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ensue.api.bodies import Answer, Body, ShownInstant, Text
from ensue.api.keys import Origin
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.forms.editing import NO_SUCH_FORM
from ensue.model.form import Confirmation, Form, FormContent, FormField, Submission

Status = Literal["DRAFT", "ACTIVE", "ARCHIVED"]
Kind = Literal["text", "email", "tel", "number", "checkbox", "select", "textarea", "hidden", "date"]

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError("must begin with a letter and have only letters, digits and _")
    return value


def _web_address(value: str) -> str:
    refusal = ValueError("must be an address on the web, such as https://shop.example.com/thanks")
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        raise refusal from None
    sound = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
    if not sound or not value.isascii() or any(letter.isspace() or ord(letter) < 0x21 for letter in value):
        raise refusal
    return value


def _one_line(value: str) -> str:
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value):
        raise ValueError("must be one line")
    return value


Label = Annotated[Text, Field(max_length=bounds.FORM_LABEL)]
Prose = Annotated[Text, Field(max_length=bounds.FORM_TEXT)]
Key = Annotated[str, Field(min_length=1, max_length=bounds.FORM_KEY), AfterValidator(_key)]
Subject = Annotated[Text, Field(max_length=bounds.NAME), AfterValidator(_one_line)]
WebAddress = Annotated[str, Field(max_length=bounds.TEXT), AfterValidator(_web_address)]


class FieldBody(Body):
    """One question of a form."""

    key: Key
    label: Label
    type: Kind = "text"
    required: bool = False
    options: Annotated[
        list[Label],
        Field(default_factory=list, max_length=bounds.FORM_OPTIONS, description="The choices of a select"),
    ]
    maps_to: Annotated[
        str | None,
        Field(
            max_length=bounds.ATTRIBUTE_NAME + 20,
            description="What the answer becomes: `email`, `firstName` …, `attributes.<name>`, `consents.<channel>`; "
            "null: metadata of the event alone",
        ),
    ] = None
    hint: Label | None = None
    default: Annotated[str, Field(max_length=bounds.TEXT)] | None = None

    def field(self) -> FormField:
        """As it is kept."""
        return FormField(**self.model_dump())


class ConfirmationBody(Body):
    """What the mail of a double opt-in says; null: our own words."""

    subject: Subject | None = None
    text: Prose | None = None


_FIELDS = Field(min_length=1, max_length=bounds.FORM_FIELDS)
_TAGS = Field(max_length=bounds.FORM_TAGS)
_ORIGINS = Field(min_length=1, max_length=bounds.FORM_ORIGINS, description="Null: every site")
_SECONDS = Field(ge=0, le=bounds.FORM_MINIMUM_SECONDS, description="How long filling it in takes at the least")


class NewForm(Body):
    """A form to be made."""

    name: Annotated[Text, Field(max_length=bounds.NAME)]
    status: Status = "DRAFT"
    fields: Annotated[list[FieldBody], _FIELDS]
    title: Label | None = None
    description: Prose | None = None
    submit_label: Label | None = None
    message: Prose | None = None
    redirect_url: WebAddress | None = None
    double_opt_in: bool = False
    confirmation: ConfirmationBody | None = None
    tags: Annotated[list[str], Field(default_factory=list), _TAGS]
    segment_id: str | None = None
    allowed_origins: Annotated[list[Origin] | None, _ORIGINS] = None
    minimum_seconds: Annotated[int, _SECONDS] = 2
    own_pages_only: bool = False


class FormChanges(Body):
    """What to change; what is absent stays as it is."""

    name: Annotated[Text, Field(max_length=bounds.NAME)] | None = None
    status: Status | None = None
    fields: Annotated[list[FieldBody] | None, _FIELDS] = None
    title: Label | None = None
    description: Prose | None = None
    submit_label: Label | None = None
    message: Prose | None = None
    redirect_url: WebAddress | None = None
    double_opt_in: bool | None = None
    confirmation: ConfirmationBody | None = None
    tags: Annotated[list[str] | None, _TAGS] = None
    segment_id: str | None = None
    allowed_origins: Annotated[list[Origin] | None, _ORIGINS] = None
    minimum_seconds: Annotated[int | None, _SECONDS] = None
    own_pages_only: bool | None = None


class ShownField(Answer):
    """One question of a form."""

    key: str
    label: str
    type: Kind
    required: bool
    options: list[str]
    maps_to: str | None
    hint: str | None
    default: str | None


class ShownConfirmation(Answer):
    """What the mail of a double opt-in says."""

    subject: str | None
    text: str | None


class ShownForm(Answer):
    """A form, where it can be filled in, and what to put on a page to have it there."""

    id: str
    name: str
    status: Status
    fields: list[ShownField]
    title: str | None
    description: str | None
    submit_label: str | None
    message: str | None
    redirect_url: str | None
    double_opt_in: bool
    confirmation: ShownConfirmation
    tags: list[str]
    segment_id: str | None
    allowed_origins: list[str] | None
    minimum_seconds: int
    own_pages_only: bool
    created_at: ShownInstant
    updated_at: ShownInstant
    page_url: str
    submit_url: str
    snippet: str


class ShownSubmission(Answer):
    """What somebody sent. `values` is null where nothing was kept of it, or the person was erased.

    `status` is PENDING until the address is confirmed, ACCEPTED, or DISCARDED for the `reason`.
    """

    id: str
    form_id: str
    status: Literal["PENDING", "ACCEPTED", "DISCARDED"]
    reason: str | None
    values: dict[str, Any] | None
    session_id: str | None
    page_url: str | None
    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    contact_id: str | None
    event_id: str | None
    created_at: ShownInstant
    accepted_at: ShownInstant | None
    expires_at: ShownInstant | None


_CONTENT = frozenset(FormContent.__struct_fields__)
_NOT_NULL = frozenset({"fields", "double_opt_in", "confirmation", "tags", "minimum_seconds", "own_pages_only"})


def read_content(body: NewForm | FormChanges) -> dict[str, Any]:
    """The parts of a form's content that a body says, by their own names; null where null means nothing says nothing.

    Raises:
        NotFound: the segment's id is none.
    """
    said = {name: getattr(body, name) for name in body.model_fields_set & _CONTENT}
    content = {name: value for name, value in said.items() if value is not None or name not in _NOT_NULL}
    if "fields" in content:
        content["fields"] = [field.field() for field in content["fields"]]
    if "confirmation" in said:
        confirmation = said["confirmation"] or ConfirmationBody()
        content["confirmation"] = Confirmation(confirmation.subject, confirmation.text)
    if content.get("segment_id") is not None:
        # What is no id at all is that of no segment.
        content["segment_id"] = read("seg", content["segment_id"]) or 0
    return content


def form_number(text: str) -> int:
    """The number of a form's id in a path.

    Raises:
        NotFound: it is no such id.
    """
    number = read("frm", text)
    if number is None:
        raise NotFound(NO_SUCH_FORM)
    return number


def shown_form(form: Form, base_url: str) -> ShownForm:
    """A form as it is shown."""
    content, text = form.content, show("frm", form.id)
    page = f"{base_url}/forms/{text}"
    return ShownForm(
        id=text,
        name=form.name,
        status=form.status,  # type: ignore[arg-type]  # only these are stored
        fields=[ShownField(**_plain(field)) for field in content.fields],
        **_plain(content, without={"fields", "confirmation", "segment_id"}),
        confirmation=ShownConfirmation(**_plain(content.confirmation)),
        segment_id=show("seg", content.segment_id) if content.segment_id is not None else None,
        created_at=form.created_at,
        updated_at=form.updated_at,
        page_url=page,
        submit_url=f"{page}/submit",
        snippet=f'<script src="{page}/embed.js" async></script>',
    )


def shown_submission(submission: Submission) -> ShownSubmission:
    """A submission as it is shown."""
    sent = submission.sent
    place = dict.fromkeys(_SENT) if sent is None else {name: getattr(sent, name) for name in _SENT}
    return ShownSubmission(
        id=show("sub", submission.id),
        form_id=show("frm", submission.form_id),
        status=submission.status,  # type: ignore[arg-type]  # only these are stored
        reason=submission.reason,
        **place,
        contact_id=show("ct", submission.contact_id) if submission.contact_id is not None else None,
        event_id=show("evt", submission.event_id) if submission.event_id is not None else None,
        created_at=submission.created_at,
        accepted_at=submission.accepted_at,
        expires_at=submission.expires_at,
    )


_SENT = ("values", "session_id", "page_url", "referrer", "utm_source", "utm_medium", "utm_campaign")


def _plain(record: FormField | FormContent | Confirmation, without: set[str] | None = None) -> dict[str, Any]:
    names = record.__struct_fields__
    return {name: getattr(record, name) for name in names if name not in (without or ())}

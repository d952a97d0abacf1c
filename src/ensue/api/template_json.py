"""Templates as they come in and are shown."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Path
from pydantic import Field

from ensue.api.bodies import Answer, Body, ShownInstant, Text
from ensue.api.paging import Place
from ensue.base import bounds
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.templates import NO_SUCH_TEMPLATE
from ensue.model.template import Content, Rendered, Template, TemplateCard, TemplateVersion

Channel = Literal["EMAIL", "TELEGRAM", "PUSH", "WEBHOOK"]
Name = Annotated[Text, Field(max_length=bounds.NAME)]
Liquid = Annotated[str, Field(max_length=bounds.TEMPLATE_SIZE)]
Values = Annotated[dict[str, Any], Field(description="What the texts find under `values`")]


class Texts(Body):
    """The texts of a template, each one Liquid. Which of them there must be depends on the channel."""

    subject: Liquid | None = None
    html: Liquid | None = None
    mjml: Liquid | None = None
    text: Liquid | None = None
    title: Liquid | None = None
    body: Liquid | None = None
    url: Liquid | None = None


class NewTemplate(Texts):
    """A template to be made."""

    name: Name
    channel: Channel


class TemplateChanges(Texts):
    """What to change; null takes a text away. Other texts make a new version."""

    name: Name | None = None


class Audience(Body):
    """For whom a template is written: a contact, the event that would have triggered it, and values of the caller."""

    contact_id: str | None = None
    event_id: str | None = None
    values: Values | None = None


class SavedPreview(Audience):
    """For whom to write a stored template, and in which version, if not the newest."""

    version: Annotated[int, Field(ge=1, le=2**31)] | None = None


class DraftPreview(Texts, Audience):
    """A template that is not stored, and for whom to write it."""

    channel: Channel


class TestSend(Audience):
    """To which address, or to which contact. With both, it is written for the contact and goes to the address."""

    __test__ = False

    to: Annotated[Text, Field(max_length=bounds.EMAIL)] | None = None


class ShownTexts(Answer):
    """The texts of a template as they were written."""

    subject: str | None
    html: str | None
    mjml: str | None
    text: str | None
    title: str | None
    body: str | None
    url: str | None


class ListedTemplate(Answer):
    """A template without its texts."""

    id: str
    name: str
    channel: Channel
    version: int
    created_at: ShownInstant
    updated_at: ShownInstant


class ShownTemplate(ShownTexts, ListedTemplate):
    """A template with the texts of its newest version."""


class ShownVersion(ShownTexts):
    """The texts of one version, and since when."""

    version: int
    created_at: ShownInstant


class TemplatePage(Answer):
    """A page of templates."""

    data: list[ListedTemplate]
    pagination: Place


class VersionPage(Answer):
    """A page of versions."""

    data: list[ShownVersion]
    pagination: Place


class Written(Answer):
    """A template as it would be sent, with a mark (`⟦contact.firstName⟧`) where a value is missing.

    `missing` lists the paths that the marks name.
    """

    subject: str | None
    html: str | None
    text: str | None
    title: str | None
    body: str | None
    url: str | None
    missing: list[str]


class SentTest(Answer):
    """The messages that were queued, one for each address, and what was missing in them."""

    message_ids: list[str]
    missing: list[str]


def template_number(template_id: Annotated[str, Path(alias="templateId")]) -> int:
    """A dependency of routes with `{templateId}`: the number of that id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("tpl", template_id)
    if number is None:
        raise NotFound(NO_SUCH_TEMPLATE)
    return number


def number_of(prefix: str, field: str, text: str | None) -> int | None:
    """The number of an id in a body.

    Raises:
        Invalid: it is no such id.
    """
    if text is None:
        return None
    number = read(prefix, text)
    if number is None:
        raise Invalid.at(field, f"is not an id that begins with {prefix}_")
    return number


def content_of(channel: str, texts: Texts) -> Content:
    """The content that the texts of a request make."""
    return Content(channel, **{name: getattr(texts, name) for name in Texts.model_fields})


def changed(content: Content, changes: TemplateChanges) -> Content:
    """A content with the texts of a request in it."""
    given = {name: getattr(changes, name) for name in Texts.model_fields if name in changes.model_fields_set}
    return msgspec.structs.replace(content, **given)


def listed(template: TemplateCard) -> ListedTemplate:
    """A template without its texts."""
    return ListedTemplate(
        id=show("tpl", template.id),
        name=template.name,
        channel=template.channel,  # type: ignore[arg-type]  # checked again by the model
        version=template.version,
        created_at=template.created_at,
        updated_at=template.updated_at,
    )


def shown(template: Template) -> ShownTemplate:
    """A template."""
    return ShownTemplate(
        id=show("tpl", template.id),
        name=template.name,
        channel=template.content.channel,  # type: ignore[arg-type]  # likewise
        version=template.version,
        created_at=template.created_at,
        updated_at=template.updated_at,
        **_texts(template.content),
    )


def shown_version(version: TemplateVersion) -> ShownVersion:
    """A version."""
    return ShownVersion(version=version.version, created_at=version.created_at, **_texts(version.content))


def written(rendered: Rendered) -> Written:
    """What a template becomes."""
    return Written(**{name: getattr(rendered, name) for name in Written.model_fields})


def _texts(content: Content) -> dict[str, str | None]:
    return {name: getattr(content, name) for name in Texts.model_fields}

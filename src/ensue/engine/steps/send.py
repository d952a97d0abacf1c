"""`send`: send the contact a message: `{"channel": "EMAIL", "templateId": "tpl_…"}`, or its texts and no template.

The texts of EMAIL are `subject`, and `html` or `mjml`, or `text`, or both; of TELEGRAM `text` or `html`, and perhaps
`url` and `title` of a button; of PUSH `title`, `body` and perhaps `url`; of WEBHOOK `url` and `body`.
`"kind": "TRANSACTIONAL"` is for what the contact waits for: it heeds neither consent nor quiet hours nor caps. A
WEBHOOK with a template says its `url` itself.
"""

from dataclasses import dataclass

from ensue.base.ids import read as read_id
from ensue.base.ids import show
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.engine.messages.contents import read_content
from ensue.engine.messages.orders import Order, Refused
from ensue.model.message import CHANNELS, KINDS, MARKETING
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "send"


@dataclass(frozen=True)
class Send(Node):
    """What is sent."""

    order: Order

    def run(self, run: Run) -> Outcome:
        """Queue it, or say why the contact does not get it; either way it goes on."""
        queued = run.send(self.order)
        if isinstance(queued, Refused):
            detail = {"reason": queued.reason} | ({"detail": queued.detail} if queued.detail is not None else {})
            return Passed("SKIPPED", detail=detail)
        return Passed("QUEUED", detail={"messageId": show("msg", queued[0].id)})


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    channel = reader.one_of("channel", list(CHANNELS))
    kind = reader.one_of("kind", list(KINDS), default=MARKETING)
    named = reader.optional("templateId")
    if channel is None or kind is None:
        # Which texts there must be is not known.
        for name in reader.value:
            reader.optional(name)
        return None
    if named is MISSING:
        content = read_content(reader, channel)
        return Send(Order(channel, kind, content)) if content is not None else None
    template_id = read_id("tpl", named) if isinstance(named, str) else None
    if template_id is None:
        reader.fault("templateId", "is not the id of a template")
        return None
    url = reader.text("url") if channel == "WEBHOOK" else None
    return Send(Order(channel, kind, {"url": url} if url is not None else None, template_id))

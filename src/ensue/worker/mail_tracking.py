"""What a message has beside what its author wrote: links that tell; in a mail, a pixel and a way to leave, too."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ensue.engine.messages.addresses import Addresses, unsubscribe_headers
from ensue.engine.messages.links import track
from ensue.model.message import MARKETING, Message
from ensue.model.template import Rendered


class MailTracking:
    """Safe from any thread.

    `reads_mailbox` says that mail to the senders' bounce addresses is read here, so that one may also leave by mail.
    """

    def __init__(self, addresses: Addresses, *, reads_mailbox: bool) -> None:
        self._addresses = addresses
        self._reads_mailbox = reads_mailbox

    def unsubscribe_url(self, workspace_id: int, message: Message) -> str:
        """Where the recipient leaves."""
        return self._addresses.unsubscribe(workspace_id, message.id, message.contact_id)

    def preferences_url(self, workspace_id: int, message: Message) -> str | None:
        """Where the recipient chooses what to receive; None for an address that is no contact's."""
        if message.contact_id is None:
            return None
        return self._addresses.preferences(workspace_id, message.contact_id)

    def tracked(
        self, workspace_id: int, message: Message, rendered: Rendered, settings: Mapping[str, Any]
    ) -> tuple[Rendered, tuple[str, ...]]:
        """The texts as they are sent, and the targets of their links. What is told to a program stays as it is.

        A sender whose `trackClicks` or `trackOpens` is false has no such links, or no pixel. A mail to an address that
        is no contact's has neither: nobody has agreed to that, and it would be nobody's event.
        """
        if message.channel == "WEBHOOK" or message.contact_id is None:
            return rendered, ()
        clicks, opens = settings.get("trackClicks", True), settings.get("trackOpens", message.channel == "EMAIL")
        pixel = self._addresses.pixel(workspace_id, message.id) if opens else None
        new = track(
            rendered.html,
            rendered.text,
            (lambda number: self._addresses.click(workspace_id, message.id, number)) if clicks else None,
            pixel,
            self._addresses.own,
            url=rendered.url,
        )
        return msgspec.structs.replace(rendered, html=new.html, text=new.text, url=new.url), new.targets

    def headers(self, workspace_id: int, message: Message, settings: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a mail that nobody has to receive, by which a mail program offers to leave."""
        if message.channel != "EMAIL" or message.kind != MARKETING:
            return {}
        mailbox = settings.get("bounceAddress") if self._reads_mailbox else None
        return unsubscribe_headers(self.unsubscribe_url(workspace_id, message), mailbox)

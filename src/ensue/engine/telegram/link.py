"""Deep links: `https://t.me/<bot>?start=<token>` ties the chat in which START is pressed to whom the token names.

A token is signed, expires, and works in one chat only. It carries ids and nothing personal, since it shows in the chat.
"""

import struct
from typing import Final, Literal, NamedTuple

from ensue.base.clock import DAY, HOUR, SECOND
from ensue.base.sealing import Signer

CONTACT_LIFE = 7 * DAY
"""How long a link for a contact works unless asked otherwise; it travels by mail, too."""
VISITOR_LIFE = HOUR
"""How long a link for a browser session works: it is followed from the page that shows it."""
LIFE_MOST = 30 * DAY

_PURPOSE: Final = "telegram link"
# Who, the end of its life in seconds, the link's own id, the id of the contact or the session.
_LAYOUT = struct.Struct("!BIQQ")
_KINDS: Final = ("CONTACT", "SESSION", "VISITOR")

Kind = Literal["CONTACT", "SESSION", "VISITOR"]


class Link(NamedTuple):
    """Whom a chat shall be tied to.

    Attributes:
        kind: CONTACT names a contact. SESSION names a browser session, whoever's it is when START is pressed.
            VISITOR as well, but was asked for with a public key: it never reaches a contact that is known by name.
        subject: the contact's id, or the session's.
        id: of the link, which works in one chat.
        expires_at: in milliseconds, on a whole second.
    """

    kind: Kind
    subject: int
    id: int
    expires_at: int


def make(kind: Kind, subject: int, link_id: int, expires_at: int) -> Link:
    """A link that works until the end of the second in which it expires."""
    return Link(kind, subject, link_id, -(-expires_at // SECOND) * SECOND)


def token(signer: Signer, link: Link) -> str:
    """The link's token: at most 64 letters, as Telegram takes them."""
    payload = _LAYOUT.pack(_KINDS.index(link.kind), link.expires_at // SECOND, link.id, link.subject)
    return signer.sign(_PURPOSE, payload)


def read(signer: Signer, text: str) -> Link | None:
    """The link of a token that we made; None for any other payload of a deep link."""
    payload = signer.read(_PURPOSE, text)
    if payload is None or len(payload) != _LAYOUT.size:
        return None
    kind, seconds, link_id, subject = _LAYOUT.unpack(payload)
    return Link(_KINDS[kind], subject, link_id, seconds * SECOND)

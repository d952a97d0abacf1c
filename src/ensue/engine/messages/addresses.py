"""The addresses that stand in a message: signed, so that nobody can make one, and read back.

    <base>/t/o/<token>   the open pixel          workspace, message
    <base>/t/c/<token>   a link                  workspace, message, number of the link
    <base>/t/u/<token>   unsubscribe             workspace, message, contact
    <base>/t/p/<token>   preferences             workspace, contact

What a token carries is no secret. It never expires: who finds a mail after years must still be able to leave.
"""

from struct import Struct
from typing import NamedTuple
from urllib.parse import quote

from ensue.base.sealing import Signer
from ensue.engine.messages.links import target_of

PATH = "/t/"

_OPEN = Struct(">QQ")
_CLICK = Struct(">QQH")
_LEAVE = Struct(">QQQ")
_CHOOSE = Struct(">QQ")


class OpenToken(NamedTuple):
    """Which message was opened."""

    workspace_id: int
    message_id: int


class ClickToken(NamedTuple):
    """Which link of which message was followed."""

    workspace_id: int
    message_id: int
    number: int


class LeaveToken(NamedTuple):
    """Who leaves, and the message that they leave by; 0 for a message to an address alone, which is no contact's."""

    workspace_id: int
    message_id: int
    contact_id: int


class ChooseToken(NamedTuple):
    """Whose preferences."""

    workspace_id: int
    contact_id: int


class Addresses:
    """Makes addresses and reads their tokens; None for a token that was not made here for this purpose."""

    def __init__(self, signer: Signer, base_url: str) -> None:
        """`base_url` is how readers reach us, without a slash at the end."""
        self._signer = signer
        # In a header only ASCII can stand.
        self._base = target_of(base_url) or base_url

    @property
    def own(self) -> str:
        """How all of them begin."""
        return f"{self._base}{PATH}"

    def pixel(self, workspace_id: int, message_id: int) -> str:
        """The address of the image that tells that a message is opened."""
        return f"{self.own}o/{self._signer.sign('open', _OPEN.pack(workspace_id, message_id))}"

    def click(self, workspace_id: int, message_id: int, number: int) -> str:
        """The address that leads to a link's target."""
        return f"{self.own}c/{self._signer.sign('click', _CLICK.pack(workspace_id, message_id, number))}"

    def unsubscribe(self, workspace_id: int, message_id: int, contact_id: int | None) -> str:
        """The address to leave by."""
        payload = _LEAVE.pack(workspace_id, message_id, contact_id or 0)
        return f"{self.own}u/{self._signer.sign('unsubscribe', payload)}"

    def preferences(self, workspace_id: int, contact_id: int) -> str:
        """The address of the page on which a contact chooses."""
        return f"{self.own}p/{self._signer.sign('preferences', _CHOOSE.pack(workspace_id, contact_id))}"

    def read_open(self, token: str) -> OpenToken | None:
        """The token of a pixel."""
        payload = self._read("open", token, _OPEN)
        return OpenToken(*_OPEN.unpack(payload)) if payload is not None else None

    def read_click(self, token: str) -> ClickToken | None:
        """The token of a link."""
        payload = self._read("click", token, _CLICK)
        return ClickToken(*_CLICK.unpack(payload)) if payload is not None else None

    def read_unsubscribe(self, token: str) -> LeaveToken | None:
        """The token of an unsubscribe link."""
        payload = self._read("unsubscribe", token, _LEAVE)
        return LeaveToken(*_LEAVE.unpack(payload)) if payload is not None else None

    def read_preferences(self, token: str) -> ChooseToken | None:
        """The token of a preference page."""
        payload = self._read("preferences", token, _CHOOSE)
        return ChooseToken(*_CHOOSE.unpack(payload)) if payload is not None else None

    def _read(self, purpose: str, token: str, shape: Struct) -> bytes | None:
        payload = self._signer.read(purpose, token)
        return payload if payload is not None and len(payload) == shape.size else None


def unsubscribe_headers(address: str, mailbox: str | None = None) -> dict[str, str]:
    """The headers by which a mail program offers to leave with one click (RFC 8058).

    `mailbox` also takes the wish by mail (RFC 2369), for programs that know nothing else; its subject names the token.
    """
    ways = [f"<{address}>"]
    if mailbox is not None:
        ways.append(f"<mailto:{quote(mailbox, safe='@+')}?subject=unsubscribe%20{address.rpartition('/')[2]}>")
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

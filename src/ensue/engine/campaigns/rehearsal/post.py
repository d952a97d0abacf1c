"""What would have been sent to one contact: addresses and consents as they are today, caps as the rehearsal goes."""

from typing import NamedTuple

from ensue.engine.campaigns.rehearsal.past import Past
from ensue.engine.messages.frequency import Sent, capped
from ensue.engine.messages.limits import Limits
from ensue.engine.messages.orders import Order, Refused
from ensue.engine.messages.quiet_hours import held_until
from ensue.engine.messages.suppression import suppressed
from ensue.engine.view import View
from ensue.model.message import MARKETING, QUEUED, Message, Reason

_NO_ID = 0


class Sending(NamedTuple):
    """A message of a node: when it would have gone, or (with a reason) not."""

    node_id: str
    channel: str
    at: int
    reason: str | None


class Post:
    """Notes messages. Those of other campaigns are not known here."""

    def __init__(self, view: View, limits: Limits) -> None:
        self._view = view
        self._limits = limits
        self._sent: list[Sent] = []
        self.sendings: list[Sending] = []

    def send(self, past: Past, order: Order, node_id: str) -> list[Message] | Refused:
        """Note a message, or why it would not have been sent."""
        reason, detail = self._by_address(past, order), None
        at = past.at
        if reason is None and order.kind == MARKETING and order.channel != "WEBHOOK":
            reason = {"OPTED_OUT": Reason.OPTED_OUT, "PENDING": Reason.NOT_CONFIRMED}.get(past.consent(order.channel))
            quiet = self._limits.quiet_hours
            at = (held_until(quiet, at, past.time_zone()) if quiet is not None else None) or at
            cap = capped(self._limits.caps, order.channel, self._sent, at) if reason is None else None
            if cap is not None:
                reason, detail = Reason.CAPPED, cap.text
            if reason is None:
                self._sent.append(Sent(at, order.channel))
        self.sendings.append(Sending(node_id, order.channel, at, reason))
        if reason is not None:
            return Refused(reason, detail)
        return [Message(_NO_ID, order.channel, order.kind, QUEUED, past.at, past.at)]

    def _by_address(self, past: Past, order: Order) -> str | None:
        match order.channel:
            case "WEBHOOK":
                return None
            case "EMAIL":
                addresses = [past.contact.email] if past.contact.email is not None else []
            case channel:
                addresses = [d.address for d in self._view.tables.devices.of_contact(past.contact.id, channel)]
        if not addresses:
            return Reason.NO_ADDRESS
        if all(suppressed(self._view, order.channel, address) for address in addresses):
            return Reason.SUPPRESSED
        return None

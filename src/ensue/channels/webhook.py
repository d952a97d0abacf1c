"""WEBHOOK: a JSON text posted to an address, signed as Standard Webhooks says.

The `webhook-id` is the same at every try, so that a receiver knows a repetition when it sees one: what may have been
taken is posted again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from standardwebhooks import Webhook

from ensue import __version__
from ensue.base.clock import SECOND
from ensue.base.ids import show
from ensue.channels.channel import Accepted, Deferred, Handover, Parcel, Rejected, Unknown
from ensue.channels.outgoing_http import OutgoingFailed, Reply, TargetRefused
from ensue.channels.retry_after import retry_after
from ensue.model.webhook import SENDER_HEADER

_SAID = 300


class Http(Protocol):
    """The guarded client, as far as it is used here."""

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Post a body and read the answer."""
        ...


class WebhookChannel:
    """Of a parcel: `address` is the URL, `content.body` the JSON text, `settings` the workspace's `signingSecret`."""

    name = "WEBHOOK"
    resends_unknown = True

    def __init__(self, http: Http, now: Callable[[], datetime]) -> None:
        self._http = http
        self._now = now

    async def hand_over(self, parcel: Parcel) -> Handover:
        """Try once; see `Channel`."""
        body = parcel.content.body or ""
        now = self._now()
        headers = {
            "content-type": "application/json",
            "user-agent": f"Ensue/{__version__}",
            SENDER_HEADER: show("ws", parcel.workspace_id),
            "webhook-id": parcel.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(parcel.settings["signingSecret"]).sign(parcel.message_id, now, body),
        }
        try:
            reply = await self._http.post(parcel.address, body.encode(), headers)
        except TargetRefused as refused:
            return Rejected(str(refused), "INVALID")
        except OutgoingFailed as failed:
            return Unknown(str(failed)) if failed.sent else Deferred(str(failed))
        return _verdict(reply, now)

    async def close(self) -> None:
        """The client is others' as well."""


def _verdict(reply: Reply, now: datetime) -> Handover:
    if 200 <= reply.status < 300:
        return Accepted()
    said = reply.body[:_SAID].decode(errors="replace").strip()
    sentence = f"{reply.status} {said}".strip()
    if reply.status == 410:
        return Rejected(sentence, "GONE")
    # A receiver that is being deployed says almost anything: only 410 is for ever.
    return Deferred(sentence, retry_after(reply, int(now.timestamp() * SECOND)))

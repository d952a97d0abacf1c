"""Notifications in a browser, by the push service that the browser has chosen (RFC 8030, 8291, 8292).

A message keeps its topic at every try: a push service that still holds the earlier one replaces it, and so does the
browser, by the tag. That is why what may have been sent is sent again.
"""

from typing import Final

from ensue.base import json, web_push
from ensue.base.clock import HOUR, Clock
from ensue.base.web_push import BadKey, Recipient, VapidKey
from ensue.channels.channel import Parcel
from ensue.channels.outgoing_http import OutgoingFailed, OutgoingHttp, Reply, TargetRefused
from ensue.channels.retry_after import retry_after
from ensue.model.handover import Accepted, Deferred, Handover, Rejected, Unknown

URGENCIES: Final = ("very-low", "low", "normal", "high")
LIFE: Final = 28 * 24 * 3600
"""How long a push service shall keep a message for a browser that is away, in seconds, unless the sender says."""

# A signature is good for a day at most; clocks differ.
_SIGNED_FOR = 12 * HOUR


class PushChannel:
    """Hands messages to push services.

    Of a parcel: `address` is the endpoint of a subscription, `detail` its `p256dh` and `auth`; `settings` has the
    workspace's `privateKey` (base64url), and perhaps the `subject` that answers for its messages, `ttl` (seconds) and
    `urgency`; `content` a `title`, a `body` and perhaps a `url`.
    """

    name = "PUSH"
    resends_unknown = True

    def __init__(self, http: OutgoingHttp, clock: Clock, subject: str) -> None:
        """`subject`, a `mailto:` or `https:` address, is whom a push service may ask when the workspace says nobody."""
        self._http = http
        self._clock = clock
        self._subject = subject

    async def hand_over(self, parcel: Parcel) -> Handover:
        """Try once."""
        settings = parcel.settings
        if "privateKey" not in settings:
            return Rejected("This workspace has no key for push; ask for it once, and subscribe with it.", "INVALID")
        payload = _payload(parcel)
        if len(payload) > web_push.PAYLOAD_MOST:
            most = web_push.PAYLOAD_MOST
            return Rejected(f"The notification has {len(payload)} bytes; a push message holds {most}.", "INVALID")
        try:
            recipient = Recipient.read(parcel.detail["p256dh"], parcel.detail["auth"])
        except (BadKey, KeyError):
            return Rejected("The subscription has no keys that a browser can have made.", "GONE")
        key = VapidKey.of(web_push.from_base64url(settings["privateKey"]))
        expires_at = self._clock.now() + _SIGNED_FOR
        headers = {
            "authorization": key.authorization(parcel.address, settings.get("subject") or self._subject, expires_at),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(settings.get("ttl", LIFE)),
            "urgency": settings.get("urgency", "normal"),
            "topic": parcel.message_id,
        }
        try:
            reply = await self._http.post(parcel.address, web_push.encrypt(payload, recipient), headers)
        except TargetRefused as refused:
            return Rejected(str(refused), "INVALID")
        except OutgoingFailed as failed:
            return Unknown(str(failed)) if failed.sent else Deferred(str(failed))
        return self._verdict(reply)

    async def close(self) -> None:
        """Nothing is held."""

    def _verdict(self, reply: Reply) -> Handover:
        status = reply.status
        if 200 <= status < 300:
            return Accepted(reply.headers.get("location"))
        if status in {404, 410}:
            return Rejected(f"The push service answered {status}: the subscription is over.", "GONE")
        if status == 429 or status >= 500:
            return Deferred(f"The push service answered {status}.", retry_after(reply, self._clock.now()))
        # 400, 401, 403: our key or our request; 413: too large for this service.
        return Rejected(f"The push service answered {status}.", "INVALID")


def _payload(parcel: Parcel) -> bytes:
    """What our service worker reads, see `api/pages/sw.js`."""
    content = parcel.content
    said = {"id": parcel.message_id, "title": content.title, "body": content.body, "url": content.url}
    return json.encode({name: value for name, value in said.items() if value})

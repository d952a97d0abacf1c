"""One try of a delivery: signed, posted, and what came back."""

from collections.abc import Mapping

from ensue import __version__
from ensue.base import bounds
from ensue.base.clock import Clock
from ensue.base.ids import show
from ensue.base.sealing import SealBroken, Sealer
from ensue.channels.outgoing_http import OutgoingFailed, OutgoingHttp
from ensue.channels.retry_after import retry_after
from ensue.engine.webhooks import signing
from ensue.engine.webhooks.queue import Claim, Try
from ensue.model.webhook import SENDER_HEADER, WebhookEndpoint

# What a receiver sets for itself is none of our log's business.
_HIDDEN = frozenset({"set-cookie", "authorization", "www-authenticate", "proxy-authenticate"})
_HEADERS_KEPT = 50
_HEADER_KEPT = 500
_ERROR_KEPT = 500


async def attempt(claimed: Claim, http: OutgoingHttp, sealer: Sealer, clock: Clock) -> Try:
    """Try once to tell an endpoint something. Whatever goes wrong is in what comes back."""
    endpoint, body = claimed.endpoint, claimed.delivery.body
    began = clock.now()
    if body is None:
        return Try(began, 0, endpoint.url, {}, "What was to be told has been erased.")
    try:
        secrets = _secrets(claimed.workspace_id, endpoint, sealer, began)
    except SealBroken as error:
        return Try(began, 0, endpoint.url, {}, f"The secret cannot be opened: {error}")
    headers = {
        "content-type": "application/json",
        "user-agent": f"Ensue/{__version__}",
        SENDER_HEADER: show("ws", claimed.workspace_id),
        **signing.headers(show("whd", claimed.delivery.id), body, secrets, began),
    }
    sent = Try(began, 0, endpoint.url, headers)
    try:
        reply = await http.post(endpoint.url, body.encode(), headers)
    except OutgoingFailed as error:
        sentence = f"{type(error).__name__}: {error}"[:_ERROR_KEPT]
        return sent._replace(took=clock.now() - began, error=sentence)
    return sent._replace(
        took=clock.now() - began,
        status_code=reply.status,
        response_headers=_kept(reply.headers),
        response_body=reply.body[: bounds.WEBHOOK_ANSWER].decode(errors="replace").replace("\0", "�"),
        retry_after=retry_after(reply, clock.now()),
    )


def _secrets(workspace_id: int, endpoint: WebhookEndpoint, sealer: Sealer, now: int) -> list[str]:
    """The secrets to sign with, the newest first; the one before is in use for a day."""
    sealed = [endpoint.secret]
    if endpoint.previous_secret is not None and now < (endpoint.previous_until or 0):
        sealed.append(endpoint.previous_secret)
    return [sealer.open(workspace_id, secret).decode() for secret in sealed]


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    shown = [
        (name[:_HEADER_KEPT], "(hidden)" if name.lower() in _HIDDEN else value[:_HEADER_KEPT])
        for name, value in headers.items()
    ]
    return dict(shown[:_HEADERS_KEPT])

"""Endpoints made and changed, and their deliveries sent again by hand.

Who hears of what is part of the compiled definitions, so every change here bumps their version.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import id_at, show
from ensue.base.sealing import Sealer
from ensue.engine.webhooks import interests, payloads, signing
from ensue.engine.working_set import WorkingSet
from ensue.model.webhook import WebhookDelivery, WebhookEndpoint
from ensue.store.ports import WorkspaceTables

NO_SUCH_ENDPOINT = "There is no such webhook in this workspace."
NO_SUCH_DELIVERY = "There is no such delivery."


def create(
    room: WorkingSet, sealer: Sealer, url: str, description: str | None, wishes: Iterable[str], secret: str | None
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is the given one or a new one.

    Raises:
        Invalid: an unsound field. Conflict: there are too many endpoints.
    """
    if len(room.tables.webhook_endpoints.all()) >= bounds.WEBHOOK_ENDPOINTS:
        raise Conflict(f"A workspace has at most {bounds.WEBHOOK_ENDPOINTS} webhooks.", code="too_many_webhooks")
    if secret is not None and not signing.is_secret(secret):
        raise Invalid.at("secret", "must be whsec_ and 24 to 64 bytes in base64")
    secret = secret or signing.new_secret()
    endpoint = WebhookEndpoint(
        id=room.ids.next(),
        url=sound_url(url),
        description=description,
        kinds=interests.sound(wishes, "events"),
        status="ACTIVE",
        reason=None,
        secret=sealer.seal(room.tables.workspace_id, secret.encode()),
        previous_secret=None,
        previous_until=None,
        failing_since=None,
        delivered_at=None,
        created_at=room.now,
        updated_at=room.now,
    )
    return _put(room, endpoint), secret


def change(room: WorkingSet, endpoint_id: int, **fields: object) -> WebhookEndpoint:
    """Set `url`, `description` or `kinds`.

    Raises:
        NotFound: there is no such endpoint. Invalid: an unsound field.
    """
    endpoint = known(room.tables, endpoint_id)
    return _put(room, msgspec.structs.replace(endpoint, **fields, updated_at=room.now))


def rotate(room: WorkingSet, sealer: Sealer, endpoint_id: int) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret. For a day, what is sent is signed with the old one as well."""
    endpoint = known(room.tables, endpoint_id)
    secret = signing.new_secret()
    rotated = msgspec.structs.replace(
        endpoint,
        secret=sealer.seal(room.tables.workspace_id, secret.encode()),
        previous_secret=endpoint.secret,
        previous_until=room.now + bounds.WEBHOOK_OLD_SECRET,
        updated_at=room.now,
    )
    return _put(room, rotated), secret


def pause(room: WorkingSet, endpoint_id: int) -> WebhookEndpoint:
    """Note what happens for an endpoint, but tell it nothing yet."""
    endpoint = known(room.tables, endpoint_id)
    return _put(room, msgspec.structs.replace(endpoint, status="PAUSED", reason=None, updated_at=room.now))


def resume(room: WorkingSet, endpoint_id: int) -> WebhookEndpoint:
    """Tell a paused or disabled endpoint what has waited for it, and what happens from now on."""
    endpoint = known(room.tables, endpoint_id)
    return _put(
        room, msgspec.structs.replace(endpoint, status="ACTIVE", reason=None, failing_since=None, updated_at=room.now)
    )


def remove(room: WorkingSet, endpoint_id: int) -> WebhookEndpoint:
    """Let an endpoint go. Its deliveries are removed piece by piece, and none is sent any more."""
    endpoint = known(room.tables, endpoint_id)
    room.tables.webhook_endpoints.remove(endpoint_id, room.now)
    room.tables.definitions.bump(room.now)
    return endpoint


def test(room: WorkingSet, endpoint_id: int) -> WebhookDelivery:
    """Queue a delivery that tells of nothing. It is tried once.

    Raises:
        NotFound: there is no such endpoint. Conflict: it is told nothing at present.
    """
    endpoint = known(room.tables, endpoint_id)
    if endpoint.status != "ACTIVE":
        raise Conflict("The webhook is told nothing at present; resume it first.", code="webhook_not_active")
    delivery_id = room.ids.next()
    data = json.encode_text({"webhookId": show("whk", endpoint.id), "message": "This is a test."})
    body = payloads.body(delivery_id, interests.TEST, room.now, room.tables.workspace_id, data)
    delivery = WebhookDelivery(
        delivery_id, endpoint.id, interests.TEST, None, None, body, "QUEUED", room.now, 0, 0, room.now
    )
    room.tables.webhook_deliveries.add([delivery])
    return delivery


def redeliver(room: WorkingSet, endpoint_id: int, delivery_id: int) -> WebhookDelivery:
    """Send a delivery again, by the same id, whatever became of it.

    Raises:
        NotFound: there is no such delivery. Conflict: a try is under way, or its content has been erased.
    """
    delivery = delivery_of(room.tables, endpoint_id, delivery_id)
    if delivery.status == "SENDING":
        raise Conflict("A try is under way.", code="delivery_under_way")
    if delivery.body is None:
        raise Conflict("What was to be told has been erased.", code="erased")
    room.tables.webhook_deliveries.queue_again([delivery.id], room.now)
    return delivery_of(room.tables, endpoint_id, delivery_id)


def recover(room: WorkingSet, endpoint_id: int, since: int) -> int:
    """Send again some of what was given up since an instant, the oldest first; how many. Call it until there are none.

    Raises:
        NotFound: there is no such endpoint.
    """
    known(room.tables, endpoint_id)
    dead = room.tables.webhook_deliveries.dead(endpoint_id, id_at(since), bounds.WEBHOOK_AT_A_TIME)
    room.tables.webhook_deliveries.queue_again(dead, room.now)
    return len(dead)


def known(tables: WorkspaceTables, endpoint_id: int) -> WebhookEndpoint:
    """One endpoint.

    Raises:
        NotFound: there is no such endpoint.
    """
    endpoint = tables.webhook_endpoints.get(endpoint_id)
    if endpoint is None:
        raise NotFound(NO_SUCH_ENDPOINT)
    return endpoint


def delivery_of(tables: WorkspaceTables, endpoint_id: int, delivery_id: int) -> WebhookDelivery:
    """One delivery of an endpoint.

    Raises:
        NotFound: there is no such endpoint or delivery.
    """
    known(tables, endpoint_id)
    delivery = tables.webhook_deliveries.get(delivery_id)
    if delivery is None or delivery.endpoint_id != endpoint_id:
        raise NotFound(NO_SUCH_DELIVERY)
    return delivery


def sound_url(url: str) -> str:
    """An address that can be posted to.

    Raises:
        Invalid: it is none, or holds a name and password, which would be seen by whoever may see the webhook.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        raise Invalid.at("url", "must be an address such as https://shop.example.com/hooks") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(letter <= " " for letter in url):
        raise Invalid.at("url", "must be an address such as https://shop.example.com/hooks")
    if parts.username is not None or parts.password is not None:
        raise Invalid.at("url", "must not hold a name or password")
    if parts.fragment:
        raise Invalid.at("url", "must not have a fragment")
    if len(url) > bounds.TEXT:
        raise Invalid.at("url", f"must have at most {bounds.TEXT} characters")
    return url


def _put(room: WorkingSet, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    room.tables.webhook_endpoints.put(endpoint)
    room.tables.definitions.bump(room.now)
    return endpoint

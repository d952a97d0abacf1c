"""Push from the browser's side: subscribe, unsubscribe, and the service worker that shows what comes.

A write key does not say who somebody is: a browser is that of its session, or of the contact whose token the site gave
it.
"""

from importlib.resources import files
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field, model_validator

from ensue.api.bodies import Body, StrictRoute
from ensue.api.context import Here
from ensue.api.public.write_key import BY_KEY, Page, SessionId, preflight
from ensue.api.push import ShownPushKey, shown_key
from ensue.base import bounds
from ensue.base.errors import Conflict, Invalid, NotFound, Unauthenticated
from ensue.base.web_push import BadKey, Recipient
from ensue.engine import push
from ensue.engine.working_set import WorkingSet

router = APIRouter(tags=["Push"], route_class=StrictRoute)

_WORKER = (files("ensue.api") / "pages" / "push-worker.js").read_bytes()


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise ValueError("must be the address that the browser gave")
    if not value.isascii() or any(letter <= " " for letter in value):
        raise ValueError("must be the address that the browser gave")
    return value


Endpoint = Annotated[str, Field(max_length=bounds.TEXT), AfterValidator(_endpoint)]


class Keys(Body):
    """The browser's own keys."""

    p256dh: Annotated[str, Field(alias="p256dh", max_length=128)]
    auth: Annotated[str, Field(max_length=64)]


class Subscription(Body):
    """What `PushSubscription.toJSON()` gives."""

    endpoint: Endpoint
    keys: Keys
    expiration_time: float | int | None = None


class NewSubscription(Body):
    """A browser, and whose it is: that of a session, or by a token of a contact."""

    subscription: Subscription
    session_id: SessionId | None = None
    contact_token: Annotated[str, Field(max_length=128)] | None = None

    @model_validator(mode="after")
    def _is_somebody_s(self) -> "NewSubscription":
        if (self.session_id is None) == (self.contact_token is None):
            raise Invalid.of([("sessionId", "is required, or contactToken"), ("contactToken", "or sessionId")])
        return self


class OldSubscription(Body):
    """A browser that has unsubscribed."""

    endpoint: Endpoint


@router.get(
    "/api/public/push/key",
    summary="The key that browsers subscribe with",
    responses={503: {"description": "It could not be made now"}},
    openapi_extra=BY_KEY,
)
async def get_key(here: Here, page: Page) -> ShownPushKey:
    """As `applicationServerKey`."""
    return await shown_key(here, page.workspace_id)


@router.post("/api/public/push/subscriptions", status_code=204, summary="Subscribe a browser", openapi_extra=BY_KEY)
async def subscribe(here: Here, page: Page, wanted: NewSubscription) -> None:
    """Keep a subscription. Send it at every load: it is that of whoever's the session is by then."""
    subscription = wanted.subscription
    try:
        recipient = Recipient.read(subscription.keys.p256dh, subscription.keys.auth)
    except BadKey as fault:
        name, _, sentence = str(fault).partition(": ")
        raise Invalid.at(f"subscription.keys.{name}", sentence) from None
    contact_id = None
    if wanted.contact_token is not None:
        contact_id = push.read_contact_token(here.services.signer, wanted.contact_token, here.now)
        if contact_id is None:
            raise Unauthenticated("The contact token is not ours, or has expired.")

    def work(room: WorkingSet) -> None:
        if contact_id is not None:
            push.subscribe_contact(room, contact_id, subscription.endpoint, recipient)
        elif wanted.session_id is not None:
            push.subscribe_session(room, wanted.session_id, subscription.endpoint, recipient)

    try:
        await here.services.change(page.workspace_id, work)
    except (NotFound, Conflict):
        # The page must not learn who is there and who was erased.
        return


@router.delete("/api/public/push/subscriptions", status_code=204, summary="Unsubscribe a browser", openapi_extra=BY_KEY)
async def unsubscribe(here: Here, page: Page, wanted: OldSubscription) -> None:
    """Forget a subscription."""
    await here.services.change(page.workspace_id, lambda room: push.unsubscribe(room, wanted.endpoint))


router.add_api_route("/api/public/push/key", preflight, methods=["OPTIONS"], status_code=204, include_in_schema=False)
router.add_api_route(
    "/api/public/push/subscriptions", preflight, methods=["OPTIONS"], status_code=204, include_in_schema=False
)


@router.get(
    "/push/sw.js",
    summary="The service worker that shows what comes",
    response_class=Response,
    openapi_extra={"security": []},
)
async def service_worker() -> Response:
    """For `importScripts` in the site's own service worker; see the reference."""
    headers = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
    headers["cache-control"] = "public, max-age=3600"
    return Response(_WORKER, media_type="text/javascript", headers=headers)

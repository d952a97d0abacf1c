"""Every route against everybody who must not pass. A route that is missing from the table fails the build."""

import pytest

from ensue.accounts import roles
from ensue.base.clock import to_iso
from tests.api.house import OURS, START, House

ANYONE, PERSON = "anyone", "person"

# What each route needs: nothing, a person who is signed in, or a scope in the workspace.
NEEDS = {
    "GET /api/health": ANYONE,
    "GET /api/health/ready": ANYONE,
    "GET /metrics": ANYONE,
    "POST /api/auth/register": ANYONE,
    "POST /api/auth/login": ANYONE,
    "POST /api/auth/logout": PERSON,
    "GET /api/auth/session": PERSON,
    "GET /api/auth/sessions": PERSON,
    "DELETE /api/auth/sessions/{sessionId}": PERSON,
    "POST /api/auth/password": PERSON,
    "POST /api/auth/invitations/accept": PERSON,
    "GET /api/auth/audit": PERSON,
    "GET /api/workspaces": PERSON,
    "POST /api/workspaces": PERSON,
    "GET /api/workspaces/{workspaceId}": roles.MEMBER,
    "PATCH /api/workspaces/{workspaceId}": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}": roles.OWNER,
    "GET /api/workspaces/{workspaceId}/members": roles.MEMBER,
    "PATCH /api/workspaces/{workspaceId}/members/{userId}": roles.ADMIN,
    # Everybody may leave; taking somebody else out needs more, and is tested with the members.
    "DELETE /api/workspaces/{workspaceId}/members/{userId}": roles.MEMBER,
    "GET /api/workspaces/{workspaceId}/invitations": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/invitations": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/invitations/{invitationId}": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/keys": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/keys": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/keys/{keyId}": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/audit": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/events": "events:read",
    "POST /api/workspaces/{workspaceId}/events": "events:write",
    "POST /api/workspaces/{workspaceId}/events/batch": "events:write",
    "GET /api/workspaces/{workspaceId}/events/stream": "events:read",
    "GET /api/workspaces/{workspaceId}/events/{eventId}": "events:read",
    "GET /api/workspaces/{workspaceId}/event-types": "events:read",
    "GET /api/workspaces/{workspaceId}/scoring-rules": "scoring:read",
    "POST /api/workspaces/{workspaceId}/scoring-rules": "scoring:write",
    "POST /api/workspaces/{workspaceId}/scoring-rules/dry-run": "scoring:read",
    "POST /api/workspaces/{workspaceId}/scoring-rules/rebuild": "scoring:write",
    "GET /api/workspaces/{workspaceId}/scoring-rules/rebuild": "scoring:read",
    "GET /api/workspaces/{workspaceId}/scoring-rules/{ruleId}": "scoring:read",
    "PATCH /api/workspaces/{workspaceId}/scoring-rules/{ruleId}": "scoring:write",
    "DELETE /api/workspaces/{workspaceId}/scoring-rules/{ruleId}": "scoring:write",
    "POST /api/workspaces/{workspaceId}/scoring-rules/{ruleId}/dry-run": "scoring:read",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/score-history": "scoring:read",
    "GET /api/workspaces/{workspaceId}/contacts": "contacts:read",
    "POST /api/workspaces/{workspaceId}/contacts": "contacts:write",
    "PUT /api/workspaces/{workspaceId}/contacts": "contacts:write",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}": "contacts:read",
    "PATCH /api/workspaces/{workspaceId}/contacts/{contactId}": "contacts:write",
    "DELETE /api/workspaces/{workspaceId}/contacts/{contactId}": "contacts:write",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/erase": "contacts:write",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/merge": "contacts:write",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/identify": "contacts:write",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/timeline": "contacts:read",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/export": "contacts:read",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/tags": "contacts:read",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/tags": "contacts:write",
    "PUT /api/workspaces/{workspaceId}/contacts/{contactId}/tags/{name}": "contacts:write",
    "DELETE /api/workspaces/{workspaceId}/contacts/{contactId}/tags/{name}": "contacts:write",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/consents": "contacts:read",
    "PUT /api/workspaces/{workspaceId}/contacts/{contactId}/consents/{channel}": "contacts:write",
    "GET /api/workspaces/{workspaceId}/tags": "contacts:read",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/memberships": "contacts:read",
    "GET /api/workspaces/{workspaceId}/segments": "segments:read",
    "POST /api/workspaces/{workspaceId}/segments": "segments:write",
    "POST /api/workspaces/{workspaceId}/segments/preview": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}": "segments:read",
    "PATCH /api/workspaces/{workspaceId}/segments/{segmentId}": "segments:write",
    "DELETE /api/workspaces/{workspaceId}/segments/{segmentId}": "segments:write",
    "POST /api/workspaces/{workspaceId}/segments/{segmentId}/diff": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/versions": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/backfills": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/impact": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/members": "segments:read",
    "POST /api/workspaces/{workspaceId}/segments/{segmentId}/members": "segments:write",
    "DELETE /api/workspaces/{workspaceId}/segments/{segmentId}/members": "segments:write",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/history": "segments:read",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/explain": "segments:read",
    "GET /api/workspaces/{workspaceId}/templates": "templates:read",
    "POST /api/workspaces/{workspaceId}/templates": "templates:write",
    "POST /api/workspaces/{workspaceId}/templates/preview": "templates:read",
    "GET /api/workspaces/{workspaceId}/templates/{templateId}": "templates:read",
    "PATCH /api/workspaces/{workspaceId}/templates/{templateId}": "templates:write",
    "DELETE /api/workspaces/{workspaceId}/templates/{templateId}": "templates:write",
    "GET /api/workspaces/{workspaceId}/templates/{templateId}/versions": "templates:read",
    "GET /api/workspaces/{workspaceId}/templates/{templateId}/versions/{version}": "templates:read",
    "POST /api/workspaces/{workspaceId}/templates/{templateId}/preview": "templates:read",
    "POST /api/workspaces/{workspaceId}/templates/{templateId}/test": "templates:write",
    "GET /t/o/{token}": ANYONE,
    "GET /t/c/{token}": ANYONE,
    "GET /t/u/{token}": ANYONE,
    "POST /t/u/{token}": ANYONE,
    "GET /t/p/{token}": ANYONE,
    "POST /t/p/{token}": ANYONE,
    "POST /api/public/feedback/{token}": ANYONE,
    "GET /api/workspaces/{workspaceId}/feedback-token": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/feedback-token": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/feedback-token": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/messages/{messageId}/engagement": "messages:read",
    "GET /api/workspaces/{workspaceId}/suppressions": "messages:read",
    "POST /api/workspaces/{workspaceId}/suppressions": "messages:write",
    "GET /api/workspaces/{workspaceId}/suppressions/{suppressionId}": "messages:read",
    "PATCH /api/workspaces/{workspaceId}/suppressions/{suppressionId}": "messages:write",
    "DELETE /api/workspaces/{workspaceId}/suppressions/{suppressionId}": "messages:write",
    "GET /api/workspaces/{workspaceId}/campaigns": "campaigns:read",
    "POST /api/workspaces/{workspaceId}/campaigns": "campaigns:write",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}": "campaigns:read",
    "PATCH /api/workspaces/{workspaceId}/campaigns/{campaignId}": "campaigns:write",
    "DELETE /api/workspaces/{workspaceId}/campaigns/{campaignId}": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/activate": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/pause": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/resume": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/complete": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/archive": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/execute": "campaigns:write",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/enrollments": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/skips": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/stats": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/enrollments/{enrollmentId}": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/launches": "campaigns:read",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/launches/{launchId}/cancel": "campaigns:write",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/dates": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/campaigns/{campaignId}/splits/{nodeId}": "campaigns:read",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/splits/{nodeId}/winner": "campaigns:write",
    "POST /api/workspaces/{workspaceId}/campaigns/dry-run": "campaigns:read",
    "POST /api/workspaces/{workspaceId}/campaigns/{campaignId}/dry-run": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/campaigns/dry-runs/{dryRunId}": "campaigns:read",
    "GET /api/workspaces/{workspaceId}/message-limits": roles.MEMBER,
    "PUT /api/workspaces/{workspaceId}/message-limits": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/messages": "messages:read",
    "POST /api/workspaces/{workspaceId}/messages": "messages:write",
    "GET /api/workspaces/{workspaceId}/messages/{messageId}": "messages:read",
    "POST /api/workspaces/{workspaceId}/messages/{messageId}/replay": "messages:write",
    "POST /api/workspaces/{workspaceId}/messages/{messageId}/cancel": "messages:write",
    "GET /api/workspaces/{workspaceId}/senders": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/senders/{channel}": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/senders/{channel}": roles.ADMIN,
    "PUT /api/workspaces/{workspaceId}/senders/EMAIL": roles.ADMIN,
    "PUT /api/workspaces/{workspaceId}/senders/WEBHOOK": roles.ADMIN,
    "PUT /api/workspaces/{workspaceId}/senders/TELEGRAM": roles.ADMIN,
    "PUT /api/workspaces/{workspaceId}/senders/PUSH": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/senders/EMAIL/test": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/senders/WEBHOOK/test": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/webhooks": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/webhooks/{webhookId}": roles.ADMIN,
    "PATCH /api/workspaces/{workspaceId}/webhooks/{webhookId}": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/webhooks/{webhookId}": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/rotate-secret": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/pause": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/resume": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/test": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/recover": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/incoming-webhooks": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/incoming-webhooks": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/incoming-webhooks/dry-run": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/incoming-webhooks/{incomingId}": roles.ADMIN,
    "PATCH /api/workspaces/{workspaceId}/incoming-webhooks/{incomingId}": roles.ADMIN,
    "DELETE /api/workspaces/{workspaceId}/incoming-webhooks/{incomingId}": roles.ADMIN,
    "POST /api/workspaces/{workspaceId}/incoming-webhooks/{incomingId}/rotate": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/incoming-webhooks/{incomingId}/requests": roles.ADMIN,
    "POST /api/public/incoming/{token}": ANYONE,
    "GET /api/workspaces/{workspaceId}/forms": "forms:read",
    "POST /api/workspaces/{workspaceId}/forms": "forms:write",
    "GET /api/workspaces/{workspaceId}/forms/{formId}": "forms:read",
    "PATCH /api/workspaces/{workspaceId}/forms/{formId}": "forms:write",
    "DELETE /api/workspaces/{workspaceId}/forms/{formId}": "forms:write",
    "GET /api/workspaces/{workspaceId}/forms/{formId}/submissions": "forms:read",
    "GET /api/workspaces/{workspaceId}/forms/{formId}/submissions.csv": "forms:read",
    "GET /api/workspaces/{workspaceId}/forms/{formId}/submissions/{submissionId}": "forms:read",
    "DELETE /api/workspaces/{workspaceId}/forms/{formId}/submissions/{submissionId}": "forms:write",
    "GET /api/workspaces/{workspaceId}/forms/{formId}/stats": "forms:read",
    "GET /api/workspaces/{workspaceId}/contacts/{contactId}/devices": "contacts:read",
    "DELETE /api/workspaces/{workspaceId}/contacts/{contactId}/devices/{deviceId}": "contacts:write",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/telegram-link": "contacts:write",
    "POST /api/workspaces/{workspaceId}/contacts/{contactId}/push-token": "contacts:write",
    "POST /api/workspaces/{workspaceId}/telegram/links": "contacts:write",
    "GET /api/workspaces/{workspaceId}/telegram/bots": roles.MEMBER,
    "POST /api/workspaces/{workspaceId}/telegram/bots": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/telegram/bots/{botId}": roles.MEMBER,
    "DELETE /api/workspaces/{workspaceId}/telegram/bots/{botId}": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/telegram/bots/{botId}/health": roles.MEMBER,
    "POST /api/workspaces/{workspaceId}/telegram/bots/{botId}/register": roles.ADMIN,
    "GET /api/workspaces/{workspaceId}/push/key": roles.MEMBER,
    # Only with the secret that Telegram was given, or with a write key; tested with each.
    "POST /telegram/{botId}": ANYONE,
    "POST /api/public/telegram/links": ANYONE,
    "GET /api/public/push/key": ANYONE,
    "POST /api/public/push/subscriptions": ANYONE,
    "DELETE /api/public/push/subscriptions": ANYONE,
    "GET /push/sw.js": ANYONE,
    "GET /forms/{formId}": ANYONE,
    "GET /forms/{formId}/embed.js": ANYONE,
    "POST /api/forms/{formId}/submit": ANYONE,
    "GET /forms/confirm/{token}": ANYONE,
    "POST /forms/confirm/{token}": ANYONE,
}

ASKED = {
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/history": "?at=2026-03-01T12:00:00Z",
    "GET /api/workspaces/{workspaceId}/segments/{segmentId}/explain": "?contactId=ct_0000000000000",
}
"""What a route must be asked."""

SIGNED_IN = [route for route, need in NEEDS.items() if need != ANYONE]
IN_WORKSPACE = [route for route in SIGNED_IN if "{workspaceId}" in route]


class Street:
    """One house with everybody who may knock at it."""

    def __init__(self, house):
        self.house = house
        self.owner = house.owner()
        self.members = {role: house.member(self.owner, role.lower(), role) for role in roles.ROLES[1:]}
        self.stranger = house.person("eve")
        self.stranger.workspace = self.stranger.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
        self.foreign = self._key(self.stranger, ["admin"])
        self.expiring = self._key(self.owner, ["admin"], expiresAt=to_iso(START + 1))
        self.keys = {scope: self._key(self.owner, [scope]) for scope in roles.GRANTABLE}
        house.clock.advance(1)

    def _key(self, visitor, scopes, **more):
        key = visitor.post(f"{visitor.w}/keys", {"name": "k", "scopes": scopes, **more}, 201)["key"]
        return self.house.with_key(key, self.owner.workspace)

    def status(self, visitor, route):
        """What a visitor gets at a route of the owner's workspace."""
        method, path = route.split()
        path = path.replace("{workspaceId}", self.owner.workspace) + ASKED.get(route, "")
        for name, prefix in (("userId", "usr"), ("keyId", "key"), ("invitationId", "inv"), ("sessionId", "ses")):
            path = path.replace(f"{{{name}}}", f"{prefix}_0000000000000")
        for name, prefix in (("eventId", "evt"), ("contactId", "ct"), ("campaignId", "cmp"), ("enrollmentId", "enr")):
            path = path.replace(f"{{{name}}}", f"{prefix}_0000000000000")
        for name, prefix in (("webhookId", "whk"), ("deliveryId", "whd"), ("incomingId", "inc")):
            path = path.replace(f"{{{name}}}", f"{prefix}_0000000000000")
        # An empty body is refused only after the door.
        response = visitor.client.request(method, path, headers=OURS)
        if response.status_code >= 400:
            assert set(response.json()["error"]) == {"code", "message", "details"}
        return response.status_code


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    with House(tmp_path_factory.mktemp("street"), registration="open") as house:
        yield Street(house)


def test_every_route_is_in_the_table(street):
    document = street.owner.client.get("/openapi.json").json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert routes == set(NEEDS)


@pytest.mark.parametrize("route", SIGNED_IN)
def test_nobody_is_401(street, route):
    assert street.status(street.house.visitor(), route) == 401


@pytest.mark.parametrize("route", SIGNED_IN)
def test_an_expired_key_is_401(street, route):
    assert street.status(street.expiring, route) == 401


@pytest.mark.parametrize("route", IN_WORKSPACE)
def test_a_member_of_another_workspace_is_404(street, route):
    assert street.status(street.stranger, route) == 404


@pytest.mark.parametrize("route", IN_WORKSPACE)
def test_a_key_of_another_workspace_is_404(street, route):
    assert street.status(street.foreign, route) == 404


@pytest.mark.parametrize("route", IN_WORKSPACE)
def test_a_lesser_role_is_403(street, route):
    lesser = [role for role in street.members if NEEDS[route] not in roles.SCOPES[role]]
    assert {role: street.status(street.members[role], route) for role in lesser} == dict.fromkeys(lesser, 403)


@pytest.mark.parametrize("route", IN_WORKSPACE)
def test_a_key_without_the_scope_is_403(street, route):
    lacking = [scope for scope in street.keys if NEEDS[route] not in roles.expand([scope])]
    assert {scope: street.status(street.keys[scope], route) for scope in lacking} == dict.fromkeys(lacking, 403)


@pytest.mark.parametrize(
    "route", [route for route in IN_WORKSPACE if route.startswith("GET") and "stream" not in route]
)
def test_who_has_the_scope_gets_in(street, route):
    having = [role for role in street.members if NEEDS[route] in roles.SCOPES[role]]
    keys = [scope for scope in street.keys if NEEDS[route] in roles.expand([scope])]
    visitors = [street.owner, *(street.members[role] for role in having), *(street.keys[scope] for scope in keys)]
    # There is no such thing, but they are let in to look.
    expected = 404 if route.count("{") > 1 else 200
    assert {street.status(visitor, route) for visitor in visitors} == {expected}

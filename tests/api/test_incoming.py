"""What others post becomes an event, if it is signed as it should be and says who it is about."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from ensue.base import bounds, ids
from tests.api.house import START

SHOP = {
    "type": {"path": "event", "prefix": "shop."},
    "contact": {
        "email": "data.customer.email", "externalId": "data.customer.id", "firstName": "data.customer.name",
        "attributes": {"plan": "data.customer.plan"},
    },
    "metadata": {"amount": "data.items.0.price", "order": "data.order"},
    "timestamp": "at",
    "idempotencyKey": {"path": "id"},
}  # fmt: skip
PAID = {
    "id": "ev-1",
    "event": "paid",
    "at": "2026-03-01T11:00:00Z",
    "data": {
        "customer": {"email": "Ada@example.com", "id": 7, "name": "Ada", "plan": "pro"},
        "items": [{"price": 12.5}],
        "order": "A-1",
    },
}


def made(owner, mapping=None, **more):
    """(id, path) of a new endpoint."""
    body = {"name": "Shop", "mapping": mapping or SHOP, **more}
    answer = owner.post(f"{owner.w}/incoming-webhooks", body, 201)
    return answer["id"], urlsplit(answer["url"]).path


def post(house, path, content, status=200, **headers):
    """The answer to somebody who has nothing but the address."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    response = house.visitor().client.post(path, content=content, headers=sent)
    assert response.status_code == status, response.text
    return response.json()


def requests(owner, endpoint):
    return owner.get(f"{owner.w}/incoming-webhooks/{endpoint}/requests")


def test_a_payload_becomes_an_event_of_a_contact(house, owner):
    endpoint, path = made(owner)
    answer = post(house, path, PAID)
    event = owner.get(f"{owner.w}/events/{answer['eventId']}")
    assert event["type"] == "shop.paid"
    assert event["metadata"] == {"amount": 12.5, "order": "A-1"}
    assert event["timestamp"] == "2026-03-01T11:00:00.000Z"
    assert event["source"] == "webhook"
    contact = owner.get(f"{owner.w}/contacts/{event['contactId']}")
    assert (contact["externalId"], contact["firstName"], contact["attributes"]) == ("7", "Ada", {"plan": "pro"})
    (request,) = requests(owner, endpoint)
    assert (request["outcome"], request["eventId"], request["contactId"]) == (
        "ACCEPTED", answer["eventId"], contact["id"],
    )  # fmt: skip
    assert json.loads(request["body"]) == PAID


def test_a_repetition_changes_nothing_whatever_else_it_says(house, owner):
    endpoint, path = made(owner)
    first = post(house, path, PAID)
    owner.patch(f"{owner.w}/contacts/{requests(owner, endpoint)[0]['contactId']}", {"firstName": "Grace"})
    again = post(house, path, {**PAID, "event": "refunded"})
    assert again == {**first, "replayed": True}
    assert [contact["firstName"] for contact in owner.get(f"{owner.w}/contacts")["data"]] == ["Grace"]
    assert [request["outcome"] for request in requests(owner, endpoint)] == ["REPLAYED", "ACCEPTED"]


def test_two_endpoints_do_not_share_their_keys(house, owner):
    (_, one), (_, other) = made(owner), made(owner)
    assert post(house, one, PAID)["eventId"] != post(house, other, PAID)["eventId"]


def test_a_form_is_read_too(house, owner):
    mapping = {"type": {"value": "survey"}, "contact": {"email": "user[email]"}, "metadata": {"answers": "a.b"}}
    _, path = made(owner, mapping)
    content = b"user%5Bemail%5D=bob%40example.com&a.b=1&a.b=2"
    answer = post(house, path, content, content_type="application/x-www-form-urlencoded; charset=utf-8")
    event = owner.get(f"{owner.w}/events/{answer['eventId']}")
    assert event["metadata"] == {"answers": ["1", "2"]}
    assert event["contact"]["email"] == "bob@example.com"


def test_the_whole_payload_is_the_metadata_when_none_is_mapped(house, owner):
    _, path = made(owner, {"type": {"value": "ping"}})
    answer = post(house, path, {"a": [1, {"b": None}]}, content_type="text/plain")
    event = owner.get(f"{owner.w}/events/{answer['eventId']}")
    assert (event["metadata"], event["contact"]) == ({"a": [1, {"b": None}]}, None)


def test_a_key_in_a_header(house, owner):
    _, path = made(owner, {"type": {"value": "push"}, "idempotencyKey": {"header": "X-GitHub-Delivery"}})
    first = post(house, path, {"n": 1}, x_github_delivery="d-1")
    assert post(house, path, {"n": 2}, x_github_delivery="d-1")["eventId"] == first["eventId"]
    assert post(house, path, {"n": 1}, 400)["error"]["details"][0]["path"] == "idempotencyKey"


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({**PAID, "event": None}, "type"),
        ({**PAID, "event": "x" * bounds.EVENT_TYPE}, "type"),
        ({**PAID, "data": {}}, "contact"),
        ({**PAID, "data": {"customer": {"email": ["a@b.c"]}}}, "contact.email"),
        ({**PAID, "data": {"customer": {"email": "no address"}}}, "email"),
        ({**PAID, "at": "yesterday"}, "timestamp"),
        ({**PAID, "at": "2026-03-02T12:00:00Z"}, "timestamp"),
        ({**PAID, "id": {}}, "idempotencyKey"),
    ],
)
def test_a_payload_that_says_too_little_is_refused_by_its_path(house, owner, payload, path):
    endpoint, address = made(owner)
    error = post(house, address, payload, 400)["error"]
    assert path in {detail["path"] for detail in error["details"]}
    (request,) = requests(owner, endpoint)
    assert (request["outcome"], request["reason"]) == ("REFUSED", error["message"])
    assert json.loads(request["body"]) == payload
    # Nothing of it is stored, not even the contact that was there to be found.
    assert owner.get(f"{owner.w}/contacts")["data"] == []
    assert owner.get(f"{owner.w}/events") == []


@pytest.mark.parametrize("content", [b"{", b"[]", b'"a"', b'{"a": NaN}', b'{"a":"\\u0000"}', b"\xff", b""])
def test_rubbish_is_refused_and_remembered(house, owner, content):
    endpoint, path = made(owner, {"type": {"value": "ping"}})
    post(house, path, content, 400)
    assert [request["outcome"] for request in requests(owner, endpoint)] == ["REFUSED"]


def test_a_large_body_is_413(house, owner):
    _, path = made(owner, {"type": {"value": "ping"}})
    post(house, path, b" " * (bounds.BODY + 1), 413)


def test_types_that_make_themselves_cannot_be_claimed(house, owner):
    _, path = made(owner, {"type": {"path": "event"}})
    assert post(house, path, {"event": "message.open"}, 400)["error"]["details"][0]["path"] == "type"
    body = {"name": "x", "mapping": {"type": {"value": "form.submitted"}}}
    refused = owner.post(f"{owner.w}/incoming-webhooks", body, 400)
    assert refused["error"]["details"][0]["path"] == "mapping.type.value"


def test_who_need_not_be_named_is_nobody(house, owner):
    mapping = {"type": {"value": "ping"}, "contact": {"email": "email"}, "contactRequired": False}
    _, path = made(owner, mapping)
    answer = post(house, path, {"email": None})
    assert owner.get(f"{owner.w}/events/{answer['eventId']}")["contact"] is None


def test_an_erased_person_is_refused(house, owner):
    endpoint, path = made(owner)
    post(house, path, PAID)
    contact = requests(owner, endpoint)[0]["contactId"]
    owner.post(f"{owner.w}/contacts/{contact}/erase", None, 204)
    assert requests(owner, endpoint)[0]["body"] is None
    assert post(house, path, {**PAID, "id": "ev-2"}, 409)["error"]["code"] == "erased"


def test_two_contacts_are_not_guessed_between(house, owner):
    owner.post(f"{owner.w}/contacts", {"email": "ada@example.com"}, 201)
    owner.post(f"{owner.w}/contacts", {"externalId": "7"}, 201)
    endpoint, path = made(owner)
    assert post(house, path, PAID, 409)["error"]["code"] == "two_contacts"
    assert requests(owner, endpoint)[0]["code"] == "two_contacts"


def test_the_address_is_the_key(house, owner):
    endpoint, path = made(owner, {"type": {"value": "ping"}})
    post(house, path, {})
    post(house, path[:-1] + ("a" if path[-1] != "a" else "b"), {}, 404)
    fresh = owner.post(f"{owner.w}/incoming-webhooks/{endpoint}/rotate")
    post(house, path, {}, 404)
    path = urlsplit(fresh["url"]).path
    post(house, path, {})
    owner.patch(f"{owner.w}/incoming-webhooks/{endpoint}", {"status": "PAUSED"})
    post(house, path, {}, 503)
    owner.patch(f"{owner.w}/incoming-webhooks/{endpoint}", {"status": "ACTIVE"})
    owner.delete(f"{owner.w}/incoming-webhooks/{endpoint}")
    post(house, path, {}, 404)
    owner.get(f"{owner.w}/incoming-webhooks/{endpoint}", 404)


def test_neither_address_nor_secret_is_shown_again(house, owner):
    endpoint, path = made(owner, verification={"scheme": "HMAC_SHA256", "header": "x-sig"}, secret="hush hush")
    token = path.rsplit("/", 1)[1]
    shown = json.dumps(
        [owner.get(f"{owner.w}/incoming-webhooks"), owner.get(f"{owner.w}/incoming-webhooks/{endpoint}")]
    )
    assert token not in shown
    assert "hush" not in shown
    rows = str(house.rows("SELECT * FROM incoming_endpoints"))
    assert token not in rows
    assert "hush" not in rows
    actions = [line["action"] for line in owner.get(f"{owner.w}/audit")]
    assert "incoming.create" in actions


def test_only_the_latest_requests_are_kept(house, owner):
    endpoint, path = made(owner, {"type": {"value": "ping"}})
    client = house.visitor().client
    for number in range(bounds.INCOMING_REQUESTS + 5):
        assert client.post(path, json={"n": number}).status_code == 200
    bodies = [json.loads(request["body"])["n"] for request in requests(owner, endpoint)]
    assert bodies == list(range(bounds.INCOMING_REQUESTS + 4, 4, -1))


# Signatures

BODY = b'{"n":1}'
SIGNING = "whsec_" + base64.b64encode(b"s" * 32).decode()


def standard(secret=SIGNING, at=START // 1000, body=BODY, identity="msg_1"):
    signature = Webhook(secret).sign(identity, datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook_id": identity, "webhook_timestamp": str(at), "webhook_signature": f"v1a,abc {signature}"}


def digest(secret, body=BODY):
    return hmac.digest(secret.encode(), body, hashlib.sha256)


def stripe(at=START // 1000, secret="whsec_stripe"):
    signed = hmac.digest(secret.encode(), f"{at}.".encode() + BODY, hashlib.sha256).hex()
    return {"stripe_signature": f"t={at},v1=00,v1={signed}"}


HEX = {"scheme": "HMAC_SHA256", "header": "X-Hub-Signature-256", "prefix": "sha256="}
BASE64 = {"scheme": "HMAC_SHA256", "header": "X-Shopify-Hmac-Sha256", "encoding": "BASE64"}
STANDARD = {"scheme": "STANDARD_WEBHOOKS"}
LATE = START // 1000 - 301


@pytest.mark.parametrize(
    ("verification", "secret", "good", "bad"),
    [
        (STANDARD, SIGNING, standard(), standard(body=b'{"n":2}')),
        (STANDARD, SIGNING, standard(), standard("whsec_" + base64.b64encode(b"t" * 32).decode())),
        (STANDARD, SIGNING, standard(at=START // 1000 - 299), standard(at=LATE)),
        (STANDARD, SIGNING, standard(), {**standard(), "webhook_id": "msg_2"}),
        (STANDARD, SIGNING, standard(), {**standard(), "webhook_timestamp": "²"}),
        (STANDARD, SIGNING, standard(), {**standard(), "webhook_signature": ""}),
        (HEX, "hush", {"x_hub_signature_256": f"sha256={digest('hush').hex()}"}, {"x_hub_signature_256": "sha256="}),
        (HEX, "hush", {"x_hub_signature_256": f"sha256={digest('hush').hex()}"}, {}),
        (
            HEX, "hush", {"x_hub_signature_256": f"sha256={digest('hush').hex().upper()}"},
            {"x_hub_signature_256": digest("hush").hex()},
        ),
        (
            BASE64, "hush", {"x_shopify_hmac_sha256": base64.b64encode(digest("hush")).decode()},
            {"x_shopify_hmac_sha256": digest("hush").hex()},
        ),
        ({"scheme": "STRIPE"}, "whsec_stripe", stripe(), stripe(secret="other")),
        ({"scheme": "STRIPE"}, "whsec_stripe", stripe(), stripe(at=LATE)),
        ({"scheme": "STRIPE"}, "whsec_stripe", stripe(), {"stripe_signature": "t=1"}),
    ],
)  # fmt: skip
def test_only_what_is_signed_gets_in(house, owner, verification, secret, good, bad):
    endpoint, path = made(owner, {"type": {"value": "ping"}}, verification=verification, secret=secret)
    headers = {name: value.encode() for name, value in bad.items()}
    code = post(house, path, BODY, 401, **headers)["error"]["code"]
    assert code in {"signature_wrong", "signature_missing", "signature_old"}
    (request,) = requests(owner, endpoint)
    # Whoever cannot sign leaves nothing behind but that.
    assert (request["outcome"], request["code"], request["body"]) == ("REFUSED", code, None)
    post(house, path, BODY, **good)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"verification": {"scheme": "STRIPE"}}, "secret"),
        ({"verification": {"scheme": "HMAC_SHA256"}, "secret": "a"}, "verification.header"),
        ({"verification": STANDARD, "secret": "not one"}, "secret"),
        ({"mapping": {"type": {}}}, "mapping.type"),
        ({"mapping": {"type": {"value": "a", "path": "b"}}}, "mapping.type"),
        ({"mapping": {"type": {"path": "a..b"}}}, "mapping.type.path"),
        ({"mapping": {"type": {"value": "a"}, "contact": {"firstName": "a"}}}, "mapping.contact"),
        ({"mapping": {"type": {"value": "a"}, "idempotencyKey": {}}}, "mapping.idempotencyKey"),
        ({"mapping": {"type": {"value": "a"}, "metadata": {"x": ".a"}}}, "mapping.metadata.x"),
        ({"mapping": {"type": {"value": "a"}, "code": "1"}}, "mapping.code"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_saved(house, owner, body, path):
    body = {"name": "x", "mapping": {"type": {"value": "a"}}, **body}
    refused = owner.post(f"{owner.w}/incoming-webhooks", body, 400)
    assert path in {detail["path"] for detail in refused["error"]["details"]}


def test_another_scheme_wants_a_secret_of_its_own(house, owner):
    endpoint, path = made(owner, {"type": {"value": "ping"}}, verification=HEX, secret="hush")
    address = f"{owner.w}/incoming-webhooks/{endpoint}"
    refused = owner.patch(address, {"verification": STANDARD}, 400)
    assert refused["error"]["details"][0]["path"] == "secret"
    owner.patch(address, {"verification": {**HEX, "header": "X-Other"}})
    post(house, path, BODY, x_other=f"sha256={digest('hush').hex()}")
    owner.patch(address, {"verification": STANDARD, "secret": SIGNING})
    post(house, path, BODY, **standard())
    owner.patch(address, {"verification": {"scheme": "NONE"}})
    post(house, path, BODY)


def test_a_mapping_is_tried_without_storing_anything(house, owner):
    tried = owner.post(f"{owner.w}/incoming-webhooks/dry-run", {"mapping": SHOP, "payload": PAID})
    assert tried == {
        "type": "shop.paid",
        "contact": {
            "email": "Ada@example.com", "externalId": "7", "firstName": "Ada", "attributes": {"plan": "pro"},
        },
        "timestamp": "2026-03-01T11:00:00.000Z",
        "metadata": {"amount": 12.5, "order": "A-1"},
        "idempotencyKey": "ev-1",
        "faults": [],
    }  # fmt: skip
    tried = owner.post(f"{owner.w}/incoming-webhooks/dry-run", {"mapping": SHOP, "payload": {"event": 1}})
    assert {fault["path"] for fault in tried["faults"]} == {"type", "contact", "idempotencyKey"}
    assert owner.get(f"{owner.w}/contacts")["data"] == []
    assert house.rows("SELECT * FROM incoming_endpoints") == []


def test_unix_times_are_read(house, owner):
    mapping = {"type": {"value": "a"}, "timestamp": "t"}
    for value in (START // 1000 - 60, START - 60_000, "2026-03-01T12:59:00+01:00"):
        tried = owner.post(f"{owner.w}/incoming-webhooks/dry-run", {"mapping": mapping, "payload": {"t": value}})
        assert tried["timestamp"] == "2026-03-01T11:59:00.000Z"


def test_a_closed_workspace_takes_nothing_more(house, owner):
    _, path = made(owner, {"type": {"value": "ping"}})
    owner.delete(owner.w)
    post(house, path, {}, 404)
    assert ids.read("ws", owner.workspace)


def test_what_a_workspace_tells_itself_does_not_go_round(house, owner):
    endpoint, path = made(owner)
    refused = post(house, path, PAID, 409, ensue_workspace=owner.workspace)
    assert refused["error"]["code"] == "webhook_loop"
    (seen,) = requests(owner, endpoint)
    assert (seen["outcome"], seen["code"]) == ("REFUSED", "webhook_loop")
    assert owner.get(f"{owner.w}/events") == []
    post(house, path, PAID, ensue_workspace="ws_0000000000001")
    assert len(owner.get(f"{owner.w}/events")) == 1

"""`POST messages` and what can be asked of them."""

import pytest

from ensue.base.clock import HOUR
from ensue.base.ids import read
from tests.api.house import OURS


def posted(shop, body, **headers):
    sent = shop.owner.client.post(f"/api{shop.w}/messages", json=body, headers=_headers(headers))
    return sent.status_code, sent.json(), dict(sent.headers)


def _headers(more):
    return OURS | {name.replace("_", "-"): value for name, value in more.items()}


CODE = {"to": "ann@example.org", "subject": "Code", "text": "{{ values.code }}", "values": {"code": "1234"}}


def test_a_retry_with_the_same_key_is_the_same_message(shop, office):
    first = posted(shop, CODE, idempotency_key="k1")
    again = posted(shop, CODE, idempotency_key="k1")
    shop.settle()
    later = posted(shop, CODE, idempotency_key="k1")
    other = posted(shop, CODE | {"text": "other"}, idempotency_key="k1")
    assert [answer[0] for answer in (first, again, later, other)] == [201, 201, 201, 409]
    assert {answer[1]["data"][0]["id"] for answer in (first, again, later)} == {first[1]["data"][0]["id"]}
    assert [answer[2].get("idempotency-replayed") for answer in (first, again, later)] == [None, "true", "true"]
    assert other[1]["error"]["code"] == "idempotency_key_reused"
    assert len(office.letters) == 1
    # The keys of events are others.
    event = shop.owner.client.post(
        f"/api{shop.w}/events", json={"type": "x"}, headers=_headers({"idempotency_key": "k1"})
    )
    assert event.status_code == 201


def test_an_address_that_a_contact_has_is_that_contacts_message(shop):
    contact = shop.contact("ann@example.org")
    (message,) = shop.send(to="Ann@Example.org")["data"]
    assert message["contactId"] == contact
    (stranger,) = shop.send(to="stranger@example.org")["data"]
    assert stranger["contactId"] is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"to": None}, "contactId"),
        ({"contactId": "ct_0000000000000"}, "contactId"),
        ({"to": "nobody"}, "to"),
        ({"to": "a@b.org\r\nBcc: c@d.org"}, "to"),
        ({"channel": "TELEGRAM", "subject": None}, "to"),
        ({"channel": "SMOKE"}, "channel"),
        ({"kind": "SPAM"}, "kind"),
        ({"subject": None}, "subject"),
        ({"text": "{% if %}"}, "text"),
        ({"text": None}, "html"),
        ({"templateId": "tpl_0000000000000"}, "subject"),
        ({"templateId": "x", "subject": None, "text": None}, "templateId"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_path(shop, change, path):
    body = {name: value for name, value in (CODE | change).items() if value is not None}
    status, answer, _ = posted(shop, body)
    assert (status, answer["error"]["details"][0]["path"]) == (400, path)
    assert shop.messages() == []


def test_a_template_that_is_not_there(shop):
    status, answer, _ = posted(shop, {"to": "a@example.org", "templateId": "tpl_0000000000000"})
    assert (status, answer["error"]["details"][0]["path"]) == (400, "templateId")


def test_marketing_by_request_is_a_matter_of_consent(shop, office):
    contact = shop.contact()
    shop.consent(contact, "OPTED_OUT")
    refused = shop.send(422, to=None, contactId=contact, kind="MARKETING")
    assert refused["error"]["code"] == "opted_out"
    shop.send(to=None, contactId=contact)
    shop.settle()
    assert len(office.letters) == 1


def test_the_list_is_filtered_and_paged(shop, office):
    campaign = shop.campaign()
    contact = shop.contact("bob@example.org")
    shop.sign_up(contact)
    shop.settle()
    office.says["RCPT"] = lambda _address: "550 5.7.1 no"
    for number in range(3):
        shop.send(to=f"p{number}@example.org")
    shop.settle()
    assert [m["to"] for m in shop.messages()] == [
        "p2@example.org",
        "p1@example.org",
        "p0@example.org",
        "bob@example.org",
    ]
    assert [m["to"] for m in shop.messages(contactId=contact)] == ["bob@example.org"]
    assert [m["to"] for m in shop.messages(campaignId=campaign)] == ["bob@example.org"]
    assert [m["to"] for m in shop.messages(status="SENT")] == ["bob@example.org"]
    assert len(shop.messages(kind="TRANSACTIONAL", channel="EMAIL", reason="REJECTED")) == 3
    assert shop.messages(channel="PUSH") == []
    page = shop.owner.get(f"{shop.w}/messages?limit=3&page=2")
    assert [m["to"] for m in page["data"]] == ["bob@example.org"]
    assert page["pagination"] == {"page": 2, "limit": 3, "total": 4, "totalPages": 2}
    assert shop.owner.get(f"{shop.w}/messages?statsu=SENT", status=400)["error"]["details"][0]["path"] == "statsu"
    assert shop.owner.get(f"{shop.w}/messages?contactId=x", status=400)["error"]["details"][0]["path"] == "contactId"


def test_a_message_of_another_workspace_is_not_there(shop):
    (message,) = shop.send()["data"]
    other = shop.owner.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    for path in ("", "/replay", "/cancel"):
        method = "POST" if path else "GET"
        assert shop.owner.send(method, f"/workspaces/{other}/messages/{message['id']}{path}").status_code == 404
    assert shop.owner.get(f"/workspaces/{other}/messages")["data"] == []


def test_messages_go_with_the_contact_that_was_merged(shop, office):
    office.says["RCPT"] = lambda _address: "451 4.3.0 later"
    shop.campaign()
    old, survivor = shop.contact("old@example.org"), shop.contact("new@example.org")
    shop.sign_up(old)
    shop.settle()
    merged = shop.owner.send("POST", f"{shop.w}/contacts/{survivor}/merge", {"contactId": old})
    assert merged.status_code == 200, merged.text
    del office.says["RCPT"]
    shop.pass_time(HOUR)
    (message,) = shop.messages(contactId=survivor)
    assert (message["status"], message["to"]) == ("SENT", "new@example.org")


def test_messages_stand_on_the_timeline(shop):
    contact = shop.contact()
    (message,) = shop.send(to=None, contactId=contact)["data"]
    shop.settle()
    entries = shop.owner.get(f"{shop.w}/contacts/{contact}/timeline")
    (entry,) = [entry for entry in entries if entry["type"] == "MESSAGE"]
    assert (entry["message"]["id"], entry["message"]["status"]) == (message["id"], "SENT")
    assert entry["at"] == message["createdAt"]
    (recent,) = shop.owner.get(f"{shop.w}/contacts/{contact}")["recentMessages"]
    assert (recent["id"], recent["status"]) == (message["id"], "SENT")


@pytest.mark.parametrize("ends", [None, "AFTER"])
def test_a_mail_that_is_opened_before_the_server_has_answered_stays_opened(shop, office, ends):
    office.hangs_up = ends

    def opened():
        shop.house.write(lambda tables: tables.workspace(shop.workspace_id).messages.advance(number, "OPENED", 1))

    office.at["RCPT"] = lambda: office.at.update(TAKEN=opened)
    (message,) = shop.send()["data"]
    number = read("msg", message["id"])
    shop.settle()
    kept = shop.message(message["id"])
    assert (kept["status"], kept["nextAt"], len(kept["log"])) == ("OPENED", None, 1)
    assert kept["sentAt"] is not None
    shop.pass_time(HOUR)
    assert len(office.letters) == 1

"""The suppression list, and reports of bounces and complaints from outside."""

import pytest

from ensue.base.ids import show
from tests.tracking.mailing import BASE


@pytest.fixture
def put(mailing):
    def put(address, status=201, **more):
        return mailing.owner.post(f"{mailing.w}/suppressions", {"address": address} | more, status)

    return put


def listed(mailing, query=""):
    return mailing.owner.get(f"{mailing.w}/suppressions{query}")


def test_an_address_on_the_list_gets_nothing(mailing, put):
    one = put("Bob@Example.ORG", note="asked by phone")
    assert one == {
        "id": one["id"], "channel": "EMAIL", "address": "Bob@Example.ORG", "reason": "MANUAL", "note": "asked by phone",
        "messageId": None, "createdAt": "2026-03-01T12:00:00.000Z",
    }  # fmt: skip
    assert one["id"].startswith("sup_")
    mailing.campaign()
    mailing.sign_up(mailing.bob)
    # Transactional mail neither: the address is the matter, not what its owner wants.
    assert mailing.send(422, to="BOB@example.org")["error"]["code"] == "suppressed"
    mailing.settle()
    assert mailing.office.letters == []
    assert mailing.owner.send("DELETE", f"{mailing.w}/suppressions/{one['id']}").status_code == 204
    mailing.send(to="bob@example.org")
    mailing.settle()
    assert len(mailing.office.letters) == 1


def test_what_is_suppressed_meanwhile_is_not_sent(mailing, put):
    mailing.office.says["RCPT"] = lambda _: "451 later"
    mailing.campaign()
    mailing.sign_up(mailing.bob)
    mailing.settle()
    (message,) = mailing.messages()
    put("bob@example.org")
    mailing.office.says.clear()
    mailing.until_next_try(message["id"])
    assert mailing.office.letters == []
    assert (mailing.only()["status"], mailing.only()["reason"]) == ("FAILED", "SUPPRESSED")


def test_putting_it_again_changes_nothing(put, mailing):
    first = put("a@example.org", reason="COMPLAINT")
    again = put("A@EXAMPLE.org", 200, note="other")
    assert again == first
    assert listed(mailing)["pagination"]["total"] == 1


def test_the_list_is_searched_and_paged(put, mailing):
    for name in ("ann", "bob_x", "bobxx", "carl%"):
        put(f"{name}@example.org", reason="MANUAL" if name != "ann" else "COMPLAINT")
    put("4711", channel="TELEGRAM")
    assert [one["address"] for one in listed(mailing)["data"]] == [
        "4711", "carl%@example.org", "bobxx@example.org", "bob_x@example.org", "ann@example.org",
    ]  # fmt: skip
    assert [one["address"] for one in listed(mailing, "?search=BOB_")["data"]] == ["bob_x@example.org"]
    assert [one["address"] for one in listed(mailing, "?search=l%25")["data"]] == ["carl%@example.org"]
    assert [one["address"] for one in listed(mailing, "?reason=COMPLAINT")["data"]] == ["ann@example.org"]
    assert [one["address"] for one in listed(mailing, "?channel=TELEGRAM")["data"]] == ["4711"]
    page = listed(mailing, "?page=2&limit=2")
    assert [one["address"] for one in page["data"]] == ["bobxx@example.org", "bob_x@example.org"]
    assert page["pagination"] == {"page": 2, "limit": 2, "total": 5, "totalPages": 3}


def test_the_note_alone_can_be_changed(put, mailing):
    one = put("a@example.org", note="x")
    path = f"{mailing.w}/suppressions/{one['id']}"
    assert mailing.owner.patch(path, {"note": "y"})["note"] == "y"
    assert mailing.owner.patch(path, {"note": None})["note"] is None
    assert mailing.owner.send("PATCH", path, {"address": "b@example.org", "note": "z"}).status_code == 400
    assert mailing.owner.get(path)["address"] == "a@example.org"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"address": "nobody"}, "email"),
        ({"address": " "}, "address"),
        ({"address": "a@example.org", "channel": "FAX"}, "channel"),
        ({"address": "a@example.org", "reason": "WHIM"}, "reason"),
        ({"address": "a@example.org", "note": "x" * 501}, "note"),
        ({"address": "a@example.org", "more": 1}, "more"),
        ({}, "address"),
    ],
)
def test_unsound_ones_are_refused(mailing, body, path):
    answer = mailing.owner.send("POST", f"{mailing.w}/suppressions", body)
    assert answer.status_code == 400
    assert path in [detail["path"] for detail in answer.json()["error"]["details"]] or path == "email"
    assert listed(mailing)["data"] == []


def test_what_is_not_there_is_a_404(mailing):
    for name in ("sup_0000000000000", "nonsense", mailing.bob):
        for method in ("GET", "DELETE"):
            assert mailing.owner.send(method, f"{mailing.w}/suppressions/{name}").status_code == 404
        assert mailing.owner.send("PATCH", f"{mailing.w}/suppressions/{name}", {"note": "x"}).status_code == 404


def test_the_audit_log_says_who(put, mailing):
    one = put("a@example.org")
    mailing.owner.delete(f"{mailing.w}/suppressions/{one['id']}")
    actions = [line["action"] for line in mailing.owner.get(f"{mailing.w}/audit") if line["target"] == one["id"]]
    assert actions == ["suppression.delete", "suppression.create"]


def test_a_server_that_refuses_the_mailbox_suppresses_it(mailing):
    mailing.office.says["RCPT"] = lambda _: "550 5.1.1 no such user"
    mailing.campaign()
    mailing.sign_up(mailing.bob)
    mailing.settle()
    (message,) = mailing.messages()
    assert message["status"] == "BOUNCED"
    (one,) = listed(mailing)["data"]
    assert (one["address"], one["reason"], one["messageId"]) == ("bob@example.org", "HARD_BOUNCE", message["id"])
    assert "no such user" in one["note"]
    assert [event["type"] for event in mailing.events()] == ["message.bounce"]


# Reports from outside


@pytest.fixture
def report(mailing):
    url = mailing.owner.post(f"{mailing.w}/feedback-token", None, 201)["url"]

    def report(*reports, status=200):
        answer = mailing.fetch(url, "POST", json={"reports": list(reports)})
        assert answer.status_code == status, answer.text
        return [result["applied"] for result in answer.json()["results"]] if status == 200 else answer.json()

    return report


def test_reports_are_taken_by_message_and_by_address(mailing, report):
    message = mailing.mail()
    assert report({"type": "DELIVERED", "messageId": message}) == [True]
    assert mailing.message(message)["status"] == "DELIVERED"
    bounce = {"type": "BOUNCE", "bounceType": "HARD", "messageId": f"<{message}@example.com>", "reason": "gone"}
    assert report(bounce, bounce, {"type": "COMPLAINT", "email": "ann@example.org"}) == [True, True, True]
    assert mailing.message(message)["status"] == "BOUNCED"
    assert [(one["address"], one["reason"], one["note"]) for one in listed(mailing)["data"]] == [
        ("ann@example.org", "COMPLAINT", None),
        ("bob@example.org", "HARD_BOUNCE", "gone"),
    ]
    assert [event["type"] for event in mailing.events()] == ["message.bounce"]
    nobody = {"type": "DELIVERED", "messageId": show("msg", 5)}
    strange = {"type": "DELIVERED", "messageId": "<other@example.com>"}
    assert report(nobody, strange, {"type": "DELIVERED", "email": "x@example.org"}) == [False, False, False]


def test_an_older_report_is_as_of_its_time(mailing, report):
    message = mailing.mail()
    report({"type": "COMPLAINT", "messageId": message, "timestamp": "2026-03-01T12:00:30Z"})
    (event,) = mailing.events()
    assert (event["type"], event["timestamp"]) == ("message.complaint", "2026-03-01T12:00:30.000Z")
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "BOUNCE", "messageId": "x"},
        {"type": "COMPLAINT", "bounceType": "HARD", "email": "a@example.org"},
        {"type": "COMPLAINT"},
        {"type": "bounce", "email": "a@example.org"},
        {"type": "COMPLAINT", "email": "a@example.org", "more": 1},
        {"type": "COMPLAINT", "email": "a@example.org", "timestamp": "yesterday"},
        {"type": "COMPLAINT", "email": 1},
        "x",
    ],
)
def test_unsound_reports_are_refused_whole(mailing, report, wrong):
    report({"type": "COMPLAINT", "email": "ann@example.org"}, wrong, status=400)
    assert listed(mailing)["data"] == []


def test_only_who_knows_the_token_may_report(mailing):
    url = mailing.owner.post(f"{mailing.w}/feedback-token", None, 201)["url"]
    body = {"reports": [{"type": "COMPLAINT", "email": "ann@example.org"}]}
    for wrong in (url[:-1], url + "A", url.swapcase().replace(BASE.swapcase(), BASE), f"{BASE}/api/public/feedback/x"):
        assert mailing.fetch(wrong, "POST", json=body).status_code in (404, 405), wrong
    # A new one ends the one before.
    newer = mailing.owner.post(f"{mailing.w}/feedback-token", None, 201)["url"]
    assert mailing.fetch(url, "POST", json=body).status_code == 404
    assert mailing.fetch(newer, "POST", json=body).status_code == 200
    assert mailing.owner.get(f"{mailing.w}/feedback-token")["createdAt"] is not None
    mailing.owner.delete(f"{mailing.w}/feedback-token")
    assert mailing.fetch(newer, "POST", json=body).status_code == 404
    assert mailing.owner.get(f"{mailing.w}/feedback-token") == {"createdAt": None}
    digests = mailing.house.rows("SELECT digest FROM feedback_tokens")
    assert newer.encode() not in b"".join(row[0] for row in digests)


def test_a_token_reaches_its_own_workspace_alone(mailing):
    message = mailing.mail()
    other = mailing.owner.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    url = mailing.owner.post(f"/workspaces/{other}/feedback-token", None, 201)["url"]
    report = {"type": "BOUNCE", "bounceType": "HARD", "messageId": message}
    answer = mailing.fetch(url, "POST", json={"reports": [report]})
    assert answer.json() == {"results": [{"applied": False}]}
    assert mailing.message(message)["status"] == "SENT"
    assert listed(mailing)["data"] == []

"""Forms as their makers see them: made, changed, deleted; submissions listed, counted, exported."""

import csv
import io

import pytest

from ensue.base.clock import DAY
from tests.api.forms import FIELDS, HERE, JANE, open_counter


@pytest.fixture
def counter(tmp_path, options):
    with open_counter(tmp_path, **options) as opened:
        yield opened


# Making and changing


def test_what_is_made_comes_back(counter):
    body = {
        "name": "Sign-up",
        "fields": [*FIELDS, {"key": "plan", "label": "Plan", "type": "select", "options": ["a", "b"], "hint": "Pick"}],
        "title": "Join us",
        "description": "Once a month.",
        "submitLabel": "Join",
        "message": "Welcome.",
        "redirectUrl": "https://shop.example.com/thanks?a=b",
        "doubleOptIn": True,
        "confirmation": {"subject": "One more step", "text": "Click."},
        "tags": ["lead"],
        "allowedOrigins": ["https://Shop.example.com"],
        "minimumSeconds": 3,
        "ownPagesOnly": True,
    }
    made = counter.owner.post(counter.owner.w + "/forms", body, 201)
    assert made == counter.owner.get(f"{counter.owner.w}/forms/{made['id']}")
    assert counter.owner.get(counter.owner.w + "/forms") == [made]
    assert made["status"] == "DRAFT"
    assert made["fields"][4]["options"] == ["a", "b"]
    assert made["allowedOrigins"] == ["https://shop.example.com"]
    same = ("title", "description", "submitLabel", "message", "redirectUrl", "doubleOptIn", "confirmation", "tags")
    assert {name: made[name] for name in same} == {name: body[name] for name in same}
    assert made["pageUrl"] == f"{HERE}/forms/{made['id']}"
    assert made["snippet"] == f'<script src="{made["pageUrl"]}/embed.js" async></script>'


def test_a_change_leaves_the_rest(counter):
    form = counter.form(title="Join us", tags=["lead"], redirectUrl="https://shop.example.com/")
    path = f"{counter.owner.w}/forms/{form}"
    changed = counter.owner.patch(path, {"title": "Join", "redirectUrl": None, "tags": None})
    assert (changed["title"], changed["redirectUrl"], changed["tags"]) == ("Join", None, ["lead"])
    assert changed["status"] == "ACTIVE"
    assert counter.owner.patch(path, {"status": "ARCHIVED"})["title"] == "Join"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "", "fields": FIELDS}, "name"),
        ({"name": "F"}, "fields"),
        ({"name": "F", "fields": []}, "fields"),
        ({"name": "F", "fields": [{"key": "_a", "label": "A"}]}, "fields[0].key"),
        ({"name": "F", "fields": [{"key": "a b", "label": "A"}]}, "fields[0].key"),
        ({"name": "F", "fields": [{"key": "a", "label": "A", "type": "file"}]}, "fields[0].type"),
        ({"name": "F", "fields": [{"key": "a", "label": "A", "mapsTo": "externalId"}]}, "fields[0].mapsTo"),
        ({"name": "F", "fields": FIELDS, "redirectUrl": "javascript:alert(1)"}, "redirectUrl"),
        ({"name": "F", "fields": FIELDS, "redirectUrl": "javascript://shop.example.com/%0aalert(1)"}, "redirectUrl"),
        ({"name": "F", "fields": FIELDS, "redirectUrl": "//evil.example.com"}, "redirectUrl"),
        ({"name": "F", "fields": FIELDS, "redirectUrl": "https://a.example.com/\r\nSet-Cookie: a=b"}, "redirectUrl"),
        ({"name": "F", "fields": FIELDS, "confirmation": {"subject": "a\r\nBcc: b"}}, "confirmation.subject"),
        ({"name": "F", "fields": FIELDS, "allowedOrigins": ["https://a.example.com/path"]}, "allowedOrigins[0]"),
        ({"name": "F", "fields": FIELDS, "segmentId": "seg_0000000000000"}, "segmentId"),
        ({"name": "F", "fields": FIELDS, "segmentId": "nonsense"}, "segmentId"),
        ({"name": "F", "fields": FIELDS, "unheard": 1}, "unheard"),
    ],
)
def test_an_unsound_form_is_refused_by_name(counter, body, path):
    error = counter.owner.post(counter.owner.w + "/forms", body, 400)["error"]
    assert path in [detail["path"] for detail in error["details"]]


def test_another_workspace_knows_nothing_of_it(counter):
    form = counter.form()
    counter.send(form)
    (kept,) = counter.submissions(form)
    listed = counter.owner.post(counter.owner.w + "/segments", {"name": "Guests", "type": "STATIC"}, 201)["id"]
    other = f"/workspaces/{counter.owner.post('/workspaces', {'name': 'Other', 'slug': 'other'}, 201)['id']}"
    assert counter.owner.get(other + "/forms") == []
    for path in ("", "/submissions", "/submissions.csv", "/stats", f"/submissions/{kept['id']}"):
        counter.owner.get(f"{other}/forms/{form}{path}", 404)
    counter.owner._expect(404, "PATCH", f"{other}/forms/{form}", {"name": "Mine"})
    counter.owner.delete(f"{other}/forms/{form}", 404)
    counter.owner.delete(f"{other}/forms/{form}/submissions/{kept['id']}", 404)
    counter.owner.post(other + "/forms", {"name": "F", "fields": FIELDS, "segmentId": listed}, 400)
    assert counter.submissions(form) == [kept]


def test_a_list_that_a_form_fills_is_not_deleted(counter):
    listed = counter.owner.post(counter.owner.w + "/segments", {"name": "Guests", "type": "STATIC"}, 201)["id"]
    form = counter.form(segmentId=listed)
    error = counter.owner._expect(409, "DELETE", f"{counter.owner.w}/segments/{listed}")["error"]
    assert error["details"][0]["path"] == "forms"
    counter.owner.delete(f"{counter.owner.w}/forms/{form}")
    counter.owner.delete(f"{counter.owner.w}/segments/{listed}")


def test_a_form_with_submissions_is_archived_and_not_deleted(counter):
    form = counter.form()
    counter.send(form)
    path = f"{counter.owner.w}/forms/{form}"
    assert counter.owner._expect(409, "DELETE", path)["error"]["code"] == "form_has_submissions"
    (kept,) = counter.submissions(form)
    counter.owner.delete(f"{path}/submissions/{kept['id']}")
    counter.owner.delete(path)
    counter.owner.get(path, 404)
    assert len(counter.events()) == 1


# What was sent


def test_a_submission_says_whose_it_is_and_what_became_of_it(counter):
    form = counter.form()
    own = {"sessionId": "s1", "pageUrl": "https://shop.example.com/", "referrer": "https://g.example.com/"}
    utm = {"utmSource": "ad", "utmMedium": "cpc", "utmCampaign": "spring"}
    counter.send(form, **own, **utm)
    (kept,) = counter.submissions(form)
    (event,) = counter.events()
    assert kept["values"] == JANE
    assert {name: kept[name] for name in (own | utm)} == own | utm == {name: event[name] for name in (own | utm)}
    assert kept["eventId"] == event["id"]
    assert kept["contactId"] == event["contact"]["id"] == counter.contacts()[0]["id"]
    assert event["source"] == "form"
    assert kept == counter.owner.get(f"{counter.owner.w}/forms/{form}/submissions/{kept['id']}")
    counter.owner.get(f"{counter.owner.w}/forms/{counter.form()}/submissions/{kept['id']}", 404)


def test_pages_and_counts(counter):
    form = counter.form()
    for number in range(3):
        counter.send(form, {"email": f"p{number}@example.com"})
    counter.send(form, homepage="https://spam.example.com")
    path = f"{counter.owner.w}/forms/{form}"
    page = counter.owner.get(f"{path}/submissions?limit=2&page=2")
    assert [one["values"]["email"] for one in page["data"]] == ["p0@example.com"]
    assert page["pagination"] == {"page": 2, "limit": 2, "total": 3, "totalPages": 2}
    assert [one["reason"] for one in counter.submissions(form, "DISCARDED")] == ["HONEYPOT"]
    counter.house.clock.advance(2 * DAY)
    counter.send(form)
    counted = counter.owner.get(f"{path}/stats")
    assert (counted["accepted"], counted["pending"], counted["discarded"]) == (4, 0, 1)
    assert [(day["day"], day["accepted"]) for day in counted["days"]] == [
        ("2026-03-01T00:00:00.000Z", 3),
        ("2026-03-03T00:00:00.000Z", 1),
    ]


def test_the_table_for_a_spreadsheet_does_nothing_there(counter):
    form = counter.form()
    evil = ['=HYPERLINK("http://evil.example.com")', "+1", "-1", "@SUM(A1)", 'a"b,c']
    for place, name in enumerate(evil):
        counter.send(form, {"email": f"p{place}@example.com", "name": name, "age": -5, "news": place == 0})
    counter.send(form, {"email": "+plus@example.com"}, utmSource="=1")
    response = counter.owner.client.get(f"/api{counter.owner.w}/forms/{form}/submissions.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="{form}.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["name"] for row in rows] == [f"'{name}" for name in evil[:4]] + [evil[4], ""]
    assert {row["age"] for row in rows} == {"-5", ""}
    assert [row["news"] for row in rows] == ["true", *["false"] * 4, ""]
    assert (rows[5]["email"], rows[5]["utmSource"]) == ("'+plus@example.com", "'=1")
    assert rows[0]["submissionId"].startswith("sub_")


def test_the_export_goes_on_past_one_read(counter, monkeypatch):
    from ensue.api import form_submissions

    monkeypatch.setattr(form_submissions, "_EXPORTED_AT_ONCE", 2)
    form = counter.form()
    for number in range(5):
        counter.send(form, {"email": f"p{number}@example.com"})
    text = counter.owner.client.get(f"/api{counter.owner.w}/forms/{form}/submissions.csv").text
    assert [row["email"] for row in csv.DictReader(io.StringIO(text))] == [f"p{n}@example.com" for n in range(5)]


def test_the_history_of_a_contact_names_the_form(counter):
    form = counter.form(tags=["lead"])
    counter.send(form)
    (kept,) = counter.submissions(form)
    timeline = counter.owner.get(f"{counter.owner.w}/contacts/{kept['contactId']}/timeline")
    causes = [entry["cause"] for entry in timeline if entry["type"] == "CHANGED"]
    assert {"kind": "FORM", "id": kept["id"]} in causes

"""Forms as visitors meet them, and as those do who mean no good."""

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, SECOND
from ensue.engine.forms import tokens
from ensue.worker.forget_loop import ForgetLoop
from tests.api.forms import BROWSER, FIELDS, HERE, JANE, open_counter

SHOP, EVIL = "https://shop.example.com", "https://evil.example.com"
ALERT = "\"'></textarea></title></select><script>alert(1)</script><img src=x onerror=alert(1)>"
TYPED = {"email": "jane@example.com", "name": "Jane", "age": "30", "news": "on"}


@pytest.fixture
def counter(tmp_path):
    with open_counter(tmp_path) as opened:
        yield opened


class Elements(HTMLParser):
    """The start tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag):
        return [attributes for found, attributes in self.found if found == tag]

    def named(self, name):
        (one,) = [attributes for _, attributes in self.found if attributes.get("name") == name]
        return one


def paths(response):
    return [detail["path"] for detail in response.json()["error"]["details"]]


def error(response, status=400):
    assert response.status_code == status, response.text
    return response.json()["error"]


def link_of(counter):
    """The confirmation link of the newest mail."""
    (values,) = counter.house.rows("SELECT given FROM messages ORDER BY id DESC LIMIT 1")[0]
    return json.loads(values)["link"].removeprefix(HERE)


# Sending


def test_the_answer_says_nothing_but_that_it_came(counter):
    response = counter.send(counter.form())
    assert response.status_code == 201
    assert response.json() == {"status": "ACCEPTED", "message": "Thank you.", "redirectUrl": None}
    assert "access-control-allow-origin" not in response.headers
    assert "set-cookie" not in response.headers


def test_both_paths_and_all_three_kinds_of_body_are_taken(counter):
    form = counter.form()
    urlencoded = counter.visitor.post(f"/api/forms/{form}/submit", data=TYPED)
    multipart = counter.visitor.post(f"/forms/{form}/submit", files={name: (None, v) for name, v in TYPED.items()})
    as_json = counter.send(form)
    assert [r.status_code for r in (urlencoded, multipart, as_json)] == [201, 201, 201]
    assert [kept["values"] for kept in counter.submissions(form)] == [JANE, JANE, JANE]
    assert len(counter.contacts()) == 1


def test_nobody_learns_who_is_known(counter):
    form, strict = counter.form(), counter.form(doubleOptIn=True)
    full = {f"a{number}": 1 for number in range(bounds.ATTRIBUTES)}
    people = f"{counter.owner.w}/contacts"
    known = counter.owner.post(people, {"email": "known@example.com", "firstName": "K", "attributes": full}, 201)["id"]
    gone = counter.owner.post(people, {"email": "gone@example.com"}, 201)["id"]
    counter.owner.post(f"{people}/{gone}/erase", {}, 204)
    counter.owner.send("PUT", f"{people}/{known}/consents/EMAIL", {"status": "OPTED_OUT"})
    answers = {
        (target, again): {
            (response.status_code, response.text, frozenset(response.headers))
            for email in ("known@example.com", "gone@example.com", "new@example.com")
            for response in [counter.send(target, {**JANE, "email": email}, submissionId=f"{email} {again}")]
        }
        for target in (form, strict)
        for again in (1, 1, 2)
    }
    assert all(len(different) == 1 for different in answers.values())
    other = [counter.send(form, {"email": f"{who}@example.com"}, submissionId=f"{who}@example.com 1")
             for who in ("known", "gone", "new")]  # fmt: skip
    assert {response.status_code for response in other} == {409}
    assert "gone@example.com" not in {contact["email"] for contact in counter.contacts()}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "values.email"),
        ({"email": "nobody"}, "values.email"),
        ({"email": 5}, "values.email"),
        ({"email": ["a@example.com"]}, "values.email"),
        ({"email": {"$gt": ""}}, "values.email"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "values.email"),
        ({"email": "a" * 300 + "@example.com"}, "values.email"),
        ({**JANE, "name": "a\r\nb"}, "values.name"),
        ({**JANE, "name": "x" * 201}, "values.name"),
        ({**JANE, "age": "30"}, "values.age"),
        ({**JANE, "age": True}, "values.age"),
        ({**JANE, "age": 1e300}, "values.age"),
        ({**JANE, "age": 10**400}, "values.age"),
        ({**JANE, "news": "on"}, "values.news"),
        ({**JANE, "unheard": 1}, "values.unheard"),
        ({**JANE, "__proto__": 1}, "values.__proto__"),
        ({**JANE, "externalId": "admin"}, "values.externalId"),
    ],
)
def test_what_is_no_answer_is_refused_by_name(counter, values, path):
    form = counter.form()
    response = counter.send(form, values)
    error(response)
    assert path in paths(response)
    assert counter.submissions(form) == counter.contacts() == counter.events() == []


@pytest.mark.parametrize(
    ("kind", "extra", "good", "bad"),
    [
        ("select", {"options": ["a", "b"]}, "a", "c"),
        ("date", {}, "2028-02-29", "2027-02-29"),
        ("number", {}, "-1.5e3", "1e999"),
        ("number", {}, "0", "NaN"),
        ("number", {}, "7", "0x10"),
        ("textarea", {}, "two\r\nlines", "bell\x07"),
        ("text", {}, "x" * bounds.TEXT, "x" * (bounds.TEXT + 1)),
        ("tel", {}, "+43 1 2345", "1" * 51),
        ("checkbox", {}, "on", "perhaps"),
        ("hidden", {}, "x", "a\nb"),
    ],
)
def test_every_kind_of_field(counter, kind, extra, good, bad):
    form = counter.form(fields=[{"key": "x", "label": "X", "type": kind, **extra}])
    assert counter.visitor.post(f"/forms/{form}/submit", data={"x": good}).status_code == 201
    response = counter.visitor.post(f"/forms/{form}/submit", data={"x": bad})
    error(response)
    assert paths(response) == ["x"]
    (kept,) = counter.submissions(form)
    assert kept["values"]["x"] == {"two\r\nlines": "two\nlines", "-1.5e3": -1500.0, "0": 0, "7": 7, "on": True}.get(
        good, good
    )


def test_a_box_that_must_be_ticked(counter):
    form = counter.form(fields=[{"key": "terms", "label": "Terms", "type": "checkbox", "required": True}])
    for fields in ({"terms": "off"}, {"terms": ""}, {"other": "1"}):
        assert counter.visitor.post(f"/forms/{form}/submit", data=fields).status_code == 400
    assert counter.visitor.post(f"/forms/{form}/submit", data={"terms": "on"}).status_code == 201


def test_a_hidden_field_has_the_makers_value_when_nothing_is_sent(counter):
    form = counter.form(fields=[{"key": "src", "label": "S", "type": "hidden", "default": "footer"}])
    assert counter.send(form, {}).status_code == 201
    assert counter.submissions(form)[0]["values"] == {"src": "footer"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'{"values": []}', 400),
        ("application/json", b'{"values": {}, "values2": 1}', 400),
        ("application/json", b'{"values": {"email": "\\ud800"}}', 400),
        ("application/json", b'{"values": {"email": "a@example.com", "name": "\\u0000"}}', 400),
        ("application/json", b'{"values": {"age": NaN}}', 400),
        ("application/json", b'{"values": ' + b"[" * 5_000, 400),
        ("application/json", b'{"values": {"email": "a@example.com"}, "pageUrl": 7}', 400),
        ("application/json", b'{"values": {"email": "a@example.com"}, "sessionId": ""}', 400),
        ("application/json", b'{"values": {"email": "a@example.com"}, "token": "' + b"x" * 300 + b'"}', 400),
        ("application/json", b'"' + b"x" * 70_000 + b'"', 413),
        ("application/x-www-form-urlencoded", b"email=a%40example.com&_unheard=1", 400),
        ("application/x-www-form-urlencoded", b"email=%ff", 400),
        ("application/x-www-form-urlencoded", b"email=\xff", 400),
        ("application/x-www-form-urlencoded", b"email=a%40example.com&name=%00", 400),
        ("application/x-www-form-urlencoded", b"email=a%40example.com&_pageUrl=%00", 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 10_000, 400),
        ("application/x-www-form-urlencoded", b"x" * 70_000, 413),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=x\r\n\r\na@b.example", 400),
        ("multipart/form-data; boundary=x", b"--x" * 20_000, 400),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 5_000 + b"--x--", 400),
        ("multipart/form-data; boundary=" + "x" * 100, b"--x--", 400),
        ("text/plain", b'{"values": {}}', 400),
        ("", b"", 400),
    ],
)  # fmt: skip
def test_rubbish_is_refused(counter, content_type, body, status):
    form = counter.form()
    response = counter.visitor.post(f"/forms/{form}/submit", content=body, headers={"content-type": content_type})
    error(response, status)
    page = counter.visitor.post(
        f"/forms/{form}/submit", content=body, headers={"content-type": content_type, **BROWSER}
    )
    assert page.status_code == status
    assert counter.submissions(form) == []


def test_a_file_is_not_taken(counter):
    form = counter.form()
    response = counter.visitor.post(f"/forms/{form}/submit", files={"name": ("evil.exe", b"MZ")})
    assert paths(response) == ["name"]


def test_a_multipart_value_keeps_its_lines_and_its_dashes(counter):
    form = counter.form(fields=[{"key": "x", "label": "X", "type": "textarea"}])
    counter.visitor.post(f"/forms/{form}/submit", files={"x": (None, "--a\r\n\r\nb--")})
    assert counter.submissions(form)[0]["values"] == {"x": "--a\n\nb--"}


@pytest.mark.parametrize("form", ["frm_0000000000000", "nonsense", "frm_", "..%2f..", "%00", "frm_zzzzzzzzzzzzz"])
def test_a_form_that_is_none(counter, form):
    assert counter.page(form).status_code == 404
    assert counter.visitor.get(f"/forms/{form}/embed.js").status_code == 404
    assert counter.visitor.post(f"/forms/{form}/submit", json={"values": {}}).status_code == 404
    assert counter.post(form, {}).status_code == 404


@pytest.mark.parametrize("status", ["DRAFT", "ARCHIVED"])
def test_a_form_that_is_not_open_cannot_be_told_from_none(counter, status):
    closed = counter.form(status=status)
    assert counter.page(closed).text == counter.page("frm_0000000000000").text
    assert counter.send(closed).text == counter.send("frm_0000000000000").text


# Once, and not by robots


def test_sending_again_stores_nothing_again(counter):
    form = counter.form()
    first = counter.send(form, submissionId="a")
    again = counter.send(form, submissionId="a")
    by_header = counter.send(form, headers={"idempotency-key": "a"})
    assert first.text == again.text == by_header.text
    assert len(counter.submissions(form)) == len(counter.events()) == 1
    assert error(counter.send(form, {**JANE, "age": 31}, submissionId="a"), 409)["code"] == "submission_reused"


def test_a_page_is_sent_once(counter):
    form = counter.form()
    token = Elements(counter.page(form).text).named("_token")["value"]
    assert counter.post(form, {**TYPED, "_token": token}).status_code == 200
    assert counter.post(form, {**TYPED, "_token": token}).status_code == 200
    assert counter.post(form, {**TYPED, "name": "Eve", "_token": token}).status_code == 409
    assert len(counter.submissions(form)) == 1
    assert Elements(counter.page(form).text).named("_token")["value"] != token


def test_who_fills_in_what_nobody_sees_is_told_the_same_and_kept_out(counter):
    form = counter.form()
    told = counter.send(form, homepage="https://spam.example.com")
    assert told.text == counter.send(form).text
    assert counter.post(form, {**TYPED, "_homepage": "x"}).text == counter.post(form, TYPED).text
    assert [kept["reason"] for kept in counter.submissions(form, "DISCARDED")] == ["HONEYPOT", "HONEYPOT"]
    assert len(counter.submissions(form)) == 2


def test_nobody_fills_in_a_page_at_once(counter):
    form = counter.form(minimumSeconds=2)
    token = Elements(counter.page(form).text).named("_token")["value"]
    fields = {**TYPED, "_token": token}
    counter.house.clock.advance(2 * SECOND - 1)
    page = counter.post(form, fields)
    assert page.status_code == 400
    assert Elements(page.text).named("_token")["value"] == token
    assert Elements(page.text).named("name")["value"] == "Jane"
    counter.house.clock.advance(1)
    assert counter.post(form, fields).status_code == 200


def test_a_page_that_was_open_for_too_long_gets_a_new_token(counter):
    form = counter.form()
    token = Elements(counter.page(form).text).named("_token")["value"]
    counter.house.clock.advance(DAY + 1)
    page = counter.post(form, {**TYPED, "_token": token})
    assert page.status_code == 400
    fresh = Elements(page.text).named("_token")["value"]
    assert counter.post(form, {**TYPED, "_token": fresh}).status_code == 200


def test_a_token_of_another_form_or_none_of_ours(counter):
    form, other = counter.form(ownPagesOnly=True), counter.form()
    assert error(counter.send(form))["code"] == "page_required"
    foreign = Elements(counter.page(other).text).named("_token")["value"]
    for token in (foreign, "nonsense", foreign[:-1] + "é", foreign + "="):
        assert error(counter.send(form, token=token))["code"] == "page_too_old"
    own = Elements(counter.page(form).text).named("_token")["value"]
    assert counter.send(form, token=own).status_code == 201


def test_one_address_sends_a_form_so_often_and_no_oftener(counter):
    form, other = counter.form(), counter.form()
    for _ in range(bounds.FORM_RATE):
        assert counter.send(form, {}).status_code == 400
    refused = counter.send(form)
    error(refused, 429)
    assert refused.headers["retry-after"] == str(bounds.FORM_RATE_WINDOW // SECOND)
    assert counter.post(form, TYPED).status_code == 429
    assert counter.send(other).status_code == 201
    counter.house.clock.advance(bounds.FORM_RATE_WINDOW - 1)
    assert counter.send(form).headers["retry-after"] == "1"
    counter.house.clock.advance(1)
    assert counter.send(form).status_code == 201


# Other sites


def preflight(counter, form, origin):
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    return counter.visitor.options(f"/forms/{form}/submit", headers=headers)


def test_a_form_of_one_site_is_sent_from_there_alone(counter):
    form = counter.form(allowedOrigins=[SHOP])
    allowed = counter.send(form, headers={"origin": SHOP})
    assert allowed.status_code == 201
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert allowed.headers["vary"] == "Origin"
    for origin in (EVIL, "null", SHOP + ".evil.example.com", "http://shop.example.com", SHOP + ":8443"):
        refused = counter.send(form, headers={"origin": origin})
        assert error(refused, 403)["code"] == "origin_refused"
        assert "access-control-allow-origin" not in refused.headers
        asked = preflight(counter, form, origin)
        assert asked.status_code == 403
        assert "access-control-allow-origin" not in asked.headers
    asked = preflight(counter, form, SHOP)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == SHOP
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "content-type" in asked.headers["access-control-allow-headers"]
    page = counter.post(form, TYPED, {"origin": EVIL})
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
    # Our own page, and a program that says no origin.
    assert counter.send(form, headers={"origin": HERE}).status_code == 201
    assert counter.send(form).status_code == 201
    assert len(counter.submissions(form)) == 3


def test_a_form_of_no_site_is_sent_from_any_and_never_with_cookies(counter):
    form = counter.form()
    for response in (counter.send(form, headers={"origin": EVIL}), preflight(counter, form, EVIL)):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


def test_another_site_can_read_what_was_wrong(counter):
    form = counter.form(allowedOrigins=[SHOP])
    refused = counter.send(form, {}, headers={"origin": SHOP})
    error(refused)
    assert refused.headers["access-control-allow-origin"] == SHOP


def test_a_cookie_changes_nothing(counter):
    """Who is signed in here sends a form as anybody does."""
    form = counter.form()
    response = counter.owner.client.post(f"/forms/{form}/submit", json={"values": JANE}, headers={"origin": EVIL})
    assert response.status_code == 201


# The page


def test_the_page_works_without_scripts_and_says_what_each_field_is(counter):
    fields = [
        *FIELDS,
        {"key": "plan", "label": "Plan", "type": "select", "options": ["a", "b"], "hint": "Choose one", "default": "b"},
        {"key": "why", "label": "Why", "type": "textarea"},
        {"key": "src", "label": "S", "type": "hidden", "default": "x"},
    ]
    page = counter.page(counter.form(fields=fields, title="Join us"), "?utm_source=ad&sessionId=s1")
    elements = Elements(page.text)
    labels = {attributes["for"] for attributes in elements.of("label")}
    seen = [
        attributes
        for tag, attributes in elements.found
        if tag in {"input", "select", "textarea"} and attributes.get("type") != "hidden"
    ]
    assert {attributes["id"] for attributes in seen} == labels
    assert elements.named("email")["autocomplete"] == "email"
    assert "required" in elements.named("email")
    assert elements.named("plan")["aria-describedby"] == "field-plan-hint"
    assert (elements.named("_utmSource")["value"], elements.named("_sessionId")["value"]) == ("ad", "s1")
    assert elements.named("src")["value"] == "x"
    assert elements.of("script") == []
    assert "style=" not in page.text
    assert page.headers["cache-control"] == "no-store"
    policies = page.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "script-src 'self'" in policies[0]
    assert "form-action 'self';" in policies[0]
    assert counter.visitor.get("/forms/form.css").headers["content-type"].startswith("text/css")


def test_what_was_typed_stays_and_what_is_wrong_stands_beside_it(counter):
    form = counter.form()
    page = counter.post(form, {"email": "nobody", "name": "Jane <3", "age": "thirty", "news": "on"})
    assert page.status_code == 400
    elements = Elements(page.text)
    assert [elements.named(name)["value"] for name in ("email", "name", "age")] == ["nobody", "Jane <3", "thirty"]
    assert "checked" in elements.named("news")
    assert elements.named("email")["aria-invalid"] == "true"
    assert "aria-invalid" not in elements.named("name")
    assert elements.named("age")["aria-describedby"] == "field-age-fault"
    assert re.search(r'id="field-age-fault">must be a number<', page.text)
    assert [attributes["href"] for attributes in elements.of("a")] == ["#field-email", "#field-age"]
    assert any(attributes.get("role") == "alert" for attributes in elements.of("div"))


def test_the_page_says_thank_you_or_leads_on(counter):
    said = counter.post(counter.form(message="See you <soon>."), TYPED)
    assert said.status_code == 200
    assert "See you &lt;soon&gt;." in said.text
    form = counter.form(redirectUrl=SHOP + "/thanks")
    led = counter.post(form, TYPED)
    assert (led.status_code, led.headers["location"]) == (303, SHOP + "/thanks")
    assert f"form-action 'self' {SHOP};" in counter.page(form).headers["content-security-policy"]


def test_nothing_that_anybody_wrote_is_taken_for_markup(counter):
    fields = [
        {"key": "email", "label": ALERT, "type": "email", "mapsTo": "email", "hint": ALERT},
        {"key": "a", "label": ALERT, "default": ALERT},
        {"key": "b", "label": ALERT, "type": "textarea", "default": ALERT},
        {"key": "c", "label": ALERT, "type": "select", "options": [ALERT, "x"], "default": ALERT},
        {"key": "d", "label": ALERT, "type": "hidden", "default": ALERT},
        {"key": "e", "label": ALERT, "type": "checkbox"},
    ]
    form = counter.form(fields=fields, title=ALERT, description=ALERT, submitLabel=ALERT, message=ALERT)
    typed = {"email": ALERT, "a": ALERT, "b": ALERT, "c": ALERT, "d": ALERT, "e": ALERT, ALERT: "1"}
    pages = [
        counter.page(form, f"?utm_source={ALERT}&sessionId={ALERT}"),
        counter.post(form, typed),
        counter.post(form, {**typed, "_referrer": ALERT, "_token": "x"}),
        counter.post(form, {"a": ALERT, "c": ALERT}),
        counter.visitor.get(f"/forms/confirm/{ALERT}", headers=BROWSER),
    ]
    assert [page.status_code for page in pages] == [200, 400, 400, 200, 404]
    for page in pages:
        tags = {tag for tag, _ in Elements(page.text).found}
        assert not tags & {"script", "img"}
        assert not any("onerror" in attributes for _, attributes in Elements(page.text).found)
    assert Elements(pages[0].text).named("a")["value"] == ALERT


def test_the_script_carries_the_form_and_cannot_be_broken_out_of(counter):
    evil = "</script><script>alert(1)</script>\u2028'\"\\"
    fields = [{"key": "a", "label": evil, "default": evil}]
    form = counter.form(fields=fields, submitLabel=evil)
    response = counter.visitor.get(f"/forms/{form}/embed.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<" not in response.text.partition("})(document, ")[2]
    assert "\u2028" not in response.text
    described = json.loads(response.text.partition("})(document, ")[2].strip().removesuffix(");"))
    assert described["fields"][0]["label"] == evil.strip()
    opened = tokens.read_page(counter.house.services.signer, described["token"])
    assert opened is not None
    script = response.text.partition("})(document, ")[0]
    assert len(script.encode()) <= 3 * 1024
    assert "innerHTML" not in script
    assert "eval" not in script


# Double opt-in


def test_the_mail_goes_out_and_nothing_else_follows_yet(counter):
    form = counter.form(doubleOptIn=True, title="Join {{ contact.email }}\r\nBcc: joe@example.com")
    response = counter.send(form)
    assert response.status_code == 202
    assert response.json()["status"] == "PENDING"
    assert counter.contacts() == counter.events() == []
    ((given,),) = counter.house.rows("SELECT given FROM messages")
    assert json.loads(given)["subject"] == "Please confirm: Join {{ contact.email }} Bcc: joe@example.com"
    ((channel, kind, address, contact),) = counter.house.rows("SELECT channel, kind, address, contact_id FROM messages")
    assert (channel, kind, address, contact) == ("EMAIL", "TRANSACTIONAL", "jane@example.com", None)
    (kept,) = counter.submissions(form, "PENDING")
    assert kept["expiresAt"] == "2026-03-08T12:00:00.000Z"


def test_an_address_that_gets_nothing_is_answered_alike(counter):
    form = counter.form(doubleOptIn=True)
    body = {"channel": "EMAIL", "address": "jane@example.com"}
    counter.owner.post(f"{counter.owner.w}/suppressions", body, 201)
    suppressed, other = counter.send(form), counter.send(form, {**JANE, "email": "joe@example.com"})
    assert (suppressed.status_code, suppressed.text) == (other.status_code, other.text)
    assert [kept["reason"] for kept in counter.submissions(form, "DISCARDED")] == ["SUPPRESSED"]
    assert counter.house.rows("SELECT address FROM messages") == [("joe@example.com",)]


def test_looking_at_the_link_changes_nothing_and_the_button_does(counter):
    form = counter.form(doubleOptIn=True, title="Join us")
    counter.send(form, sessionId="s1")
    link = link_of(counter)
    for _ in range(2):
        page = counter.visitor.get(link, headers=BROWSER)
        assert page.status_code == 200
        counter.visitor.head(link)
    assert counter.events() == []
    assert "Send me news" in page.text
    assert "jane@example.com" in page.text
    (shown,) = Elements(page.text).of("form")
    assert (shown["method"], shown["action"]) == ("post", link)
    confirmed = counter.visitor.post(link, headers=BROWSER)
    assert "confirmed" in confirmed.text
    assert counter.visitor.post(link, headers=BROWSER).text == confirmed.text
    assert counter.visitor.get(link, headers=BROWSER).text == confirmed.text
    (event,) = counter.events()
    assert event["sessionId"] == "s1"
    (jane,) = counter.contacts()
    consents = counter.owner.get(f"{counter.owner.w}/contacts/{jane['id']}/consents")
    assert [(one["channel"], one["status"], one["source"]) for one in consents] == [
        ("EMAIL", "OPTED_IN", f"form {form}")
    ]
    ((owner,),) = counter.house.rows("SELECT contact_id FROM messages")
    assert owner is not None


def test_an_altered_link_leads_nowhere(counter):
    counter.send(counter.form(doubleOptIn=True))
    link = link_of(counter)
    for place in (len("/forms/confirm/"), -1, -9):
        altered = list(link)
        altered[place] = "A" if altered[place] != "A" else "B"
        for method in ("GET", "POST"):
            assert counter.visitor.request(method, "".join(altered)).status_code == 404
    assert counter.visitor.get("/forms/confirm/" + "A" * 5_000).status_code == 400
    assert counter.events() == []


def test_a_link_that_is_too_old_leads_nowhere(counter):
    counter.send(counter.form(doubleOptIn=True))
    link = link_of(counter)
    counter.house.clock.advance(7 * DAY)
    for method in ("GET", "POST"):
        assert counter.visitor.request(method, link).status_code == 404
    assert counter.events() == []


def test_a_link_is_made_from_the_configuration_and_never_from_the_request(counter):
    counter.send(counter.form(doubleOptIn=True), headers={"host": "evil.example.com"})
    (values,) = counter.house.rows("SELECT given FROM messages")[0]
    assert json.loads(values)["link"].startswith(HERE + "/forms/confirm/")


def test_the_pages_of_a_mail_are_of_one_person(counter):
    counter.send(counter.form(doubleOptIn=True))
    page = counter.visitor.get(link_of(counter), headers=BROWSER)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"


def test_what_was_typed_is_shown_on_the_confirmation_as_text(counter):
    counter.send(counter.form(doubleOptIn=True), {"email": "jane@example.com", "name": ALERT})
    page = counter.visitor.get(link_of(counter), headers=BROWSER)
    assert Elements(page.text).of("script") == []
    assert ALERT in unescape(page.text)


def test_what_nobody_confirmed_is_forgotten_with_the_address_it_was_for(counter):
    form = counter.form(doubleOptIn=True)
    counter.send(form)
    counter.send(form, {**JANE, "email": "joe@example.com"})
    counter.visitor.post(link_of(counter))
    services = counter.house.services
    forgetting = ForgetLoop(services.engine, services.store, services.commits)
    counter.house.clock.advance(bounds.FORM_CONFIRMATION - 1)
    assert counter.house.call(forgetting.look) == 0
    counter.house.clock.advance(1)
    assert counter.house.call(forgetting.look) == 1
    assert counter.submissions(form, "PENDING") == []
    assert [kept["values"]["email"] for kept in counter.submissions(form)] == ["joe@example.com"]
    kept = counter.house.rows("SELECT address, given IS NULL, contact_id IS NULL FROM messages ORDER BY id")
    assert kept == [(None, 1, 1), ("joe@example.com", 0, 0)]

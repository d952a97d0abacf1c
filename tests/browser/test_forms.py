"""Forms in a real browser: the hosted page without scripts, and the script on somebody else's site."""

import re
from typing import Any
from urllib.parse import urlsplit

from tests.sending.post_office import PostOffice

FIELDS = [
    {"key": "email", "label": "E-mail", "type": "email", "required": True, "mapsTo": "email"},
    {"key": "name", "label": "Your name", "mapsTo": "firstName", "hint": "As on your card"},
    {"key": "why", "label": "Why?", "type": "textarea"},
    {"key": "news", "label": "Send me news", "type": "checkbox", "mapsTo": "consents.EMAIL"},
]
LONG = "J" * 201


def make(owner, **more: Any) -> dict[str, Any]:
    body = {"name": "Sign-up", "status": "ACTIVE", "fields": FIELDS, "minimumSeconds": 0, **more}
    made: dict[str, Any] = owner.post(f"{owner.w}/forms", body, 201)
    return made


def submissions(owner, form) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.get(f"{owner.w}/forms/{form['id']}/submissions")["data"]
    return found


def test_the_page_is_filled_in_without_scripts(owner, chrome):
    form = make(owner, message="Welcome.")
    chrome.without_scripts()
    chrome.go(form["pageUrl"] + "?utm_source=ad&sessionId=s1")
    chrome.type("#field-email", "jane@example.com")
    chrome.type("#field-name", LONG)
    chrome.type("#field-why", "<b>one</b>\ntwo")
    chrome.click("#field-news")
    chrome.follow("button")
    assert "must not be longer than 200 characters" in chrome.html
    assert submissions(owner, form) == []
    # Everything else stands there still.
    chrome.type("#field-name", "Jane")
    chrome.follow("button")
    assert "Welcome." in chrome.html
    (kept,) = submissions(owner, form)
    assert kept["values"] == {"email": "jane@example.com", "name": "Jane", "why": "<b>one</b>\ntwo", "news": True}
    assert (kept["utmSource"], kept["sessionId"]) == ("ad", "s1")


def test_the_page_leads_on_to_another_site(owner, chrome, site):
    form = make(owner, redirectUrl=site.url + "/thanks")
    chrome.without_scripts()
    chrome.go(form["pageUrl"])
    chrome.type("#field-email", "joe@example.com")
    chrome.follow("button")
    assert "Somewhere else" in chrome.html


def test_the_script_works_on_a_site_that_allows_it(owner, chrome, site):
    form = make(owner, message="Welcome.", allowedOrigins=[site.url])
    site.pages["/"] = f"<!doctype html><title>Shop</title><h1>Shop</h1>{form['snippet']}<footer>End</footer>"
    chrome.go(site.url + "/?utm_campaign=spring")
    field = f"#ensue-{form['id']}-"
    chrome.until("document.querySelector('.ensue-form')")
    chrome.type(field + "email", "eve@example.com")
    chrome.type(field + "name", LONG)
    chrome.click(".ensue-form button")
    said = chrome.until(f"document.querySelector('{field}name-fault').textContent")
    assert said == "must not be longer than 200 characters"
    chrome.type(field + "name", "Eve")
    chrome.click(".ensue-form button")
    assert chrome.until("!document.querySelector('.ensue-form') && document.querySelector('p').innerText") == "Welcome."
    (kept,) = submissions(owner, form)
    assert kept["values"] == {"email": "eve@example.com", "name": "Eve"}
    assert (kept["pageUrl"], kept["utmCampaign"]) == (site.url + "/?utm_campaign=spring", "spring")


def test_a_site_that_is_not_allowed_is_refused_by_the_browser(owner, chrome, site):
    form = make(owner, allowedOrigins=["https://shop.example.com"])
    site.pages["/"] = f"<!doctype html><h1>Shop</h1>{form['snippet']}"
    chrome.go(site.url)
    chrome.until("document.querySelector('.ensue-form')")
    chrome.type(f"#ensue-{form['id']}-email", "eve@example.com")
    chrome.click(".ensue-form button")
    assert chrome.until("document.querySelector('.ensue-form > p[role=status]').textContent").startswith(
        "This could not"
    )
    assert submissions(owner, form) == []


def test_from_the_form_by_way_of_the_mail_to_the_consent(live, owner, chrome):
    with PostOffice() as office:
        server = {"host": "127.0.0.1", "port": office.port, "security": "NONE", "fromEmail": "shop@example.com"}
        assert owner.send("PUT", f"{owner.w}/senders/EMAIL", server).status_code == 200
        form = make(owner, doubleOptIn=True, title="Join <us>")
        chrome.without_scripts()
        chrome.go(form["pageUrl"])
        chrome.type("#field-email", "zoe@example.com")
        chrome.click("#field-news")
        chrome.follow("button")
        assert "look into your mail" in chrome.html
        office.waits_until(bool)
        (letter,) = office.letters
        mail = letter.mail
        assert (mail["to"], mail["subject"]) == ("zoe@example.com", "Please confirm: Join <us>")
        assert "List-Unsubscribe" not in mail
        html, text = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html is not None
        assert text is not None
        assert "<img" not in html.get_content()
        (link,) = re.findall(r"http\S+/forms/confirm/\S+", text.get_content())
        assert f'href="{link}"' in html.get_content()
        # The server listens on a free port, which it does not know as its public one.
        chrome.go(live.url + urlsplit(link).path)
        assert submissions(owner, form) == []
        chrome.follow("button")
        assert "This is confirmed." in chrome.html
    (kept,) = submissions(owner, form)
    consents = owner.get(f"{owner.w}/contacts/{kept['contactId']}/consents")
    assert [(one["channel"], one["status"]) for one in consents] == [("EMAIL", "OPTED_IN")]

"""Leaving, and choosing what to receive, in a real browser that runs no scripts; and a link that is followed."""

import re
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sending.post_office import PostOffice

SIGN_UP = {"type": "EVENT", "eventType": "signup"}


@pytest.fixture
def office(owner):
    with PostOffice() as office:
        server = {"host": "127.0.0.1", "port": office.port, "security": "NONE", "fromEmail": "shop@example.com"}
        assert owner.send("PUT", f"{owner.w}/senders/EMAIL", server).status_code == 200
        yield office


def mailed(owner, office, address: str, html: str) -> tuple[str, EmailMessage]:
    """(the contact, the mail) of somebody who signed up."""
    send = {"channel": "EMAIL", "subject": "Welcome", "html": html}
    nodes = [{"id": "mail", "type": "send", "data": send}]
    campaign = {"name": address, "status": "ACTIVE", "triggers": [SIGN_UP], "workflow": {"nodes": nodes, "edges": []}}
    made = owner.post(f"{owner.w}/campaigns", campaign, 201)
    contact: str = owner.post(f"{owner.w}/contacts", {"email": address}, 201)["id"]
    owner.post(f"{owner.w}/events", {"type": "signup", "contactId": contact}, 201)
    office.waits_until(bool)
    (letter,) = office.letters
    owner.post(f"{owner.w}/campaigns/{made['id']}/complete", None)
    return contact, letter.mail


def consents(owner, contact: str) -> dict[str, Any]:
    return {one["channel"]: one["status"] for one in owner.get(f"{owner.w}/contacts/{contact}/consents")}


def test_the_page_of_the_header_asks_and_then_unsubscribes(live, owner, chrome, office, tmp_path):
    contact, mail = mailed(owner, office, "judy.leaves@example.com", "<p>Hi</p>")
    address = re.findall(r"<(http[^>]+)>", mail["List-Unsubscribe"])[0]
    chrome.without_scripts()
    chrome.go(live.url + urlsplit(address).path)
    assert "Unsubscribe?" in chrome.html
    assert "j…@example.com" in chrome.html
    assert consents(owner, contact) == {}
    chrome.follow("button")
    assert "You have unsubscribed" in chrome.html
    assert consents(owner, contact) == {"EMAIL": "OPTED_OUT"}
    # A reload after it is a question to the browser's user; the page itself, looked at again, changes nothing back.
    chrome.follow("a")
    assert "may send you" in chrome.html
    chrome.click("#EMAIL")
    chrome.follow("button")
    assert "Your choice is saved." in chrome.html
    assert consents(owner, contact) == {"EMAIL": "OPTED_IN"}


def test_a_person_follows_a_link_and_a_prefetch_does_not_count(live, owner, chrome, office, site):
    site.pages["/offer"] = "<!doctype html><title>Offer</title><h1>The offer</h1>"
    contact, mail = mailed(
        owner, office, "joe.clicks@example.com", f'<a href="{site.url}/offer?a=1&amp;b=2">The offer</a>'
    )
    html = mail.get_body(("html",))
    assert html is not None
    link = live.url + urlsplit(re.findall(r'href="([^"]+)"', html.get_content())[0]).path
    chrome.go(link)
    assert "The offer" in chrome.html
    (message,) = owner.get(f"{owner.w}/messages?contactId={contact}")["data"]
    # Headless Chromium says so in its name, and nobody reads a mail two seconds after it was sent: it is a machine.
    assert message["status"] == "SENT"
    assert owner.get(f"{owner.w}/events?contactId={contact}&type=message.click") == []

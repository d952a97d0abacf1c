"""Leaving: with one click in the mail program, on the page, by the header, and choosing channels."""

import re
from datetime import UTC, datetime
from email.utils import parseaddr

import pytest

from ensue.base.ids import read
from ensue.base.sealing import Signer
from ensue.channels.channel import Parcel
from ensue.channels.mail import build
from ensue.engine.messages.addresses import Addresses, unsubscribe_headers
from ensue.model.template import Rendered
from tests.tracking.mailing import BASE

ONE_CLICK = {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "application/x-www-form-urlencoded"}}


def fields(page):
    """What the form on a page sends, as a browser would: (method, action, fields)."""
    (form,) = re.findall(r"<form ([^>]*)>(.*?)</form>", page, re.DOTALL)
    found = []
    for tag in re.findall(r"<input ([^>]*)>", form[1]):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if said["type"] != "checkbox" or "checked" in tag:
            found.append((said["name"], said["value"]))
    assert "action" not in form[0]
    return re.search(r'method="(\w+)"', form[0])[1], found  # type: ignore[index]


def test_the_headers_are_those_of_the_rfc(mailing):
    mailing.mail()
    mail = mailing.office.letters[-1].mail
    assert re.fullmatch(rf"<{BASE}/t/u/[\w-]+>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("domain", ["shop.example", f"{'long-' * 30}name.example"])
def test_no_address_in_a_header_is_broken(domain):
    """As it goes over the wire: a parser puts encoded words together again, mail programs do not."""
    address = f"https://{domain}/t/u/{'A' * 48}"
    headers = unsubscribe_headers(address, f"bounces@{domain}")
    raw = build(
        Parcel("msg_0cnbdsfe40001", 1, "EMAIL", "bob@example.org", Rendered(subject="x", text="x"),
               {"fromEmail": f"news@{domain}"}, 1, headers=headers),
        lambda: datetime(2026, 3, 1, tzinfo=UTC),
    ).body  # fmt: skip
    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert f"Message-ID: <msg_0cnbdsfe40001@{domain}>\r\n" in head
    assert f"List-Unsubscribe: <{address}>,\r\n <mailto:bounces@{domain}?subject=unsubscribe%20{'A' * 48}>\r\n" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head
    assert "=?" not in head


def test_an_address_in_another_script_is_in_ascii():
    addresses = Addresses(Signer(b"x" * 32), "https://bücher.example/größe")
    assert addresses.own == "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe/t/"
    assert unsubscribe_headers(addresses.unsubscribe(1, 2, 3), "a?b&c+d@x.example")["List-Unsubscribe"].isascii()
    assert (
        "<mailto:a%3Fb%26c+d@x.example?subject="
        in unsubscribe_headers("https://x/", "a?b&c+d@x.example")["List-Unsubscribe"]
    )


def test_the_mailbox_comes_second():
    headers = unsubscribe_headers("https://x.example/t/u/TOKEN", "bounces@x.example")
    web, mail = headers["List-Unsubscribe"].split(", ")
    assert web == "<https://x.example/t/u/TOKEN>"
    assert mail == "<mailto:bounces@x.example?subject=unsubscribe%20TOKEN>"
    assert parseaddr(mail[8:].partition("?")[0])[1] == "bounces@x.example"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(mailing, method):
    message = mailing.mail()
    for _ in range(3):
        assert mailing.fetch(mailing.unsubscribe, method).status_code == 200
    assert mailing.consents() == {}
    assert mailing.events() == []
    assert mailing.message(message)["status"] == "SENT"


def test_a_mail_program_unsubscribes_with_one_click(mailing):
    left = {"type": "channel", "channel": "EMAIL", "status": "OPTED_OUT"}
    segment = mailing.owner.post(f"{mailing.w}/segments", {"name": "Left", "type": "DYNAMIC", "rules": left}, 201)["id"]
    message = mailing.mail()
    answer = mailing.fetch(mailing.unsubscribe, "POST", **ONE_CLICK)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}
    (event,) = mailing.events()
    assert (event["type"], event["metadata"]["messageId"]) == ("message.unsubscribe", message)
    assert mailing.message(message)["status"] == "UNSUBSCRIBED"
    members = mailing.owner.get(f"{mailing.w}/segments/{segment}/members")["data"]
    assert [member["id"] if "id" in member else member["contact"]["id"] for member in members] == [mailing.bob]
    # A mail program that tries again is answered alike, and nothing happens twice.
    assert mailing.fetch(mailing.unsubscribe, "POST", **ONE_CLICK).status_code == 200
    assert len(mailing.events()) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"\xff\x00rubbish", "headers": {"content-type": "application/json"}},
        {
            "content": b"List-Unsubscribe=One-Click",
            "headers": {"origin": "https://mail.example", "sec-fetch-site": "cross-site"},
        },
    ],
)
def test_whatever_the_body_says(mailing, more):
    mailing.mail()
    assert mailing.fetch(mailing.unsubscribe, "POST", **more).status_code == 200
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}


def test_a_body_without_end_is_refused(mailing):
    mailing.mail()
    answer = mailing.fetch(mailing.unsubscribe, "POST", content=b"x" * 70_000)
    assert answer.status_code == 413
    assert mailing.consents() == {}


def test_the_page_unsubscribes_without_a_script(mailing):
    mailing.mail()
    page = mailing.fetch(mailing.unsubscribe)
    assert "<script" not in page.text
    assert "b…@example.org" in page.text
    assert "bob@example.org" not in page.text
    method, sent = fields(page.text)
    answer = mailing.fetch(mailing.unsubscribe, method.upper(), data=dict(sent))
    assert "You have unsubscribed" in answer.text
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}
    source = mailing.house.rows("SELECT source FROM consents")
    assert source == [("unsubscribe page",)]


def test_nothing_more_is_sent_to_who_has_left(mailing):
    mailing.mail()
    mailing.fetch(mailing.unsubscribe, "POST", **ONE_CLICK)
    mailing.sign_up(mailing.contact("ann@example.org"))
    mailing.campaign(subject="Again")
    mailing.sign_up(mailing.bob)
    mailing.settle()
    assert {letter.recipients[0] for letter in mailing.office.letters} == {"bob@example.org", "ann@example.org"}
    assert len([letter for letter in mailing.office.letters if letter.recipients == ["bob@example.org"]]) == 1
    # What must come still does.
    mailing.send(to=None, contactId=mailing.bob)
    mailing.settle()
    assert mailing.office.letters[-1].recipients == ["bob@example.org"]


def test_names_are_escaped_on_the_pages(mailing):
    mailing.owner.patch(mailing.w, {"name": "<script>alert(1)</script> & co"})
    mailing.mail()
    for address in (mailing.unsubscribe, mailing.links()[3]):
        page = mailing.fetch(address).text
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page


def test_an_altered_token_is_a_page_that_says_so(mailing):
    mailing.mail()
    for address in (mailing.unsubscribe, mailing.links()[3]):
        for method in ("GET", "POST"):
            answer = mailing.fetch(address[:-1], method)
            assert answer.status_code == 404
            assert "There is nothing here" in answer.text
    assert mailing.consents() == {}


def test_who_is_gone_leaves_all_the_same(mailing):
    mailing.mail()
    leave, choose = mailing.unsubscribe, mailing.links()[3]
    mailing.owner.delete(f"{mailing.w}/contacts/{mailing.bob}")
    assert mailing.fetch(leave).status_code == 200
    assert mailing.fetch(leave, "POST", **ONE_CLICK).status_code == 200
    assert mailing.fetch(choose).status_code == 404
    assert mailing.fetch(choose, "POST", data={"channel": "EMAIL"}).status_code == 404
    assert mailing.house.rows("SELECT * FROM consents") == []
    # Whoever brings the address back must not write to it.
    assert mailing.house.rows("SELECT address, reason FROM suppressions") == [("bob@example.org", "MANUAL")]


def test_who_is_erased_is_told_that_nothing_is_kept(mailing):
    mailing.mail()
    choose = mailing.links()[3]
    assert mailing.owner.send("POST", f"{mailing.w}/contacts/{mailing.bob}/erase").status_code == 204
    assert mailing.fetch(choose, "POST", data={"channel": "EMAIL"}).status_code == 404
    assert "We keep nothing of you" in mailing.fetch(choose).text


def test_the_link_of_a_merged_contact_is_the_survivors(mailing):
    mailing.mail()
    ann = mailing.contact("ann@example.org")
    mailing.owner.post(f"{mailing.w}/contacts/{ann}/merge", {"contactId": mailing.bob})
    assert "a…@example.org" in mailing.fetch(mailing.unsubscribe).text
    mailing.fetch(mailing.unsubscribe, "POST", **ONE_CLICK)
    assert mailing.house.rows("SELECT contact_id, status FROM consents") == [(read("ct", ann), "OPTED_OUT")]


def test_a_link_of_another_workspaces_key_is_worth_nothing(mailing):
    mailing.mail()
    other = Addresses(Signer(b"x" * 32), BASE)
    forged = other.unsubscribe(mailing.workspace_id, 1, read("ct", mailing.bob))
    assert mailing.fetch(forged, "POST", **ONE_CLICK).status_code == 404
    assert mailing.consents() == {}


# Preferences


def test_the_page_shows_what_is_received(mailing):
    mailing.consent(mailing.bob, "OPTED_IN", "SMS")
    mailing.mail()
    page = mailing.fetch(mailing.links()[3])
    method, sent = fields(page.text)
    assert (method, sent) == ("post", [("channel", "EMAIL"), ("channel", "SMS")])
    assert "<script" not in page.text
    # Saved as it is, nothing changes: nobody is opted in by a button that they pressed for something else.
    mailing.fetch(mailing.links()[3], "POST", data={"channel": ["EMAIL", "SMS"]})
    assert mailing.consents() == {"SMS": "OPTED_IN"}


def test_channels_are_switched_off_and_on(mailing):
    mailing.consent(mailing.bob, "PENDING", "SMS")
    mailing.mail()
    choose = mailing.links()[3]
    assert fields(mailing.fetch(choose).text)[1] == [("channel", "EMAIL")]
    answer = mailing.fetch(choose, "POST", data={"channel": ["SMS", "TELEGRAM", "nonsense"]})
    assert "saved" in answer.text
    assert fields(answer.text)[1] == [("channel", "SMS")]
    assert mailing.consents() == {"EMAIL": "OPTED_OUT", "SMS": "OPTED_IN"}
    mailing.fetch(choose, "POST", data={})
    assert mailing.consents() == {"EMAIL": "OPTED_OUT", "SMS": "OPTED_OUT"}
    mailing.fetch(choose, "POST", data={"channel": "EMAIL"})
    assert mailing.consents() == {"EMAIL": "OPTED_IN", "SMS": "OPTED_OUT"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_preferences_changes_nothing(mailing, method):
    mailing.mail()
    assert mailing.fetch(mailing.links()[3], method, params={"channel": "SMS"}).status_code == 200
    assert mailing.consents() == {}


def test_the_unsubscribe_page_leads_to_the_preferences(mailing):
    mailing.mail()
    found = re.search(r'href="\.\./(p/[\w-]+)"', mailing.fetch(mailing.unsubscribe).text)
    assert found is not None
    assert f"{BASE}/t/{found[1]}" == mailing.links()[3]


def test_the_style_sheet_is_ours(mailing):
    answer = mailing.fetch(f"{BASE}/t/public.css")
    assert answer.headers["content-type"].startswith("text/css")

"""What arrives at a real mail server, parsed back."""

from typing import Any

import pytest

from ensue.base.clock import HOUR, SECOND
from tests.sending.post_office import PostOffice, accepting


def test_a_campaign_sends_a_mail_with_both_parts(shop, office):
    shop.set_sender(fromName="Ünser Shop", replyTo="help@example.com", bounceAddress="bounces@example.com")
    shop.campaign(html="<p>Grüß dich, {{ contact.firstName }} &amp; co</p>", text="Grüß dich, {{ contact.firstName }}")
    contact = shop.contact("bob@example.org", firstName="Zoë <b>")
    shop.sign_up(contact)
    shop.settle()
    (letter,) = office.letters
    mail = letter.mail
    message = shop.only()
    assert (letter.sender, letter.recipients) == ("bounces@example.com", ["bob@example.org"])
    assert (mail["From"], mail["To"]) == ("Ünser Shop <shop@example.com>", "bob@example.org")
    assert (mail["Subject"], mail["Reply-To"]) == ("Hi Zoë <b>", "help@example.com")
    assert mail["Message-ID"] == f"<{message['id']}@example.com>"
    assert mail["Date"].datetime.timestamp() * 1_000 == shop.house.clock.now()
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().strip() == "Grüß dich, Zoë <b>"
    assert "<p>Grüß dich, Zoë &lt;b&gt; &amp; co</p>" in html.get_content()
    assert (message["status"], message["to"], message["attempts"]) == ("SENT", "bob@example.org", 1)
    assert message["sentAt"] is not None
    assert [line["outcome"] for line in message["log"]] == ["ACCEPTED"]
    assert letter.raw.isascii()
    assert all(len(line) <= 998 for line in letter.raw.split(b"\r\n"))


def test_the_step_that_sent_says_which_message_it_was(shop):
    campaign = shop.campaign()
    contact = shop.contact()
    shop.sign_up(contact)
    shop.settle()
    (enrolment,) = shop.owner.get(f"{shop.w}/campaigns/{campaign}/enrollments")["data"]
    (step,) = shop.owner.get(f"{shop.w}/enrollments/{enrolment['id']}")["steps"]
    message = shop.only()
    assert (step["outcome"], step["detail"]) == ("QUEUED", {"messageId": message["id"]})
    assert (message["enrollmentId"], message["campaignId"], message["nodeId"]) == (enrolment["id"], campaign, "mail")


LONG = "word " * 5_000


@pytest.mark.parametrize(
    "text", ["", ".", ".\n.\n..\n.end", "\r\n.\r\nMAIL FROM:<a@b>\r\n", LONG, "x" * 5_000, "💌" * 300]
)
def test_no_text_ends_a_mail_early(shop, office, text):
    shop.send(text="{{ values.it }}!", values={"it": text})
    shop.settle()
    (letter,) = office.letters
    (part,) = [part for part in letter.mail.walk() if part.get_content_type() == "text/plain"]
    assert part.get_content().replace("\r\n", "\n").rstrip("\n") == f"{text}!".replace("\r\n", "\n")
    assert all(len(line) <= 998 for line in letter.raw.split(b"\r\n"))


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: all@example.org", "x\nBcc: all@example.org", "x\rBcc: a@b.org", "x\u2028Bcc: a@b.org", "x\x0bB"]
)
def test_no_value_slips_in_a_header(shop, office, evil):
    contact = shop.contact(firstName="Bob", attributes={"nick": evil})
    shop.send(to=None, contactId=contact, subject="Hi {{ contact.attributes.nick }}")
    shop.settle()
    for letter in office.letters:
        assert letter.mail["Bcc"] is None
        assert letter.recipients == ["bob@example.org"]
        head = letter.raw.split(b"\r\n\r\n")[0]
        names = [line.split(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert b"bcc" not in names
    assert shop.only()["status"] in ("SENT", "FAILED")


def test_an_address_in_another_script_is_sent_to_in_ascii(shop, office):
    shop.send(to="bob@bücher.example")
    shop.settle()
    assert office.letters[0].recipients == ["bob@xn--bcher-kva.example"]


@pytest.mark.parametrize("address", ["bob@exa＠mple.org", "bob@a＜b.org", "bob@x⁄y。z＞"])
def test_an_address_that_cannot_be_is_refused_for_good(shop, office, address):
    """In ASCII it is something else than it looked like."""
    shop.send(to=address)
    shop.settle()
    assert (shop.only()["status"], shop.only()["reason"]) == ("FAILED", "REJECTED")
    assert office.commands == []


def test_a_template_is_sent_as_it_is_at_the_moment(shop, office):
    made = shop.owner.post(f"{shop.w}/templates", {"name": "T", "channel": "EMAIL", "subject": "One", "text": "1"}, 201)
    office.says["RCPT"] = lambda _address: "451 4.7.1 later"
    shop.send(subject=None, text=None, templateId=made["id"])
    shop.settle()
    shop.owner.patch(f"{shop.w}/templates/{made['id']}", {"subject": "Two", "text": "2"})
    shop.send(subject=None, text=None, templateId=made["id"])
    del office.says["RCPT"]
    shop.pass_time(HOUR)
    # The first one was put into words at its first try, and stays as it was.
    assert sorted(letter.mail["Subject"] for letter in office.letters) == ["One", "Two"]


def test_connections_are_kept_and_used_again(shop, office):
    shop.campaign()
    for number in range(20):
        shop.sign_up(shop.contact(f"bob{number}@example.org"))
    shop.settle()
    assert len(office.letters) == 20
    assert len({letter.recipients[0] for letter in office.letters}) == 20
    assert office.connections <= 8


def test_a_connection_that_the_server_has_ended_is_replaced(shop, office):
    shop.send(to="a@example.org")
    shop.settle()
    office.drop_all()
    shop.send(to="b@example.org")
    shop.settle()
    assert [letter.recipients[0] for letter in office.letters] == ["a@example.org", "b@example.org"]
    assert [m["attempts"] for m in shop.messages()] == [1, 1]


def test_signing_in_over_tls(shop, tls_context):
    server, client = tls_context
    shop.house.services.channels["EMAIL"]._pool._tls = client
    users = accepting(shop="s3cret pass")
    kinds: list[tuple[str, Any]] = [
        ("STARTTLS", {"tls_context": server, "require_starttls": True}),
        ("TLS", {"tls": server}),
    ]
    for security, options in kinds:
        # aiosmtpd counts as TLS only what began with STARTTLS.
        auth: Any = {"authenticator": users, "auth_required": True, "auth_require_tls": security == "STARTTLS"}
        with PostOffice(**options, **auth) as office:
            shop.set_sender(
                host="localhost", port=office.port, security=security, username="shop", password="s3cret pass"
            )
            shop.send(to="ann@example.org", subject=security)
            shop.settle()
            (letter,) = office.letters
            assert (letter.mail["Subject"], letter.ssl, letter.user) == (security, True, "shop")


def test_a_server_that_does_not_prove_who_it_is_gets_nothing(shop, tls_context):
    server, _ = tls_context
    with PostOffice(tls_context=server) as office:
        shop.set_sender(host="localhost", port=office.port, security="STARTTLS", username="shop", password="secret")
        shop.send()
        shop.settle()
        assert office.letters == []
        assert "AUTH" not in office.commands
    assert shop.only()["log"][0]["outcome"] == "DEFERRED"
    assert "certificate" in shop.only()["log"][0]["reason"].lower()


def test_a_server_without_tls_gets_no_password_when_tls_is_asked_for(shop, office):
    shop.set_sender(security="STARTTLS", username="shop", password="secret")
    shop.send()
    shop.settle()
    assert office.letters == []
    assert shop.only()["log"][0]["outcome"] == "DEFERRED"


def test_a_wrong_password_is_put_off_until_it_is_set_right(shop):
    auth: Any = {"authenticator": accepting(shop="right"), "auth_required": True, "auth_require_tls": False}
    with PostOffice(**auth) as office:
        shop.set_sender(port=office.port, username="shop", password="wrong")
        shop.send()
        shop.settle()
        message = shop.only()
        assert (message["status"], message["log"][0]["outcome"]) == ("SENDING", "DEFERRED")
        assert "535" in message["log"][0]["reason"]
        shop.set_sender(port=office.port, username="shop", password="right")
        shop.pass_time(10 * SECOND)
        assert shop.only()["status"] == "SENT"

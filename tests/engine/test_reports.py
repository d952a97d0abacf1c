"""Mails that say what became of a mail: as real servers write them, and rubbish."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensue.base.ids import show
from ensue.engine.messages.reports import Leave, MailReport, message_named_in, read_mail

NUMBER = 399789313228800004
MSG = show("msg", NUMBER)
JANE = "jane@example.com"

ORIGINAL = f"""\
Received: from ensue.example by mx.example; Mon, 2 Mar 2026 10:00:00 +0000
From: Shop <news@shop.example>
To: {JANE}
Subject: Hello
Message-ID: <{MSG}@shop.example>
"""


def dsn(status_block: str, original: str = ORIGINAL, kind: str = "text/rfc822-headers", head: str = "") -> bytes:
    """A delivery status notification as Postfix writes it."""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@shop.example
Auto-Submitted: auto-replied
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="B1.1/mx.example"

This is a MIME-encapsulated message.

--B1.1/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B1.1/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: B1
Arrival-Date: Mon,  2 Mar 2026 10:00:00 +0000 (UTC)

{status_block}
--B1.1/mx.example
Content-Description: Undelivered Message
Content-Type: {kind}

{original}
--B1.1/mx.example--
""".encode()


FAILED = """\
Final-Recipient: rfc822; jane@example.com
Original-Recipient: rfc822;jane@example.com
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {said}
"""


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 5.1.1 <jane@example.com>: Recipient address rejected: User unknown", "HARD_BOUNCE"),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "HARD_BOUNCE"),
        ("5.1.2", "Host or domain name not found", "HARD_BOUNCE"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", "HARD_BOUNCE"),
        # The server's own word counts more than the class that ours made of it.
        ("5.0.0", "550-5.1.1 The email account that you tried to reach does not exist", "HARD_BOUNCE"),
        ("5.0.0", "550 rejected", "SOFT_BOUNCE"),
        ("5.2.2", "552 5.2.2 mailbox full", "SOFT_BOUNCE"),
        ("5.7.1", "550 5.7.1 blocked by Spamhaus, see 5.6.7.8", "SOFT_BOUNCE"),
        ("5.7.26", "550-5.7.26 unauthenticated mail", "SOFT_BOUNCE"),
        ("4.4.7", "delivery time expired", "SOFT_BOUNCE"),
        ("5.3.4", "message too big", "SOFT_BOUNCE"),
    ],
)
def test_a_failure_is_hard_only_when_there_is_no_such_mailbox(status, said, kind):
    (found,) = read_mail(dsn(FAILED.format(status=status, said=said)))
    assert isinstance(found, MailReport)
    assert (found.kind, found.message_id, found.address, found.reason) == (kind, NUMBER, JANE, said)


def test_a_folded_diagnostic_is_one_line():
    (found,) = read_mail(dsn(FAILED.format(status="5.1.1", said="550 5.1.1\n    no such\n    user")))
    assert isinstance(found, MailReport)
    assert found.reason == "550 5.1.1 no such user"


def test_a_delivery_that_was_asked_for_is_reported():
    block = "Final-Recipient: rfc822; jane@example.com\nAction: delivered\nStatus: 2.0.0\n"
    assert read_mail(dsn(block)) == [MailReport("DELIVERED", NUMBER, JANE, "2.0.0")]


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "", "nonsense"])
def test_what_decides_nothing_is_nothing(action):
    assert read_mail(dsn(f"Final-Recipient: rfc822; jane@example.com\nAction: {action}\nStatus: 4.4.1\n")) == []


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"])
def test_the_original_is_found_however_it_is_quoted(kind):
    block = FAILED.format(status="5.1.1", said="550 5.1.1 gone")
    (found,) = read_mail(dsn(block, ORIGINAL + "\nHello Jane,\n", kind))
    assert isinstance(found, MailReport)
    assert found.message_id == NUMBER


def test_the_original_is_found_in_a_text():
    block = FAILED.format(status="5.1.1", said="550 5.1.1 gone")
    quoted = f"> Subject: Hello\n> Message-Id: <{MSG}@shop.example>\n"
    assert [
        found.message_id for found in read_mail(dsn(block, quoted, "text/plain")) if isinstance(found, MailReport)
    ] == [NUMBER]


def test_the_original_recipient_counts_more_than_where_it_was_forwarded_to():
    block = FAILED.format(status="5.1.1", said="gone").replace(
        "Final-Recipient: rfc822; jane@", "Final-Recipient: rfc822; dead@"
    )
    (found,) = read_mail(dsn(block))
    assert isinstance(found, MailReport)
    assert found.address == JANE


def test_an_original_recipient_is_decoded():
    block = FAILED.format(status="5.1.1", said="gone").replace(
        "rfc822;jane@example.com", "rfc822;jane+2Bnews@example.com"
    )
    (found,) = read_mail(dsn(block))
    assert isinstance(found, MailReport)
    assert found.address == "jane+news@example.com"


@pytest.mark.parametrize(
    "original",
    [
        "Subject: no id\n",
        "Message-ID: <somebody.elses@example.com>\n",
        f"Message-ID: <{MSG[:-1]}@shop.example>\n",
        f"Message-ID: <{MSG}u@shop.example>\n",
        "Message-ID: <msg_uuuuuuuuuuuuu@shop.example>\n",
    ],
)
def test_of_another_mail_nothing_is_said(original):
    assert read_mail(dsn(FAILED.format(status="5.1.1", said="gone"), original)) == []


def test_exim_says_it_in_a_header_and_a_text():
    mail = f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example>
To: bounces@shop.example
X-Failed-Recipients: {JANE}
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

  {JANE}
    host mx.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<{JANE}>:
    550 5.1.1 <{JANE}>: Recipient address rejected

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}
""".encode()
    assert read_mail(mail) == [MailReport("HARD_BOUNCE", NUMBER, JANE, None)]


def arf(kind: str = "abuse", extra: str = "") -> bytes:
    """An abuse report as feedback loops write it."""
    return f"""\
From: <abusedesk@mailbox.example>
To: <abuse@shop.example>
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{extra}
--part1
Content-Type: message/rfc822
Content-Disposition: inline

{ORIGINAL}
Spam Spam Spam
--part1--
""".encode()


def test_an_abuse_report_is_a_complaint():
    assert read_mail(arf()) == [MailReport("COMPLAINT", NUMBER, None, "abuse")]
    (found,) = read_mail(arf("Abuse", f"Original-Rcpt-To: <{JANE}>\n"))
    assert isinstance(found, MailReport)
    assert (found.kind, found.address) == ("COMPLAINT", JANE)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dmarc", "virus", "other", ""])
def test_other_reports_are_no_complaints(kind):
    assert read_mail(arf(kind)) == []


@pytest.mark.parametrize(
    ("subject", "token"),
    [
        ("unsubscribe AAAAAAAAAAAAAAAAAAAAAAAA-_", "AAAAAAAAAAAAAAAAAAAAAAAA-_"),
        ("  Unsubscribe   AAAAAAAAAAAAAAAAAAAAAAAA ", "AAAAAAAAAAAAAAAAAAAAAAAA"),
        ("unsubscribe", None),
        ("Re: please unsubscribe me", None),
        ("unsubscribe short", None),
    ],
)
def test_who_leaves_by_mail(subject, token):
    assert read_mail(f"From: jane@example.com\nSubject: {subject}\n\nx".encode()) == ([Leave(token)] if token else [])


def test_an_answer_is_no_report():
    mail = EmailMessage()
    mail["Subject"] = "Re: Hello"
    mail["In-Reply-To"] = f"<{MSG}@shop.example>"
    mail.set_content(f"I am on holiday.\n\n> Message-ID: <{MSG}@shop.example>\n> 5.1.1\n")
    assert read_mail(mail.as_bytes()) == []


def test_only_so_many_parts_are_looked_at():
    nested = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\nContent-Type: message/rfc822\n\n" * 2_000
    assert read_mail(nested) == []


SOUND = dsn(FAILED.format(status="5.1.1", said="550 5.1.1 gone"))


@given(st.binary(max_size=300))
def test_rubbish_says_nothing(raw):
    assert read_mail(raw) == []


@given(st.data())
def test_a_damaged_report_raises_nothing(data):
    raw = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
        if not raw:
            return
    for found in read_mail(bytes(raw)):
        assert isinstance(found, MailReport | Leave)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (f"<{MSG}@shop.example>", NUMBER),
        (f"{MSG}@shop.example", NUMBER),
        (MSG, NUMBER),
        (f" {MSG} ", NUMBER),
        ("msg_1", None),
        ("", None),
        (f"x{MSG}@a", None),
    ],
)
def test_the_message_of_an_id(text, number):
    assert message_named_in(text) == number

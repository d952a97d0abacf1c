"""What becomes of a message when the mail server does not simply take it."""

import threading

import pytest

from ensue.base.clock import HOUR, MINUTE, SECOND
from ensue.base.retries import SCHEDULE, next_try
from ensue.channels import smtp_pool


def outcomes(message):
    return [line["outcome"] for line in message["log"]]


def test_what_is_put_off_is_tried_again_on_the_schedule_and_given_up_at_its_end(shop, office):
    office.says["RCPT"] = lambda _address: "451 4.3.0 not now"
    (message,) = shop.send()["data"]
    shop.settle()
    # The first two follow each other at once.
    assert outcomes(shop.message(message["id"])) == ["DEFERRED"] * 1
    pauses = []
    while shop.row(message["id"])["status"] == "SENDING":
        pauses.append(shop.until_next_try(message["id"]))
    for pause, least in zip(pauses, SCHEDULE[1:], strict=True):
        assert least <= pause <= least * 1.1
    dead = shop.message(message["id"])
    assert (dead["status"], dead["reason"], dead["nextAt"]) == ("FAILED", "GAVE_UP", None)
    assert outcomes(dead) == ["DEFERRED"] * len(SCHEDULE)
    assert dead["log"][-1]["reason"] == "451 4.3.0 not now"
    assert shop.messages(status="FAILED", reason="GAVE_UP") == [{k: dead[k] for k in shop.messages()[0]}]
    assert office.letters == []


def test_a_dead_letter_is_replayed_under_its_own_id_with_all_its_tries_before_it(shop, office):
    office.says["RCPT"] = lambda _address: "451 4.3.0 not now"
    (message,) = shop.send()["data"]
    shop.settle()
    while shop.row(message["id"])["status"] == "SENDING":
        shop.until_next_try(message["id"])
    shop.owner.post(f"{shop.w}/messages/{message['id']}/replay")
    shop.settle()
    replayed = shop.row(message["id"])
    assert (replayed["status"], replayed["tries"], replayed["attempt"]) == ("SENDING", 1, len(SCHEDULE) + 1)
    del office.says["RCPT"]
    shop.until_next_try(message["id"])
    assert shop.row(message["id"])["status"] == "SENT"
    assert office.letters[0].mail["Message-ID"] == f"<{message['id']}@example.com>"
    again = shop.owner.post(f"{shop.w}/messages/{message['id']}/replay", status=409)
    assert again["error"]["code"] == "message_status"
    assert len(office.letters) == 1


def test_an_address_that_is_refused_bounces_and_is_suppressed(shop, office):
    office.says["RCPT"] = lambda _address: "550 5.1.1 no such user"
    (message,) = shop.send()["data"]
    shop.settle()
    bounced = shop.message(message["id"])
    assert (bounced["status"], outcomes(bounced)) == ("BOUNCED", ["REJECTED"])
    del office.says["RCPT"]
    refused = shop.send(status=422)
    assert refused["error"]["code"] == "suppressed"
    shop.pass_time(24 * HOUR)
    assert office.letters == []


@pytest.mark.parametrize(
    ("command", "answer", "status"),
    [
        ("RCPT", "550 no such user", "BOUNCED"),
        ("RCPT", "550 5.1.1 <ann@example.org>: no such user", "BOUNCED"),
        ("RCPT", "550 5.7.1 relaying denied", "FAILED"),
        ("RCPT", "554 5.7.1 blocked by a list", "FAILED"),
        ("RCPT", "552 5.2.2 mailbox full", "FAILED"),
        ("RCPT", "550 5.2.1 mailbox disabled", "BOUNCED"),
        ("MAIL", "550 5.1.8 bad sender", "FAILED"),
        ("MAIL", "553 not one of yours", "FAILED"),
        ("END", "554 5.6.0 this is spam", "FAILED"),
        ("END", "550 5.1.1 no such user after all", "BOUNCED"),
    ],
)
def test_what_a_refusal_says_of_the_address(shop, office, command, answer, status):
    office.says[command] = lambda _address: answer
    (message,) = shop.send()["data"]
    shop.settle()
    refused = shop.message(message["id"])
    assert (refused["status"], refused["reason"]) == (status, "REJECTED")
    assert refused["detail"].startswith(answer[:3])
    # The connection is fit for the next mail.
    del office.says[command]
    shop.send(to="other@example.org")
    shop.settle()
    assert [letter.recipients for letter in office.letters] == [["other@example.org"]]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "END"])
def test_a_4xx_is_not_for_ever(shop, office, command):
    office.says[command] = lambda _address: "421 4.3.2 shutting down"
    (message,) = shop.send()["data"]
    shop.settle()
    assert (shop.row(message["id"])["status"], outcomes(shop.message(message["id"]))) == ("SENDING", ["DEFERRED"])
    del office.says[command]
    shop.until_next_try(message["id"])
    assert shop.row(message["id"])["status"] == "SENT"
    assert len(office.letters) == 1


@pytest.mark.parametrize("command", ["CONNECT", "MAIL", "RCPT"])
def test_a_connection_that_ends_before_the_data_took_nothing(shop, office, command):
    office.hangs_up = command
    (message,) = shop.send()["data"]
    shop.settle()
    assert outcomes(shop.message(message["id"])) == ["DEFERRED"]
    office.hangs_up = None
    shop.until_next_try(message["id"])
    assert len(office.letters) == 1


@pytest.mark.parametrize(("command", "copies"), [("DATA", 1), ("END", 2), ("AFTER", 2)])
def test_a_connection_that_ends_in_the_data_may_have_taken_it(shop, office, command, copies):
    """The policy of EMAIL: two are better than none, and both have the same Message-ID."""
    office.hangs_up = command
    (message,) = shop.send()["data"]
    shop.settle()
    assert outcomes(shop.message(message["id"])) == ["UNKNOWN"]
    office.hangs_up = None
    shop.until_next_try(message["id"])
    sent = shop.message(message["id"])
    assert (sent["status"], outcomes(sent)) == ("SENT", ["UNKNOWN", "ACCEPTED"])
    assert len(office.letters) <= copies
    assert {letter.mail["Message-ID"] for letter in office.letters} == {f"<{message['id']}@example.com>"}


def test_a_server_that_is_down_is_tried_until_it_is_back(shop, office):
    office.close()
    (message,) = shop.send()["data"]
    shop.settle()
    assert outcomes(shop.message(message["id"])) == ["DEFERRED"]
    office.open()
    shop.until_next_try(message["id"])
    assert shop.row(message["id"])["status"] == "SENT"


def test_a_slow_server_of_one_workspace_holds_up_no_other_channel(shop, office, site):
    office.gate["RCPT"] = threading.Event()
    shop.owner.send("PUT", f"{shop.w}/senders/WEBHOOK", {})
    contact = shop.contact()
    for number in range(3):
        shop.send(to=f"a{number}@example.org")
    shop.house.flush()
    office.reached["RCPT"].wait(10)
    shop.send(channel="WEBHOOK", to=None, contactId=contact, subject=None, text=None, url=site.url, body="{}")
    site.waits_for(1)
    assert office.letters == []
    office.gate["RCPT"].set()
    shop.settle()
    assert len(office.letters) == 3


def test_one_message_that_cannot_be_written_holds_up_no_other(shop, office):
    loops = "{% for a in values.l %}{% for b in values.l %}{% for c in values.l %}x{% endfor %}{% endfor %}{% endfor %}"
    shop.send(to="a@example.org", text=loops, values={"l": list(range(200))})
    shop.send(to="b@example.org")
    shop.settle()
    assert [letter.recipients for letter in office.letters] == [["b@example.org"]]
    (failed,) = shop.messages(status="FAILED")
    assert failed["reason"] == "NOT_RENDERED"


def test_the_schedule():
    at = [next_try(tries, 0, lambda: 0.0) for tries in range(1, 11)]
    assert at == [
        5 * SECOND,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
        None,
    ]
    assert next_try(1, 0, lambda: 0.999) == int(5 * SECOND * 1.0999)
    assert next_try(1, 0, lambda: 0.0, asked=60 * SECOND) == 60 * SECOND
    assert next_try(2, 0, lambda: 0.0, asked=60 * SECOND) == 5 * MINUTE
    assert next_try(1, 0, lambda: 0.0, asked=10**12) == 24 * HOUR


@pytest.mark.parametrize(
    "said", [b"550 5.7.1 \xff\xfe\x80 caf\xe9", b"451 4.3.0 nul \x00 here", b"550-one\r\n550 \xe2\x80\xa8two"]
)
def test_whatever_a_server_says_can_be_kept(shop, office, said):
    office.says["RCPT"] = lambda _address: said.decode("latin-1")
    (message,) = shop.send()["data"]
    shop.settle()
    kept = shop.message(message["id"])
    assert kept["status"] in ("FAILED", "SENDING", "BOUNCED")
    assert len(kept["log"]) == 1
    assert kept["log"][0]["reason"].startswith(said[:3].decode())


@pytest.mark.parametrize(("command", "outcome"), [("RCPT", "DEFERRED"), ("END", "UNKNOWN")])
def test_a_server_that_falls_silent_is_not_waited_for_for_ever(shop, office, monkeypatch, command, outcome):
    monkeypatch.setattr(smtp_pool, "ANSWER_SECONDS", 0.1)
    office.gate[command] = threading.Event()
    (message,) = shop.send()["data"]
    shop.settle()
    assert outcomes(shop.message(message["id"])) == [outcome]
    office.gate.pop(command).set()
    shop.until_next_try(message["id"])
    assert shop.row(message["id"])["status"] == "SENT"

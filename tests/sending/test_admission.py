"""Who must not be written to is not, found out when a message is queued and again at the moment of sending."""

import threading
from collections import Counter

import pytest

from ensue.base import bounds
from ensue.base.clock import HOUR
from ensue.worker.lanes import AT_ONCE


def reason_of_step(shop, campaign):
    (enrolment,) = shop.owner.get(f"{shop.w}/campaigns/{campaign}/enrollments")["data"]
    steps = shop.owner.get(f"{shop.w}/enrollments/{enrolment['id']}")["steps"]
    return [(step["outcome"], (step["detail"] or {}).get("reason")) for step in steps]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("OPTED_IN", ("QUEUED", None)),
        ("UNKNOWN", ("QUEUED", None)),
        ("PENDING", ("SKIPPED", "NOT_CONFIRMED")),
        ("OPTED_OUT", ("SKIPPED", "OPTED_OUT")),
    ],
)
def test_marketing_goes_to_those_who_have_not_said_no(shop, office, status, outcome):
    campaign = shop.campaign()
    contact = shop.contact()
    if status != "UNKNOWN":
        shop.consent(contact, status)
    shop.sign_up(contact)
    shop.settle()
    assert reason_of_step(shop, campaign) == [outcome]
    assert len(office.letters) == (outcome[0] == "QUEUED")


@pytest.mark.parametrize("status", ["PENDING", "OPTED_OUT"])
def test_a_transactional_message_is_not_a_matter_of_consent(shop, office, status):
    shop.campaign(kind="TRANSACTIONAL")
    contact = shop.contact()
    shop.consent(contact, status)
    shop.sign_up(contact)
    shop.send(to=None, contactId=contact)
    shop.settle()
    assert len(office.letters) == 2


def test_a_contact_without_an_address_is_skipped_and_goes_on(shop, office):
    tag = {"id": "t", "type": "tag", "data": {"tag": "done"}}
    mail = {"id": "m", "type": "send", "data": {"channel": "EMAIL", "subject": "Hi", "text": "Hi"}}
    campaign = shop.campaign(mail, tag)
    shop.sign_up(shop.contact(None, externalId="x"))
    shop.settle()
    assert reason_of_step(shop, campaign) == [("SKIPPED", "NO_ADDRESS"), ("DONE", None)]
    assert shop.messages() == []


def test_a_suppressed_address_gets_nothing_of_either_kind(shop, office):
    office.says["RCPT"] = lambda _address: "550 5.1.1 no such user"
    shop.send(to="bob@example.org")
    shop.settle()
    del office.says["RCPT"]
    campaign = shop.campaign(kind="TRANSACTIONAL")
    shop.sign_up(shop.contact("Bob@Example.org"))
    shop.settle()
    assert reason_of_step(shop, campaign) == [("SKIPPED", "SUPPRESSED")]
    assert office.letters == []


def held_back(shop, office, **send):
    """A message that was put off once, so that it is asked again at its next try."""
    office.says["RCPT"] = lambda _address: "451 4.3.0 later"
    campaign = shop.campaign(**send)
    contact = shop.contact()
    shop.sign_up(contact)
    shop.settle()
    del office.says["RCPT"]
    return campaign, contact, shop.only()["id"]


def test_who_opts_out_meanwhile_is_not_written_to(shop, office):
    _, contact, message = held_back(shop, office)
    shop.consent(contact, "OPTED_OUT")
    shop.pass_time(HOUR)
    failed = shop.message(message)
    assert (failed["status"], failed["reason"], failed["nextAt"]) == ("FAILED", "OPTED_OUT", None)
    assert office.letters == []


def crowd(shop, office):
    """More messages than are handed over at once, while the mail server is slow; the last one's contact."""
    office.gate["END"] = threading.Event()
    shop.campaign()
    people = [shop.contact(f"p{number}@example.org") for number in range(AT_ONCE + 4)]
    for contact in people:
        shop.sign_up(contact)
    assert office.reached["END"].wait(10)
    shop.house.clock.advance(bounds.LOOKED_AT)
    return people[-1]


def test_who_opts_out_while_others_are_waited_for_is_not_written_to(shop, office):
    last = crowd(shop, office)
    shop.consent(last, "OPTED_OUT")
    office.gate["END"].set()
    shop.settle()
    (message,) = [message for message in shop.messages() if message["contactId"] == last]
    assert (message["status"], message["reason"]) == ("FAILED", "OPTED_OUT")
    assert Counter(letter.recipients[0] for letter in office.letters) == {
        f"p{number}@example.org": 1 for number in range(AT_ONCE + 3)
    }


SPELLINGS = [
    "bob@xn--bcher-kva.example",
    "BOB@BÜCHER.example",
    "bob@bu\u0308cher.example",
    "bob@bü\u00adcher。ｅxample",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_domain_gets_past_a_suppression(shop, office, spelling):
    shop.owner.post(f"{shop.w}/suppressions", {"channel": "EMAIL", "address": "bob@bücher.example"}, 201)
    assert shop.send(422, to=spelling)["error"]["code"] == "suppressed"
    shop.settle()
    assert office.letters == []


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_address_is_erased(shop, office, spelling):
    shop.send(to=spelling)
    shop.settle()
    contact = shop.contact("bob@bücher.example")
    assert shop.owner.send("POST", f"{shop.w}/contacts/{contact}/erase").status_code < 300
    assert shop.row(shop.messages()[0]["id"])["address"] is None
    assert shop.send(422, to=spelling)["error"]["code"] == "suppressed"


def test_who_moves_is_written_to_at_the_new_address(shop, office):
    _, contact, message = held_back(shop, office)
    shop.owner.patch(f"{shop.w}/contacts/{contact}", {"email": "new@example.org"})
    shop.pass_time(HOUR)
    assert office.letters[0].recipients == ["new@example.org"]
    assert shop.message(message)["to"] == "new@example.org"


def test_who_is_deleted_is_not_written_to(shop, office):
    _, contact, message = held_back(shop, office)
    shop.owner.delete(f"{shop.w}/contacts/{contact}")
    shop.pass_time(HOUR)
    failed = shop.message(message)
    assert (failed["status"], failed["reason"], failed["contactId"]) == ("FAILED", "CONTACT_GONE", None)
    assert office.letters == []
    assert shop.owner.post(f"{shop.w}/messages/{message}/replay", status=409)["error"]["code"] == "contact_gone"


def test_who_is_erased_leaves_no_trace_in_messages(shop, office):
    office.says["RCPT"] = lambda address: f"451 4.3.0 <{address}> later"
    shop.campaign()
    contact = shop.contact("secret@example.org", firstName="Secretname")
    shop.sign_up(contact)
    shop.send(to="secret@example.org", text="for secret@example.org")
    shop.settle()
    assert shop.owner.send("POST", f"{shop.w}/contacts/{contact}/erase").status_code < 300
    shop.pass_time(HOUR)
    kept = shop.house.rows("SELECT * FROM messages") + shop.house.rows("SELECT * FROM message_attempts")
    assert len(kept) == 4
    assert "secret" not in repr(kept).lower()
    assert office.letters == []


def test_a_pause_holds_messages_back_and_resuming_lets_them_go(shop, office):
    campaign, _, message = held_back(shop, office)
    shop.owner.post(f"{shop.w}/campaigns/{campaign}/pause")
    shop.pass_time(24 * HOUR)
    held = shop.message(message)
    assert (held["status"], held["reason"], held["nextAt"]) == ("SENDING", "CAMPAIGN_PAUSED", None)
    assert office.letters == []
    shop.owner.post(f"{shop.w}/campaigns/{campaign}/resume", {})
    shop.settle()
    assert shop.message(message)["status"] == "SENT"


def test_an_archived_campaign_sends_nothing_more(shop, office):
    campaign, _, message = held_back(shop, office)
    shop.owner.post(f"{shop.w}/campaigns/{campaign}/pause")
    shop.pass_time(HOUR)
    shop.owner.post(f"{shop.w}/campaigns/{campaign}/archive")
    shop.settle()
    assert (shop.message(message)["status"], shop.message(message)["reason"]) == ("FAILED", "CAMPAIGN_ENDED")
    assert office.letters == []


def test_who_meets_an_exit_condition_meanwhile_is_not_written_to(shop, office):
    office.says["RCPT"] = lambda _address: "451 4.3.0 later"
    mail = {"id": "m", "type": "send", "data": {"channel": "EMAIL", "subject": "Buy", "text": "Buy"}}
    wait = {"id": "w", "type": "delay", "data": {"duration": "30d"}}
    shop.campaign(mail, wait, settings={"exitOn": [{"eventType": "bought"}]})
    contact = shop.contact()
    shop.sign_up(contact)
    shop.settle()
    del office.says["RCPT"]
    shop.owner.post(f"{shop.w}/events", {"type": "bought", "contactId": contact}, 201)
    shop.pass_time(HOUR)
    assert (shop.only()["status"], shop.only()["reason"]) == ("FAILED", "ENROLLMENT_ENDED")
    assert office.letters == []


def test_a_run_that_simply_ends_still_sends(shop, office):
    mail = {"id": "m", "type": "send", "data": {"channel": "EMAIL", "subject": "Bye", "text": "Bye"}}
    shop.campaign(mail, {"id": "x", "type": "exit", "data": {}})
    shop.sign_up(shop.contact())
    shop.settle()
    assert len(office.letters) == 1


def test_a_message_without_a_sender_says_so_and_can_be_replayed(shop, office):
    settings = shop.owner.get(f"{shop.w}/senders/EMAIL")["settings"]
    shop.owner.delete(f"{shop.w}/senders/EMAIL")
    (message,) = shop.send()["data"]
    shop.settle()
    assert shop.message(message["id"])["reason"] == "NO_SENDER"
    shop.set_sender(**settings)
    shop.owner.post(f"{shop.w}/messages/{message['id']}/replay")
    shop.settle()
    assert len(office.letters) == 1


def test_a_message_can_be_called_off_until_it_is_handed_over(shop, office):
    _, _, message = held_back(shop, office)
    cancelled = shop.owner.post(f"{shop.w}/messages/{message}/cancel")
    assert (cancelled["status"], cancelled["reason"]) == ("FAILED", "CANCELLED")
    shop.pass_time(HOUR)
    assert office.letters == []
    assert shop.owner.post(f"{shop.w}/messages/{message}/cancel", status=409)["error"]["code"] == "message_status"


def test_a_message_of_somebody_who_was_deleted_is_not_replayed(shop, office):
    office.says["RCPT"] = lambda _address: "550 5.7.1 not you"
    shop.campaign()
    contact = shop.contact()
    shop.sign_up(contact)
    shop.settle()
    message = shop.only()["id"]
    shop.owner.delete(f"{shop.w}/contacts/{contact}")
    del office.says["RCPT"]
    assert shop.owner.post(f"{shop.w}/messages/{message}/replay", status=409)["error"]["code"] == "contact_gone"
    assert office.letters == []


def test_who_is_deleted_in_the_middle_of_a_hand_over_is_not_tried_again(shop, office):
    office.gate["RCPT"] = threading.Event()
    office.says["RCPT"] = lambda _address: "451 4.3.0 later"
    contact = shop.contact()
    (message,) = shop.send(to=None, contactId=contact)["data"]
    assert office.reached["RCPT"].wait(20)
    shop.owner.delete(f"{shop.w}/contacts/{contact}")
    office.gate["RCPT"].set()
    shop.settle()
    del office.says["RCPT"]
    shop.pass_time(HOUR)
    assert shop.message(message["id"])["status"] == "FAILED"
    assert office.letters == []

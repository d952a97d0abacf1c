"""What people and machines do with a message: an event once, counts, and a status that goes forward alone."""

import pytest

from ensue.base.ids import show
from ensue.engine.messages import bounces, suppression, tracking
from ensue.engine.messages.bounces import Report
from tests.engine.mailings import BROWSER, engagement, events, sent, stored, visit
from tests.engine.world import World

LATER = 60_000
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
PREFETCHER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0"
)


def open_it(world: World, message_id: int, **how) -> None:
    seen = visit(world, **how)
    world.change(lambda room: tracking.opened(room, message_id, seen))


def click_it(world: World, message_id: int, number: int = 1, **how) -> None:
    seen = visit(world, **how)
    world.change(lambda room: tracking.clicked(room, message_id, number, seen))


def leave(world: World, message_id: int, contact_id: int) -> None:
    world.change(lambda room: tracking.unsubscribed(room, message_id, contact_id, world.now, "test"))


def report(world: World, kind, message_id=None, address=None, reason=None) -> bool:
    return world.change(lambda room: bounces.apply(room, Report(kind, message_id, address, reason, world.now)))


def is_suppressed(world: World, address: str) -> bool:
    return world.change(lambda room: suppression.suppressed(room, "EMAIL", address))


def test_an_open_is_an_event_once_and_counted_after(world: World):
    contact = world.contact(email="jane@example.com")
    world.scoring_rule("message.open", 5)
    message = sent(world, contact, campaign_id=77)
    world.clock.advance(LATER)
    for _ in range(3):
        open_it(world, message)
    metadata = {"messageId": show("msg", message), "campaignId": show("cmp", 77), "channel": "EMAIL"}
    assert events(world) == [("message.open", metadata)]
    assert engagement(world, message) == (3, 0, 0, 0)
    assert world.score(contact) == 5
    assert stored(world, message).status == "OPENED"
    assert stored(world, message).opened_at == world.now


def test_a_click_implies_an_open(world: World):
    contact = world.contact()
    seen = {"type": "event", "eventType": "message.open", "aggregate": "count", "operator": "gte", "value": 1}
    opened = world.segment(seen)
    message = sent(world, contact, "https://a.example/", "https://b.example/")
    world.clock.advance(LATER)
    click_it(world, message, 2)
    click_it(world, message, 2)
    open_it(world, message)
    click_it(world, message, 1)
    assert [(kind, found.get("url"), found.get("linkId")) for kind, found in events(world)] == [
        ("message.open", None, None),
        ("message.click", "https://b.example/", "2"),
        ("message.click", "https://a.example/", "1"),
    ]
    assert engagement(world, message) == (2, 0, 3, 0)
    links = world.ask(lambda tables: tables.message_links.of_message(message))
    assert [(link.number, link.clicks) for link in links] == [(1, 1), (2, 2)]
    assert stored(world, message).status == "CLICKED"
    assert (stored(world, message).opened_at, stored(world, message).clicked_at) == (world.now, world.now)
    assert world.members(opened) == {contact}


def test_an_open_after_a_click_takes_nothing_back(world: World):
    message = sent(world, world.contact(), "https://a.example/")
    world.clock.advance(LATER)
    click_it(world, message)
    open_it(world, message)
    assert stored(world, message).status == "CLICKED"
    leave(world, message, 1)
    click_it(world, message)
    assert stored(world, message).status == "UNSUBSCRIBED"


@pytest.mark.parametrize(
    ("passed", "how"),
    [
        (LATER, {"method": "HEAD"}),
        (LATER, {"purpose": "prefetch"}),
        (LATER, {"sec_purpose": "prefetch;anonymous-client-ip"}),
        (LATER, {"sec_purpose": "prefetch;prerender"}),
        (LATER, {"x_purpose": "preview"}),
        (LATER, {"x_moz": "prefetch"}),
        (LATER, {"agent": None}),
        (LATER, {"agent": "  "}),
        (LATER, {"agent": "python-requests/2.32"}),
        (LATER, {"agent": "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"}),
        (LATER, {"agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0"}),
        (LATER, {"agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}),
        (LATER, {"agent": "TelegramBot (like TwitterBot)"}),
        (1_999, {}),
        (0, {}),
    ],
)
def test_a_machine_is_counted_and_nothing_else(world: World, passed, how):
    contact = world.contact()
    world.scoring_rule("message.open", 5)
    world.scoring_rule("message.click", 5)
    message = sent(world, contact, "https://a.example/")
    world.clock.advance(passed)
    open_it(world, message, **how)
    click_it(world, message, **how)
    assert engagement(world, message) == (0, 1, 0, 1)
    links = world.ask(lambda tables: tables.message_links.of_message(message))
    assert [(link.clicks, link.machine_clicks) for link in links] == [(0, 1)]
    assert (events(world), world.score(contact)) == ([], 0)
    assert (stored(world, message).status, stored(world, message).opened_at) == ("SENT", None)


@pytest.mark.parametrize(
    ("passed", "agent", "by_machine"),
    [
        (9_999, GMAIL, True),
        (10_000, GMAIL, False),
        (LATER, GMAIL, False),
        (2_000, BROWSER, False),
        (LATER, "Mozilla/5.0", True),
        (LATER, PREFETCHER, True),
        (LATER, "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        (LATER, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", False),
        (LATER, "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", False),
    ],
)
def test_who_fetches_an_image(world: World, passed, agent, by_machine):
    message = sent(world, world.contact())
    world.clock.advance(passed)
    open_it(world, message, agent=agent)
    assert engagement(world, message) == ((0, 1, 0, 0) if by_machine else (1, 0, 0, 0))


def test_before_it_was_ever_handed_over_only_a_machine_can_have_it(world: World):
    message = sent(world, world.contact(), "https://a.example/", status="SENDING", sent_at=None)
    click_it(world, message)
    assert engagement(world, message) == (0, 0, 0, 1)
    # Nobody came back to say that it was taken, but it was.
    world.clock.advance(LATER)
    click_it(world, message)
    assert stored(world, message).status == "CLICKED"


def test_of_somebody_who_is_gone_nothing_is_said(world: World):
    message = sent(world, None, "https://a.example/")
    gone = sent(world, 12345, "https://a.example/")
    world.clock.advance(LATER)
    for one in (message, gone):
        click_it(world, one)
        assert engagement(world, one) == (0, 0, 1, 0)
    assert events(world) == []


def test_what_is_not_there_is_left_alone(world: World):
    message = sent(world, world.contact(), "https://a.example/")
    world.clock.advance(LATER)
    click_it(world, message, 2)
    click_it(world, 99)
    open_it(world, 99)
    assert events(world) == []
    assert stored(world, message).status == "SENT"


def test_the_open_of_a_merged_contact_is_the_survivors(world: World):
    from ensue.engine.contacts.merge import merge

    survivor, other = world.contact(email="a@example.com"), world.contact(email="b@example.com")
    message = sent(world, other)
    world.change(lambda room: merge(room, survivor, other))
    world.clock.advance(LATER)
    open_it(world, message)
    found = world.ask(lambda tables: tables.events.page(survivor, "message.open", None, None, None, None, 5))
    assert len(found) == 1


# Leaving


def test_who_leaves_is_opted_out_with_all_that_follows(world: World):
    contact = world.contact(email="jane@example.com")
    left = world.segment({"type": "channel", "channel": "EMAIL", "status": "OPTED_OUT"})
    campaign = world.campaign({"type": "EVENT", "eventType": "message.unsubscribe"})
    message = sent(world, contact)
    leave(world, message, contact)
    leave(world, message, contact)
    assert world.members(left) == {contact}
    assert [kind for kind, _ in events(world)] == ["message.unsubscribe"]
    assert world.rows("SELECT campaign_id FROM enrolments") == [(campaign,)]
    assert stored(world, message).status == "UNSUBSCRIBED"
    assert world.rows("SELECT channel, status, source FROM consents") == [("EMAIL", "OPTED_OUT", "test")]


def test_leaving_works_when_the_message_is_gone(world: World):
    contact = world.contact(email="jane@example.com")
    leave(world, 99, contact)
    assert world.rows("SELECT channel, status FROM consents") == [("EMAIL", "OPTED_OUT")]


def test_an_address_alone_that_leaves_is_suppressed(world: World):
    message = sent(world, None)
    leave(world, message, 0)
    assert is_suppressed(world, "jane@example.COM")


def test_the_erased_leave_without_a_trace(world: World):
    from ensue.engine.contacts.erase import erase

    contact = world.contact(email="jane@example.com")
    message = sent(world, contact, "https://a.example/?who=jane")
    world.change(lambda room: suppression.suppress(room, "EMAIL", "jane@example.com", "COMPLAINT"))
    world.on(contact, erase)
    leave(world, message, contact)
    world.clock.advance(LATER)
    click_it(world, message)
    assert events(world) == []
    assert world.rows("SELECT * FROM message_links") == []
    assert world.rows("SELECT * FROM suppressions") == []
    assert is_suppressed(world, "Jane@example.com")
    assert world.rows("SELECT * FROM consents") == []


# What mail servers report


def test_a_hard_bounce_suppresses(world: World):
    message = sent(world, world.contact(email="jane@example.com"))
    assert report(world, "HARD_BOUNCE", message, "jane@example.com", "550 5.1.1 no such user")
    assert report(world, "HARD_BOUNCE", message, "jane@example.com", "550 5.1.1 no such user")
    assert stored(world, message).status == "BOUNCED"
    assert is_suppressed(world, " JANE@example.com")
    assert [(kind, found["kind"], found["reason"]) for kind, found in events(world)] == [
        ("message.bounce", "HARD", "550 5.1.1 no such user")
    ]


def test_a_soft_bounce_does_not(world: World):
    message = sent(world, world.contact(email="jane@example.com"))
    assert report(world, "SOFT_BOUNCE", message, None, "452 4.2.2 mailbox full")
    assert stored(world, message).status == "BOUNCED"
    assert not is_suppressed(world, "jane@example.com")
    assert [found["kind"] for _, found in events(world)] == ["SOFT"]


def test_a_complaint_ends_it(world: World):
    contact = world.contact(email="jane@example.com")
    message = sent(world, contact)
    report(world, "COMPLAINT", message)
    report(world, "COMPLAINT", message)
    assert stored(world, message).status == "UNSUBSCRIBED"
    assert is_suppressed(world, "jane@example.com")
    assert [kind for kind, _ in events(world)] == ["message.complaint"]
    assert world.rows("SELECT channel, status, source FROM consents") == [("EMAIL", "OPTED_OUT", "complaint")]


def test_a_report_of_an_address_alone(world: World):
    contact = world.contact(email="jane@example.com")
    assert report(world, "HARD_BOUNCE", None, "Jane@example.com")
    assert report(world, "COMPLAINT", None, "jane@example.com")
    assert is_suppressed(world, "jane@example.com")
    assert world.ask(lambda tables: dict(tables.contacts.consents(contact))) == {"EMAIL": "OPTED_OUT"}
    assert not report(world, "DELIVERED", None, "nobody@example.com")


def test_nobody_is_suppressed_by_a_report_of_somebody_elses_message(world: World):
    message = sent(world, world.contact(email="jane@example.com"))
    report(world, "HARD_BOUNCE", message, "victim@example.com")
    assert not is_suppressed(world, "victim@example.com")
    assert not is_suppressed(world, "jane@example.com")
    assert not report(world, "HARD_BOUNCE", 99, "victim@example.com")
    assert not is_suppressed(world, "victim@example.com")


@pytest.mark.parametrize(
    ("status", "kind", "after"),
    [
        ("SENT", "DELIVERED", "DELIVERED"),
        ("OPENED", "DELIVERED", "OPENED"),
        ("BOUNCED", "DELIVERED", "BOUNCED"),
        ("DELIVERED", "HARD_BOUNCE", "BOUNCED"),
        ("CLICKED", "SOFT_BOUNCE", "CLICKED"),
        ("UNKNOWN", "DELIVERED", "DELIVERED"),
    ],
)
def test_the_status_goes_forward_alone(world: World, status, kind, after):
    message = sent(world, world.contact(), status=status)
    report(world, kind, message)
    assert stored(world, message).status == after


def test_a_suppression_that_stands_is_not_rewritten(world: World):
    first, fresh = world.change(lambda room: suppression.suppress(room, "EMAIL", "A@x.org", "MANUAL", "asked by phone"))
    again, repeated = world.change(lambda room: suppression.suppress(room, "EMAIL", "a@X.org", "HARD_BOUNCE"))
    assert (fresh, repeated, again) == (True, False, first)
    assert (again.address, again.reason) == ("A@x.org", "MANUAL")

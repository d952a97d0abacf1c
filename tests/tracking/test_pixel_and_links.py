"""The pixel and the links of a mail that was sent over a real mail server."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from ensue.base.errors import Unavailable
from ensue.engine.messages.addresses import Addresses
from tests.tracking.mailing import BASE, BROWSER


def altered(address):
    """Each character of the token, once, made another."""
    head, _, token = address.rpartition("/")
    for at in range(0, len(token), 5):
        other = "A" if token[at] != "A" else "B"
        yield f"{head}/{token[:at]}{other}{token[at + 1 :]}"
    yield f"{head}/{token[:-1]}"
    yield f"{head}/{token}A"
    yield f"{head}/"
    yield f"{head}/%00"


def test_a_mail_has_links_and_a_pixel_of_ours(mailing):
    mailing.mail()
    one, two, leave, choose = mailing.links()
    assert one.startswith(f"{BASE}/t/c/")
    assert two.startswith(f"{BASE}/t/c/")
    assert (leave, mailing.unsubscribe) == (mailing.unsubscribe, leave)
    assert choose.startswith(f"{BASE}/t/p/")
    assert mailing.pixel.startswith(f"{BASE}/t/o/")
    assert one in mailing.text
    assert f"One: {one}. Leave: {leave}" in mailing.text


def test_a_link_leads_to_its_target_and_is_a_click_with_its_effects(mailing):
    rule = {"name": "Clicks", "eventType": "message.click", "delta": 7}
    mailing.owner.post(f"{mailing.w}/scoring-rules", rule, 201)
    message = mailing.mail()
    answer = mailing.fetch(mailing.links()[0])
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://a.example/?x=1&y=2"
    assert "no-store" in answer.headers["cache-control"]
    opened, clicked = mailing.events()
    assert (opened["type"], clicked["type"], clicked["source"]) == ("message.open", "message.click", "message")
    assert clicked["contact"]["id"] == mailing.bob
    campaign = mailing.message(message)["campaignId"]
    assert clicked["metadata"] == {
        "messageId": message, "campaignId": campaign, "url": "https://a.example/?x=1&y=2", "linkId": "1",
    }  # fmt: skip
    assert mailing.owner.get(f"{mailing.w}/contacts/{mailing.bob}")["score"] == 7
    assert mailing.message(message)["status"] == "CLICKED"
    mailing.fetch(mailing.links()[0])
    assert len(mailing.events("message.click")) == 1
    assert mailing.engagement(message) == (1, 0, 2, 0)


def test_what_was_done_is_counted_for_each_link(mailing):
    message = mailing.mail()
    for _ in range(2):
        mailing.fetch(mailing.links()[1])
    mailing.fetch(mailing.links()[1], "HEAD")
    path = f"{mailing.w}/messages/{message}/engagement"
    assert mailing.owner.get(path) == {
        "opens": 1, "machineOpens": 0, "clicks": 2, "machineClicks": 1,
        "openedAt": "2026-03-01T12:01:00.000Z", "clickedAt": "2026-03-01T12:01:00.000Z",
        "links": [
            {"linkId": "1", "url": "https://a.example/?x=1&y=2", "clicks": 0, "machineClicks": 0},
            {"linkId": "2", "url": "https://b.example/", "clicks": 2, "machineClicks": 1},
        ],
    }  # fmt: skip
    mailing.owner.get(f"{mailing.w}/messages/msg_0000000000000/engagement", 404)


def test_the_pixel_is_an_image_that_nobody_keeps(mailing):
    message = mailing.mail()
    answer = mailing.fetch(mailing.pixel)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content[:6] == b"GIF89a"
    assert "no-store" in answer.headers["cache-control"]
    assert [event["type"] for event in mailing.events()] == ["message.open"]
    assert mailing.message(message)["status"] == "OPENED"


def test_a_campaign_waits_for_the_click(mailing):
    content = {"channel": "EMAIL", "subject": "x", "html": '<a href="https://a.example">x</a>'}
    mailing.campaign(
        {"id": "mail", "type": "send", "data": content},
        {"id": "wait", "type": "wait_until", "data": {"eventType": "message.click"}},
        {"id": "tag", "type": "tag", "data": {"tag": "keen"}},
    )
    mailing.sign_up(mailing.bob)
    mailing.settle()
    mailing.house.clock.advance(60_000)
    mailing.fetch(mailing.links()[0])
    assert mailing.owner.get(f"{mailing.w}/contacts/{mailing.bob}")["tags"] == ["keen"]


def test_a_head_request_is_answered_and_is_a_machine(mailing):
    message = mailing.mail()
    answer = mailing.fetch(mailing.links()[1], "HEAD")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://b.example/")
    assert mailing.fetch(mailing.pixel, "HEAD").status_code == 200
    assert (mailing.events(), mailing.engagement(message)) == ([], (0, 1, 0, 1))
    assert mailing.message(message)["status"] == "SENT"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_do_nothing(mailing, method):
    message = mailing.mail()
    for address in (mailing.pixel, mailing.links()[0]):
        answer = mailing.fetch(address, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert mailing.engagement(message) == (0, 0, 0, 0)


def test_a_scanner_reaches_the_target_and_counts_for_nothing(mailing):
    message = mailing.mail()
    scanner = {"user-agent": "Mozilla/5.0 (compatible; Proofpoint URL Defense)"}
    assert mailing.fetch(mailing.links()[0], headers=scanner).status_code == 302
    assert (mailing.events(), mailing.engagement(message)) == ([], (0, 0, 0, 1))


def test_within_two_seconds_it_is_a_machine(mailing):
    mailing.campaign(html='<a href="https://a.example">x</a>')
    mailing.sign_up(mailing.bob)
    mailing.settle()
    (message,) = mailing.messages()
    mailing.house.clock.advance(1_999)
    mailing.fetch(mailing.links()[0])
    assert mailing.engagement(message["id"]) == (0, 0, 0, 1)
    mailing.house.clock.advance(1)
    mailing.fetch(mailing.links()[0])
    assert mailing.engagement(message["id"]) == (1, 0, 1, 1)


def test_an_altered_address_is_a_404_and_leads_nowhere(mailing):
    message = mailing.mail()
    for kind in (mailing.links()[0], mailing.pixel, mailing.links()[2], mailing.links()[3]):
        for address in altered(kind):
            answer = mailing.fetch(address)
            assert answer.status_code in (404, 405), address
            assert "location" not in answer.headers
    page = mailing.fetch(next(altered(mailing.links()[0])))
    assert "text/html" in page.headers["content-type"]
    assert "leads nowhere" in page.text
    assert mailing.engagement(message) == (0, 0, 0, 0)


def test_an_address_of_one_kind_is_none_of_another(mailing):
    mailing.mail()
    tokens = {kind: mailing.links()[at].rpartition("/")[2] for at, kind in ((0, "c"), (2, "u"), (3, "p"))}
    tokens["o"] = mailing.pixel.rpartition("/")[2]
    for kind in tokens:
        for other, token in tokens.items():
            if kind != other:
                assert mailing.fetch(f"{BASE}/t/{kind}/{token}").status_code == 404
    assert mailing.events() == []


def test_a_link_of_another_workspace_is_not_found(mailing):
    message = mailing.mail()
    number = mailing.house.rows("SELECT id FROM messages")[0][0]
    addresses = Addresses(mailing.house.services.signer, BASE)
    assert mailing.fetch(addresses.click(mailing.workspace_id, number, 1)).status_code == 302
    assert mailing.fetch(addresses.click(mailing.workspace_id + 1, number, 1)).status_code == 404
    assert mailing.fetch(addresses.click(mailing.workspace_id, number, 3)).status_code == 404
    # A pixel shows nothing of what it finds, and finds nothing there.
    mailing.fetch(addresses.pixel(mailing.workspace_id + 1, number))
    assert mailing.engagement(message) == (1, 0, 1, 0)


def test_no_posted_event_can_take_the_place_of_an_open(mailing):
    message = mailing.mail()
    (number,) = mailing.house.rows("SELECT id FROM messages")[0]
    for kind in ("message.open", "message.click"):
        for of in ("", "1"):
            taken = {"type": "guess", "contactId": mailing.bob, "idempotencyKey": f"{kind}:{number}:{of}"}
            mailing.owner.post(f"{mailing.w}/events", taken, 201)
    mailing.fetch(mailing.links()[0])
    assert [event["type"] for event in mailing.events()] == ["message.open", "message.click"]
    assert mailing.message(message)["status"] == "CLICKED"


def test_many_opens_at_once_are_one_event(mailing):
    message = mailing.mail()
    with ThreadPoolExecutor(8) as readers:
        answers = list(readers.map(lambda _: mailing.fetch(mailing.pixel).status_code, range(24)))
    assert answers == [200] * 24
    mailing.house.flush()
    assert len(mailing.events()) == 1
    assert mailing.engagement(message) == (24, 0, 0, 0)


def test_a_reader_is_not_kept_from_the_target_by_a_store_that_is_full(mailing, monkeypatch, caplog):
    message = mailing.mail()

    def full(*_):
        raise Unavailable("The disk is full or read-only; nothing was stored.")

    link, pixel = mailing.links()[0], mailing.pixel
    monkeypatch.setattr(mailing.house.services.commits, "run", full)
    with caplog.at_level(logging.WARNING):
        assert mailing.fetch(link).status_code == 302
        assert mailing.fetch(pixel).status_code == 200
    assert "was not recorded" in caplog.text
    monkeypatch.undo()
    assert mailing.engagement(message) == (0, 0, 0, 0)


def test_a_reader_does_not_wait_for_a_store_that_hangs(mailing, monkeypatch):
    import asyncio

    message = mailing.mail()
    run = mailing.house.services.commits.run
    link = mailing.links()[0]
    gate = asyncio.Event()

    async def later(work, own):
        await gate.wait()
        return await run(work, own=own)

    monkeypatch.setattr(mailing.house.services.commits, "run", lambda work, own=False: later(work, own))
    assert mailing.fetch(link).status_code == 302
    assert mailing.engagement(message) == (0, 0, 0, 0)
    monkeypatch.undo()

    async def open_gate():
        gate.set()

    mailing.house.call(open_gate)
    mailing.house.flush()
    mailing.house.flush()
    assert mailing.engagement(message) == (1, 0, 1, 0)


def test_what_waits_to_be_recorded_is_bounded(mailing, monkeypatch):
    import asyncio

    mailing.mail()
    pixel = mailing.pixel
    begun = []
    gate = asyncio.Event()

    async def later(work, own):
        begun.append(work)
        await gate.wait()

    monkeypatch.setattr("ensue.base.bounds.TRACKING_SECONDS", 0)
    monkeypatch.setattr("ensue.base.bounds.TRACKING_RECORDS", 3)
    monkeypatch.setattr(mailing.house.services.commits, "run", lambda work, own=False: later(work, own))
    assert [mailing.fetch(pixel).status_code for _ in range(5)] == [200] * 5
    assert len(begun) == 3

    async def open_gate():
        gate.set()

    mailing.house.call(open_gate)


def test_a_sender_may_track_nothing(mailing):
    mailing.set_sender(trackClicks=False, trackOpens=False)
    mailing.mail()
    assert mailing.links()[:2] == ["https://a.example/?x=1&amp;y=2", "https://b.example/"]
    assert "<img" not in mailing.html
    assert mailing.unsubscribe.startswith(f"{BASE}/t/u/")
    assert mailing.house.rows("SELECT * FROM message_links") == []


def test_a_transactional_mail_is_tracked_and_offers_no_way_to_leave_in_its_head(mailing):
    mailing.send(to=None, contactId=mailing.bob, html='<a href="https://a.example">x</a>')
    mailing.settle()
    assert mailing.links()[0].startswith(f"{BASE}/t/c/")
    assert mailing.office.letters[-1].mail["List-Unsubscribe"] is None


def test_a_mail_to_an_address_that_is_no_contacts_is_not_tracked(mailing):
    mailing.send(html='<a href="https://a.example">x</a>')
    mailing.settle()
    assert mailing.links() == ["https://a.example"]
    assert "<img" not in mailing.html


def test_a_mail_that_is_tried_again_has_the_same_links(mailing):
    mailing.office.says["END"] = lambda _: "451 later"
    message = mailing.mail()
    mailing.office.says.clear()
    first = mailing.house.rows("SELECT number, target FROM message_links ORDER BY number")
    mailing.until_next_try(message)
    assert mailing.house.rows("SELECT number, target FROM message_links ORDER BY number") == first
    mailing.house.clock.advance(60_000)
    assert mailing.fetch(mailing.links()[1]).headers["location"] == "https://b.example/"


def test_the_pages_have_the_headers_of_every_answer(mailing):
    mailing.mail()
    for address in (mailing.pixel, mailing.links()[0], mailing.unsubscribe):
        headers = mailing.fetch(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "no-store" in headers["cache-control"]


def test_the_reader_needs_no_account_and_leaves_no_cookie(mailing):
    mailing.mail()
    answer = mailing.fetch(mailing.links()[0], headers=BROWSER | {"cookie": "sid=rubbish", "authorization": "Bearer x"})
    assert answer.status_code == 302
    assert "set-cookie" not in answer.headers

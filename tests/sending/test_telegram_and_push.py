"""From a campaign to the chat and the browser, with real servers in place of Telegram and of a push service."""

import json
from ipaddress import ip_network

import pytest

from ensue.model.message import Sender
from ensue.worker.delivery_loop import pace_of
from tests.api.house import START, House
from tests.channels.answering import DROP, BotApiServer, Reply, push_service, refusal
from tests.channels.browser import Browser
from tests.sending.shop import Shop

CHAT = 4_200_000_001
ADDRESS = f"700:{CHAT}"


@pytest.fixture
def telegram():
    with BotApiServer() as server:
        yield server


@pytest.fixture
def service():
    with push_service() as server:
        yield server


@pytest.fixture
def shop(tmp_path, office, telegram):
    with House(tmp_path, telegram_api=telegram.url, private_targets=(ip_network("127.0.0.0/8"),)) as house:
        yield Shop(house, office)


@pytest.fixture
def bot(shop, telegram):
    return shop.owner.post(f"{shop.w}/telegram/bots", {"token": telegram.TOKEN}, 201)


def tell(shop, telegram, bot, number, **content):
    """Send an update as Telegram does."""
    path = bot["webhookUrl"].removeprefix("http://testserver")
    headers = {"x-telegram-bot-api-secret-token": telegram.webhook["secret_token"]}
    answer = shop.house.visitor().client.post(path, json={"update_id": number, **content}, headers=headers)
    assert answer.status_code == 200, answer.text
    shop.settle()


def said(text):
    return {
        "message_id": 1,
        "date": START // 1_000,
        "chat": {"id": CHAT, "type": "private"},
        "from": {"id": CHAT},
        "text": text,
    }


@pytest.fixture
def ada(shop, telegram, bot):
    """A contact with a chat."""
    contact = shop.contact("ada@example.org", firstName="Ada & Bob")
    link = shop.owner.post(f"{shop.w}/contacts/{contact}/telegram-link", {}, 201)["url"]
    tell(shop, telegram, bot, 1, message=said("/start " + link.partition("=")[2]))
    return contact


@pytest.fixture
def browser(shop, service):
    """Ada's browser; `contact` is she."""
    browser = Browser(f"{service.url}/send/1")
    browser.contact = shop.contact("ada@example.org", firstName="Ada")
    subscribe(shop, browser)
    return browser


def subscribe(shop, browser):
    key = shop.owner.post(f"{shop.w}/keys", {"name": "web", "kind": "WRITE"}, 201)["key"]
    page = shop.house.with_key(key, shop.owner.workspace)
    page.get("/public/push/key")
    token = shop.owner.post(f"{shop.w}/contacts/{browser.contact}/push-token", {}, 201)["token"]
    page.post("/public/push/subscriptions", {"subscription": browser.subscription(), "contactToken": token}, 204)


def consent(shop, contact, channel="TELEGRAM"):
    found = shop.owner.get(f"{shop.w}/contacts/{contact}/consents")
    return {one["channel"]: one["status"] for one in found}.get(channel)


def live_devices(shop, contact):
    found = shop.owner.get(f"{shop.w}/contacts/{contact}/devices")
    return [device["address"] for device in found if device["goneAt"] is None]


# Telegram


def test_a_campaign_answers_a_message_in_the_chat(shop, telegram, bot, ada):
    node = {"id": "answer", "type": "send", "data": {"channel": "TELEGRAM", "text": "Hi {{ contact.firstName }}"}}
    campaign = {
        "name": "Answer", "status": "ACTIVE",
        "triggers": [{"type": "EVENT", "eventType": "telegram.message_received"}],
        "workflow": {"nodes": [node], "edges": []},
    }  # fmt: skip
    shop.owner.post(f"{shop.w}/campaigns", campaign, 201)
    tell(shop, telegram, bot, 2, message=said("hello"))
    assert [(sent["chat_id"], sent["text"]) for sent in telegram.sent] == [(CHAT, "Hi Ada & Bob")]
    message = shop.only()
    assert (message["status"], message["to"]) == ("SENT", ADDRESS)
    assert telegram.TOKEN not in json.dumps(message)


def test_html_is_escaped_and_a_button_leads_through_us(shop, telegram, ada):
    shop.send(
        to=None, subject=None, contactId=ada, channel="TELEGRAM", text=None,
        html="<p>Hi <b>{{ contact.firstName }}</b></p>", title="Shop", url="https://shop.example/?a=1",
    )  # fmt: skip
    shop.settle()
    (sent,) = telegram.sent
    assert (sent["text"], sent["parse_mode"]) == ("Hi <b>Ada &amp; Bob</b>", "HTML")
    ((button,),) = sent["reply_markup"]["inline_keyboard"]
    shop.pass_time(10_000)
    followed = shop.house.visitor().client.get(button["url"].partition("8000")[2], follow_redirects=False)
    assert followed.headers["location"] == "https://shop.example/?a=1"
    shop.settle()
    assert shop.owner.get(f"{shop.w}/events?contactId={ada}")[0]["type"] == "message.click"


def test_too_many_at_once_wait_for_as_long_as_telegram_says(shop, telegram, ada):
    telegram.next = [refusal(429, "Too Many Requests: retry after 37", retry_after=37)]
    message = shop.send(to=None, subject=None, contactId=ada, channel="TELEGRAM", text="hi")["data"][0]["id"]
    shop.settle()
    assert shop.until_next_try(message) >= 37_000
    assert shop.message(message)["status"] == "SENT"


def test_who_blocked_the_bot_is_opted_out_and_comes_back_with_start(shop, telegram, bot, ada):
    segment = shop.owner.post(
        f"{shop.w}/segments",
        {"name": "Out", "type": "DYNAMIC", "rules": {"type": "channel", "channel": "TELEGRAM", "status": "OPTED_OUT"}},
        201,
    )["id"]  # fmt: skip
    telegram.next = [refusal(403, "Forbidden: bot was blocked by the user")]
    message = shop.send(to=None, subject=None, contactId=ada, channel="TELEGRAM", text="hi")["data"][0]["id"]
    shop.settle()
    assert shop.message(message)["status"] == "FAILED"
    assert consent(shop, ada) == "OPTED_OUT"
    assert live_devices(shop, ada) == []
    assert len(shop.owner.get(f"{shop.w}/segments/{segment}/members")["data"]) == 1
    unblocked = {"chat": {"id": CHAT, "type": "private"}, "new_chat_member": {"status": "member"}}
    tell(shop, telegram, bot, 2, my_chat_member=unblocked)
    assert consent(shop, ada) == "OPTED_OUT"
    assert live_devices(shop, ada) == [ADDRESS]
    tell(shop, telegram, bot, 3, message=said("/start"))
    assert consent(shop, ada) == "OPTED_IN"


def test_what_may_have_been_sent_is_not_sent_again_by_itself(shop, telegram, ada):
    telegram.next = [DROP]
    message = shop.send(to=None, subject=None, contactId=ada, channel="TELEGRAM", text="hi")["data"][0]["id"]
    shop.settle()
    shop.pass_time(86_400_000)
    assert shop.message(message)["status"] == "UNKNOWN"
    assert telegram.sent == []
    shop.owner.post(f"{shop.w}/messages/{message}/replay", None)
    shop.settle()
    assert shop.message(message)["status"] == "SENT"
    assert len(telegram.sent) == 1


def test_a_contact_without_a_chat_is_told_of_where_it_was_wanted(shop, bot):
    shop.campaign({"id": "a", "type": "send", "data": {"channel": "TELEGRAM", "text": "hi"}})
    shop.sign_up(shop.contact())
    shop.settle()
    assert shop.messages() == []
    (enrolment,) = shop.house.rows("SELECT detail FROM enrolment_steps")
    assert "NO_ADDRESS" in enrolment[0]


def test_a_disconnected_bot_s_chat_gets_nothing(shop, telegram, bot, ada):
    shop.owner.delete(f"{shop.w}/telegram/bots/{bot['id']}")
    message = shop.send(to=None, subject=None, contactId=ada, channel="TELEGRAM", text="hi")["data"][0]["id"]
    shop.settle()
    assert shop.message(message)["status"] == "FAILED"
    assert telegram.sent == []


# Push


HELLO = {
    "channel": "PUSH",
    "title": "Hello {{ contact.firstName }}",
    "body": "On its way",
    "url": "https://x.example/1",
}


def push(shop, contact, **more):
    wanted = {"to": None, "subject": None, "text": None, "contactId": contact, **HELLO, **more}
    sent = [message["id"] for message in shop.send(**wanted)["data"]]
    shop.settle()
    return sent


def test_every_browser_of_a_contact_shows_it(shop, service, browser):
    other = Browser(f"{service.url}/send/2")
    other.contact = browser.contact
    subscribe(shop, other)
    assert len(push(shop, browser.contact)) == 2
    by_path = {request.path: request.body for request in service.requests}
    shown = json.loads(browser.read(by_path["/send/1"]))
    assert shown == json.loads(other.read(by_path["/send/2"])) | {"id": shown["id"], "url": shown["url"]}
    assert (shown["title"], shown["body"]) == ("Hello Ada", "On its way")
    shop.pass_time(10_000)
    followed = shop.house.visitor().client.get(shown["url"].partition("8000")[2], follow_redirects=False)
    assert followed.headers["location"] == "https://x.example/1"


def test_a_campaign_notifies(shop, service, browser):
    shop.campaign({"id": "a", "type": "send", "data": HELLO})
    shop.sign_up(browser.contact)
    shop.settle()
    assert json.loads(browser.read(service.requests[0].body))["title"] == "Hello Ada"


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_over_is_not_tried_again(shop, service, browser, status):
    service.next = [Reply(status)]
    (message,) = push(shop, browser.contact)
    assert shop.message(message)["status"] == "FAILED"
    assert live_devices(shop, browser.contact) == []
    assert shop.send(422, to=None, subject=None, text=None, contactId=browser.contact, **HELLO)
    subscribe(shop, browser)
    assert len(push(shop, browser.contact)) == 1


def test_a_push_service_that_is_busy_says_when(shop, service, browser):
    service.next = [Reply(503, b"", {"retry-after": "90"})]
    (message,) = push(shop, browser.contact)
    assert shop.until_next_try(message) >= 90_000
    assert shop.message(message)["status"] == "SENT"


def test_what_may_have_been_pushed_is_pushed_again_under_the_same_topic(shop, service, browser):
    service.next = [DROP]
    (message,) = push(shop, browser.contact)
    shop.until_next_try(message)
    assert shop.message(message)["status"] == "SENT"
    assert [request.headers["topic"] for request in service.requests] == [message, message]
    first, second = (json.loads(browser.read(request.body)) for request in service.requests)
    assert first == second


def test_the_sender_says_how_long_and_how_urgently(shop, service, browser):
    response = shop.owner.send("PUT", f"{shop.w}/senders/PUSH", {"ttl": 60, "urgency": "high"})
    assert response.status_code == 200, response.text
    push(shop, browser.contact)
    headers = service.requests[0].headers
    assert (headers["ttl"], headers["urgency"]) == ("60", "high")


def test_an_address_inside_is_not_called_unless_the_operator_says(tmp_path, office, service):
    with House(tmp_path) as house:
        shop = Shop(house, office)
        browser = Browser(f"{service.url}/send/1")
        browser.contact = shop.contact()
        subscribe(shop, browser)
        (message,) = push(shop, browser.contact)
        assert shop.message(message)["status"] == "FAILED"
        assert service.requests == []


def test_telegram_has_a_pace_unless_the_sender_says_another():
    def sender(channel, **settings):
        return Sender(channel, settings, None, 1)

    assert pace_of("TELEGRAM", None) == pace_of("TELEGRAM", sender("TELEGRAM", linkPreview=True)) == 25
    assert pace_of("TELEGRAM", sender("TELEGRAM", perSecond=2)) == 2
    assert pace_of("PUSH", None) is None

"""What becomes of a message that is handed to Telegram, by each of its documented answers."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from ensue.channels.channel import Parcel
from ensue.channels.outgoing_http import OutgoingHttp
from ensue.channels.telegram.bot_api import BotApi
from ensue.channels.telegram.channel import TelegramChannel
from ensue.model.handover import Accepted, Deferred, Rejected, Unknown
from ensue.model.template import Rendered
from tests.channels.answering import DROP, BotApiServer, Reply, refusal

CHAT = 4_200_000_001


@pytest.fixture
def api():
    with BotApiServer() as server:
        yield server


def hand_over(api, content=None, token=BotApiServer.TOKEN, **settings):
    async def once():
        http = OutgoingHttp([ip_network("127.0.0.0/8")])
        try:
            channel = TelegramChannel(BotApi(http, api.url))
            parcel = Parcel(
                "msg_1", 1, "TELEGRAM", f"700:{CHAT}", content or Rendered(text="hello"),
                {"tokens": {"700": token}, **settings}, 1,
            )  # fmt: skip
            return await channel.hand_over(parcel)
        finally:
            await http.close()

    return asyncio.run(once())


def test_a_text_is_sent_as_it_is(api):
    assert hand_over(api, Rendered(text=" <b>1 & 2</b> ")) == Accepted("1001")
    assert api.sent == [
        {"chat_id": CHAT, "text": "<b>1 & 2</b>", "link_preview_options": {"is_disabled": True}}
    ]  # fmt: skip


def test_html_is_sent_as_telegram_can_show_it(api):
    hand_over(api, Rendered(html="<p>Hi <strong>Ada</strong></p><img src=x>", text="Hi Ada"), linkPreview=True)
    (sent,) = api.sent
    assert (sent["text"], sent["parse_mode"]) == ("Hi <b>Ada</b>", "HTML")
    assert sent["link_preview_options"] == {"is_disabled": False}


def test_a_button(api):
    hand_over(api, Rendered(text="hi", title="Shop", url="https://shop.example/?a=1"))
    assert api.sent[0]["reply_markup"] == {"inline_keyboard": [[{"text": "Shop", "url": "https://shop.example/?a=1"}]]}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refusal(429, "Too Many Requests: retry after 7", retry_after=7), (Deferred, 7_000)),
        (refusal(429, "Too Many Requests"), (Deferred, 1_000)),
        (refusal(403, "Forbidden: bot was blocked by the user"), (Rejected, "BLOCKED")),
        (refusal(403, "Forbidden: bot was kicked from the group chat"), (Rejected, "BLOCKED")),
        (refusal(403, "Forbidden: user is deactivated"), (Rejected, "GONE")),
        (refusal(403, "Forbidden: bot can't initiate conversation with a user"), (Rejected, "GONE")),
        (refusal(400, "Bad Request: chat not found"), (Rejected, "GONE")),
        (refusal(400, "Bad Request: message is too long"), (Rejected, "INVALID")),
        (refusal(401, "Unauthorized"), (Deferred, None)),
        (refusal(404, "Not Found"), (Deferred, None)),
        (refusal(500, "Internal Server Error"), (Deferred, None)),
        (Reply(502, b"<html>Bad Gateway</html>"), (Deferred, None)),
        (Reply(200, b"<html>a portal</html>"), (Deferred, None)),
        (Reply(200, b'{"ok": "yes"}'), (Deferred, None)),
        (Reply(200, b""), (Deferred, None)),
    ],
)
def test_what_becomes_of_it(api, reply, outcome):
    api.next = [reply]
    handover = hand_over(api)
    assert (type(handover), handover[1]) == outcome


@pytest.mark.parametrize("content", [Rendered(), Rendered(text="  "), Rendered(html="<img src=x>")])
def test_a_message_without_a_text_is_not_even_tried(api, content):
    assert hand_over(api, content).kind == "INVALID"
    assert api.requests == []


def test_a_bot_that_is_not_connected_sends_nothing(api):
    assert hand_over(api, tokens={}).kind == "INVALID"
    assert api.requests == []


@pytest.mark.parametrize("reply", [refusal(401, "Unauthorized"), Reply(502, b"x"), refusal(400, "Bad Request: x")])
def test_the_token_is_in_no_reason(api, reply):
    api.next = [reply]
    assert BotApiServer.TOKEN not in str(hand_over(api))


def test_a_connection_that_ends_before_the_answer_leaves_it_open(api):
    api.next = [DROP]
    assert isinstance(hand_over(api), Unknown)
    assert len(api.requests) == 1


def test_who_cannot_be_reached_was_not_sent_anything(api):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        api.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert isinstance(hand_over(api), Deferred)

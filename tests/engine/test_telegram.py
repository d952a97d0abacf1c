"""What follows from an update."""

import pytest

from ensue.base.clock import DAY, HOUR
from ensue.base.errors import Conflict, Invalid
from ensue.engine.contacts import changes, erase, identity
from ensue.engine.contacts.merge import merge
from ensue.engine.telegram.hear import session_key
from ensue.engine.telegram.update import read
from ensue.model.cause import Cause
from tests.engine.chats import BOT, PERSON, Line, message, standing


@pytest.fixture
def line(world):
    return Line(world)


def start(line, token, chat=PERSON):
    line.say(f"/start {token}", chat)
    return line.heard()[-1][1]["link"]


# Messages


def test_a_message_becomes_an_event_once_for_each_update(line, world):
    line.hear(message("hello", at=world.now), update_id=9)
    line.hear(message("hello", at=world.now), update_id=9)
    ((contact, metadata),) = line.heard()
    assert contact is None
    assert metadata == {
        "bot": "shop_bot", "chatId": PERSON, "chat": "private", "messageId": 5, "kind": "text", "text": "hello",
        "username": "grace", "firstName": "Grace", "language": "en",
    }  # fmt: skip


def test_the_same_update_of_another_bot_is_another(line):
    line.hear(message(), update_id=9)
    line.bot = line.bot.__class__(**{f: getattr(line.bot, f) for f in line.bot.__struct_fields__} | {"bot_id": 701})
    line.hear(message(), update_id=9)
    assert len(line.heard()) == 2


def test_a_message_has_the_time_that_telegram_says_and_never_one_ahead(line, world):
    line.hear(message("late", at=world.now - HOUR))
    line.hear(message("early", at=world.now + HOUR))
    line.hear(message("never", at=0))
    times = [row[0] for row in world.rows("SELECT timestamp FROM events ORDER BY id")]
    assert times == [world.now - HOUR, world.now, world.now]


def test_a_message_scores_and_triggers_as_any_event(line, world):
    contact = world.contact(email="ada@example.com")
    start(line, line.token("CONTACT", contact))
    world.scoring_rule("telegram.message_received", 5)
    line.say("hello")
    assert world.score(contact) == 5


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (message(None, photo=[{}], caption="look"), "photo", "look"),
        (message(None, voice={}), "voice", None),
        (message(None, something_new={}), "other", None),
        (message("x" * 5_000), "text", "x" * 4_096),
    ],
)
def test_what_a_message_carries(line, content, kind, text):
    line.hear(content)
    ((_, metadata),) = line.heard()
    assert (metadata["kind"], metadata.get("text")) == (kind, text)


def test_a_command_and_the_payload_of_a_foreign_link_can_be_matched(line):
    line.say("/Help@shop_bot now")
    line.say("/start spring-sale")
    assert [(m["command"], m.get("payload")) for _, m in line.heard()] == [("help", None), ("start", "spring-sale")]


def test_a_group_is_nobody(line, world):
    contact = world.contact(email="ada@example.com")
    line.say(f"/start {line.token('CONTACT', contact)}", chat=-55)
    line.say("/stop", chat=-55)
    assert [(owner, m["chat"]) for owner, m in line.heard()] == [(None, "group")] * 2
    assert line.devices(contact) == []
    assert line.consent(contact) == "UNKNOWN"


def test_who_is_thrown_out_of_a_group_is_no_person(line, world):
    contact = world.contact(email="ada@example.com")
    world.on(contact, lambda subject: identity.identify_session(subject.room, subject, session_key(BOT, -55)))
    line.hear({"my_chat_member": {"chat": {"id": -55, "type": "group"}, "new_chat_member": {"status": "kicked"}}})
    assert line.consent(contact) == "UNKNOWN"


@pytest.mark.parametrize(
    "content",
    [
        {}, {"callback_query": {"id": "1"}}, {"message": None}, {"message": []}, {"message": {"chat": 5}},
        {"message": {"chat": {"id": "5"}, "message_id": 1, "date": 1}}, {"message": {"chat": {"id": 5}}},
        {"my_chat_member": {"chat": {"id": 5}}}, {"my_chat_member": {"chat": {"id": 5}, "new_chat_member": 7}},
        {"message": {"chat": {"id": True}, "message_id": 1, "date": 1}},
    ],
)  # fmt: skip
def test_an_update_of_which_nothing_is_known_does_nothing(line, world, content):
    line.hear(content)
    assert world.rows("SELECT * FROM telegram_updates") == []
    assert line.heard() == []


@pytest.mark.parametrize("body", [None, [], "x", {}, {"update_id": "1"}, {"update_id": True}, {"update_id": -1}])
def test_what_is_no_update_is_refused(body):
    with pytest.raises(Invalid):
        read(body)


# Ties


def test_a_link_ties_the_chat_and_what_was_said_before_counts_late(line, world):
    contact = world.contact(email="ada@example.com")
    world.scoring_rule("telegram.message_received", 1)
    line.say("who are you")
    assert start(line, line.token("CONTACT", contact)) == "TIED"
    line.say("hello")
    assert [owner for owner, _ in line.heard()] == [contact] * 3
    assert world.score(contact) == 3
    assert line.devices(contact) == [f"{BOT}:{PERSON}"]
    assert line.consent(contact) == "OPTED_IN"


def test_the_token_is_kept_nowhere(line, world):
    token = line.token("CONTACT", world.contact())
    start(line, token)
    assert token not in str(world.rows("SELECT metadata, answer FROM events"))


def test_a_link_works_until_it_expires_and_not_longer(line, world):
    contact = world.contact(email="ada@example.com")
    early, late = line.token("CONTACT", contact, 60_000), line.token("CONTACT", contact, 60_000)
    world.forward(59_999)
    assert start(line, early) == "TIED"
    world.forward(1)
    assert start(line, late, chat=77) == "EXPIRED"
    assert line.owner(77) is None


def test_a_link_ties_one_chat(line, world):
    token = line.token("CONTACT", world.contact(email="ada@example.com"))
    assert start(line, token) == "TIED"
    assert start(line, token) == "TIED"
    assert start(line, token, chat=77) == "USED"
    assert line.owner(77) is None


def test_a_link_that_was_altered_is_any_other_payload(line, world):
    token = line.token("CONTACT", world.contact())
    line.say(f"/start {token[:-1]}{'A' if token[-1] != 'A' else 'B'}")
    ((owner, metadata),) = line.heard()
    assert owner is None
    assert "link" not in metadata


def test_a_token_fits_into_a_deep_link(line):
    assert len(line.token("VISITOR", 2**63 - 1)) <= 64


def test_a_chat_that_is_somebody_s_stays_theirs(line, world):
    ada, bob = world.contact(email="ada@example.com"), world.contact(email="bob@example.com")
    start(line, line.token("CONTACT", ada))
    assert start(line, line.token("CONTACT", bob)) == "CHAT_TAKEN"
    assert line.owner() == ada
    assert line.devices(bob) == []


def test_a_contact_that_only_the_chat_made_is_merged_into_the_known_one(line, world):
    start(line, line.token("SESSION", line.session("browser")))
    nameless = line.owner()
    assert world.stored(nameless).first_name == "Grace"
    ada = world.contact(email="ada@example.com")
    assert start(line, line.token("CONTACT", ada)) == "TIED"
    assert line.owner() == ada
    assert line.devices(ada) == [f"{BOT}:{PERSON}"]
    assert world.ask(lambda tables: tables.contacts.survivor(nameless)) == ada


def test_the_link_of_a_merged_contact_ties_the_survivor_and_of_a_deleted_one_nobody(line, world):
    ada, old, gone = (world.contact(email=f"{name}@example.com") for name in ("ada", "old", "gone"))
    tokens = [line.token("CONTACT", one) for one in (old, gone)]
    world.change(lambda room: merge(room, ada, old))
    world.on(gone, erase.delete)
    assert start(line, tokens[1], chat=77) == "CONTACT_GONE"
    assert start(line, tokens[0]) == "TIED"
    assert line.owner() == ada


def test_the_link_of_another_workspace_ties_nobody(line, world):
    assert start(line, line.token("CONTACT", world.engine.ids.next())) == "CONTACT_GONE"
    assert start(line, line.token("SESSION", world.engine.ids.next())) == "CONTACT_GONE"


# Anonymous visitors


def test_a_visitor_becomes_a_contact_with_what_was_browsed_before(line, world):
    world.scoring_rule("page_view", 2)
    world.post("page_view", session_id="browser")
    assert start(line, line.token("VISITOR", line.session("browser"))) == "TIED"
    contact = line.owner()
    assert world.score(contact) == 2
    assert world.post("page_view", session_id="browser").event.contact_id == contact


def test_a_visitor_s_link_never_reaches_a_known_contact(line, world):
    ada = world.contact(email="ada@example.com")
    token = line.token("VISITOR", line.session("browser"))
    world.post("page_view", ada, session_id="browser")
    assert start(line, token) == "CONTACT_KNOWN"
    assert line.owner() is None
    assert start(line, line.token("SESSION", line.session("browser"))) == "TIED"
    assert line.owner() == ada


def test_a_known_chat_recognises_the_browser(line, world):
    ada = world.contact(email="ada@example.com")
    start(line, line.token("CONTACT", ada))
    start(line, line.token("VISITOR", line.session("browser")))
    assert world.post("page_view", session_id="browser").event.contact_id == ada


def test_the_device_of_an_anonymous_chat_waits_for_its_contact(line, world):
    line.say("hello")
    ada = world.contact(email="ada@example.com")
    world.on(ada, lambda subject: identity.identify_session(subject.room, subject, session_key(BOT, PERSON)))
    assert line.devices(ada) == [f"{BOT}:{PERSON}"]
    assert world.rows("SELECT * FROM visitor_devices") == []


# Consent


@pytest.fixture
def ada(line, world):
    contact = world.contact(email="ada@example.com")
    start(line, line.token("CONTACT", contact))
    return contact


def test_stop_and_start(line, ada):
    line.say("/stop")
    assert line.consent(ada) == "OPTED_OUT"
    line.say("hello")
    assert line.consent(ada) == "OPTED_OUT"
    line.say("/start")
    assert line.consent(ada) == "OPTED_IN"


@pytest.mark.parametrize("status", ["kicked", "left"])
def test_who_blocks_the_bot_is_opted_out_and_not_opted_in_by_unblocking_it(line, ada, status):
    line.hear(standing(status))
    assert line.consent(ada) == "OPTED_OUT"
    assert line.devices(ada) == []
    line.hear(standing("member"))
    assert line.consent(ada) == "OPTED_OUT"
    assert line.devices(ada) == [f"{BOT}:{PERSON}"]
    line.say("/start")
    assert line.consent(ada) == "OPTED_IN"


def test_an_opt_out_from_elsewhere_is_not_undone_in_the_chat(line, world, ada):
    world.on(ada, lambda s: changes.set_consent(s, "TELEGRAM", "OPTED_OUT", "api", Cause("CHANGE")))
    line.say("/start")
    assert line.consent(ada) == "OPTED_OUT"


def test_a_segment_sees_the_consent_at_once(line, world, ada):
    segment = world.segment({"type": "channel", "channel": "TELEGRAM", "status": "OPTED_OUT"})
    line.hear(standing("kicked"))
    assert world.members(segment) == {ada}


def test_a_change_that_comes_twice_counts_once(line, world, ada):
    line.hear(standing("kicked"), update_id=50)
    line.say("/start")
    line.hear(standing("kicked"), update_id=50)
    assert line.consent(ada) == "OPTED_IN"


# Going


def test_an_erased_person_s_chat_says_nothing_more(line, world, ada):
    world.on(ada, erase.erase)
    line.say("hello")
    line.hear(standing("member"))
    assert line.owner() is None
    assert [m for _, m in line.heard() if m] == []
    assert world.rows("SELECT address FROM devices UNION ALL SELECT address FROM visitor_devices") == []
    with pytest.raises(Conflict, match="erased"):
        world.post("buy", session_id=session_key(BOT, PERSON))


def test_updates_are_forgotten_after_a_week(line, world):
    line.say("one")
    world.forward(8 * DAY)
    line.say("two")
    assert world.rows("SELECT COUNT(*) FROM telegram_updates") == [(1,)]

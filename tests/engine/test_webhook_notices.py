"""What happens is queued in its own transaction for whoever wants to hear of it, once, or not at all."""

import json
from functools import partial
from typing import Any

import pytest

from ensue.api.message_json import shown
from ensue.base import bounds
from ensue.base.errors import Conflict, EnsueError, Invalid
from ensue.base.ids import show
from ensue.base.sealing import Sealer
from ensue.engine.contacts import changes, erase
from ensue.engine.contacts.merge import merge
from ensue.engine.messages import outcome
from ensue.engine.webhooks import editing, interests
from ensue.engine.webhooks.interests import Interests
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.handover import Accepted, Rejected, Unknown
from ensue.model.message import Message
from tests.engine.world import World

SEALER = Sealer(bytes(32))
BY_HAND = Cause("CHANGE")


def listen(world: World, *wishes: str) -> int:
    """An endpoint that wants to hear of these."""

    def work(room: WorkingSet) -> int:
        endpoint, _ = editing.create(room, SEALER, "https://example.com/hooks", None, wishes, None)
        return endpoint.id

    return world.change(work)


def told(world: World, endpoint: int | None = None) -> list[tuple[str, dict[str, Any]]]:
    """(kind, data) of everything that was queued, in its order."""
    rows = world.rows("SELECT endpoint_id, kind, body FROM webhook_deliveries ORDER BY id")
    found = []
    for endpoint_id, kind, text in rows:
        if endpoint is None or endpoint_id == endpoint:
            body = json.loads(text)
            assert body["type"] == kind
            found.append((kind, body["data"]))
    return found


def kinds(world: World, endpoint: int | None = None) -> list[str]:
    return [kind for kind, _ in told(world, endpoint)]


GOLD = {"type": "tag", "operator": "has", "value": "gold"}
BOUGHT = {"type": "event", "eventType": "buy", "operator": "gte", "value": 1}


def test_without_an_endpoint_nothing_is_noted(world: World):
    world.segment(BOUGHT)
    world.post("buy", world.contact())
    assert told(world) == []


def test_one_event_and_all_that_follows(world: World):
    listen(world, "*")
    segment = world.segment(BOUGHT, "Buyers")
    rule = world.scoring_rule("buy", 5)
    campaign = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", segment)})
    contact = world.contact(email="ada@example.com", attributes={"plan": "pro"})
    created = world.post("buy", contact, {"amount": 3})
    assert kinds(world) == [
        "contact.created", "segment.entered", "campaign.enrolled", "event:buy", "score.changed",
    ]  # fmt: skip
    data = dict(told(world))
    event = data["event:buy"]["event"]
    assert event["id"] == show("evt", created.event.id)
    assert event["metadata"] == {"amount": 3}
    assert event["effects"]["score"] == {
        "before": 0, "after": 5, "entries": [{"ruleId": show("sr", rule), "delta": 5}],
    }  # fmt: skip
    assert event["effects"]["segments"]["entered"] == [{"id": show("seg", segment), "name": "Buyers"}]
    assert data["segment.entered"]["segment"] == {"id": show("seg", segment), "name": "Buyers"}
    assert data["segment.entered"]["cause"] == {"kind": "EVENT", "id": show("evt", created.event.id)}
    assert data["score.changed"]["score"] == {"before": 0, "after": 5}
    assert data["campaign.enrolled"]["campaign"]["id"] == show("cmp", campaign)
    # As the contact is at the end of the transaction, wherever in it that was noted.
    assert {data[kind]["contact"]["score"] for kind in ("segment.entered", "campaign.enrolled")} == {5}


def test_a_replayed_event_is_told_once(world: World):
    listen(world, "*")
    world.segment(BOUGHT)
    world.scoring_rule("buy", 5)
    contact = world.contact()
    world.post("buy", contact, key=b"k", fingerprint=b"f")
    before = told(world)
    assert world.post("buy", contact, key=b"k", fingerprint=b"f").replayed
    assert told(world) == before
    assert len(before) == 4


def test_what_was_undone_is_not_told(world: World):
    listen(world, "*")
    contact = world.contact()
    before = told(world)

    def work(room):
        subject = room.subject(contact)
        changes.add_tag(subject, "gold", BY_HAND)
        raise Conflict("no")

    with pytest.raises(EnsueError):
        world.change(work)
    assert told(world) == before


def test_each_endpoint_hears_what_it_wants(world: World):
    everything, buying, orders, people = (
        listen(world, "*"), listen(world, "event:buy"), listen(world, "event:order.*"),
        listen(world, "contact.*", "contact.created"),
    )  # fmt: skip
    contact = world.contact()
    world.post("buy", contact)
    world.post("order.paid", contact)
    assert kinds(world, everything) == ["contact.created", "event:buy", "event:order.paid"]
    assert kinds(world, buying) == ["event:buy"]
    assert kinds(world, orders) == ["event:order.paid"]
    assert kinds(world, people) == ["contact.created"]


def test_opens_and_clicks_go_by_both_names():
    heard = Interests([(1, ["message.*"]), (2, ["event:message.open"]), (3, ["event:*"]), (4, ["contact.*"])])
    assert heard.hearing(*interests.names_of_event("message.open")) == [1, 2, 3]
    assert interests.names_of_event("message.open")[0] == "message.open"
    assert heard.hearing(*interests.names_of_event("buy")) == [3]
    assert not Interests([])


def test_several_changes_of_a_transaction_are_told_as_one(world: World):
    contact = world.contact(firstName="Ada")
    listen(world, "contact.*", "score.changed")

    def work(subject):
        changes.update(subject, {"firstName": "Adah", "attributes": {"plan": "pro"}}, BY_HAND)
        changes.add_tag(subject, "gold", BY_HAND)
        return changes.update(subject, {"firstName": "Grace"}, BY_HAND)

    world.on(contact, work)
    ((kind, data),) = told(world)
    assert kind == "contact.updated"
    assert data["changes"] == {
        "firstName": {"from": "Ada", "to": "Grace"},
        "attributes.plan": {"from": None, "to": "pro"},
        "tags.gold": {"from": False, "to": True},
    }
    assert data["contact"]["tags"] == ["gold"]


def test_nothing_changed_nothing_told(world: World):
    contact = world.contact(firstName="Ada")
    listen(world, "*")
    world.update(contact, firstName="Ada")
    assert told(world) == []


def test_time_alone_is_told_as_of_its_instant(world: World):
    segment = world.segment({**BOUGHT, "timeWindow": "1h"})
    contact = world.contact()
    world.post("buy", contact)
    at = world.now
    listen(world, "segment.*")
    world.forward(2 * 3_600_000)
    (row,) = world.rows("SELECT kind, body, contact_id FROM webhook_deliveries")
    body = json.loads(row[1])
    assert (row[0], row[2]) == ("segment.exited", contact)
    assert body["timestamp"] == "2026-01-15T11:00:00.000Z"
    assert body["data"]["segment"]["id"] == show("seg", segment)
    assert body["data"]["cause"] == {"kind": "TIME", "id": None}
    assert at + 3_600_000 < world.now


def test_a_backfill_is_told_only_if_it_triggers(world: World):
    contact = world.contact()
    changes_tag(world, contact)
    segment = world.segment(GOLD, status="BACKFILLING")
    listen(world, "segment.entered")
    for number, triggers in enumerate((False, True)):
        cause = Cause("BACKFILL", 7, triggers=triggers)
        world.on(contact, partial(leave_and_enter, segment, cause))
        assert len(told(world)) == number


def changes_tag(world: World, contact: int) -> None:
    world.on(contact, lambda subject: changes.add_tag(subject, "gold", BY_HAND))


def leave_and_enter(segment, cause, subject):
    from ensue.engine.reactions import react

    if subject.in_segment(segment):
        subject.exit(segment, subject.as_of, "CHANGE")
        subject.room.write()
        subject = subject.room.subject(subject.id)
    react.to_change(subject, (segment,), cause)


def test_an_import_is_not_told(world: World):
    listen(world, "*")
    contact = world.contact()
    world.segment(BOUGHT)
    before = len(told(world))
    world.post("buy", contact, triggers=False)
    assert len(told(world)) == before


def test_campaigns_end_as_completed_or_exited(world: World):
    listen(world, "campaign.*")
    workflow = {"nodes": [{"id": "out", "type": "exit", "data": {}}], "edges": []}
    world.campaign({"type": "EVENT", "eventType": "buy"}, workflow=workflow)
    world.post("buy", world.contact())
    assert [kind.split(".")[0] for kind in kinds(world)] == ["campaign", "campaign"]
    assert kinds(world)[0] == "campaign.enrolled"
    assert told(world)[1][1]["reason"]


def test_a_merge_is_told_of_the_survivor(world: World):
    survivor, other = world.contact(email="a@example.com"), world.contact(firstName="Ada")
    listen(world, "contact.*")
    world.change(lambda room: merge(room, survivor, other)[0].id)
    ((kind, data),) = told(world)
    assert kind == "contact.merged"
    assert data["mergedIds"] == [show("ct", other)]
    assert data["contact"]["id"] == show("ct", survivor)
    assert data["contact"]["firstName"] == "Ada"


def test_what_waits_for_a_merged_contact_is_the_survivors(world: World):
    survivor, other = world.contact(), world.contact()
    listen(world, "contact.updated")
    world.update(other, firstName="Ada")
    world.change(lambda room: merge(room, survivor, other)[0].id)
    assert world.rows("SELECT DISTINCT contact_id FROM webhook_deliveries") == [(survivor,)]


def test_a_deleted_contact_is_told_as_it_was(world: World):
    contact = world.contact(email="ada@example.com")
    listen(world, "contact.deleted")
    world.on(contact, erase.delete)
    ((_, data),) = told(world)
    assert data["contactId"] == show("ct", contact)
    assert data["contact"]["email"] == "ada@example.com"
    assert data["erased"] is False


def test_erasing_takes_the_person_out_of_everything_that_was_told(world: World):
    listen(world, "*")
    world.post("seen", session_id="s", metadata={"email": "ada@example.com"})
    contact = world.contact(email="ada@example.com")
    world.post("buy", contact, {"card": "ada"}, session_id="s")
    world.store.write(
        lambda tables: tables.sql.run(
            """INSERT INTO webhook_attempts (workspace_id, delivery_id, attempt, at, outcome, url, request_headers,
              status_code, response_headers, response_body)
            SELECT workspace_id, id, 1, 0, 'DELIVERED', 'u', '{}', 200, '{}', 'thanks ada@example.com'
            FROM webhook_deliveries"""
        )
    )
    world.on(contact, erase.erase)
    rows = world.rows("SELECT kind, status, body, due_at, contact_id FROM webhook_deliveries ORDER BY id")
    *before, (kind, status, body, _, contact_id) = rows
    assert {row[0] for row in before} >= {"event:seen", "contact.created", "event:buy"}
    assert {row[1:] for row in before} == {("CANCELLED", None, None, None)}
    assert (kind, status, contact_id) == ("contact.deleted", "QUEUED", None)
    assert json.loads(body)["data"] == {"contactId": show("ct", contact), "contact": None, "erased": True}
    assert world.rows("SELECT COUNT(*) FROM webhook_attempts WHERE response_body IS NOT NULL") == [(0,)]


def test_what_was_told_of_others_stays(world: World):
    listen(world, "*")
    contact, other = world.contact(email="ada@example.com"), world.contact(email="bob@example.com")
    world.post("seen", session_id="another")
    world.on(contact, erase.erase)
    rows = world.rows(
        """SELECT body FROM webhook_deliveries WHERE body IS NOT NULL AND (contact_id = ? OR contact_id IS NULL)
        ORDER BY id""",
        other,
    )
    assert [json.loads(body)["type"] for (body,) in rows] == ["contact.created", "event:seen", "contact.deleted"]


def test_a_paused_endpoint_is_kept_for_and_a_disabled_one_is_not(world: World):
    endpoint = listen(world, "contact.created")
    world.change(lambda room: editing.pause(room, endpoint))
    world.contact()
    assert len(told(world)) == 1
    world.store.write(lambda tables: tables.sql.run("UPDATE webhook_endpoints SET status = 'DISABLED'"))
    world.define(lambda tables: None)
    world.contact()
    assert len(told(world)) == 1
    world.change(lambda room: editing.remove(room, endpoint))
    world.contact()
    assert len(told(world)) == 1


@pytest.mark.parametrize(
    ("handover", "kind"),
    [
        (Accepted("p-1"), "message.sent"),
        (Rejected("no", "INVALID"), "message.failed"),
        (Unknown("?"), "message.unknown"),
    ],
)
def test_what_became_of_a_message_is_told_once(world: World, handover, kind):
    contact = world.contact(email="ada@example.com")
    listen(world, "message.*")

    def handed(room):
        now = room.now
        message = Message(
            room.ids.next(), "EMAIL", "MARKETING", "SENDING", now, now, contact_id=contact, address="ada@example.com",
            rendered={"subject": "Hush"}, attempt=1, tries=1, leased=True, due_at=now + 1, handed_at=now,
        )  # fmt: skip
        room.tables.messages.add([message])
        settle = partial(outcome.settle, room, message.id, 1, handover, resends_unknown=False, draw=lambda: 0.0)
        # Who comes back a second time writes nothing.
        return message.id, settle(), settle()

    message_id, *settled = world.change(handed)
    assert settled == [True, False]
    ((told_kind, data),) = told(world)
    assert told_kind == kind
    stored = world.ask(lambda tables: tables.messages.get(message_id))
    assert stored is not None
    assert data["message"] == shown(stored).model_dump(mode="json", by_alias=True)
    assert data["message"]["contactId"] == show("ct", contact)


@pytest.mark.parametrize(
    "wish", ["contact", "contact.*.x", "event:", "event:a*b", "segments.entered", "**", "event:**", "webhook.test"]
)
def test_a_wish_that_nothing_can_fulfil_is_refused(wish):
    with pytest.raises(Invalid) as refused:
        interests.sound(["contact.created", wish], "events")
    assert refused.value.details[0].path == "events[1]"


def test_wishes_are_kept_once():
    assert interests.sound(["*", "event:*", "*"], "events") == ["*", "event:*"]
    with pytest.raises(Invalid):
        interests.sound([], "events")


def test_a_delivery_is_taken_once(world: World):
    endpoint = listen(world, "contact.created")
    world.contact()
    (due,) = world.ask(lambda tables: tables.webhook_deliveries.due(endpoint, world.now, 10))
    until = world.now + bounds.WEBHOOK_LEASE
    # Another process saw the same row before the first one took it.
    assert world.change(lambda room: room.tables.webhook_deliveries.take(due, until))
    assert not world.change(lambda room: room.tables.webhook_deliveries.take(due, until))
    assert world.rows("SELECT attempts FROM webhook_deliveries") == [(1,)]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com", "example.com", "https://", "https://user:pw@example.com", "https://example.com/#a",
        "https://example.com:99999", "https://exa mple.com", "javascript:alert(1)",
        f"https://example.com/{'a' * bounds.TEXT}",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_posted_to_is_refused(url):
    with pytest.raises(Invalid) as refused:
        editing.sound_url(url)
    assert refused.value.details[0].path == "url"

"""A contact made or changed is evaluated as an event is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base import json
from ensue.base.clock import DAY
from ensue.base.errors import Conflict, Invalid
from ensue.base.ids import show
from ensue.engine.contacts import changes, identity
from ensue.engine.reactions import react
from ensue.model.cause import Cause
from tests.engine.world import World

CHANGE = Cause("CHANGE")


def attribute(field, operator="exists", value=None):
    condition = {"type": "attribute", "field": field, "operator": operator}
    return condition if value is None else condition | {"value": value}


def events(event_type, operator, value, **more):
    return {
        "type": "event", "eventType": event_type, "aggregate": "count", "operator": operator, "value": value, **more
    }  # fmt: skip


def all_of(*conditions):
    return {"operator": "AND", "conditions": list(conditions)}


def none_of(*conditions):
    return {"operator": "NOT", "conditions": list(conditions)}


def entered(effects):
    return {change.segment_id for change in effects.entered}


def test_a_new_contact_is_in_every_segment_it_belongs_to(world):
    silent = world.segment(all_of(events("purchase", "lte", 0)))
    not_vip = world.segment(none_of({"type": "tag", "operator": "has", "value": "vip"}))
    gold = world.segment(all_of(attribute("attributes.plan", "eq", "gold")))
    new = world.segment(all_of({"type": "date", "field": "createdAt", "operator": "within_last", "value": "7d"}))
    buyers = world.segment(all_of(events("purchase", "gte", 1)))
    not_gold = world.segment(all_of({"type": "segment", "segmentId": show("seg", gold), "operator": "not_in"}))

    contact, effects = world.create(email="Ann@Example.com", attributes={"plan": "gold"})

    assert entered(effects) == {silent, not_vip, gold, new}
    assert world.segments_of(contact) == {silent, not_vip, gold, new}
    assert world.members(buyers) == set()
    assert world.members(not_gold) == set()

    world.forward(7 * DAY)
    assert contact not in world.members(new)
    exited_at = world.rows("SELECT exited_at FROM memberships WHERE segment_id = ?", new)
    assert exited_at == [(world.stored(contact).created_at + 7 * DAY,)]


def test_a_new_contact_is_in_a_segment_that_asks_for_the_absence_of_another(world):
    """The inner segment holds for a blank contact, so only evaluating its dependants too finds the outer one."""
    no_mail = world.segment(all_of(attribute("email", "not_exists")))
    has_mail = world.segment(all_of({"type": "segment", "segmentId": show("seg", no_mail), "operator": "not_in"}))
    outer = world.segment(all_of({"type": "segment", "segmentId": show("seg", has_mail), "operator": "in"}))

    contact = world.contact(email="ann@example.com")

    assert world.segments_of(contact) == {has_mail, outer}


def test_even_when_the_other_one_asks_when_the_contact_was_made(world):
    ageless = world.segment(all_of(attribute("createdAt", "not_exists")))
    aged = world.segment(all_of({"type": "segment", "segmentId": show("seg", ageless), "operator": "not_in"}))
    assert world.segments_of(world.contact()) == {aged}


def test_what_a_new_contact_cannot_be_in_is_not_looked_at(world):
    for number in range(20):
        world.segment(all_of(attribute(f"attributes.a{number}", "eq", 1)))
    wanted = world.segment(all_of(attribute("email")))

    def looked_at(room):
        return room.definitions.for_new_contact(["email", "attributes.b"])

    assert world.change(looked_at) == {wanted}


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "email": st.just("ann@example.com"),
        "firstName": st.sampled_from(["Ann", "Bob"]),
        "timezone": st.sampled_from(["Europe/Vienna", "Asia/Tokyo"]),
        "attributes": st.dictionaries(
            st.sampled_from(["plan", "born"]), st.sampled_from(["gold", 1, "1990-01-16", "2026-01-20"])
        ),
    },
)

LEAVES = st.one_of(
    st.builds(
        attribute,
        st.sampled_from(["email", "firstName", "attributes.plan", "attributes.born", "timezone"]),
        st.sampled_from(["eq", "neq", "starts_with"]),
        st.sampled_from(["Ann", "gold", "ann@example.com"]),
    ),
    st.builds(attribute, st.sampled_from(["email", "attributes.plan"]), st.sampled_from(["exists", "not_exists"])),
    st.builds(lambda n: attribute("score", "gte", n), st.sampled_from([0, 1])),
    st.builds(
        lambda name, operator: {"type": "date", "field": name, "operator": operator, "value": "5d"},
        st.sampled_from(["createdAt", "attributes.born"]),
        st.sampled_from(["within_last", "within_next", "anniversary"]),
    ),
    st.builds(
        lambda operator, more: events("purchase", operator, 1, **more),
        st.sampled_from(["lt", "gte"]),
        st.sampled_from([{}, {"timeWindow": "7d"}]),
    ),
    st.builds(
        lambda operator: {"type": "tag", "operator": operator, "value": "vip"}, st.sampled_from(["has", "not_has"])
    ),
    st.builds(
        lambda status: {"type": "channel", "channel": "EMAIL", "status": status},
        st.sampled_from(["UNKNOWN", "OPTED_IN"]),
    ),
)
GROUPS = st.builds(
    lambda operator, conditions: {"operator": operator, "conditions": conditions},
    st.sampled_from(["AND", "OR", "NOT"]),
    st.lists(LEAVES, min_size=1, max_size=3),
)


@settings(max_examples=60)
@given(groups=st.lists(GROUPS, min_size=1, max_size=6), fields=FIELDS, inner=st.lists(st.booleans(), max_size=6))
def test_looking_at_some_segments_gives_what_looking_at_all_gives(groups, fields, inner, tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    try:
        made: list[int] = []
        for group, wanted in zip(groups, [*inner, *[None] * len(groups)], strict=False):
            conditions = list(group["conditions"])
            if made and wanted is not None:
                operator = "in" if wanted else "not_in"
                conditions.append({"type": "segment", "segmentId": show("seg", made[-1]), "operator": operator})
            made.append(world.segment({"operator": group["operator"], "conditions": conditions}))
        contact = world.contact(**fields)
        once = state(world, contact)
        world.on(contact, lambda subject: react.to_change(subject, made, CHANGE))
        assert state(world, contact) == once
    finally:
        world.close()


def state(world, contact):
    timers = world.rows("SELECT subject_id, due_at FROM timers WHERE contact_id = ? ORDER BY 1", contact)
    return world.segments_of(contact), timers


def test_a_change_of_a_field_moves_the_contact(world):
    gold = world.segment(all_of(attribute("attributes.plan", "eq", "gold")))
    contact = world.contact(attributes={"plan": "free", "seats": 3})
    world.clock.advance(1_000)

    assert entered(world.update(contact, attributes={"plan": "gold"})) == {gold}
    assert world.stored(contact).attributes == {"plan": "gold", "seats": 3}
    assert world.stored(contact).updated_at == world.now

    effects = world.update(contact, attributes={"plan": None})
    assert [change.segment_id for change in effects.exited] == [gold]
    assert world.stored(contact).attributes == {"seats": 3}


def test_a_change_that_changes_nothing_leaves_no_line(world):
    contact = world.contact(email="ann@example.com", attributes={"n": 1})
    before = world.stored(contact)
    world.clock.advance(1_000)
    world.update(contact, email="ann@example.com", attributes={"n": 1})
    assert world.stored(contact).updated_at == before.updated_at
    assert len(lines(world, contact)) == 1


def test_one_and_true_are_two_values(world):
    contact = world.contact(attributes={"n": 1})
    world.update(contact, attributes={"n": True})
    assert world.stored(contact).attributes == {"n": True}
    assert lines(world, contact)[-1] == {"attributes.n": {"from": 1, "to": True}}


def lines(world, contact):
    rows = world.rows("SELECT changes FROM contact_changes WHERE contact_id = ? ORDER BY id", contact)
    return [json.decode(row[0]) for row in rows]


def test_an_address_belongs_to_one_contact_however_it_is_spelled(world):
    ann = world.contact(email=" Ann@Example.com ")
    assert world.stored(ann).email == "Ann@Example.com"
    with pytest.raises(Conflict) as caught:
        world.contact(email="ann@EXAMPLE.com")
    assert caught.value.details == [("email", f"belongs to contact {show('ct', ann)}")]
    bob = world.contact(externalId="7")
    with pytest.raises(Conflict):
        world.update(ann, externalId="7")
    world.update(bob, externalId=None)
    world.update(ann, externalId="7")
    assert world.stored(ann).external_id == "7"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ann"),
        ("email", "ann@"),
        ("email", "a b@example.com"),
        ("email", "a@b@example.com"),
        ("email", "ann\r\nBcc: x@example.com"),
        ("email", "a@" + "b" * 260),
        ("email", 7),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("locale", "not a language"),
        ("firstName", "x" * 201),
        ("firstName", "a\x00b"),
        ("score", 5),
        ("id", "ct_1"),
        ("attributes", []),
        ("attributes", {"": 1}),
        ("attributes", {"a": "\x00"}),
        ("attributes", {"a": [[[[[[[[1]]]]]]]]}),
        ("attributes", {str(n): n for n in range(201)}),
        ("attributes", {"a": "x" * 40_000}),
    ],
)
def test_an_unsound_value_is_refused_by_its_path(world, field, value):
    with pytest.raises(Invalid) as caught:
        world.contact(**{field: value})
    assert caught.value.details[0].path.split(".")[0] == field
    assert world.rows("SELECT COUNT(*) FROM contacts") == [(0,)]


def test_all_faults_are_named_at_once(world):
    with pytest.raises(Invalid) as caught:
        world.contact(email="ann", locale="?", nickname="A")
    assert [detail.path for detail in caught.value.details] == ["email", "locale", "nickname"]


def test_a_tag_moves_the_contact_once(world):
    vip = world.segment(all_of({"type": "tag", "operator": "has", "value": "vip"}))
    plain = world.segment(none_of({"type": "tag", "operator": "has", "value": "vip"}))
    contact = world.contact()

    effects = world.on(contact, lambda subject: changes.add_tag(subject, " vip ", CHANGE))
    assert entered(effects) == {vip}
    assert [change.segment_id for change in effects.exited] == [plain]
    again = world.on(contact, lambda subject: changes.add_tag(subject, "vip", CHANGE))
    assert not again.entered
    world.on(contact, lambda subject: changes.remove_tag(subject, "vip", CHANGE))
    assert world.segments_of(contact) == {plain}
    assert len(lines(world, contact)) == 3


def test_consent_moves_the_contact_and_is_noted(world):
    reachable = world.segment(all_of({"type": "channel", "channel": "EMAIL", "status": "OPTED_IN"}))
    contact = world.contact()
    effects = world.on(contact, lambda s: changes.set_consent(s, "EMAIL", "OPTED_IN", "form", CHANGE))
    assert entered(effects) == {reachable}
    assert lines(world, contact)[-1] == {"consents.EMAIL": {"from": "UNKNOWN", "to": "OPTED_IN"}}
    with pytest.raises(Invalid):
        world.on(contact, lambda s: changes.set_consent(s, "PIGEON", "YES", "", CHANGE))


def test_a_list_is_changed_by_hand_and_what_depends_on_it_follows(world):
    listed = world.segment(None)
    outside = world.segment(all_of({"type": "segment", "segmentId": show("seg", listed), "operator": "not_in"}))
    campaign = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", listed)})
    contact = world.contact()
    assert world.segments_of(contact) == {outside}

    effects = world.on(contact, lambda s: changes.set_static(s, listed, True, Cause("MANUAL")))
    assert entered(effects) == {listed}
    assert [change.segment_id for change in effects.exited] == [outside]
    assert [one.campaign_id for one in effects.enrolled] == [campaign]
    again = world.on(contact, lambda s: changes.set_static(s, listed, True, Cause("MANUAL")))
    assert not again.entered
    world.on(contact, lambda s: changes.set_static(s, listed, False, Cause("MANUAL")))
    assert world.segments_of(contact) == {outside}
    with pytest.raises(Conflict):
        world.on(contact, lambda s: changes.set_static(s, outside, False, Cause("MANUAL")))


def test_an_identified_session_brings_its_events_once(world):
    buyers = world.segment(all_of(events("purchase", "gte", 2)))
    world.scoring_rule("purchase", 5)
    world.post("purchase", session_id="s1")
    world.post("purchase", session_id="s1")
    contact = world.contact()

    effects = world.change(lambda room: identity.identify_session(room, identity.held(room, contact), "s1"))
    assert (effects.before, effects.after) == (0, 10)
    assert entered(effects) == {buyers}
    again = world.change(lambda room: identity.identify_session(room, identity.held(room, contact), "s1"))
    assert (again.before, again.after) == (10, 10)
    other = world.contact()
    with pytest.raises(Conflict):
        world.change(lambda room: identity.identify_session(room, identity.held(room, other), "s1"))


def test_an_identified_session_decides_each_segment_once(world):
    once = world.segment(all_of(events("purchase", "eq", 1)))
    twice = world.segment(all_of(events("purchase", "eq", 2)))
    welcome = world.campaign({"type": "EVENT", "eventType": "purchase"})
    for _ in range(2):
        world.post("purchase", session_id="s1")
    contact = world.contact()
    effects = world.change(lambda room: identity.identify_session(room, identity.held(room, contact), "s1"))
    assert [change.segment_id for change in effects.entered] == [twice]
    assert effects.exited == []
    assert world.rows("SELECT segment_id FROM memberships") == [(twice,)]
    assert once not in world.segments_of(contact)
    assert [one.campaign_id for one in effects.enrolled] == [welcome]
    assert [one.reason for one in effects.skipped] == ["ALREADY_ACTIVE"]


def test_an_upsert_finds_by_external_id_before_address(world):
    def upsert(**fields):
        def work(room):
            subject, _, created = identity.upsert(room, fields, CHANGE)
            return subject.id, created

        return world.change(work)

    ann, created = upsert(email="ann@example.com")
    assert created
    assert upsert(email="ANN@example.com", externalId="7") == (ann, False)
    assert upsert(externalId="7", email="ann@new.example") == (ann, False)
    assert world.stored(ann).email == "ann@new.example"
    bob, _ = upsert(email="bob@example.com")
    with pytest.raises(Conflict) as caught:
        upsert(email="bob@example.com", externalId="7")
    assert caught.value.code == "two_contacts"
    assert bob != ann

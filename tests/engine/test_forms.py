"""What follows from a form that was sent: whose it is, what it may change, and that it counts once."""

from typing import Any

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, SECOND
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import show
from ensue.base.sealing import Signer
from ensue.engine.contacts import changes, erase, identity
from ensue.engine.contacts.merge import merge
from ensue.engine.forms import confirming, editing, submitting, tokens
from ensue.engine.forms.submitting import Attempt
from ensue.engine.messages.suppression import suppress
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.form import Form, FormContent, FormField, Sent, Submission
from tests.engine.world import World

EMAIL = FormField("email", "E-mail", "email", required=True, maps_to="email")
NAME = FormField("name", "Name", "text", maps_to="firstName")
PLAN = FormField("plan", "Plan", "select", options=["free", "pro"], maps_to="attributes.plan")
NEWS = FormField("news", "News, please", "checkbox", maps_to="consents.EMAIL")
SMS = FormField("sms", "By SMS", "checkbox", maps_to="consents.SMS")
FIELDS = [EMAIL, NAME, PLAN, NEWS]
JANE = {"email": "jane@example.com", "name": "Jane", "plan": "pro", "news": True}


def make(world: World, fields: list[FormField] | None = None, **content: Any) -> Form:
    made = FormContent(fields or FIELDS, **content)
    return world.change(lambda room: editing.create(room, "Sign-up", "ACTIVE", made))


def send(world: World, form: Form, values: dict[str, Any] | None = None, **more: Any) -> list[Submission]:
    """Send a form; the submissions that a mail was to be sent for."""
    asked: list[Submission] = []
    name, trapped = more.pop("name", None), more.pop("trapped", False)
    attempt = Attempt(Sent(values if values is not None else JANE, **more), name, trapped)

    def ask(_room: WorkingSet, _form: Form, submission: Submission) -> None:
        asked.append(submission)

    world.change(lambda room: submitting.submit(room, form.id, attempt, ask))
    return asked


def submissions(world: World, form: Form, status: str = "ACCEPTED") -> list[Submission]:
    return world.ask(lambda tables: tables.form_submissions.after(form.id, status, 0, 100))


def contact_of(world: World, email: str = "jane@example.com"):
    number = world.ask(lambda tables: tables.contacts.id_by_email(email))
    assert number is not None
    return world.stored(number)


def consent(world: World, contact_id: int, channel: str = "EMAIL") -> str:
    return world.ask(lambda tables: dict(tables.contacts.consents(contact_id))).get(channel, "UNKNOWN")


def events(world: World) -> list[Any]:
    rows = world.rows(
        "SELECT e.id FROM events e JOIN event_types t ON t.id = e.type_id AND t.workspace_id = e.workspace_id "
        "WHERE t.name = 'form.submitted' ORDER BY e.id"
    )
    found = world.ask(lambda tables: [tables.events.get(row[0]) for row in rows])
    return [kept[0] for kept in found if kept is not None]


def confirm(world: World, submission: Submission) -> str:
    return world.change(lambda room: confirming.confirm(room, submission.id)).state


# Whose it is


def test_a_new_address_makes_a_contact_and_the_event_is_theirs(world):
    form = make(world, tags=["lead"])
    send(world, form, session_id="s1", page_url="https://shop.example.com/", utm_source="ad")
    jane = contact_of(world)
    assert (jane.first_name, jane.attributes) == ("Jane", {"plan": "pro"})
    assert consent(world, jane.id) == "OPTED_IN"
    assert list(world.ask(lambda tables: tables.contacts.tags(jane.id))) == ["lead"]
    (event,) = events(world)
    assert (event.contact_id, event.session_id, event.source) == (jane.id, "s1", "form")
    assert (event.page_url, event.utm_source) == ("https://shop.example.com/", "ad")
    assert event.metadata["formId"] == show("frm", form.id)
    assert event.metadata["fields"] == JANE
    (kept,) = submissions(world, form)
    assert (kept.contact_id, kept.event_id) == (jane.id, event.id)


def test_the_anonymous_history_of_the_session_becomes_the_contacts(world):
    form = make(world)
    before = world.post("page_view", session_id="s1").event.id
    send(world, form, session_id="s1")
    event, _, _ = world.ask(lambda tables: tables.events.get(before))
    assert event.contact_id == contact_of(world).id


def test_a_session_of_somebody_else_stays_theirs(world):
    other = world.contact(email="other@example.com")
    world.post("page_view", other, session_id="s1")
    form = make(world)
    send(world, form, session_id="s1")
    assert events(world)[0].contact_id == contact_of(world).id != other
    assert world.ask(lambda tables: tables.sessions.find("s1"))[1] == other


def test_without_an_address_it_is_of_whom_the_session_is_of(world):
    known = world.contact(externalId="u1")
    world.post("page_view", known, session_id="s1")
    form = make(world, [NAME])
    send(world, form, {"name": "Jane"}, session_id="s1")
    assert events(world)[0].contact_id == known
    assert world.stored(known).first_name == "Jane"


def test_without_an_address_and_with_an_unknown_session_it_is_nobodys_until_the_session_is_known(world):
    form = make(world, [NAME])
    send(world, form, {"name": "Jane"}, session_id="s1")
    assert events(world)[0].contact_id is None
    jane = world.contact(email="jane@example.com")
    world.on(jane, lambda subject: identity.identify_session(subject.room, subject, "s1"))
    assert events(world)[0].contact_id == jane


def test_an_address_never_becomes_that_of_a_contact_without_one(world):
    """Else whoever knows a session could have its owner's mail sent to themselves."""
    victim = world.contact(externalId="u1")
    world.post("page_view", victim, session_id="s1")
    send(world, make(world), session_id="s1")
    assert world.stored(victim).email is None
    assert contact_of(world).id != victim


def test_two_forms_of_one_address_in_one_transaction_are_of_one_contact(world):
    form = make(world)

    def both(room):
        for spelling in ("jane@example.com", "JANE@example.com "):
            attempt = Attempt(Sent({**JANE, "email": spelling.strip()}))
            submitting.submit(room, form.id, attempt, lambda *_: None)

    world.change(both)
    assert len({event.contact_id for event in events(world)}) == 1
    assert len(events(world)) == 2
    assert world.rows("SELECT COUNT(*) FROM contacts") == [(1,)]


# What it may change


def test_a_stranger_fills_what_is_empty_and_overwrites_nothing(world):
    jane = world.contact(email="jane@example.com", firstName="Janet", attributes={"plan": "free", "age": 30})
    fields = [EMAIL, NAME, PLAN, FormField("phone", "Phone", "tel", maps_to="phone")]
    send(world, make(world, fields), {**JANE, "phone": "+43 1 234"})
    stored = world.stored(jane)
    assert (stored.first_name, stored.phone) == ("Janet", "+43 1 234")
    assert stored.attributes == {"plan": "free", "age": 30}


@pytest.mark.parametrize(
    ("before", "after"), [("UNKNOWN", "OPTED_IN"), ("OPTED_OUT", "OPTED_OUT"), ("PENDING", "PENDING")]
)
def test_a_stranger_lifts_no_refusal(world, before, after):
    jane = world.contact(email="jane@example.com")
    if before != "UNKNOWN":
        world.on(jane, lambda subject: changes.set_consent(subject, "EMAIL", before, "unsubscribed", Cause("CHANGE")))
    send(world, make(world))
    assert consent(world, jane) == after


def test_a_stranger_does_not_lift_a_complaint_that_came_before_the_contact(world):
    world.change(lambda room: suppress(room, "EMAIL", "Jane@example.com", "COMPLAINT"))
    send(world, make(world, [EMAIL, NEWS, SMS]), {"email": "jane@example.com", "news": True, "sms": True})
    jane = contact_of(world).id
    assert (consent(world, jane), consent(world, jane, "SMS")) == ("UNKNOWN", "OPTED_IN")


def test_not_ticking_takes_nothing_away(world):
    jane = world.contact(email="jane@example.com")
    world.on(jane, lambda subject: changes.set_consent(subject, "EMAIL", "OPTED_IN", "shop", Cause("CHANGE")))
    send(world, make(world), {**JANE, "news": False})
    assert consent(world, jane) == "OPTED_IN"


def test_a_contact_that_is_full_is_not_told_of(world):
    full = {f"a{number}": 1 for number in range(bounds.ATTRIBUTES)}
    jane = world.contact(email="jane@example.com", attributes=full)
    send(world, make(world))
    assert world.stored(jane).attributes == full
    assert events(world)[0].metadata["fields"]["plan"] == "pro"


def test_the_form_puts_people_on_a_list(world):
    listed = world.segment(None)
    send(world, make(world, segment_id=listed))
    assert world.members(listed) == {contact_of(world).id}


# Once


def test_a_name_that_was_used_stores_nothing_again(world):
    form = make(world)
    send(world, form, name="n1")
    send(world, form, name="n1")
    assert len(events(world)) == len(submissions(world, form)) == 1


def test_a_name_that_was_used_with_other_answers_is_refused(world):
    form = make(world)
    send(world, form, name="n1")
    with pytest.raises(Conflict):
        send(world, form, {**JANE, "name": "Eve"}, name="n1")


def test_a_name_of_one_form_is_free_in_another(world):
    send(world, make(world), name="n1")
    send(world, make(world), name="n1")
    assert len(events(world)) == 2


def test_what_fell_into_the_trap_is_counted_and_not_kept(world):
    form = make(world)
    send(world, form, trapped=True, session_id="s1")
    (kept,) = submissions(world, form, "DISCARDED")
    assert (kept.reason, kept.sent, kept.email_key) == ("HONEYPOT", None, None)
    assert world.rows("SELECT COUNT(*) FROM contacts") == [(0,)]
    assert events(world) == []


@pytest.mark.parametrize("status", ["DRAFT", "ARCHIVED"])
def test_a_form_that_is_not_open_takes_nothing(world, status):
    form = make(world)
    world.change(lambda room: editing.edit(room, form.id, {"status": status}, {}))
    with pytest.raises(NotFound):
        send(world, form)


def test_campaigns_see_the_contact_as_the_form_left_it(world):
    form = make(world, tags=["lead"])
    conditions = {"type": "tag", "operator": "has", "value": "lead"}
    campaign = world.campaign({"type": "EVENT", "eventType": "form.submitted", "conditions": conditions})
    send(world, form)
    (enrolment,) = world.rows("SELECT campaign_id, contact_id FROM enrolments")
    assert enrolment == (campaign, contact_of(world).id)


# Double opt-in


def test_nothing_follows_before_the_address_is_confirmed(world):
    form = make(world, double_opt_in=True)
    (asked,) = send(world, form, session_id="s1")
    assert world.rows("SELECT COUNT(*) FROM contacts") == [(0,)]
    assert events(world) == []
    (pending,) = submissions(world, form, "PENDING")
    assert (pending.id, pending.expires_at) == (asked.id, world.now + 7 * DAY)


def test_looking_confirms_nothing(world):
    (asked,) = send(world, make(world, double_opt_in=True))
    standing = world.ask(lambda tables: confirming.look(tables, asked.id, world.now))
    assert standing.state == "OPEN"
    assert events(world) == []


def test_who_confirms_changes_what_is_known_and_lifts_their_own_refusal(world):
    jane = world.contact(email="jane@example.com", firstName="Janet", attributes={"plan": "free"})
    world.on(jane, lambda subject: changes.set_consent(subject, "EMAIL", "OPTED_OUT", "link", Cause("CHANGE")))
    (asked,) = send(world, make(world, double_opt_in=True))
    assert world.stored(jane).first_name == "Janet"
    assert confirm(world, asked) == "CONFIRMED"
    stored = world.stored(jane)
    assert (stored.first_name, stored.attributes, consent(world, jane)) == ("Jane", {"plan": "pro"}, "OPTED_IN")
    assert events(world)[0].metadata["confirmed"] is True


def test_confirming_is_the_consent_where_no_box_asks_for_it(world):
    (asked,) = send(world, make(world, [EMAIL], double_opt_in=True), {"email": "jane@example.com"})
    confirm(world, asked)
    assert consent(world, contact_of(world).id) == "OPTED_IN"


def test_confirming_consents_to_nothing_that_was_left_unticked(world):
    (asked,) = send(world, make(world, [EMAIL, NEWS, SMS], double_opt_in=True), {"email": "jane@example.com"})
    confirm(world, asked)
    jane = contact_of(world).id
    assert (consent(world, jane), consent(world, jane, "SMS")) == ("UNKNOWN", "UNKNOWN")


def test_a_form_that_was_changed_meanwhile_confirms_nobody_else(world):
    victim = world.contact(email="victim@example.com", firstName="Victor")
    world.on(victim, lambda subject: changes.set_consent(subject, "EMAIL", "OPTED_OUT", "link", Cause("CHANGE")))
    world.post("page_view", victim, session_id="s1")
    form = make(world, double_opt_in=True)
    (asked,) = send(world, form, session_id="s1")
    plain = FormField("email", "E-mail", "email")
    world.change(lambda room: editing.edit(room, form.id, {}, {"fields": [plain, NAME, NEWS], "double_opt_in": False}))
    assert confirm(world, asked) == "CONFIRMED"
    assert (consent(world, victim), world.stored(victim).first_name) == ("OPTED_OUT", "Victor")
    assert events(world)[0].metadata["confirmed"] is False


def test_confirming_twice_counts_once(world):
    (asked,) = send(world, make(world, double_opt_in=True))
    assert [confirm(world, asked), confirm(world, asked)] == ["CONFIRMED", "CONFIRMED"]
    assert len(events(world)) == 1


def test_after_seven_days_it_is_too_late(world):
    (asked,) = send(world, make(world, double_opt_in=True))
    world.clock.advance(7 * DAY - 1)
    assert world.ask(lambda tables: confirming.look(tables, asked.id, world.now)).state == "OPEN"
    world.clock.advance(1)
    assert confirm(world, asked) == "GONE"
    assert events(world) == []


def test_one_address_is_not_flooded_with_mails(world):
    form, other = make(world, double_opt_in=True), make(world, double_opt_in=True)
    asked = [one for target in (form, other, form, other, form) for one in send(world, target)]
    assert len(asked) == bounds.FORM_CONFIRMATIONS
    assert send(world, form, {**JANE, "email": "joe@example.com"})
    world.clock.advance(1 * DAY + 1)
    assert send(world, form)


# Erased


def test_an_erased_address_leaves_no_trace(world):
    jane = world.contact(email="jane@example.com")
    world.on(jane, erase.erase)
    for form in (make(world), make(world, double_opt_in=True)):
        assert send(world, form, name="n1") == []
        (kept,) = submissions(world, form, "DISCARDED")
        assert (kept.reason, kept.sent, kept.email_key) == ("ERASED", None, None)
        # It answers as for everybody: a retry is the same, another body is refused.
        send(world, form, name="n1")
        with pytest.raises(Conflict):
            send(world, form, {**JANE, "name": "Eve"}, name="n1")
    assert events(world) == []


def test_an_erased_session_ties_nobody_to_who_was_erased(world):
    world.post("page_view", world.contact(email="gone@example.com"), session_id="s1")
    world.on(contact_of(world, "gone@example.com").id, erase.erase)
    form, nameless = make(world), make(world, [NAME])
    send(world, form, session_id="s1")
    send(world, nameless, {"name": "Jane"}, session_id="s1")
    assert [event.session_id for event in events(world)] == [None, None]
    assert [kept.sent.session_id for kept in submissions(world, form) if kept.sent] == [None]


def test_erasing_takes_what_was_sent_and_what_waits(world):
    form, waiting = make(world), make(world, double_opt_in=True)
    send(world, form)
    send(world, waiting)
    jane = contact_of(world).id
    world.on(jane, erase.erase)
    (kept,) = submissions(world, form)
    assert (kept.sent, kept.email_key, kept.contact_id) == (None, None, None)
    assert submissions(world, waiting, "PENDING") == []


def test_an_erasure_between_the_mail_and_the_link(world):
    form = make(world, double_opt_in=True)
    (asked,) = send(world, form)
    jane = world.contact(email="jane@example.com")
    world.update(jane, email="jane@elsewhere.example")
    world.on(jane, erase.erase)
    assert confirm(world, asked) == "GONE"
    assert world.rows("SELECT COUNT(*) FROM contacts") == [(0,)]
    assert [kept.reason for kept in submissions(world, form, "DISCARDED")] == ["ERASED"]


def test_submissions_go_with_a_merge(world):
    form = make(world)
    send(world, form)
    survivor, other = world.contact(email="j@example.com"), contact_of(world).id
    world.change(lambda room: merge(room, survivor, other))
    assert submissions(world, form)[0].contact_id == survivor


# The form itself


@pytest.mark.parametrize(
    ("fields", "content", "path"),
    [
        ([EMAIL, EMAIL], {}, "fields[0].key"),
        ([FormField("a", "A", "text", maps_to="externalId")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "text", maps_to="email")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "text", maps_to="score")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "text", maps_to="attributes.a.b")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "text", maps_to="consents.EMAIL")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "checkbox", maps_to="consents.FAX")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "checkbox", maps_to="firstName")], {}, "fields[0].mapsTo"),
        ([FormField("a", "A", "checkbox", maps_to="consents.SMS", default="on")], {}, "fields[0].default"),
        ([FormField("a", "A", "select")], {}, "fields[0].options"),
        ([FormField("a", "A", "text", options=["x"])], {}, "fields[0].options"),
        ([FormField("a", "A", "number", default="many")], {}, "fields[0].default"),
        ([FormField("a", "A", "hidden", required=True)], {}, "fields[0].required"),
        ([NAME], {"double_opt_in": True}, "doubleOptIn"),
        ([NAME], {"segment_id": 1}, "segmentId"),
        ([NAME], {"tags": ["\n"]}, "tags[0]"),
    ],
)  # fmt: skip
def test_an_unsound_form_is_refused_by_name(world, fields, content, path):
    with pytest.raises(Invalid) as refused:
        make(world, fields, **content)
    assert path in [detail.path for detail in refused.value.details]


def test_a_form_that_something_asks_about_is_not_deleted(world):
    form = make(world)
    where = {"type": "attribute", "field": "metadata.formId", "operator": "eq", "value": show("frm", form.id)}
    rules = {"type": "event", "eventType": "form.submitted", "where": where, "operator": "gte", "value": 1}
    world.segment(rules, name="Filled it in")
    with pytest.raises(Conflict) as refused:
        world.change(lambda room: editing.delete(room, form.id))
    assert refused.value.code == "form_in_use"
    assert "Filled it in" in refused.value.message


def test_a_form_with_submissions_is_not_deleted(world):
    form = make(world)
    send(world, form)
    with pytest.raises(Conflict) as refused:
        world.change(lambda room: editing.delete(room, form.id))
    assert refused.value.code == "form_has_submissions"
    (kept,) = submissions(world, form)
    world.change(lambda room: room.tables.form_submissions.remove(form.id, kept.id))
    world.change(lambda room: editing.delete(room, form.id))
    assert world.ask(lambda tables: tables.forms.all()) == []


def test_what_nobody_confirmed_is_forgotten(world):
    form = make(world, double_opt_in=True)
    send(world, form)
    world.clock.advance(bounds.FORM_CONFIRMATION)
    assert world.change(lambda room: room.tables.form_submissions.forget_expired(room.now, 10)) == 1
    assert submissions(world, form, "PENDING") == []


# Tokens


def test_a_token_is_worth_nothing_elsewhere_or_altered():
    signer = Signer(b"k" * 32)
    page = tokens.for_page(signer, 5, 1_000, 7)
    link = tokens.for_confirmation(signer, 5, 1_000)
    opened = tokens.read_page(signer, page)
    assert opened is not None
    assert (opened.form_id, opened.at) == (5, 1_000)
    assert tokens.read_confirmation(signer, link) == (5, 1_000)
    assert tokens.read_confirmation(signer, page) is None
    assert tokens.read_page(signer, link) is None
    assert tokens.read_page(Signer(b"l" * 32), page) is None
    for place in range(len(link)):
        altered = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        assert tokens.read_confirmation(signer, altered) is None
    for rubbish in ("", "=", "é", "\0", "A" * 10_000):
        assert tokens.read_confirmation(signer, rubbish) is None


def test_how_long_a_page_was_open():
    opened = tokens.Opened(1, 1_000_000)
    assert tokens.too_fast(opened, 1_000_000 + 2 * SECOND - 1, 2)
    assert not tokens.too_fast(opened, 1_000_000 + 2 * SECOND, 2)
    assert not tokens.too_old(opened, 1_000_000 + DAY)
    assert tokens.too_old(opened, 1_000_000 + DAY + 1)
    assert tokens.too_old(opened, 1_000_000 - bounds.CLOCK_SKEW - 1)

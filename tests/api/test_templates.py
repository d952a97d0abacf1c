"""Templates over HTTP."""

from typing import Any

import pytest

from tests.api.house import House

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hi {{ contact.firstName }}, your {{ event.metadata.item | default: "order" }} is on its way.</mj-text>
<mj-button href="https://shop.example/?c={{ contact.attributes.code | url_encode }}">Follow it</mj-button>
</mj-column></mj-section></mj-body></mjml>"""


@pytest.fixture
def house(tmp_path):
    with House(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house):
    return house.owner()


@pytest.fixture
def path(owner):
    return f"{owner.w}/templates"


def mail(name="Welcome", **more):
    return {"name": name, "channel": "EMAIL", "subject": "Hi {{ contact.firstName }}", "mjml": MJML, **more}


def refused(visitor, method, path, body, status=400):
    response = visitor.send(method, path, body)
    assert response.status_code == status, response.text
    return response.json()["error"]


def contact(owner, **more):
    return owner.post(f"{owner.w}/contacts", {"email": "ann@example.com", "firstName": "Ann", **more}, 201)["id"]


def test_a_template_is_made_listed_read_and_changed(owner, path):
    made = owner.post(path, mail(), 201)
    assert (made["name"], made["channel"], made["version"], made["mjml"]) == ("Welcome", "EMAIL", 1, MJML)
    page = owner.get(path)
    card = {name: made[name] for name in ("id", "name", "channel", "version", "createdAt", "updatedAt")}
    assert page == {"data": [card], "pagination": {"page": 1, "limit": 50, "total": 1, "totalPages": 1}}
    assert owner.get(f"{path}?channel=PUSH")["data"] == []
    assert owner.get(f"{path}/{made['id']}") == made
    changed = owner.patch(f"{path}/{made['id']}", {"mjml": None, "html": "<p>a</p>", "name": "Hello"})
    assert (changed["name"], changed["version"], changed["mjml"], changed["html"]) == ("Hello", 2, None, "<p>a</p>")
    assert changed["subject"] == made["subject"]


def test_a_new_name_is_no_new_version_and_the_same_texts_neither(owner, path):
    made = owner.post(path, mail(), 201)
    assert owner.patch(f"{path}/{made['id']}", {"name": "Other"})["version"] == 1
    assert owner.patch(f"{path}/{made['id']}", {"mjml": MJML})["version"] == 1


def test_every_version_stays_even_of_a_deleted_template(owner, path):
    made = owner.post(path, mail(), 201)
    for subject in ("a", "b"):
        owner.patch(f"{path}/{made['id']}", {"subject": subject})
    page = owner.get(f"{path}/{made['id']}/versions?limit=2")
    assert [(one["version"], one["subject"]) for one in page["data"]] == [(3, "b"), (2, "a")]
    assert page["pagination"]["total"] == 3
    owner.delete(f"{path}/{made['id']}")
    assert owner.get(f"{path}/{made['id']}/versions/1")["subject"] == made["subject"]
    assert owner.get(f"{path}/{made['id']}/versions/4", 404)
    assert owner.get(f"{path}/{made['id']}", 404)
    assert owner.get(f"{path}/{made['id']}/versions", 404)
    assert owner.get(path)["data"] == []


def test_what_is_wrong_is_named_by_field_and_line(owner, path):
    error = refused(owner, "POST", path, mail(subject="{{ a | shout }}", mjml=MJML.replace("mj-button", "mj-knob")))
    assert error["details"] == [
        {"path": "subject", "message": "line 1: there is no filter `shout`"},
        {"path": "mjml", "message": "line 3: there is no MJML element `<mj-knob>`"},
    ]
    made = owner.post(path, mail(), 201)
    error = refused(owner, "PATCH", f"{path}/{made['id']}", {"html": "a"})
    assert error["details"] == [{"path": "mjml", "message": "stands in place of `html`: give one of the two"}]
    assert refused(owner, "PATCH", f"{path}/{made['id']}", {"subject": None})["details"][0]["path"] == "subject"
    assert owner.get(f"{path}/{made['id']}")["version"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a", "channel": "SMOKE", "text": "a"}, "channel"),
        ({"channel": "TELEGRAM", "text": "a"}, "name"),
        ({"name": " ", "channel": "TELEGRAM", "text": "a"}, "name"),
        ({"name": "a", "channel": "TELEGRAM", "text": 5}, "text"),
        ({"name": "a", "channel": "TELEGRAM", "text": "a", "colour": "red"}, "colour"),
        ({"name": "a", "channel": "TELEGRAM", "text": "a\x00"}, "text"),
        ({"name": "a", "channel": "TELEGRAM", "text": "a" * 300_000}, "text"),
    ],
)
def test_bodies_are_checked(owner, path, body, field):
    assert [detail["path"] for detail in refused(owner, "POST", path, body)["details"]] == [field]


def test_the_texts_may_be_longer_than_other_bodies(owner, path):
    owner.post(path, {"name": "long", "channel": "EMAIL", "subject": "a", "html": "é" * 250_000}, 201)
    assert owner.send("POST", path, {"name": "x", "channel": "EMAIL", "html": "a" * 2_000_000}).status_code == 413


def test_no_two_templates_have_names_that_look_alike(owner, path):
    first = owner.post(path, mail(), 201)
    assert refused(owner, "POST", path, mail(" welcome "), 409)["code"] == "template_name_taken"
    second = owner.post(path, mail("Other"), 201)
    assert refused(owner, "PATCH", f"{path}/{second['id']}", {"name": "WELCOME"}, 409)["code"] == "template_name_taken"
    # Its own is no obstacle, and that of a deleted one is free again.
    owner.patch(f"{path}/{first['id']}", {"name": "WELCOME"})
    owner.delete(f"{path}/{first['id']}")
    owner.patch(f"{path}/{second['id']}", {"name": "Welcome"})


def test_a_template_changed_by_somebody_else_in_between_is_not_overwritten(owner, path, house, monkeypatch):
    made = owner.post(path, mail(), 201)
    from ensue.api import template_json, templates

    seen: list[object] = []

    def check_while_another_saves(content):
        if not seen:
            seen.append(content)
            number = template_json.template_number(made["id"])
            workspace = house.rows("SELECT id FROM workspaces")[0][0]
            house.elsewhere(f"UPDATE templates SET version = 2 WHERE workspace_id = {workspace} AND id = {number}")
            house.elsewhere(
                f"INSERT INTO template_versions SELECT workspace_id, template_id, 2, content, 0 FROM template_versions "
                f"WHERE workspace_id = {workspace} AND template_id = {number}"
            )

    monkeypatch.setattr(templates, "check", check_while_another_saves)
    assert refused(owner, "PATCH", f"{path}/{made['id']}", {"subject": "b"}, 409)["code"] == "template_changed"


def test_a_preview_for_a_real_contact_marks_what_is_missing(owner, path):
    made = owner.post(path, mail(), 201)
    ann = contact(owner)
    event = owner.post(f"{owner.w}/events", {"type": "purchase", "contactId": ann, "metadata": {"item": "a & b"}}, 201)
    shown = owner.post(f"{path}/{made['id']}/preview", {"contactId": ann, "eventId": event["id"]})
    assert shown["subject"] == "Hi Ann"
    assert "your a &amp; b is" in shown["html"]
    assert (
        shown["text"]
        == "Hi Ann, your a & b is on its way.\n\nFollow it (https://shop.example/?c=⟦contact.attributes.code⟧)"
    )
    assert shown["missing"] == ["contact.attributes.code"]
    # The event alone says whose it is.
    assert owner.post(f"{path}/{made['id']}/preview", {"eventId": event["id"]}) == shown
    nobody = owner.post(f"{path}/{made['id']}/preview", {})
    assert nobody["missing"] == ["contact.firstName", "contact.attributes.code"]


def test_a_preview_of_an_older_version(owner, path):
    made = owner.post(path, mail(), 201)
    owner.patch(f"{path}/{made['id']}", {"subject": "New"})
    assert owner.post(f"{path}/{made['id']}/preview", {"version": 1})["subject"] == "Hi ⟦contact.firstName⟧"
    assert owner.post(f"{path}/{made['id']}/preview", {})["subject"] == "New"
    assert owner.post(f"{path}/{made['id']}/preview", {"version": 3}, 404)


def test_a_preview_of_what_is_not_saved(owner, path):
    ann = contact(owner, timezone="Asia/Tokyo")
    draft = {"channel": "TELEGRAM", "text": "{{ contact.firstName }} {{ 'now' | date: '%R' }} {{ values.code }}"}
    assert owner.post(f"{path}/preview", {**draft, "contactId": ann, "values": {"code": 7}})["text"] == "Ann 21:00 7"
    error = refused(owner, "POST", f"{path}/preview", {**draft, "text": "\n{% nope %}"})
    assert error["details"] == [{"path": "text", "message": "line 2: there is no tag `nope`"}]
    assert owner.get(path)["data"] == []


def test_a_preview_says_what_these_values_make_fail(owner, path):
    body = {"channel": "TELEGRAM", "text": "{{ contact.firstName | plus: 1 }}", "contactId": contact(owner)}
    error = refused(owner, "POST", f"{path}/preview", body)
    assert error["details"] == [{"path": "text", "message": "line 1: 'Ann' is no number"}]


def test_a_preview_is_about_this_workspace_and_one_person(owner, path):
    ann, bob = contact(owner), owner.post(f"{owner.w}/contacts", {"email": "bob@example.com"}, 201)["id"]
    event = owner.post(f"{owner.w}/events", {"type": "a", "contactId": bob}, 201)["id"]
    draft = {"channel": "TELEGRAM", "text": "a"}
    for more, field in (
        ({"contactId": "ct_0000000000000"}, "contactId"),
        ({"contactId": "nonsense"}, "contactId"),
        ({"eventId": "evt_0000000000000"}, "eventId"),
        ({"eventId": "ct_0000000000000"}, "eventId"),
        ({"contactId": ann, "eventId": event}, "eventId"),
    ):
        assert refused(owner, "POST", f"{path}/preview", {**draft, **more})["details"][0]["path"] == field


def test_a_key_sees_in_a_preview_only_whom_it_may_see(house, owner, path):
    made = owner.post(path, mail(), 201)
    ann = contact(owner)
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["templates:*"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    program.post(f"{path}/{made['id']}/preview", {})
    assert refused(program, "POST", f"{path}/{made['id']}/preview", {"contactId": ann}, 403)["code"] == "forbidden"
    assert refused(program, "POST", f"{path}/{made['id']}/test", {"contactId": ann}, 403)["code"] == "forbidden"
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["templates:read", "contacts:read"]}, 201)["key"]
    reader = house.with_key(key, owner.workspace)
    reader.post(f"{path}/{made['id']}/preview", {"contactId": ann})
    event = owner.post(f"{owner.w}/events", {"type": "a", "contactId": ann}, 201)["id"]
    refused(reader, "POST", f"{path}/{made['id']}/preview", {"eventId": event}, 403)


def test_a_test_goes_to_an_address_and_is_nobody_s_message(house, owner, path):
    made = owner.post(path, mail(), 201)
    sent = owner.post(f"{path}/{made['id']}/test", {"to": "Me@Example.com", "contactId": contact(owner)}, 202)
    assert sent["missing"] == ["contact.attributes.code"]
    rows = house.rows(
        "SELECT channel, kind, contact_id, address, template_version, json_extract(rendered, '$.subject') FROM messages"
    )
    assert rows == [("EMAIL", "TRANSACTIONAL", None, "Me@Example.com", 1, "Hi Ann")]
    assert len(sent["messageIds"]) == 1


def test_erasing_a_contact_also_wipes_what_was_shown_to_somebody_else(house, owner, path):
    made = owner.post(path, mail(), 201)
    ann = contact(owner)
    bob = owner.post(f"{owner.w}/contacts", {"email": "bob@example.com", "firstName": "Bob"}, 201)["id"]
    for one in (ann, bob):
        owner.post(f"{path}/{made['id']}/test", {"to": "me@example.com", "contactId": one}, 202)
    owner.post(f"{owner.w}/contacts/{ann}/erase", status=204)
    kept = house.rows("SELECT address, rendered FROM messages ORDER BY id")
    assert kept[0] == (None, None)
    assert kept[1][0] == "me@example.com"
    assert "Bob" in kept[1][1]


def test_who_did_what_to_a_template_is_recorded(owner, path):
    made = owner.post(path, mail(), 201)
    owner.patch(f"{path}/{made['id']}", {"subject": "b"})
    owner.post(f"{path}/{made['id']}/test", {"to": "me@example.com"}, 202)
    owner.delete(f"{path}/{made['id']}")
    lines = [line for line in owner.get(f"{owner.w}/audit") if line["action"].startswith("template.")]
    assert [line["action"].partition(".")[2] for line in lines] == ["delete", "test", "edit", "create"]
    assert {line["target"] for line in lines} == {made["id"]}


def test_a_test_goes_to_a_contact(house, owner, path):
    made = owner.post(path, mail(), 201)
    ann = contact(owner)
    owner.post(f"{path}/{made['id']}/test", {"contactId": ann, "values": {"a": 1}}, 202)
    rows = house.rows("SELECT kind, address, given, contact_id IS NOT NULL FROM messages")
    assert rows == [("TRANSACTIONAL", "ann@example.com", '{"a":1}', 1)]


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "to"), ({"to": "no address"}, "to"), ({"to": "a@b.example\r\nBcc: c@d.example"}, "to"), ({"to": ""}, "to")],
)
def test_a_test_needs_somebody(owner, path, body, field):
    made = owner.post(path, mail(), 201)
    assert refused(owner, "POST", f"{path}/{made['id']}/test", body)["details"][0]["path"] == field


def test_a_test_of_another_channel_needs_a_contact_who_can_be_reached(owner, path):
    made = owner.post(path, {"name": "T", "channel": "TELEGRAM", "text": "a"}, 201)
    assert refused(owner, "POST", f"{path}/{made['id']}/test", {"to": "a@b.example"})["details"][0]["path"] == "to"
    error = refused(owner, "POST", f"{path}/{made['id']}/test", {"contactId": contact(owner)}, 409)
    assert error["code"] == "not_sent"
    assert "NO_ADDRESS" in error["message"]


def campaign(owner, template_id, status="DRAFT"):
    nodes = [{"id": "s", "type": "send", "data": {"channel": "EMAIL", "templateId": template_id}}]
    nodes.append({"id": "x", "type": "exit", "data": {}})
    body = {
        "name": "Thanks",
        "triggers": [{"type": "EVENT", "eventType": "purchase"}],
        "workflow": {"nodes": nodes, "edges": [{"from": "s", "to": "x"}]},
        "status": status,
    }
    return owner.post(f"{owner.w}/campaigns", body, 201)["id"]


@pytest.mark.parametrize("status", ["DRAFT", "ACTIVE"])
def test_what_a_campaign_sends_cannot_be_deleted(owner, path, status):
    made = owner.post(path, mail(), 201)
    number = campaign(owner, made["id"], status)
    error = refused(owner, "DELETE", f"{path}/{made['id']}", None, 409)
    assert error["code"] == "template_in_use"
    assert error["details"] == [{"path": number, "message": "the campaign 'Thanks' sends it"}]
    if status == "ACTIVE":
        owner.post(f"{owner.w}/campaigns/{number}/complete")
    owner.post(f"{owner.w}/campaigns/{number}/archive")
    owner.delete(f"{path}/{made['id']}")


def test_what_somebody_still_runs_through_cannot_be_deleted(owner, path):
    made, other = owner.post(path, mail(), 201), owner.post(path, mail("Other"), 201)
    number = campaign(owner, other["id"])
    send: dict[str, Any] = {"id": "s", "type": "send", "data": {"channel": "EMAIL", "templateId": made["id"]}}
    wait = {"id": "w", "type": "delay", "data": {"duration": "1d"}}
    owner.patch(
        f"{owner.w}/campaigns/{number}",
        {"workflow": {"nodes": [wait, send], "edges": [{"from": "w", "to": "s"}]}, "status": "ACTIVE"},
    )
    owner.post(f"{owner.w}/events", {"type": "purchase", "contactId": contact(owner)}, 201)
    send["data"]["templateId"] = other["id"]
    owner.patch(
        f"{owner.w}/campaigns/{number}", {"workflow": {"nodes": [wait, send], "edges": [{"from": "w", "to": "s"}]}}
    )
    assert refused(owner, "DELETE", f"{path}/{made['id']}", None, 409)["code"] == "template_in_use"


def test_a_campaign_sends_only_templates_that_are_there_and_for_its_channel(owner, path):
    chat = owner.post(path, {"name": "T", "channel": "TELEGRAM", "text": "a"}, 201)["id"]
    for template, sentence in (
        ("tpl_0000000000000", "is no template of this workspace"),
        (chat, "is a template for TELEGRAM, not for EMAIL"),
    ):
        node = {"id": "s", "type": "send", "data": {"channel": "EMAIL", "templateId": template}}
        body = {"name": "C", "workflow": {"nodes": [node], "edges": []}}
        error = refused(owner, "POST", f"{owner.w}/campaigns", body)
        assert error["details"] == [{"path": "workflow.nodes[0].data.templateId", "message": sentence}]
    message = {"channel": "EMAIL", "templateId": chat, "to": "a@b.example"}
    assert refused(owner, "POST", f"{owner.w}/messages", message)["details"][0]["path"] == "templateId"


def test_the_texts_of_a_campaign_are_as_sound_as_a_template_s(owner):
    node: dict[str, Any] = {
        "id": "s",
        "type": "send",
        "data": {"channel": "EMAIL", "subject": "a", "text": "\n{{ a | shout }}"},
    }
    body = {"name": "C", "workflow": {"nodes": [node], "edges": []}}
    error = refused(owner, "POST", f"{owner.w}/campaigns", body)
    expected = [{"path": "workflow.nodes[0].data.text", "message": "line 2: there is no filter `shout`"}]
    assert error["details"] == expected
    sound = {**node, "data": {**node["data"], "text": "a"}}
    made = owner.post(f"{owner.w}/campaigns", {**body, "workflow": {"nodes": [sound], "edges": []}}, 201)
    error = refused(owner, "PATCH", f"{owner.w}/campaigns/{made['id']}", {"workflow": body["workflow"]})
    assert error["details"] == expected

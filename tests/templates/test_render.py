import json

import mrml
import pytest

from ensue.base import bounds
from ensue.base.errors import Invalid
from ensue.model.campaign import Campaign
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.template import Content
from ensue.model.workspace import Workspace
from ensue.templates.render import check, compiled, render
from ensue.templates.scope import About, scope_of
from tests.templates.writing import NOW

SHOP = Workspace(1, "Shop & Co", "shop", "America/New_York", 0, 0, 0, 0)
ANN = Contact(2, NOW, NOW, NOW, email="ann@example.com", first_name="Ann", attributes={"plan": "pro"}, score=12)


def scope(**more):
    return scope_of(About(**{"now": NOW, "workspace": SHOP, "contact": ANN, **more}))


def test_contact_event_campaign_and_workspace_are_in_scope():
    event = Event(3, "purchase", NOW, NOW, 2, {"order": {"total": 9.5}}, page_url="https://x.example")
    campaign = Campaign(4, "Thanks", "AUTOMATED", "ACTIVE", 1, [], {}, {}, None, None, None, 0, 0)
    source = (
        "{{ contact.id }} {{ contact.email }} {{ contact.attributes.plan }} {{ contact.score }} "
        "{{ contact.tags | join }} {{ contact.consents.EMAIL }} {{ contact.createdAt }}|"
        "{{ event.type }} {{ event.metadata.order.total }} "
        "{{ event.timestamp | date: '%R' }} {{ event.pageUrl }}|"
        "{{ campaign.name }}|{{ workspace.name }}|{{ values.code }}|"
        "{{ unsubscribeUrl }} {{ preferencesUrl }} {{ now }}"
    )
    everything = scope(
        tags=["vip", "a"], consents={"EMAIL": "OPTED_IN"}, event=event, campaign=campaign, values={"code": 7},
        unsubscribe_url="https://x/u", preferences_url="https://x/p",
    )  # fmt: skip
    said = render(Content("TELEGRAM", text=source), everything)
    assert said.missing == []
    assert said.text == (
        "ct_0000000000002 ann@example.com pro 12 a vip OPTED_IN 2026-03-01T12:00:00.000Z|purchase 9.5 07:00 "
        "https://x.example|Thanks|Shop & Co|7|https://x/u https://x/p 2026-03-01T12:00:00.000Z"
    )


def test_what_there_is_not_is_missing():
    said = render(Content("TELEGRAM", text="{{ event.type }}{{ campaign.name }}{{ contact.lastName }}"), scope())
    assert (said.text, said.missing) == ("", ["event.type", "campaign.name", "contact.lastName"])


@pytest.mark.parametrize(("contact", "expected"), [("Asia/Tokyo", "21:00"), (None, "07:00"), ("Nowhere/City", "07:00")])
def test_dates_are_the_contact_s_or_else_the_workspace_s(contact, expected):
    ann = Contact(2, NOW, NOW, NOW, time_zone=contact)
    assert render(Content("TELEGRAM", text="{{ 'now' | date: '%R' }}"), scope(contact=ann)).text == expected


def test_a_mail_has_both_parts():
    said = render(Content("EMAIL", subject="Hi", html="<p>Hi <b>{{ contact.firstName }}</b></p>"), scope())
    assert (said.html, said.text) == ("<p>Hi <b>Ann</b></p>", "Hi Ann")
    said = render(Content("EMAIL", subject="Hi", html="<p>a</p>", text="{{ workspace.name }}"), scope())
    assert said.text == "Shop & Co"
    said = render(Content("EMAIL", subject="Hi", text="a"), scope())
    assert (said.html, said.text) == (None, "a")


def test_the_text_part_says_what_the_html_part_escapes():
    said = render(Content("EMAIL", subject="{{ workspace.name }}", html="<p>{{ workspace.name }}</p>"), scope())
    assert (said.subject, said.html, said.text) == ("Shop & Co", "<p>Shop &amp; Co</p>", "Shop & Co")


@pytest.mark.parametrize("bad", ["a\r\nBcc: eve@example.com", "a\x00b", "a\u2028b", "a\x85b", "a\x0bb\x1b[0m", " a \n"])
def test_a_subject_is_one_line(bad):
    said = render(Content("EMAIL", subject="{{ values.x }}", text="a"), scope(values={"x": bad}))
    assert said.subject is not None
    assert said.subject.isprintable()
    assert said.subject.strip() == said.subject


def test_a_subject_ends_somewhere():
    said = render(Content("EMAIL", subject="{{ values.x }}", text="a"), scope(values={"x": "a" * 5000}))
    assert said.subject == "a" * bounds.TEMPLATE_SUBJECT


def test_push_and_telegram_are_not_escaped():
    said = render(
        Content("PUSH", title="{{ values.x }}\n!", body="{{ values.x }}", url="https://x/"), scope(values={"x": "<&>"})
    )
    assert (said.title, said.body, said.url) == ("<&> !", "<&>", "https://x/")


def test_the_values_in_a_webhook_are_escaped_as_json():
    values = {"x": '"\\\n\u2028</script>', "list": [1, None, {"a": True}]}
    body = """{"x": "{{ values.x }}", "list": {{ values.list | json }}, "n": {{ contact.score }},
      "gone": {{ contact.phone | json }}}"""
    said = render(Content("WEBHOOK", body=body, url="https://x/{{ contact.id }}"), scope(values=values))
    assert said.body is not None
    assert json.loads(said.body) == {**values, "n": 12, "gone": None}
    assert said.url == "https://x/ct_0000000000002"
    captured = '{% capture c %}{{ values.x }}{% endcapture %}{"x": "{{ c }}"}'
    said = render(Content("WEBHOOK", body=captured), scope(values=values))
    assert said.body is not None
    assert json.loads(said.body) == {"x": values["x"]}


def test_a_webhook_that_is_no_json_is_refused_with_the_reason():
    content = Content("WEBHOOK", body='{"n": {{ contact.phone }}}')
    with pytest.raises(Invalid, match="does not become JSON with these values"):
        render(content, scope())
    # A preview shows where the value is missing.
    assert render(content, scope(), preview=True).body == '{"n": ⟦contact.phone⟧}'


def test_mjml_is_compiled_once_for_all_mails(monkeypatch):
    times: list[str] = []

    def count(text, **_):
        times.append(text)
        return _Html()

    compiled.cache_clear()
    monkeypatch.setattr(mrml, "to_html", count)
    content = Content("EMAIL", subject="a", mjml="<mjml></mjml>")
    for _ in range(5):
        assert render(content, scope()).html == "<p>compiled</p>"
    assert len(times) == 1
    compiled.cache_clear()


class _Html:
    content = "<p>compiled</p>"


def test_a_panic_of_the_compiler_is_a_fault_and_not_the_end(monkeypatch):
    class PanicException(BaseException):
        pass

    def panic(text, **_):
        raise PanicException

    monkeypatch.setattr(mrml, "to_html", panic)
    with pytest.raises(Invalid, match="cannot be compiled"):
        check(Content("EMAIL", subject="a", mjml="<mjml></mjml>"))


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (Content("EMAIL"), {"subject": "is required for EMAIL", "html": "is required for EMAIL, or `mjml`, or `text`"}),
        (Content("EMAIL", subject=" ", text="a"), {"subject": "must not be empty"}),
        (
            Content("EMAIL", subject="a", html="a", mjml="<mjml></mjml>"),
            {"mjml": "stands in place of `html`: give one of the two"},
        ),
        (Content("EMAIL", subject="a", text="a", title="a"), {"title": "is not a text of EMAIL"}),
        (
            Content("TELEGRAM", subject="a"),
            {"text": "is required for TELEGRAM, or `html`", "subject": "is not a text of TELEGRAM"},
        ),
        (Content("PUSH", title="a"), {"body": "is required for PUSH"}),
        (Content("WEBHOOK", body="{}", html="a"), {"html": "is not a text of WEBHOOK"}),
        (
            Content("EMAIL", subject="{{ a | b }}", html="\n{% c %}"),
            {"subject": "line 1: there is no filter `b`", "html": "line 2: there is no tag `c`"},
        ),
        (
            Content("EMAIL", subject="a", html="<script>{{ a }}</script>"),
            {"html": "line 1: `{{ a }}` stands in a script, where it cannot be escaped"},
        ),
        (
            Content("EMAIL", subject="a", html="<a {{ a }}>"),
            {"html": "line 1: `{{ a }}` stands in a tag, outside the value of an attribute"},
        ),
        (
            Content("EMAIL", subject="a", html="<a href={{ a }}>"),
            {"html": "line 1: `{{ a }}` stands in the value of `href`, which must be in quotes"},
        ),
        (
            Content("EMAIL", subject="a", html="<a onClick='{{ a }}'>"),
            {"html": "line 1: `{{ a }}` stands in the script of `onclick`, where it cannot be escaped"},
        ),
        (
            Content("EMAIL", subject="a", html="</b{{ a }}>"),
            {"html": "line 1: `{{ a }}` stands in a tag, outside the value of an attribute"},
        ),
        (
            Content("EMAIL", subject="a", html="x" * 300_000),
            {"$": "must not have more than 262144 characters in all its texts"},
        ),
    ],
)
def test_what_is_refused_when_it_is_saved(content, faults):
    with pytest.raises(Invalid) as caught:
        check(content)
    assert {detail.path: detail.message for detail in caught.value.details} == faults


@pytest.mark.parametrize(
    "content",
    [
        Content("EMAIL", subject="a", html="<td {% if a > b %}class='x'{% endif %}>{{ a }}</td>"),
        Content(
            "EMAIL", subject="a", html='<a href=\'{{ a }}\' title="{{ b | default: "x" }}">{{ c }}</a><!-- {{ d }} -->'
        ),
        Content("EMAIL", subject="a", html="<style>.a { color: {{ a }} }</style><title>{{ b }}</title>"),
        Content("TELEGRAM", text="{{ 100 | divided_by: contact.score }}"),
        Content("WEBHOOK", body='{"a": {{ values.x }}}'),
    ],
)
def test_what_only_some_values_would_fail_is_saved(content):
    check(content)


def test_a_message_that_fails_says_where():
    content = Content("EMAIL", subject="a", html="<p>\n{{ contact.firstName | plus: 1 }}</p>")
    with pytest.raises(Invalid) as caught:
        render(content, scope())
    assert caught.value.details == [("html", "line 2: 'Ann' is no number")]

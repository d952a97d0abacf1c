"""Templates that want the machine's time or memory, or what is not theirs: refused by a count and not by a clock."""

import pytest

from ensue.base import bounds
from ensue.base.errors import Invalid
from ensue.model.template import Content
from ensue.templates.fault import TooMuch
from ensue.templates.mjml import compile_mjml
from ensue.templates.plain_text import plain_text
from ensue.templates.render import check
from tests.templates.writing import text, written

GROW = "{% assign s = s | append: s %}"

TOO_MUCH = {
    "a huge loop": "{% for i in (1..1000000000) %}x{% endfor %}",
    "a loop to the end of numbers": "{% for i in (1..99999999999999999999999999) %}x{% endfor %}",
    "a huge loop reversed": "{% for i in (1..1000000000) reversed limit: 1 %}x{% endfor %}",
    "loops in loops": "{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}",
    "loops after loops": "{% for i in (1..9999) %}{{ i }}{{ i }}{{ i }}{% endfor %}" * 9,
    "empty loops": "{% for i in (1..10000) %}{% endfor %}" * 9,
    "a loop over nothing": "{% for i in (1..9000) %}" + "{% if a %}" * 3 + "{% endif %}" * 3 + "{% endfor %}",
    "a captured loop": "{% for i in (1..9000) %}{% capture x %}x{% endcapture %}{{ x | upcase | strip }}{% endfor %}",
    "cases that multiply": "{% case 1 %}{% when 1, 1, 1, 1, 1, 1, 1, 1 %}" * 15 + "{% endcase %}" * 15,
    "conditions in a loop": "{% for i in (1..2000) %}{% if " + "1 == 2 or " * 7 + "a %}{% endif %}{% endfor %}",
    "searches in a loop": "{% for i in (1..3000) %}{% if contact.firstName contains 'x' %}{% endif %}{% endfor %}",
    "doubling": "{% assign s = 'aaaaaaaaaaaaaaaa' %}" + GROW * 40,
    "doubling a list": "{% assign s = 'a,b' | split: ',' %}" + "{% assign s = s | concat: s %}" * 40,
    "doubling a capture": "{% assign s = 'aaaaaaaaaaaaaaaa' %}" + "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 40,
    "many names": "".join(f"{{% assign a{i} = 1 %}}" for i in range(200)),
    "many long names": "{% assign s = 'aaaaaaaaaaaaaaaa' %}" + GROW * 11 + "".join(
        f"{{% assign a{i} = s | upcase %}}" for i in range(90)
    ),
    "much output": "{% assign s = 'aaaaaaaaaaaaaaaa' %}" + GROW * 11 + "{{ s }}" * 20,
    "deep nesting": "{% if true %}" * 30 + "{% endif %}" * 30,
    "deep loops": "{% for i in (1..2) %}" * 25 + "{% endfor %}" * 25,
    "many tags": "{{ a }}" * 6000,
    "very deep nesting": "{% if true %}" * 2000 + "{% endif %}" * 2000,
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused(name):
    with pytest.raises(TooMuch):
        text(TOO_MUCH[name])


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused_when_it_is_saved(name):
    with pytest.raises(Invalid):
        check(Content("TELEGRAM", text=TOO_MUCH[name]))


def test_a_text_is_measured_before_it_is_made():
    scope = {"a": "a" * 32_000, "b": "b" * 9_000}
    for source in ("{{ a | replace: 'a', a }}", "{{ b | split: '' | join: a }}"):
        with pytest.raises(TooMuch, match="a text on the way is longer"):
            text(source, scope=scope)
    with pytest.raises(TooMuch, match="a value on the way grows too large"):
        text("{{ a | append: a | append: a }}", scope=scope)


REFUSED = {
    "a range that is joined": "{{ (1..100000000) | join }}",
    "a range that is searched": "{% if (1..10000000000) contains 'x' %}{% endif %}",
    "a range that is kept": "{% assign r = (1..10000000000) %}{% for i in r %}{% endfor %}",
    "a range in a case": "{% case (1..10000000000) %}{% when 'x' %}{% endcase %}",
    "a range as an argument": "{{ contact.tags | concat: (1..10000000000) }}",
    "a range that is cycled": "{% cycle (1..10000000000) %}",
    "a factorial": "{% assign n = 99999999999999999999 %}" + "{% assign n = n | times: n %}" * 20,
    "replacing what was replaced": "{{ 'a'" + " | replace: 'a', 'aaaaaaaaaaaaaaaaaaaa'" * 20 + " }}",
    "joining with much": "{% assign s = 'aaaaaaaaaaaaaaaa' %}" + GROW * 8 + "{{ s | split: '' | join: s }}",
    "a form with a width": "{{ 'now' | date: '%1000000000d' | size }}{{ 'now' | date: '%Q' }}",
    "a long form": "{{ 'now' | date: '" + "%A" * 200 + "' }}",
    "another template": "{% include 'self' %}",
    "another template as a layout": "{% layout 'self' %}",
    "a macro": "{% macro a %}{% endmacro %}{% call a %}",
    "a regular expression": "{{ 'aaaaaaaaaaaaaaaaaaaaaaaa!' | regex_replace: '(a+)+$', '' }}",
    "a filter that marks as safe": "{{ contact.attributes.markup | safe }}",
    "Jinja": "{% set x = ''.__class__.__mro__ %}",
    "Jinja's expressions": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "tags that never end": "{{" * 100_000,
    "raw blocks that never end": "{% raw %}" * 20_000,
    "white space in a tag": "{{" + " " * 200_000 + "x }}",
    "paths in paths": "{{ " + "a[" * 400 + "b" + "]" * 400 + " }}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name):
    with pytest.raises(Invalid):
        check(Content("TELEGRAM", text=REFUSED[name]))


@pytest.mark.parametrize(
    "path",
    [
        "contact.__class__", "contact.__init__.__globals__", "contact.keys", "contact.items", "contact.get",
        "contact.firstName.format", "contact.firstName.__len__", "contact.tags.append", "contact.tags.__class__",
        "forloop.__class__", "forloop.it", "forloop.step", "self", "environment", "context", "globals", "now.__class__",
    ],
)  # fmt: skip
def test_no_path_leads_to_anything_of_python(path):
    source = f"{{% for x in contact.tags limit: 1 %}}{{{{ {path} }}}}{{% endfor %}}"
    assert written(source) == ("", [path])


def test_the_library_s_own_clock_is_out_of_reach():
    assert written("{{ now }}{{ today }}") == ("", ["now", "today"])


MJML = {
    "deep components": "<mjml><mj-body>" + "<mj-wrapper>" * 5000 + "</mj-wrapper>" * 5000 + "</mj-body></mjml>",
    "deep markup": "<mjml><mj-body><mj-section><mj-column><mj-text>" + "<b>" * 5000 + "</b>" * 5000,
    "a file": "<mjml><mj-body><mj-include path='/etc/passwd' /></mj-body></mjml>",
    "a file in the head": "<mjml><mj-head><mj-include path='https://example.com/x' /></mj-head><mj-body /></mjml>",
    "an entity": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><mjml><mj-body>&a;</mj-body></mjml>",
    "another root": "<html><mjml></mjml></html>",
    "two roots": "<mjml></mjml><mjml></mjml>",
    "no end": "<mjml><mj-body><mj-section>",
    "wrong ends": "<mjml><mj-body><mj-section></mj-body></mj-section></mjml>",
    "an unknown component": "<mjml><mj-body><mj-nope /></mj-body></mjml>",
    "text alone": "hello",
    "nothing": "",
    "half a tag": "<mjml><mj-body",
    "a lone surrogate's replacement": "\ufffd<mjml>",
}


@pytest.mark.parametrize("name", MJML)
def test_hostile_mjml_is_refused(name):
    with pytest.raises(Invalid) as caught:
        check(Content("EMAIL", subject="a", mjml=MJML[name]))
    assert {detail.path for detail in caught.value.details} == {"mjml"}


@pytest.mark.parametrize(
    "document",
    [
        "<div>" * 90_000, "<ul><li>x" * 50_000, "<blockquote>x" * 30_000, "<a href='" * 60_000, "<!--" * 120_000,
        "<b>" * 50_000 + "</i>" * 100_000, "<table><tr><td>" * 30_000, "&" * 400_000, "<" * 400_000,
        "<a href=x>" * 40_000,
    ],
)  # fmt: skip
def test_hostile_html_becomes_text_in_one_pass(document):
    # Quadratic work would run into the time limit of the whole suite.
    assert len(plain_text(document)) <= 4 * len(document)


def test_bounds_are_far_from_what_people_write():
    row = "<tr><td>{{ item.name }}</td><td>{{ item.price | fixed }}</td></tr>"
    rows = f"{{% for item in contact.attributes.items %}}{row}{{% endfor %}}"
    scope = {"contact": {"attributes": {"items": [{"name": f"n{i}", "price": i} for i in range(500)]}}}
    assert text(rows, "HTML", scope=scope).count("<tr>") == 500
    assert bounds.TEMPLATE_OUTPUT > 400 * 1024


def test_what_it_is_compiled_to_keeps_the_loop_around_components():
    html = compile_mjml(
        "<mjml><mj-body>{% for x in contact.tags %}<mj-section><mj-column><mj-text>{{ x }}</mj-text></mj-column>"
        "</mj-section>{% endfor %}</mj-body></mjml>"
    )
    assert plain_text(text(html, "HTML")) == "vip\n\nbeta"

"""Whatever is in a contact's fields: it stays a text, in every part of every message and behind every filter."""

import json
import re
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ensue.base.errors import Invalid
from ensue.model.contact import Contact
from ensue.model.template import Content
from ensue.model.workspace import Workspace
from ensue.templates import markup
from ensue.templates.fault import Fault
from ensue.templates.markup import parts
from ensue.templates.mjml import compile_mjml
from ensue.templates.plain_text import plain_text
from ensue.templates.render import render
from ensue.templates.scope import About, scope_of

SHOP = Workspace(1, "Shop", "shop", "UTC", 0, 0, 0, 0)

# What markup, headers, JSON and Liquid are made of, among everything else that a field can hold.
PIECES = st.sampled_from(
    [
        "<",
        ">",
        '"',
        "'",
        "&",
        "&lt;",
        "&#60;",
        "</",
        "/>",
        "-->",
        "<!--",
        "]]>",
        "<script>",
        "</style>",
        "</title>",
        "=",
        " onload=",
        "`",
        "\\",
        "\\u003c",
        "%3Cscript%3E",
        "{{",
        "}}",
        "{%",
        "%}",
        "{{ contact.email }}",
        "{% raw %}",
        "\r\n",
        "\n",
        "\r",
        "\u2028",
        "\x85",
        "\x1b",
        "\t",
        "liquidgap0x",
        "javascript:",
        "⟦",
        " ",
        "a",
    ]
)
TEXTS = st.lists(PIECES | st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12).map("".join)

CHAINED = [
    "upcase",
    "downcase",
    "capitalize",
    "strip",
    "squish",
    "strip_html",
    "strip_newlines",
    "escape",
    "escape_once",
    "newline_to_br",
    "url_encode",
    "json",
    "append: '!'",
    "prepend: '!'",
    "truncate: 9",
    "truncatewords: 2",
    "slice: 1, 7",
    "slice: -5, 5",
    "split: ';' | join: ','",
    "split: '' | reverse | join: ''",
    "remove: 'a'",
    "replace: 'a', 'b'",
    "replace_last: ';', ''",
    "default: 'x'",
    "size",
    "first",
    "sort",
    "uniq",
    "concat: 'x'",
]
FILTERS = st.lists(st.sampled_from(CHAINED), max_size=4)


class Skeleton(HTMLParser):
    """The tags of a document with the names of their attributes, and what stands in them."""

    def __init__(self, document):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.values = {}
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self.values.update({f"{tag}.{name}": value for name, value in attrs})

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_comment(self, data):
        self.tags.append("comment")

    def handle_decl(self, decl):
        self.tags.append("declaration")

    def handle_pi(self, data):
        self.tags.append("instruction")


def scope(value):
    contact = Contact(
        2, 0, 0, 0, first_name=value, attributes={"list": [value, {"x": value}], "object": {value: value}}
    )
    return scope_of(About(now=0, workspace=SHOP, contact=contact))


PLACES = """<html><head><title>VALUE</title><style>.a::before { content: "VALUE" }</style></head><body id="b">
<p title="VALUE" class='VALUE'>VALUE</p><a href="https://x.example/?q=VALUE">VALUE</a><!-- VALUE --><img alt="VALUE">
<!--[if mso]><b>VALUE</b><![endif]--><textarea>VALUE</textarea></body></html>"""


@settings(max_examples=300)
@given(TEXTS, FILTERS)
@example("&lt;script&gt;", ["escape_once", "strip_html"])
@example("</title><script>", ["strip_html", "newline_to_br"])
def test_no_value_breaks_out_of_html(value, filters):
    refuse_break_out(value, filters)


@pytest.mark.parametrize("first", CHAINED)
def test_no_pair_of_filters_lets_it_out(first):
    hostile = "a<script>\n</script>&lt;img src=x onerror=a&gt;</title></style></textarea>--><b>';\""
    refuse_break_out(hostile, [first])
    for second in CHAINED:
        refuse_break_out(hostile, [first, second])


def refuse_break_out(value, filters):
    output = "{{ " + " | ".join(["contact.firstName", *filters]) + " }}"
    content = Content("EMAIL", subject="a", html=PLACES.replace("VALUE", output))
    rendered = render(content, scope(value))
    harmless = Skeleton(PLACES.replace("VALUE", "x")).tags
    found = [tag for tag in Skeleton(rendered.html).tags if tag not in [("br", []), "/br"]]
    assert found == harmless


@settings(max_examples=200)
@given(TEXTS)
def test_html_says_the_value_itself(value):
    html = "<p title=\"{{ contact.firstName }}\" class='{{ contact.firstName }}'></p>"
    rendered = render(Content("EMAIL", subject="a", html=html), scope(value))
    said = Skeleton(rendered.html).values
    # Parsing HTML changes line ends and nothing else.
    assert said["p.title"].replace("\r\n", "\n").replace("\r", "\n") == value.replace("\r\n", "\n").replace("\r", "\n")
    assert said["p.title"] == said["p.class"]


@settings(max_examples=200)
@given(TEXTS)
def test_captured_lists_and_objects_do_not_break_out_either(value):
    html = (
        "{% capture c %}<i>{{ contact.firstName }}</i>{% endcapture %}{{ c }}{{ c | truncate: 12 | strip_html }}"
        "{{ contact.attributes.list }}{{ contact.attributes.object }}"
        "{% for o in contact.attributes.object %}{{ o }}{% endfor %}"
        "{% cycle contact.firstName, 'b' %}{% assign d = c | split: '' %}{{ d | join: '' | strip_html }}"
    )
    rendered = render(Content("EMAIL", subject="a", html=html), scope(value))
    assert Skeleton(rendered.html).tags == [("i", []), "/i"]


@settings(max_examples=300)
@given(TEXTS, FILTERS)
def test_no_value_adds_a_header(value, filters):
    output = "{{ " + " | ".join(["contact.firstName", *filters]) + " }}"
    content = Content("EMAIL", subject=f"Hi {output}!\n", text="a")
    subject = render(content, scope(value)).subject or ""
    assert "\r" not in subject
    assert "\n" not in subject
    assert "\x00" not in subject
    # However a mail library tells lines apart.
    assert len(subject.splitlines()) == 1
    pushed = render(Content("PUSH", title=output, body="a", url=output), scope(value))
    assert len((pushed.title or "x").splitlines()) == 1
    assert len((pushed.url or "x").splitlines()) == 1


@settings(max_examples=200)
@given(TEXTS)
def test_json_says_the_value_itself(value):
    body = '{"a": "{{ contact.firstName }}", "b": {{ contact.firstName | json }}, "c": {{ contact.attributes | json }}}'
    rendered = render(Content("WEBHOOK", body=body), scope(value))
    said = json.loads(rendered.body or "")
    # A blank name is stored as it is here, though the API would not take it.
    assert said == {"a": value, "b": value, "c": {"list": [value, {"x": value}], "object": {value: value}}}


@settings(max_examples=200)
@given(TEXTS)
def test_a_value_is_never_taken_for_liquid(value):
    source = "{{ contact.firstName }}{% assign x = contact.firstName %}{{ x }}"
    said = render(Content("TELEGRAM", text=source), scope(value))
    # Line ends become those of a text; nothing else changes.
    assert said.text == (value * 2).replace("\r\n", "\n").replace("\r", "\n")


MARKUP = st.lists(
    st.sampled_from(
        [
            "<mjml>",
            "</mjml>",
            "<mj-body>",
            "</mj-body>",
            "<mj-section>",
            "</mj-section>",
            "<mj-column>",
            "</mj-column>",
            "<mj-text>",
            "</mj-text>",
            "<mj-image src='a'/>",
            "<mj-head>",
            "</mj-head>",
            "<mj-raw>",
            "</mj-raw>",
            "<p>",
            "</p>",
            "<br>",
            "<b",
            "'",
            '"',
            ">",
            "/>",
            "<!--",
            "-->",
            "<![CDATA[",
            "{{ a }}",
            "{% if a %}",
            "{% endif %}",
            "a='b'",
            "<mj-nope>",
            "\x00",
            "\ufffd",
            "é",
            "&nbsp;",
            "&",
            "<mj-attributes>",
            "<mj-all a='b'/>",
            "<mj-style>",
            "{",
            " ",
        ]
    ),
    max_size=20,
).map("".join)


@settings(max_examples=500)
@given(MARKUP)
def test_any_mjml_compiles_or_is_refused(source):
    for document in (source, f"<mjml><mj-body>{source}</mj-body></mjml>"):
        with suppress(Fault):
            assert "liquidgap" not in compile_mjml(document)


TAGS = st.lists(
    st.sampled_from(["<a", "<İ", "<mj-x", " ", "\n", "b", "on", "=", '"', "'", "/", ">", "<", "x y", "{", "é", "="]),
    max_size=16,
).map("".join)


@settings(max_examples=1000)
@given(TAGS)
@example('<İ b="c">')
@example("<a b='>'>")
def test_the_quick_way_through_a_tag_leads_where_the_careful_one_does(source):
    def seen():
        return [(part.kind, part.start, part.end, part.name, part.attributes, part.closed) for part in parts(source)]

    quick = seen()
    usual, markup._SOUND_TAG = markup._SOUND_TAG, re.compile("(?!)")
    try:
        assert seen() == quick
    finally:
        markup._SOUND_TAG = usual
    assert [start for _, start, *_ in quick] == [0, *(end for _, _, end, *_ in quick)][: len(quick)]


@settings(max_examples=500)
@given(MARKUP | TEXTS)
def test_any_html_becomes_text(source):
    assert isinstance(plain_text(source), str)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                "{{",
                "}}",
                "{%",
                "%}",
                " if ",
                " for ",
                " in ",
                " x ",
                "endif",
                "endfor",
                "(1..9)",
                " | ",
                "upcase",
                "append: ",
                "'a'",
                "contact.firstName",
                "[",
                "]",
                ".",
                ",",
                ":",
                "==",
                "contains",
                "case",
                "when",
                "endcase",
                "capture",
                "endcapture",
                "-",
                "#",
                "raw",
                "endraw",
                "cycle",
                "assign",
                "=",
                "nil",
                "limit:",
                "reversed",
                "and",
                "blank",
                "\n",
                "1",
                '"',
                "9" * 50,
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_text_is_written_or_refused(source):
    with suppress(Invalid):
        render(Content("TELEGRAM", text=source), scope("Ann"))

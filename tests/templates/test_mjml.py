import re

import pytest

from ensue.templates.fault import Fault
from ensue.templates.mjml import compile_mjml
from tests.templates.writing import text


def column(inside):
    return f"<mjml>\n<mj-body>\n<mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"


def liquid_in(html):
    return re.findall(r"\{[{%].*?[%}]\}", html, re.DOTALL)


def test_liquid_stays_in_texts_attributes_and_urls():
    html = compile_mjml(
        column(
            """<mj-text>{% if a < b and c > d %}x{% endif %}
            <a href="{{ u | default: "y" }}?a={{ b }}&c=1">l</a></mj-text>
            <mj-button href='https://x.example/{{ id }}?q={{ q | url_encode }}#{{ f }}'>Go {{ name }}</mj-button>
            <mj-image src="{{ image }}" alt="{{ alt }}" />"""
        )
    )
    for tag in (
        "{% if a < b and c > d %}", "{% endif %}", '{{ u | default: "y" }}', "{{ b }}", "{{ id }}",
        "{{ q | url_encode }}", "{{ f }}", "{{ name }}", "{{ image }}", "{{ alt }}",
    ):  # fmt: skip
        assert tag in html
    assert 'href="https://x.example/{{ id }}?q={{ q | url_encode }}#{{ f }}"' in html


@pytest.mark.parametrize(
    "source",
    [
        "<mj-body>EACH<mj-section><mj-column><mj-text>{{ t }}</mj-text></mj-column></mj-section>END</mj-body>",
        (
            "<mj-body><mj-wrapper>EACH<mj-section><mj-column><mj-text>{{ t }}</mj-text></mj-column></mj-section>END"
            "</mj-wrapper></mj-body>"
        ),
        "<mj-body><mj-section>EACH<mj-column><mj-text>{{ t }}</mj-text></mj-column>END</mj-section></mj-body>",
        (
            "<mj-body><mj-section><mj-group>EACH<mj-column><mj-text>{{ t }}</mj-text></mj-column>END</mj-group>"
            "</mj-section></mj-body>"
        ),
        "<mj-body><mj-hero>EACH<mj-text>{{ t }}</mj-text>END</mj-hero></mj-body>",
        "COLUMNEACH<mj-text>{{ t }}</mj-text>END</mj-column></mj-section></mj-body>",
        "COLUMN<mj-table>EACH<tr><td>{{ t }}</td></tr>END</mj-table></mj-column></mj-section></mj-body>",
        (
            "COLUMN<mj-navbar>EACH<mj-navbar-link href='#'>{{ t }}</mj-navbar-link>END</mj-navbar></mj-column>"
            "</mj-section></mj-body>"
        ),
        (
            "COLUMN<mj-social>EACH<mj-social-element href='#'>{{ t }}</mj-social-element>END</mj-social></mj-column>"
            "</mj-section></mj-body>"
        ),
        "COLUMN<mj-raw>EACH<p>{{ t }}</p>END</mj-raw></mj-column></mj-section></mj-body>",
    ],
)
def test_a_loop_can_go_around_components_and_the_tags_stay_balanced(source):
    source = source.replace("COLUMN", "<mj-body><mj-section><mj-column>").replace("'#'", "'https://x.example'")
    source = source.replace("EACH", "{% for t in contact.tags %}").replace("END", "{% endfor %}")
    html = text(compile_mjml(f"<mjml>{source}</mjml>"), "HTML")
    assert re.findall(r">(vip|beta)<", html) == ["vip", "beta"]
    # Outlook reads what stands in its comments, so that must be balanced, too.
    for_outlook = re.sub(r"<!--\[if[^\]]*mso[^\]]*\]>|<!\[endif\]-->", "", html)
    for element in ("table", "tr", "td", "div", "a"):
        assert len(re.findall(rf"<{element}[\s>]", for_outlook)) == for_outlook.count(f"</{element}>"), element


def test_liquid_before_the_mail_and_in_its_head():
    html = compile_mjml(
        """{% assign a = 1 %}<mjml>{% assign b = 2 %}<mj-head>{% assign c = 3 %}<mj-title>{{ a }}</mj-title>
        <mj-preview>{{ b }}</mj-preview><mj-style>.x { color: {{ c }}; }</mj-style></mj-head><mj-body /></mjml>"""
    )
    assert html.startswith("{% assign a = 1 %}{% assign b = 2 %}{% assign c = 3 %}<!doctype html>")
    assert set(liquid_in(html)) >= {"{{ a }}", "{{ b }}", "{{ c }}"}


def test_a_raw_block_and_a_comment_stay_whole():
    html = compile_mjml(column("{% raw %}{{ x }}{% endraw %}<!-- {{ y }} --><mj-text>{% # a note %}b</mj-text>"))
    assert "{% raw %}{{ x }}{% endraw %}" in html
    assert "{{ y }}" in html


def test_a_word_that_looks_like_what_stands_for_liquid_is_left_alone():
    html = compile_mjml(column("<mj-text>liquidgap0x {{ a }} liquidgapq0x</mj-text>"))
    assert "liquidgap0x {{ a }} liquidgapq0x" in html


def test_no_third_party_is_asked_for_fonts():
    html = compile_mjml(column("<mj-text font-family='Roboto'>a</mj-text>"))
    assert "fonts.googleapis.com" not in html
    with_font = "<mjml><mj-head><mj-font name='Mine' href='https://x.example/f.css' /></mj-head><mj-body>" + column(
        "<mj-text font-family='Mine'>a</mj-text>"
    ).removeprefix("<mjml>\n<mj-body>")
    assert "https://x.example/f.css" in compile_mjml(with_font)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("<mjml>\n<mj-body>\n<mj-nope />\n</mj-body></mjml>", "line 3: there is no MJML element `<mj-nope>`"),
        (
            "<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>",
            "line 4: `</mj-body>` stands inside `<mj-section>` without its beginning",
        ),
        ("<mjml>\n<mj-body>", "line 2: `<mj-body>` is never closed"),
        ("a\n<mjml></mjml>", "line 1: there is text outside `<mjml>`"),
        ("<mjml></mjml>\n<p>", "line 2: all of it must stand in one `<mjml>`"),
        ("<mj-body></mj-body>", "line 1: all of it must stand in one `<mjml>`"),
        ("", "there is no `<mjml>` in it"),
        (
            "<mjml><mj-head>\n{% if a %}<mj-title>a</mj-title>{% endif %}</mj-head></mjml>",
            "line 2: `{% if a %}` cannot stand between the parts of `<mj-head>`",
        ),
        (
            column("<mj-text\n\ncolour='{{ a }}'>a</mj-text>"),
            "line 5: `{{ a }}` stands where MJML leaves out what it does not know",
        ),
        (column("{{ a\n\n}}<mj-text foo=1>a</mj-text>"), "is no MJML: unable to parse next template"),
        (
            column("<mj-text>\n<a href={{ a }}>a</a></mj-text>"),
            "line 4: `{{ a }}` stands in the value of `href`, which must be in quotes",
        ),
        (
            column("<mj-text>{{ a\n}}\n<a onclick='{{ b }}'>a</a></mj-text>"),
            "line 5: `{{ b }}` stands in the script of `onclick`, where it cannot be escaped",
        ),
        (
            "\n\n<mjml><mj-head><mj-attributes>{{ a\n\n}}</mj-attributes></mj-head></mjml>",
            "line 3: is no MJML: unexpected token",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(source, sentence):
    with pytest.raises(Fault) as caught:
        compile_mjml(source)
    assert str(caught.value) == sentence

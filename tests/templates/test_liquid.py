import pytest

from ensue.templates.fault import Fault
from ensue.templates.filters import FILTERS
from tests.templates.writing import text, written

A = "contact.attributes"


def test_a_value_is_written_where_its_path_stands():
    assert text("Hi {{ contact.firstName }}!") == "Hi Ann!"
    assert text(f"{{{{ {A}.items[0].name }}}}{{{{ {A}.items[1]['name'] }}}}") == "bA"
    assert text("{{ contact.tags.size }}{{ contact.tags.first }}{{ contact.tags.last }}") == "2vipbeta"


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("{{ contact.lastName }}", "contact.lastName"),
        ("{{ contact.nope }}", "contact.nope"),
        ("{{ contact.nope.deeper.still }}", "contact.nope.deeper.still"),
        ("{{ nope }}", "nope"),
        (f"{{{{ {A}.items[7].name }}}}", f"{A}.items[7].name"),
        ("{{ contact['a b'] }}", "contact.a b"),
        ("{{ contact.firstName.__class__ }}", "contact.firstName.__class__"),
        ("{{ contact.__class__.__mro__ }}", "contact.__class__.__mro__"),
        ("{{ contact.lastName | upcase }}", "contact.lastName"),
        ("{{ contact.lastName | plus: 1 | times: 3 }}", "contact.lastName"),
        ("{{ contact.nope | date: '%Y' }}", "contact.nope"),
        ("{{ contact.tags | join: contact.nope }}", "contact.nope"),
        ("{% assign a = contact.nope %}{{ a }}", "contact.nope"),
        ("{% cycle contact.nope, 'b' %}", "contact.nope"),
    ],
)
def test_what_is_missing_is_named_in_a_preview_and_is_nothing_in_a_mail(source, missing):
    shown, named = written(source, preview=True)
    assert f"⟦{missing}⟧" in shown
    assert named == [missing]
    mail, named = written(source)
    assert "None" not in mail
    assert "nil" not in mail
    assert "⟦" not in mail
    assert named == [missing]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ contact.lastName | default: 'friend' }}", "friend"),
        (f"{{{{ {A}.vacant | default: 'friend' }}}}", "friend"),
        (f"{{% if {A}.vacant == blank and {A}.vacant == empty and blank != contact.firstName %}}a{{% endif %}}", "a"),
        (f"{{% if contact.nope != blank or empty != {A}.nothing %}}a{{% else %}}b{{% endif %}}", "b"),
        (f"{{{{ {A}.zero | default: 7 }}}}", "0"),
        (f"{{{{ {A}.no | default: 'x' }}}}{{{{ {A}.no | default: 'x', allow_false: true }}}}", "xfalse"),
        ("{% if contact.lastName %}a{% else %}b{% endif %}", "b"),
        ("{% if contact.nope == nil %}a{% endif %}{% if contact.nope == blank %}b{% endif %}", "ab"),
        ("{% unless contact.nope.deeper %}a{% endunless %}", "a"),
        ("{% for one in contact.nope %}a{% else %}b{% endfor %}", "b"),
        ("{{ contact.nope | size }}", "0"),
        ("{{ contact.nope | default: contact.firstName }}", "Ann"),
    ],
)
def test_who_provides_for_a_missing_value_misses_nothing(source, expected):
    assert written(source, preview=True) == (expected, [])


def test_nothing_is_ever_written_in_the_notation_of_python():
    everything = (
        "{{ contact }}{{ contact.attributes }}{{ contact.attributes.items }}{{ contact.tags }}{{ nil }}{{ true }}"
    )
    loops = "{% for one in contact.attributes %}{{ one }}{{ one[1] }}{% endfor %}"
    shown = text(everything + loops)
    assert "None" not in shown
    assert "True" not in shown
    assert "('" not in shown
    assert "{'" not in shown


FILTERED = {
    "abs": ("{{ -3.5 | abs }}", "3.5"),
    "append": ("{{ 'a' | append: 1 }}", "a1"),
    "at_least": ("{{ 3 | at_least: 5 }}{{ 7 | at_least: 5 }}", "57"),
    "at_most": ("{{ 3 | at_most: 5 }}{{ 7 | at_most: 5 }}", "35"),
    "capitalize": ("{{ 'ann MARIE' | capitalize }}", "Ann MARIE"),
    "ceil": ("{{ 1.2 | ceil }}{{ '-1.2' | ceil }}", "2-1"),
    "compact": (f"{{{{ {A}.items | map: 'nope' | compact | size }}}}", "0"),
    "concat": ("{{ contact.tags | concat: contact.tags | join: ',' }}", "vip,beta,vip,beta"),
    "date": ("{{ contact.createdAt | date: '%-d %B %Y, %H:%M' }}", "16 January 2026, 00:30"),
    "default": ("{{ nil | default: 1 }}", "1"),
    "divided_by": ("{{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2.0 }}", "3 3.5"),
    "downcase": ("{{ 'ÄB' | downcase }}", "äb"),
    "escape": ("{{ '<&>' | escape }}", "&lt;&amp;&gt;"),
    "escape_once": ("{{ '&lt;<' | escape_once }}", "&lt;&lt;"),
    "find": (f"{{% assign one = {A}.items | find: 'name', 'A' %}}{{{{ one.price }}}}", "1"),
    "first": ("{{ contact.tags | first }}", "vip"),
    "floor": ("{{ 1.8 | floor }}{{ '-1.2' | floor }}", "1-2"),
    "join": ("{{ contact.tags | join: '-' }}", "vip-beta"),
    "last": ("{{ contact.tags | last }}", "beta"),
    "lstrip": ("{{ ' a ' | lstrip }}|", "a |"),
    "map": (f"{{{{ {A}.items | map: 'name' | join }}}}", "b A"),
    "minus": ("{{ 0.3 | minus: 0.1 }}", "0.2"),
    "modulo": ("{{ 7 | modulo: 3 }} {{ 7.5 | modulo: 2 }} {{ '-7' | modulo: 3 }}", "1 1.5 2"),
    "newline_to_br": (f"{{{{ {A}.lines | newline_to_br }}}}", "a\nb"),
    "plus": ("{{ 0.1 | plus: 0.2 }} {{ '4' | plus: 1 }}", "0.3 5"),
    "prepend": ("{{ 'a' | prepend: 'b' }}", "ba"),
    "reject": (f"{{{{ {A}.items | reject: 'on' | map: 'name' }}}}", "A"),
    "remove": ("{{ 'abab' | remove: 'a' }}", "bb"),
    "remove_first": ("{{ 'abab' | remove_first: 'a' }}", "bab"),
    "remove_last": ("{{ 'abab' | remove_last: 'a' }}", "abb"),
    "replace": ("{{ 'abab' | replace: 'a', 'c' }}", "cbcb"),
    "replace_first": ("{{ 'abab' | replace_first: 'a', 'c' }}", "cbab"),
    "replace_last": ("{{ 'abab' | replace_last: 'a', 'c' }}", "abcb"),
    "reverse": ("{{ contact.tags | reverse | join }}", "beta vip"),
    "round": ("{{ 1.25 | round: 1 }} {{ 2.5 | round }} {{ 3 | round: 2 }}", "1.3 3 3.0"),
    "rstrip": ("{{ ' a ' | rstrip }}|", " a|"),
    "size": ("{{ 'abc' | size }}{{ contact.tags | size }}{{ 5 | size }}", "320"),
    "slice": ("{{ 'abcdef' | slice: 1, 2 }}{{ 'abcdef' | slice: -2, 9 }}{{ 'a' | slice: 5 }}", "bcef"),
    "sort": (f"{{{{ {A}.items | sort: 'name' | map: 'name' }}}}", "Ab"),
    "sort_natural": ("{{ 'b,A,c' | split: ',' | sort_natural | join }}", "A b c"),
    "split": ("{{ 'a,b' | split: ',' | last }}{{ 'xy' | split: '' | first }}", "bx"),
    "squish": ("{{ '  a \n b ' | squish }}", "a b"),
    "strip": ("{{ ' a ' | strip }}|", "a|"),
    "strip_html": ("{{ 'a<b>b</b> < c' | strip_html }}", "ab < c"),
    "strip_newlines": (f"{{{{ {A}.lines | strip_newlines }}}}", "ab"),
    "sum": (f"{{{{ {A}.items | sum: 'price' }}}}", "3.5"),
    "times": ("{{ 0.1 | times: 3 }}", "0.3"),
    "truncate": (
        "{{ 'abcdefgh' | truncate: 5 }}{{ 'abc' | truncate: 5 }}{{ 'abcdef' | truncate: 3, '' }}",
        "ab...abcabc",
    ),
    "truncatewords": ("{{ 'a b c' | truncatewords: 2, '…' }}", "a b…"),
    "uniq": ("{{ 'a,b,a' | split: ',' | uniq | join }}", "a b"),
    "upcase": ("{{ 'ß' | upcase }}", "SS"),
    "url_encode": ("{{ 'a b&c=ü' | url_encode }}", "a+b%26c%3D%C3%BC"),
    "where": (f"{{{{ {A}.items | where: 'price', 1 | map: 'name' }}}}", "A"),
}
FILTERED["fixed"] = ("{{ 12.5 | fixed }} {{ 2 | fixed: 3 }} {{ 1.005 | fixed }}", "12.50 2.000 1.01")
FILTERED["json"] = (
    f"{{{{ {A}.items | json }}}}{{{{ nil | json }}}}",
    '[{"name":"b","price":2.5,"on":true},{"name":"A","price":1,"on":false}]null',
)


def test_every_filter_is_tried_here():
    assert set(FILTERED) == set(FILTERS)


@pytest.mark.parametrize("name", FILTERED)
def test_what_a_filter_makes(name):
    source, expected = FILTERED[name]
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'now' | date: '%F %R' }}", "2026-03-01 13:00"),
        ("{{ contact.createdAt | date: '%F %R', 'UTC' }}", "2026-01-15 23:30"),
        ("{{ '2026-07-01' | date: '%a %e %b %y' }}", "Wed  1 Jul 26"),
        ("{{ '2026-07-01T10:00' | date: '%I:%M %p %Z' }}", "10:00 AM CEST"),
        ("{{ 1767225600 | date: '%F %T' }}", "2026-01-01 01:00:00"),
        ("{{ 1767225600000 | date: '%F %T' }}", "2026-01-01 01:00:00"),
        ("{{ 'soon' | date: '%F' }}", "soon"),
        ("{{ '9999-12-31T23:30:00Z' | date: '%F' }}", "9999-12-31T23:30:00Z"),
        (
            "{{ contact.createdAt | date: '100%% %^b %j %u %V %s %L %z %l%P' }}",
            "100% JAN 016 5 03 1768519800 000 +0100 12am",
        ),
    ],
)
def test_dates_are_written_in_the_time_zone_of_the_contact(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{% for t in contact.tags %}{{ forloop.index }}{{ t }}{{ forloop.last }} {% endfor %}",
            "1vipfalse 2betatrue ",
        ),
        ("{% for i in (1..4) reversed limit: 2 %}{{ i }}{% endfor %}", "21"),
        ("{% for i in (1..4) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "134"),
        ("{% for i in (1..4) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "12"),
        ("{% case contact.firstName %}{% when 'Bob', 'Ann' %}a{% else %}b{% endcase %}", "a"),
        ("{% capture x %}<{{ contact.firstName }}>{% endcapture %}{{ x }}{{ x }}", "<Ann><Ann>"),
        ("{% for i in (1..3) %}{% cycle 'odd', 'even' %} {% endfor %}", "odd even odd "),
        ("{% increment a %}{% increment a %}{% decrement b %}", "01-1"),
        ("{% raw %}{{ x }}{% endraw %}{% comment %}{{ x }}{% if %}{% endcomment %}{% # not this %}", "{{ x }}"),
        ("a {{- contact.firstName -}} b", "aAnnb"),
        ("{% if contact.tags contains 'vip' and contact.firstName contains 'nn' %}a{% endif %}", "a"),
    ],
)
def test_tags(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("a\n\n{{ x | shout }}", "line 3: there is no filter `shout`"),
        ("\n{% include 'x' %}", "line 2: there is no tag `include`"),
        ("{% render 'x' %}", "line 1: there is no tag `render`"),
        ("{% extends 'x' %}", "line 1: there is no tag `extends`"),
        ("{% tablerow i in x %}{% endtablerow %}", "line 1: there is no tag `tablerow`"),
        ("a\n{% if x %}\nb", "line 2: `if` is never closed by `endif`"),
        ("{% if x %}\n{% endfor %}", "line 2: `endfor` stands inside the `if` of line 1"),
        ("{% endif %}", "line 1: `endif` stands here without its beginning"),
        ("{% else %}", "line 1: `else` stands here without its beginning"),
        ("{{ x", "line 1: `{{` is not closed by `}}` within 1000 characters"),
        ("\n{% if x", "line 2: `{%` is not closed by `%}` within 1000 characters"),
        ("{{ }}", "line 1: there is nothing between `{{` and `}}`"),
        ("{% %}", "line 1: there is no name of a tag after `{%`"),
        ("{% raw %}", "line 1: `{% raw %}` is never closed"),
        ("{{ x | truncate: 1, 2, 3 }}", "line 1: the filter `truncate` takes `length`, `end`"),
        ("{{ x | upcase: 1 }}", "line 1: the filter `upcase` takes nothing after it"),
        ("{{ x | plus }}", "line 1: the filter `plus` takes `other`"),
        ("{{ x | default: 1, loud: true }}", "line 1: the filter `default` takes `instead`, `allow_false`"),
        ("{{ 'a' | times: 2 }}", "line 1: 'a' is no number"),
        ("{{ 1 | divided_by: 0 }}", "line 1: a division by zero"),
        ("{{ 1 | modulo: contact.nope }}", "line 1: a division by zero"),
        ("{{ true | plus: 1 }}", "line 1: 'true' is no number"),
        ("{{ 1.5 | fixed: 1.5 }}", "line 1: '1.5' is no whole number"),
        ("{{ 'now' | date: '%Q' }}", "line 1: `%Q` says nothing about a date"),
        ("{{ 'now' | date: '%F', 'Mars/Base' }}", "line 1: 'Mars/Base' is no time zone"),
        ("{{ 'now' | date: '%F', '../../etc/passwd' }}", "line 1: '../../etc/passwd' is no time zone"),
        ("{{ 'a' | replace: '', 'b' }}", "line 1: there must be something to replace"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(source, sentence):
    with pytest.raises(Fault) as caught:
        text(source)
    assert str(caught.value) == sentence

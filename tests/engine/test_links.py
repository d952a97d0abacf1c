"""Links and the pixel put into a mail, and not one character more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensue.base import bounds
from ensue.engine.messages.links import target_of, track
from ensue.engine.messages.markup import tags

OWN = "https://ensue.example/t/"


def address(number):
    return f"{OWN}c/{number}"


def in_html(html, pixel=None):
    tracked = track(html, None, address, pixel, OWN)
    return tracked.html, tracked.targets


def in_text(text):
    tracked = track(None, text, address, None, OWN)
    return tracked.text, tracked.targets


@pytest.mark.parametrize(
    ("html", "expected", "targets"),
    [
        ('<a href="https://a.example/">a</a>', '<a href="@1">a</a>', ["https://a.example/"]),
        ("<A HREF=https://a.example/x>a</A>", "<A HREF=@1>a</A>", ["https://a.example/x"]),
        ("<a class=x href='http://a.example'>a</a>", "<a class=x href='@1'>a</a>", ["http://a.example"]),
        ('<area shape=rect href = "https://a.example">', '<area shape=rect href = "@1">', ["https://a.example"]),
        ('<a href="https://a.example" href="https://b.example">', '<a href="@1" href="https://b.example">', ["https://a.example"]),
        ('<a href="HTTPS://A.example/">', '<a href="@1">', ["HTTPS://A.example/"]),
        ("<a\nhref\n=\n'https://a.example'\n>", "<a\nhref\n=\n'@1'\n>", ["https://a.example"]),
        ('<a/href="https://a.example"/>', '<a/href="@1"/>', ["https://a.example"]),
        # Entities, as an attribute has them.
        ('<a href="https://a.example/?a=1&amp;b=2">', '<a href="@1">', ["https://a.example/?a=1&b=2"]),
        ('<a href="https://a.example/?a=1&copy=2&lt=3">', '<a href="@1">', ["https://a.example/?a=1&copy=2&lt=3"]),
        ('<a href="https&#58;//a.example/&#x61;&#98">', '<a href="@1">', ["https://a.example/ab"]),
        ('<a href="https://a.example/?q=&eacute;&nonsense;">', '<a href="@1">', ["https://a.example/?q=%C3%A9&nonsense;"]),
        # What a browser drops or forgives.
        ('<a href=" https://a.exa\r\nmple/x\ty ">', '<a href="@1">', ["https://a.example/xy"]),
        ('<a href="https://a.example\\b\\c?d=\\e">', '<a href="@1">', ["https://a.example/b/c?d=%5Ce"]),
        ('<a href="https://a.example/a b|c">', '<a href="@1">', ["https://a.example/a%20b%7Cc"]),
        ('<a href="https://bücher.example:81/ü">', '<a href="@1">', ["https://xn--bcher-kva.example:81/%C3%BC"]),
        ('<a href="https://a.example/%7Bx%7D#part">', '<a href="@1">', ["https://a.example/%7Bx%7D#part"]),
        ('<p title="<a href=\'https://x.example\'>"><a href="https://a.example">', None, ["https://a.example"]),
        # Unclosed and crossed.
        ('<a href="https://a.example"><b><a href="https://b.example">', '<a href="@1"><b><a href="@2">', None),
        ('<<a href="https://a.example">', '<<a href="@1">', ["https://a.example"]),
        ('1 < 2 <3 <a href="https://a.example">', '1 < 2 <3 <a href="@1">', ["https://a.example"]),
        ('<!--> <a href="https://a.example">', '<!--> <a href="@1">', ["https://a.example"]),
        ('<!-- x --!> <a href="https://a.example">', '<!-- x --!> <a href="@1">', ["https://a.example"]),
        ('<![x> <a href="https://a.example">', '<![x> <a href="@1">', ["https://a.example"]),
        ('</> <? x> <a href="https://a.example">', '</> <? x> <a href="@1">', ["https://a.example"]),
        ('<style>a > b { }</style><a href="https://a.example">', None, ["https://a.example"]),
    ],
)  # fmt: skip
def test_a_link_is_replaced(html, expected, targets):
    found, found_targets = in_html(html)
    if expected is not None:
        assert found == re.sub(r"@(\d)", lambda match: address(int(match[1])), expected)
    if targets is not None:
        assert list(found_targets) == targets


@pytest.mark.parametrize(
    "html",
    [
        "",
        "no tag at all, https://a.example",
        '<a href="mailto:a@b.example">', '<a href="tel:+43">', '<a href="#part">', '<a href="/path">', '<a href="">',
        "<a href>", "<a href=>", '<a name="https://a.example">', '<abbr href="https://a.example">',
        '<a href="javascript:alert(1)">', '<a href="java\nscript:location=\'https://a.example\'">',
        '<a href="JaVaScRiPt:1//https://a.example">', '<a href="data:text/html,https://a.example">',
        '<a href="https:a.example">', '<a href="https://">', '<a href="https:///a">', '<a href="http://[::1">',
        '<a href="ftp://a.example">', '<a href="{{ broken }}">', '<a href="https://a\ud800.example">',
        '<link href="https://a.example/style.css">', '<base href="https://a.example/">',
        '<img src="https://a.example/x.png">', '<!-- <a href="https://a.example"> -->',
        '<style>x { content: "<a href=\'https://a.example\'>" }</style>',
        '<script>"<a href=https://a.example>"</script>', '<textarea><a href="https://a.example"></textarea>',
        # What is never closed is no tag.
        '<a href="https://a.example', '<a href="https://a.example"', "<a href='https://a.example\">x</a>",
        '<!-- <a href="https://a.example">', '<script><a href="https://a.example">', '<style><a href="https://a.example">',
        '<!x <a href="https://a.example"',
        # Our own pages.
        f'<a href="{OWN}u/token">', f'<a href=" {OWN}p/token">',
        f'<a href="https://a.example/{"x" * bounds.LINK_TARGET}">',
    ],
)  # fmt: skip
def test_anything_else_stays(html):
    assert in_html(html) == (html, ())


def test_the_same_target_is_the_same_link():
    html = '<a href="https://a.example/?x&amp;y"><a href="https://b.example"><a href="https://a.example/?x&y">'
    tracked = track(html, "https://b.example https://c.example", address, None, OWN)
    assert tracked.targets == ("https://a.example/?x&y", "https://b.example", "https://c.example")
    assert tracked.html is not None
    assert re.findall(r"/c/(\d)", tracked.html) == ["1", "2", "1"]
    assert tracked.text == f"{address(2)} {address(3)}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://a.example.", "https://a.example"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("https://a.example/x_(y), or", "https://a.example/x_(y)"),
        ("<https://a.example/?q=1>", "https://a.example/?q=1"),
        ("“https://a.example/”…", "https://a.example/"),
        ("[x](https://a.example/))))", "https://a.example/"),
        ("Is it https://a.example/?", "https://a.example/"),
        ("HTTP://a.example/a,b", "HTTP://a.example/a,b"),
    ],
)
def test_a_link_in_a_text_is_without_the_sentence(text, expected):
    assert in_text(text) == (text.replace(expected, address(1)), (expected,))


@pytest.mark.parametrize("text", ["", "https://", "http://.", "mailto:a@b.example", f"Leave: {OWN}u/token."])
def test_other_texts_stay(text):
    assert in_text(text) == (text, ())


def test_links_beyond_the_bound_stay():
    html = "".join(f'<a href="https://a.example/{number}">' for number in range(5_000))
    found, targets = in_html(html)
    assert len(targets) == bounds.MESSAGE_LINKS
    assert found.count(OWN) == bounds.MESSAGE_LINKS
    assert found.endswith('<a href="https://a.example/4999">')


@pytest.mark.parametrize(
    ("html", "before"),
    [
        ("<html><body><p>Hi</p></body></html>", "</body></html>"),
        ("<p>Hi</p>", ""),
        ("<BODY>x</BODY >", "</BODY >"),
        ("<body>a</body>b</body>", "</body>"),
        ("<body><!-- </body> -->x", ""),
        ('</body><a href="https://a.example">', f'</body><a href="{address(1)}">'),
    ],
)
def test_the_pixel_stands_at_the_end_of_the_body(html, before):
    found, _ = in_html(html, f"{OWN}o/x?a&b")
    image, end = re.search(r"(<img [^>]*>)(.*)", found).groups()  # type: ignore[union-attr]
    assert end == before
    assert f'src="{OWN}o/x?a&amp;b"' in image
    assert 'alt=""' in image


HOSTILE = [
    "<", "<!--", "<a ", "</", "<?", "<!", "<a href=", '<a href="', "<a href='x' ", "&", "<script>", "</script",
    "<![CDATA[", "<a b=c", "https://a.example", "https://a.example)", "\\", "<a/", "<a =", "</body",
]  # fmt: skip
SOME = frozenset({"a", "area", "body"})
EVERY = SOME | {"p", "td", "b", "br", "abbr", "x"}
PIECES = [*HOSTILE, ">", '"', "'", " ", "=", "href", "x", "-->", "</a>", "\n", "/", "a.example"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", HOSTILE)
def test_rubbish_takes_time_in_proportion(unit):
    """A tokenizer that looks at something twice for each of its parts would take minutes."""
    text = unit * (400_000 // len(unit))
    tracked = track(text, text, address, f"{OWN}o/x", OWN)
    assert tracked.html is not None
    assert tracked.html.endswith('">') or "</body" in unit


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_only_addresses_of_attributes_change(html):
    found, targets = in_html(html)
    for number, target in enumerate(targets, 1):
        assert target.startswith("https://a.example")
        assert address(number) in found
    assert [tag.name for tag in tags(found, SOME)] == [tag.name for tag in tags(html, SOME)]
    # With our addresses taken out again, what is left of both is the same.
    pattern = "|".join(re.escape(address(number)) for number in range(len(targets), 0, -1))
    pieces = re.split(pattern, found) if targets else [found]
    assert len(found) - len("".join(pieces)) >= 0
    at = 0
    for piece in pieces:
        at = html.index(piece, at) + len(piece)


@given(st.lists(st.sampled_from([*PIECES, "<p ", "<P/x=1>", "<td a='", "</p>", "=>", "<b c=d/", "<br/>"])).map("".join))
def test_what_is_passed_over_is_what_would_have_been_seen(html):
    """The quick way past other tags ends where the slow way through each of them does."""
    every = [tag for tag in tags(html, EVERY) if tag.name in SOME]
    assert list(tags(html, SOME)) == every


@given(st.text())
def test_a_target_is_fit_for_a_header(text):
    target = target_of("https://a.example/" + text)
    if target is not None:
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target
        assert target_of(target) == target

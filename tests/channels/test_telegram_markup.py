import re

import pytest

from ensue.channels.telegram.markup import telegram_html


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("plain", "plain"),
        ("<b>bold</b> and <em>thin</em>", "<b>bold</b> and <i>thin</i>"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("&lt;b&gt; &nbsp;&copy;", "&lt;b&gt; \u00a0©"),
        (
            '<a href="https://shop.example/?a=1&amp;b=2">shop</a>',
            '<a href="https://shop.example/?a=1&amp;b=2">shop</a>',
        ),
        ("<a class=x href=https://shop.example>shop</a>", '<a href="https://shop.example">shop</a>'),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ("<a>x</a>", "x"),
        ('<a href="https://x.example" onclick="y">x</a>', '<a href="https://x.example">x</a>'),
        ('<a href="https://x.example/&quot;&gt;">x</a>', '<a href="https://x.example/&quot;&gt;">x</a>'),
        ("x<!-- <b>", "x"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<ul><li>one</li><li>two</li></ul>", "• one\n• two"),
        ("<b>open", "<b>open</b>"),
        ("shut</b>", "shut"),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("<b><b>x</b></b>", "<b>x</b>"),
        ("<code><b>x</b></code>", "<code>x</code>"),
        ("<script>alert(1)</script>x", "x"),
        ("<style>b { color: red }</style><title>t</title>x", "x"),
        ("<img src=x onerror=y>x<!-- <b> -->", "x"),
        ("<tg-spoiler>x</tg-spoiler>", "<tg-spoiler>x</tg-spoiler>"),
        ("<", "&lt;"),
        ("a<b", "a&lt;b"),
    ],
)
def test_what_telegram_is_given(html, shown):
    assert telegram_html(html) == shown


@pytest.mark.parametrize("piece", ["<a ", "<b>", "<!--", "</b>", "<a href='", "&", "<li>", "\n"])
def test_long_rubbish_is_read_in_one_pass_and_comes_out_balanced(piece):
    # A reader that goes back over it does not end within the time of a test.
    shown = telegram_html(piece * 300_000)
    opened = re.findall(r"<([a-z-]+)[ >]", shown)
    closed = re.findall(r"</([a-z-]+)>", shown)
    assert sorted(opened) == sorted(closed)

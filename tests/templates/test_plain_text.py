import pytest

from ensue.templates.plain_text import plain_text


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<p>Hi&nbsp;Ann,</p><p>a &amp; b &lt;c&gt; &euro; &#8364;</p>", "Hi Ann,\n\na & b <c> € €"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>a\n   b\t<b>c</b>d</p>", "a b cd"),
        (
            "<h1>Top</h1><p>a</p><h2>Next &amp; more</h2>b<h3>Small</h3>c",
            "Top\n===\n\na\n\nNext & more\n-----------\n\nb\n\nSmall\n\nc",
        ),
        ("<a href='https://x.example/?a=1&amp;b=2'>here</a>", "here (https://x.example/?a=1&b=2)"),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
        (
            "<a href='mailto:a@x.example'>a@x.example</a> <a href='mailto:a@x.example'>us</a>",
            "a@x.example us (a@x.example)",
        ),
        ("<a href='https://x.example'><img src='a' alt='Logo'></a>", "Logo (https://x.example)"),
        ("<a href='https://x.example'><img src='a'></a>", "https://x.example"),
        ("<a name='top'>a</a><a href='#b'>b</a>", "ab"),
        ("<a href='https://x.example'>one<br>two</a>", "one\ntwo (https://x.example)"),
        ("<ul><li>one</li><li><p>two</p><p>more</p></li></ul>after", "- one\n- two\n\nmore\n\nafter"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two"),
        ("<ol start='3'><li>c<li>d</ol>", "3. c\n4. d"),
        ("<ul><li></li><li>a</li></ul>", "- a"),
        (
            "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Shoe</td><td>12</td></tr></table>",
            "Item | Price\nShoe | 12",
        ),
        ("<table role='presentation'><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\nb\n\nc"),
        ("<table><tr><td><p>a</p></td><td>b</td></tr></table>", "a\n\nb"),
        ("<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>", "a | b"),
        ("<blockquote><p>a</p>b</blockquote>c", "> a\n>\n> b\n\nc"),
        ("a<hr>b", f"a\n\n{'-' * 40}\n\nb"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<img src='a' alt=\"It&#39;s\"><img src='b'>", "It's"),
        ("1 < 2 <3 & x", "1 < 2 <3 & x"),
    ],
)
def test_what_html_says(document, expected):
    assert plain_text(document) == expected


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display:none;max-height:0'>secret<b>secret</b></div>",
        '<span style="VISIBILITY : hidden">secret</span>',
        "<div style='mso-hide:all'>secret</div>",
        "<p hidden>secret</p>",
        "<style>secret</style>",
        "<script>secret</script>",
        "<title>secret</title>",
        "<!-- secret -->",
        "<!--[if mso]>secret<![endif]-->",
        "<head><meta name='secret'>secret</head>",
        "<template>secret</template>",
        "<div style='display:none'><div>secret</div>secret<br>secret<p>secret</div>",
    ],
)
def test_what_html_hides_is_left_out(hidden):
    assert plain_text(f"<body>a {hidden} b</body>").split() == ["a", "b"]


def test_the_fillers_after_a_preheader_are_left_out():
    document = "<div>Sale today&#847;&zwnj;&nbsp;&#8199;&#65279;&#847;&zwnj; &zwnj;&nbsp;</div><p>Hello</p>"
    first, *_ = plain_text(document).split("\n")
    assert first.strip() == "Sale today"


def test_joined_letters_of_other_scripts_stay():
    assert plain_text("<p>\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f469</p>") == (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f469"
    )


@pytest.mark.parametrize(
    "document", ["", "<", "</", "<a", "<a href", "<!--", "<p></i></p>", "<b></b></b>", "</p>", "&", "<table><td>a"]
)
def test_malformed_html_is_no_error(document):
    assert isinstance(plain_text(document), str)

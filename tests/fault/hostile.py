"""Bodies that mean no good, each with the answer that it must get, the same on every store."""

from typing import Any, NamedTuple

NAN, DOUBLE = "must not be NaN or infinite", "must be a number that a double can hold"
DIGITS = "must not have more than 4300 digits"
SURROGATE, DEEP = "must not contain a lone surrogate", "must not be nested deeper than 32 levels"


class Refusal(NamedTuple):
    """What a refused body is answered. `details` are (path, sentence); None where the path says enough."""

    status: int
    code: str
    details: tuple[tuple[str, str | None], ...] = ()


class Hostile(NamedTuple):
    """A body, and what comes of it: a refusal, or the metadata of the event that is stored."""

    name: str
    body: bytes
    answer: Refusal | dict[str, Any]

    @property
    def is_poison(self) -> bool:
        """Whether no request may hold such JSON, whatever its fields are."""
        if not isinstance(self.answer, Refusal):
            return False
        sentences = [sentence or "" for _, sentence in self.answer.details]
        return self.answer == MALFORMED or any(sentence.endswith(POISON) for sentence in sentences)


def invalid(*details: tuple[str, str | None]) -> Refusal:
    return Refusal(400, "invalid", details)


MALFORMED = Refusal(400, "malformed_json")
POISON = (NAN, DOUBLE, DIGITS, SURROGATE, DEEP, "must not contain NUL")
TOO_LARGE = Refusal(413, "too_large")


def metadata(text: bytes) -> bytes:
    return b'{"type":"a","metadata":' + text + b"}"


def value(text: bytes) -> bytes:
    return metadata(b'{"a":' + text + b"}")


def field(name: str, text: bytes) -> bytes:
    return b'{"type":"a","%s":%s}' % (name.encode(), text)


def lists(depth: int) -> bytes:
    """A body so many levels deep in all, ending in lists."""
    return value(b"[" * (depth - 2) + b"]" * (depth - 2))


def objects(depth: int) -> bytes:
    """A body so many levels deep in all, made of objects."""
    return metadata(b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1))


def nested(depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = {"a": leaf}
    return leaf


def wrapped(depth: int) -> Any:
    """A list in so many lists."""
    return [wrapped(depth - 1)] if depth else []


def sized(size: int) -> bytes:
    head, tail = b'{"type":"a","metadata":{"a":"', b'"}}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


STRINGS = ["contactId", "sessionId", "pageUrl", "referrer", "utmSource", "utmMedium", "utmCampaign", "timestamp",
           "idempotencyKey", "type"]  # fmt: skip

CORPUS = [
    # Text
    Hostile("NUL", value(rb'"\u0000"'), invalid(("metadata.a", "must not contain NUL"))),
    Hostile("NUL inside", value(rb'["x", {"b": "y\u0000z"}]'), invalid(("metadata.a[1].b", "must not contain NUL"))),
    Hostile("NUL in a name", metadata(rb'{"a\u0000":1}'), invalid(("metadata", "a name must not contain NUL"))),
    Hostile("NUL in a type", rb'{"type":"a\u0000"}', invalid(("type", "must not contain NUL"))),
    Hostile("NUL in a session", field("sessionId", rb'"\u0000"'), invalid(("sessionId", "must not contain NUL"))),
    Hostile("NUL in a key", field("idempotencyKey", rb'"\u0000"'), invalid(("idempotencyKey", "must not contain NUL"))),
    Hostile("raw NUL", value(b'"\x00"'), MALFORMED),
    Hostile("raw control character", value(b'"\t"'), MALFORMED),
    Hostile("escaped backslash before u0000", value(rb'"\\u0000"'), {"a": r"\u0000"}),
    Hostile("high surrogate", value(rb'"\ud800"'), invalid(("metadata.a", SURROGATE))),
    Hostile("low surrogate", value(rb'"\udc00"'), invalid(("metadata.a", SURROGATE))),
    Hostile("surrogates the wrong way round", value(rb'"\ude00\ud83d"'), invalid(("metadata.a", SURROGATE))),
    Hostile("surrogate in a name", metadata(rb'{"\ud800":1}'), invalid(("metadata", "a name " + SURROGATE))),
    Hostile("surrogate in a type", rb'{"type":"\ud800"}', invalid(("type", SURROGATE))),
    Hostile("surrogate pair", value(rb'"\ud83d\ude00"'), {"a": "😀"}),
    Hostile("surrogate in UTF-8", value(b'"\xed\xa0\x80"'), MALFORMED),
    Hostile("no UTF-8", value(b'"\xff"'), MALFORMED),
    Hostile("overlong UTF-8", value(b'"\xc0\x80"'), MALFORMED),
    Hostile("UTF-8 cut short", value(b'"\xf0\x9f\x98"'), MALFORMED),
    Hostile("no UTF-8 in a name", metadata(b'{"\xff":1}'), MALFORMED),
    Hostile("no character", value(rb'"\uffff"'), {"a": "\uffff"}),
    Hostile("bad escape", value(rb'"\x41"'), MALFORMED),
    Hostile("escape cut short", value(rb'"\u12"'), MALFORMED),
    Hostile("right-to-left override", value(rb'"\u202e"'), {"a": "\u202e"}),
    # Numbers
    Hostile("NaN", value(b"NaN"), invalid(("metadata.a", NAN))),
    Hostile("Infinity", value(b"Infinity"), invalid(("metadata.a", NAN))),
    Hostile("-Infinity", value(b"[1, -Infinity]"), invalid(("metadata.a[1]", NAN))),
    Hostile("overflow", value(b"1e999"), invalid(("metadata.a", DOUBLE))),
    Hostile("negative overflow", value(b"-1e999"), invalid(("metadata.a", DOUBLE))),
    Hostile("just no overflow", value(b"1.7976931348623157e308"), {"a": 1.7976931348623157e308}),
    Hostile("underflow", value(b"1e-999"), {"a": 0.0}),
    Hostile("long whole number", value(b"9" * 30), {"a": int("9" * 30)}),
    Hostile("whole number past 2^64", value(b"18446744073709551616"), {"a": 2**64}),
    Hostile("very long whole number", value(b"9" * 4_300), {"a": 10**4_300 - 1}),
    Hostile("extremely long whole number", value(b"9" * 4_301), invalid(("metadata.a", DIGITS))),
    Hostile("long fraction", value(b"0." + b"1" * 5_000), {"a": 1 / 9}),
    Hostile("leading zero", value(b"01"), MALFORMED),
    Hostile("leading plus", value(b"+1"), MALFORMED),
    Hostile("no digit before the point", value(b".5"), MALFORMED),
    Hostile("no digit after the point", value(b"1."), MALFORMED),
    Hostile("hexadecimal", value(b"0x1"), MALFORMED),
    Hostile("digits of another script", value("١".encode()), MALFORMED),
    # Depth
    Hostile("32 levels of lists", lists(32), {"a": wrapped(29)}),
    Hostile("33 levels of lists", lists(33), invalid(("metadata", DEEP))),
    Hostile("32 levels of objects", objects(32), nested(31, 1)),
    Hostile("33 levels of objects", objects(33), invalid(("metadata", DEEP))),
    Hostile("30,000 levels", lists(30_000), invalid(("$", DEEP))),
    Hostile("10,000 levels of objects", objects(10_000), invalid(("$", DEEP))),
    Hostile("deep in an unknown field", field("zzz", b"[" * 40 + b"]" * 40), invalid(("zzz", DEEP))),
    Hostile("wide, not deep", value(b"[" + b"[]," * 5_000 + b"[]]"), {"a": [[]] * 5_001}),
    # Names
    Hostile("the last of duplicates", value(b'1,"a":2'), {"a": 2}),
    Hostile("the last metadata", b'{"type":"a","metadata":{"x":1},"metadata":{"y":2}}', {"y": 2}),
    Hostile("the last type", b'{"type":1,"type":"a"}', {}),
    Hostile("the last type is wrong", b'{"type":"a","type":1}', invalid(("type", "must be a string"))),
    Hostile("a duplicate replaces NUL", value(rb'"\u0000","a":2'), {"a": 2}),
    Hostile("prototype", metadata(b'{"__proto__":{"x":1}}'), {"__proto__": {"x": 1}}),
    Hostile("empty name", metadata(b'{"":1}'), {"": 1}),
    Hostile("unknown fields", b'{"type":"a","zzz":1,"contactid":"x"}', invalid(("zzz", None), ("contactid", None))),
    Hostile("a field in snake case", field("page_url", b'"x"'), invalid(("page_url", None))),
    Hostile("fields of ours", b'{"type":"a","id":"evt_1","source":"app"}', invalid(("id", None), ("source", None))),
    Hostile("a name that is no text", b'{"type":"a",1:2}', MALFORMED),
    # The whole
    Hostile("nothing", b"", MALFORMED),
    Hostile("white space", b" \n\t ", MALFORMED),
    Hostile("byte order mark", b'\xef\xbb\xbf{"type":"a"}', MALFORMED),
    Hostile("UTF-16", '{"type":"a"}'.encode("utf-16"), MALFORMED),
    Hostile("UTF-32", '{"type":"a"}'.encode("utf-32"), MALFORMED),
    Hostile("cut short", b'{"type":"a"', MALFORMED),
    Hostile("garbage after it", b'{"type":"a"}x', MALFORMED),
    Hostile("another after it", b'{"type":"a"}{"type":"a"}', MALFORMED),
    Hostile("NUL after it", b'{"type":"a"}\x00', MALFORMED),
    Hostile("comma at the end", b'{"type":"a",}', MALFORMED),
    Hostile("comment", b'{"type":"a"/**/}', MALFORMED),
    Hostile("single quotes", b"{'type':'a'}", MALFORMED),
    Hostile("a form", b"type=a", MALFORMED),
    Hostile("markup", b"<type>a</type>", MALFORMED),
    Hostile("null", b"null", invalid(("$", "must be an object"))),
    Hostile("list", b"[]", invalid(("$", "must be an object"))),
    Hostile("list of events", b'[{"type":"a"}]', invalid(("$", "must be an object"))),
    Hostile("string", b'"a"', invalid(("$", "must be an object"))),
    Hostile("number", b"1", invalid(("$", "must be an object"))),
    Hostile("64 KiB", sized(64 * 1024), {"a": "x" * (64 * 1024 - 32)}),
    Hostile("64 KiB and a byte", sized(64 * 1024 + 1), TOO_LARGE),
    # Fields
    Hostile("no type", b"{}", invalid(("type", "is required"))),
    Hostile("null type", b'{"type":null}', invalid(("type", "is required"))),
    Hostile("empty type", b'{"type":""}', invalid(("type", None))),
    Hostile("blank type", '{"type":" \u00a0"}'.encode(), invalid(("type", None))),
    Hostile("type of 200", b'{"type":"%s"}' % ("😀" * 200).encode(), {}),
    Hostile("type of 201", b'{"type":"%s"}' % (b"a" * 201), invalid(("type", None))),
    Hostile("empty session", field("sessionId", b'""'), invalid(("sessionId", None))),
    Hostile("long session", field("sessionId", b'"%s"' % (b"a" * 2_049)), invalid(("sessionId", None))),
    Hostile("long url", field("pageUrl", b'"%s"' % (b"a" * 2_049)), invalid(("pageUrl", None))),
    Hostile("long key", field("idempotencyKey", b'"%s"' % (b"a" * 256)), invalid(("idempotencyKey", None))),
    Hostile("empty key", field("idempotencyKey", b'""'), invalid(("idempotencyKey", None))),
    Hostile("no such contact", field("contactId", b'"ct_0000000000001"'), Refusal(404, "not_found")),
    Hostile("no contact's id", field("contactId", b'""'), Refusal(404, "not_found")),
    Hostile("another kind of id", field("contactId", b'"evt_0000000000001"'), Refusal(404, "not_found")),
    Hostile("id past 63 bits", field("contactId", b'"ct_zzzzzzzzzzzzz"'), Refusal(404, "not_found")),
    Hostile("SQL", field("contactId", b"\"ct_1' OR '1'='1\""), Refusal(404, "not_found")),
    Hostile("several faults", b'{"type":1,"zzz":1,"metadata":[],"pageUrl":3}',
            invalid(("type", None), ("metadata", None), ("pageUrl", None), ("zzz", None))),
    *(
        Hostile(f"{name} is {text.decode()}", b'{"type":"a","%s":%s}' % (name.encode(), text), invalid((name, None)))
        for name in STRINGS
        for text in (b"1", b"1.5", b"true", b"[]", b"{}", b'["a"]')
    ),
    *(
        Hostile(f"metadata is {text.decode()}", metadata(text), invalid(("metadata", "must be an object")))
        for text in (b"1", b"true", b"[]", b'"a"', b'[{"a":1}]')
    ),
    *(
        Hostile(f"{name} is null", field(name, b"null"), {})
        for name in [*STRINGS[:-1], "metadata"]
    ),
    *(
        Hostile(f"at {text}", field("timestamp", f'"{text}"'.encode()), invalid(("timestamp", None)))
        for text in ("", "now", "0", "2026-01-15", "2026-01-15T10:00:00", "2026-02-30T00:00:00Z",
                     "2026-01-01T24:00:00Z",
                     "2026-01-01T23:59:60Z", "٢٠٢٦-01-01T00:00:00Z", "-2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
                     "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00+99:99", "20260101T000000Z",
                     "10000-01-01T00:00:00Z",
                     "9999-12-31T23:59:59Z", "2026-W01-1T00:00:00Z", "2026-01-15T10:00:00Z ")
    ),
    Hostile("at the year 1", field("timestamp", b'"0001-01-01T00:00:00Z"'), {}),
]  # fmt: skip
"""`9999-12-31` is sound, and in the future."""

"""The log, its types, the sessions and the idempotency keys."""

import pytest

from ensue.base import json
from ensue.base.errors import Conflict

WHO, OTHER = 11, 12


def row(number, *, contact=WHO, type_id=1, timestamp=5, session=None, metadata=None, answer=None, apart=None):
    """A row as `append` takes it."""
    text = json.encode_text(metadata) if metadata is not None else None
    return (
        number, contact, type_id, timestamp, 6, session, "/p", "/r", "a", "b", "c", text, "api", None, 0,
        int(contact is None if apart is None else apart), answer,
    )  # fmt: skip


@pytest.fixture
def kinds(write):
    """Two types: `buy` and `view`."""
    return write(lambda one: {name: one.events.add_type(name, 1) for name in ("buy", "view")})


def ids(events):
    return [event.id for event in events]


def test_an_event_comes_back_as_it_was(write, read, kinds):
    metadata = {"a": [1, 2.5, None, "ü", {"b": 10**30}]}

    def work(one):
        one.sessions.add(3, "s", None, 1)
        one.events.append([row(7, type_id=kinds["buy"], session=3, metadata=metadata, answer="[]")])

    write(work)
    event, answer, effects = read(lambda one: one.events.get(7))
    assert (event.id, event.type, event.timestamp, event.received_at, event.contact_id) == (7, "buy", 5, 6, WHO)
    assert (event.session_id, event.page_url, event.referrer) == ("s", "/p", "/r")
    assert (event.utm_source, event.utm_medium, event.utm_campaign) == ("a", "b", "c")
    assert (event.source, event.cause_id, event.depth) == ("api", None, 0)
    assert event.metadata == metadata
    assert (answer, effects) == ("[]", None)


def test_an_event_without_anything_else_comes_back_too(write, read, kinds):
    write(lambda one: one.events.append([row(7, contact=None, type_id=kinds["buy"])]))
    event, answer, _ = read(lambda one: one.events.get(7))
    assert (event.contact_id, event.session_id, event.metadata, answer) == (None, None, {}, None)
    assert read(lambda one: one.events.get(8)) is None


def test_an_event_is_appended_once(write, kinds):
    write(lambda one: one.events.append([row(7, type_id=kinds["buy"])]))
    with pytest.raises(Conflict):
        write(lambda one: one.events.append([row(7, type_id=kinds["buy"])]))


def test_a_contact_s_history_is_read_in_time_order(write, read, kinds):
    buy, view = kinds["buy"], kinds["view"]
    write(
        lambda one: one.events.append(
            [
                row(1, type_id=buy, timestamp=30), row(2, type_id=buy, timestamp=10),
                row(3, type_id=view, timestamp=20), row(4, type_id=buy, timestamp=20),
                row(5, type_id=buy, timestamp=20), row(6, contact=OTHER, type_id=buy),
                row(7, contact=None, type_id=buy),
            ]
        )
    )  # fmt: skip
    history = lambda types, after, upto: ids(read(lambda one: one.events.of_contact(WHO, types, after, upto)))  # noqa: E731
    assert history(["buy"], None, 30) == [2, 4, 5, 1]
    assert history(["buy", "view"], None, 30) == [2, 3, 4, 5, 1]
    assert history(["buy"], 10, 20) == [4, 5]
    assert history(["buy"], 9, 9) == []
    assert history(["never"], None, 30) == []
    assert history([], None, 30) == []


def test_history_before_1970_is_history(write, read, kinds):
    write(lambda one: one.events.append([row(1, type_id=kinds["buy"], timestamp=-62_135_596_800_000)]))
    assert ids(read(lambda one: one.events.of_contact(WHO, ["buy"], None, 0))) == [1]


def test_an_anonymous_session_s_events_wait_for_their_owner(write, read, kinds):
    buy = kinds["buy"]

    def work(one):
        one.sessions.add(3, "s", None, 1)
        one.sessions.add(4, "t", None, 1)
        one.events.append(
            [
                row(1, contact=None, type_id=buy, timestamp=30, session=3),
                row(2, contact=None, type_id=buy, timestamp=10, session=3),
                row(3, contact=None, type_id=buy, timestamp=9, session=3),
                row(4, contact=None, type_id=buy, timestamp=30, session=4),
                row(5, type_id=buy, timestamp=30, session=3),
            ]
        )

    write(work)
    assert ids(read(lambda one: one.events.unattributed(3, 10))) == [2, 1]
    write(lambda one: one.events.attribute(2, OTHER))
    write(lambda one: one.events.keep_effects(2, "[1]"))
    assert ids(read(lambda one: one.events.unattributed(3, 10))) == [1]
    event, answer, effects = read(lambda one: one.events.get(2))
    assert (event.contact_id, answer, effects) == (OTHER, None, "[1]")


def page(read, contact=None, kind=None, session=None, since=None, until=None, below=None, limit=100):
    rows = read(lambda one: one.events.page(contact, kind, session, since, until, below, limit))
    return [found[0] for found in rows]


@pytest.fixture
def listed(write, kinds):
    """Events 1 to 6 at 10, 20, 20, 30, 40, 50."""

    def work(one):
        one.sessions.add(3, "s", WHO, 1)
        one.events.append(
            [
                row(1, type_id=kinds["buy"], timestamp=10),
                row(2, type_id=kinds["view"], timestamp=20, session=3),
                row(3, type_id=kinds["buy"], timestamp=20, contact=OTHER),
                row(4, type_id=kinds["buy"], timestamp=30, contact=None, session=3),
                row(5, type_id=kinds["buy"], timestamp=40),
                row(6, type_id=kinds["view"], timestamp=50),
            ]
        )

    write(work)


@pytest.mark.usefixtures("listed")
def test_a_page_is_newest_first(read):
    assert page(read) == [6, 5, 4, 3, 2, 1]
    assert page(read, limit=2) == [6, 5]


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"contact": WHO}, [6, 5, 2, 1]),
        ({"contact": 99}, []),
        ({"kind": "view"}, [6, 2]),
        ({"kind": "never seen"}, []),
        ({"session": "s"}, [4, 2]),
        ({"session": "unknown"}, []),
        ({"since": 20}, [6, 5, 4, 3, 2]),
        ({"until": 20}, [1]),
        ({"since": 20, "until": 40}, [4, 3, 2]),
        ({"contact": WHO, "kind": "buy", "since": 11}, [5]),
        ({"below": (20, 3)}, [2, 1]),
        ({"below": (20, 2)}, [1]),
        ({"contact": WHO, "below": (50, 6), "limit": 2}, [5, 2]),
    ],
    ids=str,
)
def test_a_page_takes_every_filter(read, filters, found):
    assert page(read, **filters) == found


@pytest.mark.usefixtures("listed")
def test_the_stream_follows_commits(read):
    after = lambda number, limit: [found[0] for found in read(lambda one: one.events.committed_after(number, limit))]  # noqa: E731
    assert after(0, 3) == [1, 2, 3]
    assert after(4, 100) == [5, 6]
    assert after(6, 100) == []
    assert read(lambda one: one.events.latest_id()) == 6
    assert read(lambda one: one.events.row(3))[0] == 3
    assert read(lambda one: one.events.row(99)) is None


def test_a_type_is_numbered_once(write, read):
    first = write(lambda one: one.events.add_type("buy", 1))
    assert write(lambda one: one.events.add_type("buy", 9)) == first
    assert write(lambda one: one.events.add_type("Buy", 1)) != first
    assert read(lambda one: one.events.type_id("buy")) == first
    assert read(lambda one: one.events.type_id("other")) is None


def test_types_are_counted(write, read, kinds):
    assert read(lambda one: one.events.types()) == []
    write(lambda one: one.events.count_types([(kinds["buy"], 2, 50), (kinds["view"], 3, 40)]))
    write(lambda one: one.events.count_types([(kinds["buy"], 2, 10)]))
    assert read(lambda one: one.events.types()) == [("buy", 4, 1, 50), ("view", 3, 1, 40)]


def test_a_key_is_claimed_once(write, read):
    assert write(lambda one: one.keys.claim(b"k", b"f", 7))
    assert not write(lambda one: one.keys.claim(b"k", b"other", 8))
    assert read(lambda one: one.keys.find(b"k")) == (b"f", 7)
    assert read(lambda one: one.keys.find(b"l")) is None


def test_many_keys_are_claimed_at_once_and_given_back(write, read):
    assert write(lambda one: one.keys.claim_all([(b"a", b"1", 7)])) == {b"a"}
    assert write(lambda one: one.keys.claim_all([(b"a", b"2", 8), (b"b", b"3", 9), (b"\0\xff", b"4", 10)])) == {
        b"b", b"\0\xff",
    }  # fmt: skip
    found = [read(lambda one, key=key: one.keys.find(key)) for key in (b"a", b"b", b"\0\xff")]
    assert found == [(b"1", 7), (b"3", 9), (b"4", 10)]
    write(lambda one: one.keys.release(b"b"))
    assert read(lambda one: one.keys.find(b"b")) is None
    assert write(lambda one: one.keys.claim_all([(b"b", b"5", 11)])) == {b"b"}


def test_a_claim_that_is_rolled_back_is_free_again(store):
    from tests.contract.conftest import ONE

    assert store.begin().workspace(ONE).keys.claim(b"k", b"f", 7)
    store.rollback()
    assert store.write(lambda tables: tables.workspace(ONE).keys.claim(b"k", b"f", 8))


def test_keys_that_look_alike_are_not_the_same(write):
    for key in (b"", b"\0", b"a", b"A", b"a\0", b"\xff"):
        assert write(lambda one, key=key: one.keys.claim(key, b"f", 7))


def test_a_session_is_found_and_tied(write, read):
    write(lambda one: one.sessions.add(3, "s", None, 1))
    assert read(lambda one: one.sessions.find("s")) == (3, None)
    write(lambda one: one.sessions.link(3, WHO, 2))
    assert read(lambda one: one.sessions.find("s")) == (3, WHO)
    assert read(lambda one: one.sessions.find("S")) is None

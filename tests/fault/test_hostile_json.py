"""P9: hostile bodies get the answer that they must get, on every store and through every door."""

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest

from ensue.api import event_json, ingest, problems
from ensue.base import bounds, json
from ensue.base.clock import SimulatedClock
from ensue.base.errors import EnsueError, Invalid, TooLarge
from ensue.base.ids import Ids
from ensue.engine.arrival import Created, Refused
from ensue.engine.engine import Engine
from ensue.model.workspace import Workspace
from tests.fault.hostile import CORPUS, MALFORMED, Hostile, Refusal, invalid
from tests.stores import STORES

WORKSPACE, NOW = 1, 1_768_471_200_000
BY_NAME = pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
GOOD = b'{"type":"good","metadata":{"n":1}}'


@pytest.fixture(params=STORES, ids=lambda place: place.__name__, scope="module")
def store(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("hostile")) as opened:
        store = opened()
        yield store
        store.close()


@pytest.fixture(scope="module")
def door(store):
    """`door(arrivals)` is what becomes of arrivals; `door.stored(id)` is an event as it is kept."""
    workspace = Workspace(WORKSPACE, "Hostile", "hostile", "UTC", 1_000, 1, 1, 1)
    store.write(lambda tables: tables.accounts.workspaces.add(workspace))
    engine = Engine(SimulatedClock(NOW), Ids(SimulatedClock(NOW)))

    class Door:
        def __call__(self, arrivals):
            return store.write(lambda tables: engine.ingest(tables, arrivals))

        def stored(self, event_id):
            return store.read(lambda tables: tables.workspace(WORKSPACE).events.get(event_id))[0]

    return Door()


def read(body):
    return ingest.read_event(WORKSPACE, body, None, NOW, "api")


def check(outcome, hostile):
    """An outcome is what the corpus says."""
    expected = hostile.answer
    if isinstance(expected, Refusal):
        error = outcome.error if isinstance(outcome, Refused) else outcome
        assert isinstance(error, EnsueError), f"it was let in: {outcome}"
        assert (problems.status_of(error), error.code) == expected[:2], error.message
        assert [detail.path for detail in error.details] == [path for path, _ in expected.details]
        for detail, (_, sentence) in zip(error.details, expected.details, strict=True):
            assert sentence is None or detail.message == sentence
        assert json.decode_strict(problems.body(error))
    else:
        assert isinstance(outcome, Created), outcome
        assert outcome.event.metadata == expected


@BY_NAME
def test_a_body_gets_its_answer(door, hostile):
    try:
        arrival = read(hostile.body)
    except EnsueError as error:
        check(error, hostile)
        return
    (outcome,) = door([arrival])
    check(outcome, hostile)
    if isinstance(outcome, Created):
        stored = door.stored(outcome.event.id)
        assert json.encode(stored.metadata) == json.encode(outcome.event.metadata)
        assert stored.type == outcome.event.type
        assert json.decode_strict(event_json.created(outcome).encode())["metadata"] == hostile.answer


# In a batch an item must be JSON, or the batch is none. What JSON can say and nothing can hold fails alone, and so does
# text that is no UTF-8.
ALONE = {hostile.name for hostile in CORPUS if hostile.answer != MALFORMED or "UTF-8" in hostile.name}
TOO_DEEP_TO_FRAME = {"30,000 levels", "10,000 levels of objects"}


@BY_NAME
def test_an_item_of_a_batch_gets_the_same_answer_and_spoils_nothing(door, hostile):
    body = b'{"events":[' + GOOD + b"," + hostile.body + b"," + GOOD + b"]}"
    try:
        items = ingest.read_batch(WORKSPACE, body, None, NOW, "api")
    except Invalid:
        if hostile.name in ALONE - TOO_DEEP_TO_FRAME:
            raise
        return
    first, item, last = items
    stored = iter(door([one for one in items if not isinstance(one, EnsueError)]))
    outcomes: list[Any] = [one if isinstance(one, EnsueError) else next(stored) for one in (first, item, last)]
    assert [outcomes[place].event.metadata for place in (0, 2)] == [{"n": 1}] * 2
    check(outcomes[1], hostile)


@BY_NAME
def test_the_control_plane_decodes_by_the_same_rules(hostile):
    """Fields are another matter there; what JSON may hold is not."""
    try:
        value = json.decode_strict(hostile.body)
    except Invalid as error:
        if not hostile.is_poison:
            raise
        check(error, hostile)
    else:
        assert not hostile.is_poison
        assert isinstance(hostile.answer, Refusal) or (value.get("metadata") or {}) == hostile.answer


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", MALFORMED),
        (b"[]", invalid(("$", None))),
        (b"{}", invalid(("events", "is required"))),
        (b'{"events":{}}', invalid(("events", None))),
        (b'{"events":[],"more":1}', invalid(("more", "is not a field of this request"))),
        (b'{"events":[],"backfill":1}', invalid(("backfill", None))),
        (b'{"events":[NaN]', MALFORMED),
        (b'{"events":[NaN],"more":1}', invalid(("more", None))),
        (b'{"events":[],"backfill":NaN}', invalid(("backfill", "must not be NaN or infinite"))),
        (b'{"events":[' + b",".join([GOOD] * 1_001) + b"]}", Refusal(413, "too_large")),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(body, refusal):
    with pytest.raises(EnsueError) as caught:
        ingest.read_batch(WORKSPACE, body, None, NOW, "api")
    check(caught.value, Hostile("", body, refusal))


def test_items_that_are_no_events_fail_alone(door):
    items = ingest.read_batch(WORKSPACE, b'{"events":[1,null,[],"a",{},%s]}' % GOOD, None, NOW, "api")
    assert [isinstance(item, Invalid) for item in items] == [True] * 5 + [False]


def test_deep_items_are_measured_from_their_own_top():
    from tests.fault.hostile import lists

    items = ingest.read_batch(WORKSPACE, b'{"events":[%s,%s]}' % (lists(32), lists(33)), None, NOW, "api")
    assert [isinstance(item, Invalid) for item in items] == [False, True]


# Gzip


def test_what_was_zipped_is_inflated():
    assert ingest.inflate(gzip.compress(GOOD)) == GOOD


@pytest.mark.parametrize(
    "body",
    [b"", b"\x1f\x8b", GOOD, gzip.compress(GOOD)[:-1], gzip.compress(GOOD) + b"x", gzip.compress(GOOD) * 2,
     gzip.compress(GOOD)[:-8] + b"\0" * 8, zlib.compress(GOOD)],
    ids=["nothing", "its first bytes", "plain", "cut short", "garbage after it", "two", "wrong sum", "zlib"],
)  # fmt: skip
def test_what_is_no_gzip_is_refused(body):
    with pytest.raises(Invalid, match="gzip") as caught:
        ingest.inflate(body)
    assert caught.value.code == "malformed_gzip"


def test_a_bomb_is_not_inflated():
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < bounds.BATCH_BODY
    tracemalloc.start()
    with pytest.raises(TooLarge):
        ingest.inflate(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * bounds.BATCH_INFLATED


def test_as_much_as_is_allowed_is_inflated():
    plain = b" " * bounds.BATCH_INFLATED
    assert ingest.inflate(gzip.compress(plain)) == plain
    with pytest.raises(TooLarge):
        ingest.inflate(gzip.compress(plain + b" "))

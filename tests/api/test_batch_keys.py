"""Which key an item of a batch goes by, and that no other request can choose it."""

import pytest

from ensue.api.ingest import read_batch, read_event
from ensue.engine.arrival import Arrival

EVENT = b'{"type":"visit"}'


def batch(body: bytes, key: str | None) -> list[bytes | None]:
    items = read_batch(1, body, key, 0, "api")
    return [item.key for item in items if isinstance(item, Arrival)]


def single(key: str) -> bytes | None:
    return read_event(1, EVENT, key, 0, "api").key


def test_each_item_without_a_key_goes_by_the_batch_and_its_place():
    body = b'{"events":[%s,%s]}' % (EVENT, EVENT)
    keys = batch(body, "K")
    assert len({*keys, *batch(body, "L"), None}) == 5
    assert batch(body, "K") == keys
    assert batch(body, None) == [None, None]


def test_an_items_own_key_is_that_of_the_same_event_alone():
    assert batch(b'{"events":[{"type":"visit","idempotencyKey":"A"}]}', "K") == [single("A")]


@pytest.mark.parametrize("key", ["K:0", "0:K", "K", "0", "K\x000", "0\x00K"])
def test_no_key_of_an_event_is_that_of_a_place_in_a_batch(key):
    (derived,) = batch(b'{"events":[%s]}' % EVENT, "K")
    assert derived != single(key)


def test_a_batch_key_that_looks_like_a_place_is_told_apart():
    eleven = b'{"events":[%s]}' % b",".join([EVENT] * 11)
    assert not {*batch(eleven, "K"), *batch(eleven, "1:K")} & {*batch(eleven, "0:K"), *batch(eleven, "K:0")}

import asyncio
import threading

import pytest
from argon2 import extract_parameters

from ensue.accounts import bounds, passwords
from ensue.accounts.passwords import DECOY, Passwords
from ensue.base.errors import Unavailable


@pytest.fixture
def hashing():
    hashing = Passwords()
    yield hashing
    hashing.close()


def test_a_password_matches_only_itself(hashing):
    async def ask():
        stored = await hashing.hash("sturdy lantern parade")
        assert "sturdy" not in stored
        return [await hashing.verify(stored, text) for text in ("sturdy lantern parade", "sturdy lantern parades", "")]

    assert asyncio.run(ask()) == [True, False, False]


def test_composed_and_decomposed_letters_are_the_same(hashing):
    async def ask():
        return await hashing.verify(await hashing.hash("caf\u00e9 lantern parade"), "cafe\u0301 lantern parade")

    assert asyncio.run(ask())


def test_the_cost_is_the_one_that_was_chosen_and_the_decoy_costs_the_same(hashing):
    chosen = extract_parameters(asyncio.run(hashing.hash("sturdy lantern parade")))
    assert (chosen.memory_cost, chosen.time_cost, chosen.parallelism, chosen.type.name) == (46 * 1024, 1, 1, "ID")
    assert extract_parameters(DECOY) == chosen


def test_nobody_has_no_password_but_pays_for_the_check(hashing, monkeypatch):
    checked = []

    def matches(stored, password):
        checked.append(stored)
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    assert asyncio.run(hashing.verify(None, "anything")) is False
    assert checked == [DECOY]


def test_what_is_stored_may_be_broken(hashing):
    assert asyncio.run(hashing.verify("not a hash", "anything")) is False


def test_a_few_at_once_and_a_bounded_queue(hashing, monkeypatch):
    running, most, lock, gate = [], [], threading.Lock(), threading.Event()

    def matches(stored, password):
        with lock:
            running.append(1)
            most.append(len(running))
        gate.wait(30)
        with lock:
            running.pop()
        return True

    monkeypatch.setattr(passwords, "_matches", matches)

    async def crowd():
        waiting = [asyncio.create_task(hashing.verify("x", "x")) for _ in range(bounds.HASHING_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await hashing.verify("x", "x")
        gate.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(crowd()))
    assert max(most) <= bounds.HASHING_AT_ONCE

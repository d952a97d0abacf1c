import pytest

from ensue.accounts import bounds
from ensue.accounts.throttle import Throttle
from ensue.base.clock import DAY, MINUTE, SimulatedClock
from ensue.base.errors import TooMany


@pytest.fixture
def clock():
    return SimulatedClock(1_000_000_000_000)


@pytest.fixture
def throttle(clock):
    return Throttle(clock)


def tire(throttle, account, address):
    """Attempt until refused; returns how many went through, and when to come back."""
    for number in range(1_000):
        try:
            throttle.attempt(account, address)
        except TooMany as refused:
            return number, refused.retry_after
    raise AssertionError("never refused")


def test_an_account_is_guarded_wherever_the_guesses_come_from(throttle):
    for number in range(bounds.THROTTLE_ACCOUNT):
        throttle.attempt("ada", f"192.0.2.{number}")
    with pytest.raises(TooMany):
        throttle.attempt("ada", "198.51.100.1")
    throttle.attempt("bob", "198.51.100.1")


def test_an_address_is_slowed_whatever_accounts_it_tries(throttle):
    for number in range(bounds.THROTTLE_ADDRESS):
        throttle.attempt(f"user {number}", "192.0.2.1")
    with pytest.raises(TooMany):
        throttle.attempt("another", "192.0.2.1")
    throttle.attempt("another", "192.0.2.2")


def test_it_says_when_to_come_back_and_keeps_its_word(throttle, clock):
    throttle.attempt("ada", "192.0.2.1")
    clock.advance(5 * MINUTE)
    assert tire(throttle, "ada", "192.0.2.1") == (bounds.THROTTLE_ACCOUNT - 1, 10 * 60)
    clock.advance(10 * MINUTE)
    assert tire(throttle, "ada", "192.0.2.1")[0] == bounds.THROTTLE_ACCOUNT


def test_success_clears_the_account_but_not_the_address(throttle):
    for _ in range(bounds.THROTTLE_ACCOUNT - 1):
        throttle.attempt("ada", "192.0.2.1")
    throttle.succeeded("ada", "192.0.2.1")
    assert tire(throttle, "ada", "192.0.2.3")[0] == bounds.THROTTLE_ACCOUNT
    left = bounds.THROTTLE_ADDRESS - (bounds.THROTTLE_ACCOUNT - 2)
    for number in range(left):
        throttle.attempt(f"user {number}", "192.0.2.1")
    with pytest.raises(TooMany):
        throttle.attempt("one more", "192.0.2.1")


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_addresses_of_one_customer_count_together(throttle, first, second, together):
    for number in range(bounds.THROTTLE_ADDRESS):
        throttle.attempt(f"user {number}", first)
    if together:
        with pytest.raises(TooMany):
            throttle.attempt("another", second)
    else:
        throttle.attempt("another", second)


def test_a_clock_that_steps_back_locks_nobody_out(throttle, clock):
    tire(throttle, "ada", "192.0.2.1")
    clock.advance(-1 * DAY)
    throttle.attempt("ada", "192.0.2.1")


def test_memory_is_bounded(throttle):
    for number in range(bounds.THROTTLE_KEPT + 500):
        throttle.attempt(f"user {number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._windows) <= bounds.THROTTLE_KEPT

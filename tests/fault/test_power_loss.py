"""P1: what was answered is there after the power went, with everything that followed from it."""

import gc
import random
import shutil

import pytest

from tests.fault.power_loss import register
from tests.fault.site import START, Ledger, Site

LIVES = 40

# The connections of a machine that is no more complain when they are collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def vfs():
    layer = register("power-loss-site")
    yield layer
    gc.collect()
    layer.unregister()


def live(folder, now, vfs, synchronous, ledger, rng):
    """Start, and work until the power goes or for a while."""
    site = Site(folder, now=now, vfs=vfs.name, synchronous=synchronous)
    for _ in range(rng.randint(1, 12)):
        site.clock.advance(rng.choice([0, 1, 1_000, 40_000]))
        if rng.random() < 0.3:
            site.run_due()
        site.post(ledger, rng.randint(1, 6))
    if rng.random() < 0.1:
        site.close()


def losses(vfs, root, seed, synchronous, lives=LIVES):
    """What the first of many lives that finds something missing or wrong finds. Each starts from what was left."""
    rng, ledger = random.Random(seed), Ledger()
    Site(root / "0").close()
    for number in range(lives):
        left = root / str(number + 1)
        now = START + number * 3_600_000
        with vfs.until_power_loss(after=rng.randint(0, 120), seed=rng.getrandbits(32), into=left):
            live(root / str(number), now, vfs, synchronous, ledger, rng)
        # Judged on a copy, so that the next life has the recovery to do.
        copy = shutil.copytree(left, root / f"{number + 1} judged")
        after = Site(copy, now=now, synchronous="OFF")
        found = [*after.missing(ledger), *after.flaws()]
        after.close()
        if found:
            return found
    assert len(ledger.answers) > lives, "the lives are too short to lose anything"
    return []


@pytest.mark.parametrize("seed", range(3))
def test_what_was_answered_survives_the_power_with_its_effects(vfs, tmp_path, seed):
    assert losses(vfs, tmp_path, seed, "FULL") == []


@pytest.mark.parametrize("seed", range(3))
def test_the_search_sees_what_a_weaker_sync_loses(vfs, tmp_path, seed):
    assert losses(vfs, tmp_path, seed, "NORMAL")

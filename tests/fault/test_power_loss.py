"""P1: what was answered is there after the power went, with everything that followed from it."""

import gc

import pytest

from tests.fault.power_loss import register
from tests.fault.quick_checks import losses

LIVES = 40

# The connections of a machine that is no more complain when they are collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def vfs():
    layer = register("power-loss-site")
    yield layer
    gc.collect()
    layer.unregister()


@pytest.mark.parametrize("seed", range(3))
def test_what_was_answered_survives_the_power_with_its_effects(vfs, tmp_path, seed):
    assert losses(vfs, tmp_path, seed, "FULL", LIVES) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_search_sees_what_a_weaker_sync_loses(vfs, tmp_path, seed):
    assert losses(vfs, tmp_path, seed, "NORMAL", LIVES)

import pytest

from tests.engine.world import World
from tests.stores import STORES


@pytest.fixture(params=STORES, ids=lambda place: place.__name__)
def world(request, tmp_path):
    with request.param(tmp_path) as opened:
        world = World(tmp_path, store=opened())
        yield world
        world.close()

import pytest

from tests.api.house import House
from tests.postgres.server import databases
from tests.stores import STORES


@pytest.fixture(params=[place.__name__ for place in STORES])
def options(request):
    """The options of the configuration that choose a store, one after the other."""
    if request.param == "sqlite":
        yield {}
        return
    with databases().one() as url:
        yield {"database_url": url}


@pytest.fixture
def house(tmp_path, options):
    with House(tmp_path, **options) as house:
        yield house


@pytest.fixture
def open_house(tmp_path, options):
    with House(tmp_path, registration="open", **options) as house:
        yield house


@pytest.fixture
def owner(house):
    return house.owner()

import pytest

from tests.api.house import House


@pytest.fixture
def house(tmp_path):
    with House(tmp_path) as house:
        yield house


@pytest.fixture
def open_house(tmp_path):
    with House(tmp_path, registration="open") as house:
        yield house


@pytest.fixture
def owner(house):
    return house.owner()

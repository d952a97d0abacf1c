from ipaddress import ip_network

import pytest

from ensue.base.clock import SystemClock
from tests.api.conftest import options
from tests.api.house import House
from tests.webhooks.shop import Shop
from tests.webhooks.sink import Sink

__all__ = ["options"]

HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
def shop(tmp_path, sink, options):
    """A workspace whose operator allows webhooks to this machine."""
    with House(tmp_path, private_targets=HERE, **options) as house:
        # The library that verifies signatures looks at the machine's clock.
        house.clock.set(SystemClock().now())
        yield Shop(house, house.owner(), sink)


@pytest.fixture
def guarded(tmp_path, sink):
    """A workspace whose operator allows nothing private."""
    with House(tmp_path) as house:
        yield Shop(house, house.owner(), sink)

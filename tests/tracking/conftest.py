import pytest

from tests.api.house import House
from tests.sending.post_office import PostOffice
from tests.tracking.mailing import Mailing


@pytest.fixture
def mailing(tmp_path):
    with PostOffice() as office, House(tmp_path, public_url="http://shop.example/ensue") as house:
        yield Mailing(house, office)

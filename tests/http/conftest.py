import pytest

from tests.http.live import Live, Owner


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    server = Live(tmp_path_factory.mktemp("live") / "store")
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def owner(live):
    owner = Owner(live.url)
    yield owner
    owner.client.close()

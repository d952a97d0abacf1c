import os

import pytest

from tests.browser.chrome import PROGRAM, Chrome
from tests.browser.site import Site
from tests.http.live import Live, Owner


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    if PROGRAM is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("there is no Chromium here")
    server = Live(tmp_path_factory.mktemp("live") / "store")
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def owner(live):
    owner = Owner(live.url)
    yield owner
    owner.client.close()


@pytest.fixture
def chrome(live, tmp_path):
    with Chrome(tmp_path) as chrome:
        yield chrome


@pytest.fixture
def site(live):
    """A site that allows nothing but Ensue's script and answers."""
    site = Site(f"default-src 'none'; script-src {live.url}; connect-src {live.url}")
    yield site
    site.close()

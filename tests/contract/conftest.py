import pytest

from ensue.model.workspace import Workspace
from tests.stores import STORES

ONE, TWO = 1_000, 2_000


@pytest.fixture(params=STORES, ids=lambda place: place.__name__)
def place(request, tmp_path):
    """`place()` opens the store, the same one each time."""
    with request.param(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(place):
    """An empty store with two workspaces, ONE and TWO."""
    opened = place()
    for number in (ONE, TWO):
        workspace = Workspace(number, f"Workspace {number}", f"w{number}", "UTC", 1_000, 1, 1, 1)
        opened.write(lambda tables, workspace=workspace: tables.accounts.workspaces.add(workspace))
    yield opened
    opened.close()


@pytest.fixture
def write(store):
    """`write(lambda one: ...)` in workspace ONE; `workspace=TWO` in the other."""
    return lambda work, workspace=ONE: store.write(lambda tables: work(tables.workspace(workspace)))


@pytest.fixture
def read(store):
    return lambda work, workspace=ONE: store.read(lambda tables: work(tables.workspace(workspace)))

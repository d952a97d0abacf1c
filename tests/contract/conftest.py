import pytest

from ensue.model.workspace import Workspace
from tests.contract.stores import STORES

ONE, TWO = 1_000, 2_000


@pytest.fixture(params=STORES, ids=lambda factory: factory.__name__)
def store(request, tmp_path):
    """An empty store with two workspaces, ONE and TWO."""
    opened = request.param(tmp_path)
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

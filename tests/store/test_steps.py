"""What a statement costs does not follow how much has ended: SQLite is told by which index to read."""

import pytest

from ensue.model.campaign import Enrolment
from ensue.model.segment import Membership
from ensue.store.sqlite.store import SqliteStore

WORKSPACE, WHO = 1, 11


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path, synchronous="OFF")
    yield store
    store.close()


def steps(store, question):
    """How many steps SQLite's machine takes to answer."""
    taken = 0

    def one() -> bool:
        nonlocal taken
        taken += 1
        return False

    own = store.begin().workspace(WORKSPACE)
    store._writer.set_progress_handler(one, 1)
    question(own)
    store._writer.set_progress_handler(None, 1)
    store.rollback()
    return taken


def stay(number, exited_at):
    return Membership(number, number, WHO, 1, number, "TIME", exited_at, "TIME" if exited_at else None)


def run(number, ended_at):
    return Enrolment(
        number, number, 1, WHO, "", "COMPLETED" if ended_at else "ACTIVE", "n", number, None, "MANUAL", None, 0, 0,
        number, ended_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("begin", "question"),
    [
        (lambda own, rows: own.memberships.enter(stay(*row) for row in rows), lambda own: own.memberships.current(WHO)),
        (lambda own, rows: own.enrolments.put([run(*row) for row in rows]), lambda own: own.enrolments.active(WHO)),
    ],
    ids=["stays", "enrolments"],
)
def test_what_has_ended_is_not_read(store, begin, question):
    store.write(lambda tables: begin(tables.workspace(WORKSPACE), [(1, None), (2, None)]))
    before = steps(store, question)
    store.write(lambda tables: begin(tables.workspace(WORKSPACE), [(number, 9_999) for number in range(3, 500)]))
    assert steps(store, question) == before

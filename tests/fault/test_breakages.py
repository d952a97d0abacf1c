"""The product broken on purpose, one promise at a time: the check of that promise must notice.

A check that passes on broken code proves nothing, so this is the test of the tests.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ensue.engine import ingest
from ensue.engine.definitions import DefinitionCache
from ensue.engine.subject import SEGMENT, Subject
from ensue.engine.working_set import WorkingSet
from ensue.store.sql.contacts import Contacts
from ensue.store.sql.events import IdempotencyKeys
from ensue.store.sql.standing import Ledger, Memberships
from ensue.store.sqlite import connection
from ensue.store.sqlite import store as sqlite_store
from ensue.store.sqlite.store import SqliteStore
from tests.fault import quick_checks

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

Patch = pytest.MonkeyPatch
Check = Callable[[Path], None]


def weaker_sync(patch: Patch) -> None:
    """Whatever is asked for, the log is synced only at checkpoints."""
    sound = connection.open_connection
    patch.setattr(
        sqlite_store, "open_connection", lambda path, **options: sound(path, **options | {"synchronous": "NORMAL"})
    )


def answered_before_it_is_durable(patch: Patch) -> None:
    """A store's later commits return at once, and happen when the next transaction begins."""
    begin, commit = SqliteStore.begin, SqliteStore.commit
    commits: Counter[SqliteStore] = Counter()

    def late_begin(store: SqliteStore) -> Any:
        if store._writer.in_transaction:
            commit(store)
        return begin(store)

    def early_return(store: SqliteStore) -> None:
        commits[store] += 1
        if commits[store] <= 2:
            commit(store)

    patch.setattr(SqliteStore, "commit", early_return)
    patch.setattr(SqliteStore, "begin", late_begin)


def score_outside_the_transaction(patch: Patch) -> None:
    """The score is written in a transaction of its own, after that of the event."""
    commit, advance = SqliteStore.commit, Contacts.advance
    late: list[Callable[[], None]] = []

    def advance_late(contacts: Contacts, rows: Any) -> None:
        rows = list(rows)
        stored = [contacts.lock(row[3]) for row in rows]
        advance(contacts, [(c.score, *row[1:]) for c, row in zip(stored, rows, strict=True) if c is not None])
        late.append(lambda: advance(contacts, rows))

    def commit_twice(store: SqliteStore) -> None:
        commit(store)
        if late:
            store.begin()
            while late:
                late.pop(0)()
            commit(store)

    patch.setattr(Contacts, "advance", advance_late)
    patch.setattr(SqliteStore, "commit", commit_twice)


def check_then_insert(patch: Patch) -> None:
    """Keys are looked up among what is committed and written later, as two servers do without a unique key."""
    commit = SqliteStore.commit
    committed: set[bytes] = set()
    written: set[bytes] = set()

    def claim(keys: IdempotencyKeys, key: bytes, fingerprint: bytes, event_id: int) -> bool:
        if key in committed:
            return False
        written.add(key)
        keys._sql.run(
            """INSERT INTO idempotency (workspace_id, key, fingerprint, event_id) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, key) DO UPDATE SET event_id = excluded.event_id""",
            (keys._workspace, key, fingerprint, event_id),
        )
        return True

    def commit_and_note(store: SqliteStore) -> None:
        commit(store)
        committed.update(written)

    patch.setattr(IdempotencyKeys, "claim", claim)
    patch.setattr(ingest, "_replayed_here", lambda arrival, claimed: None)
    patch.setattr(SqliteStore, "commit", commit_and_note)


def answered_without_a_look_at_the_body(patch: Patch) -> None:
    patch.setattr(ingest, "_same_body", lambda arrival, fingerprint: None)


def savepoint_that_undoes_nothing(patch: Patch) -> None:
    @contextmanager
    def savepoint(store: SqliteStore) -> Iterator[None]:
        yield

    patch.setattr(SqliteStore, "savepoint", savepoint)


def timers_armed_late(patch: Patch) -> None:
    arm = Subject.arm
    patch.setattr(Subject, "arm", lambda subject, kind, what, due: arm(subject, kind, what, due and due + 1_000))


def horizon_ignored(patch: Patch) -> None:
    arm = Subject.arm
    patch.setattr(
        Subject, "arm", lambda subject, kind, what, due: arm(subject, kind, what, None if kind == SEGMENT else due)
    )


def workspace_left_out(patch: Patch) -> None:
    """A contact is looked up by its id alone."""
    lock = Contacts.lock

    def lock_anywhere(contacts: Contacts, contact_id: int) -> Any:
        row = contacts._sql.row("SELECT workspace_id FROM contacts WHERE id = ?", (contact_id,))
        return lock(Contacts(contacts._sql, row[0]), contact_id) if row else None

    patch.setattr(Contacts, "lock", lock_anywhere)


def fold_not_stored(patch: Patch) -> None:
    patch.setattr(Subject, "changed_tallies", lambda subject: [])


def ledger_not_written(patch: Patch) -> None:
    patch.setattr(Ledger, "write", lambda ledger, lines: None)


def stays_begun_before_others_end(patch: Patch) -> None:
    """The order of writing that a contact who left and came back trips over."""
    write, exit_ = WorkingSet.write, Memberships.exit
    kept: list[Any] = []
    patch.setattr(Memberships, "exit", lambda memberships, ends: kept.extend(ends))

    def write_ends_last(room: WorkingSet) -> None:
        write(room)
        exit_(room.tables.memberships, kept[:])
        kept.clear()

    patch.setattr(WorkingSet, "write", write_ends_last)


def failed_transactions_believed(patch: Patch) -> None:
    patch.setattr(DefinitionCache, "forget", lambda cache: None)


def effects_written_twice(patch: Patch) -> None:
    """A retry inside the server that does not ask whether the first try was done."""
    write = WorkingSet.write_events

    def twice(room: WorkingSet) -> None:
        counts = {type_id: list(tally) for type_id, tally in room._counts.items()}
        write(room)
        room.tables.events.count_types((type_id, n, last) for type_id, (n, last) in counts.items())

    patch.setattr(WorkingSet, "write_events", twice)


BREAKAGES: list[tuple[Callable[[Patch], None], Check]] = [
    (weaker_sync, quick_checks.power),
    (answered_before_it_is_durable, quick_checks.power),
    (score_outside_the_transaction, quick_checks.power),
    (check_then_insert, quick_checks.races),
    (answered_without_a_look_at_the_body, quick_checks.keys),
    (savepoint_that_undoes_nothing, quick_checks.savepoints),
    (timers_armed_late, quick_checks.instants),
    (horizon_ignored, quick_checks.instants),
    (stays_begun_before_others_end, quick_checks.instants),
    (workspace_left_out, quick_checks.tenancy),
    (fold_not_stored, quick_checks.effects),
    (ledger_not_written, quick_checks.effects),
    (effects_written_twice, quick_checks.effects),
    (failed_transactions_believed, quick_checks.rollbacks),
]


def name_of(part: Any) -> str:
    return str(part.__name__)


@pytest.mark.parametrize("check", sorted({check for _, check in BREAKAGES}, key=name_of))
def test_the_check_passes_on_the_product_as_it_is(tmp_path, check):
    check(tmp_path)


@pytest.mark.parametrize(("breakage", "check"), BREAKAGES, ids=name_of)
def test_the_check_notices(tmp_path, monkeypatch, breakage, check):
    breakage(monkeypatch)
    with pytest.raises(Exception) as caught:
        check(tmp_path)
    assert not isinstance(caught.value, TypeError | AttributeError | NameError), "the breakage itself is broken"

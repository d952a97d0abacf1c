"""People, their sign-ins, members, invitations, keys and the audit log."""

import pytest

from ensue.base.errors import Conflict
from ensue.model.account import ApiKey, AuditLine, Invitation, User, UserSession
from tests.contract.conftest import ONE, TWO

ANN = User(1, "Ann@X.org", "ann@x.org", "Ann", "hash", 5, 5)
BOB = User(2, "bob@x.org", "bob@x.org", "Bob", "hash", 6, 6)


@pytest.fixture
def write(store):
    return lambda work: store.write(lambda tables: work(tables.accounts))


@pytest.fixture
def read(store):
    return lambda work: store.read(lambda tables: work(tables.accounts))


@pytest.fixture
def people(write):
    write(lambda all_: [all_.users.add(person) for person in (ANN, BOB)])


def sign_in(number, user=1, seen_at=10, expires_at=1_000):
    return UserSession(number, user, b"digest %d" % number, "::1", "curl", 10, seen_at, expires_at)


def test_nobody_is_there_at_first(read):
    assert not read(lambda all_: all_.users.any())


@pytest.mark.usefixtures("people")
def test_a_person_is_found(read, write):
    assert read(lambda all_: all_.users.any())
    assert read(lambda all_: (all_.users.get(1), all_.users.by_email("bob@x.org"))) == (ANN, BOB)
    assert read(lambda all_: (all_.users.get(9), all_.users.by_email("Ann@X.org"))) == (None, None)
    with pytest.raises(Conflict):
        write(lambda all_: all_.users.add(User(3, "ANN@x.org", "ann@x.org", "Ann", "hash", 5, 5)))


@pytest.mark.usefixtures("people")
def test_a_session_is_found_by_its_digest_until_it_is_removed(read, write):
    write(lambda all_: [all_.sessions.add(sign_in(number)) for number in (1, 2)])
    assert read(lambda all_: all_.sessions.by_digest(b"digest 1")) == sign_in(1)
    assert not write(lambda all_: all_.sessions.remove(2, 1)), "another person's session"
    assert write(lambda all_: all_.sessions.remove(1, 1))
    assert read(lambda all_: all_.sessions.by_digest(b"digest 1")) is None
    assert [found.id for found in read(lambda all_: all_.sessions.of_user(1))] == [2]


@pytest.mark.usefixtures("people")
def test_members_have_one_role_in_each_workspace(read, write):
    write(lambda all_: all_.of(ONE).members.put(1, "OWNER", 5))
    write(lambda all_: all_.of(ONE).members.put(2, "VIEWER", 6))
    write(lambda all_: all_.of(ONE).members.put(2, "ADMIN", 7))
    write(lambda all_: all_.of(TWO).members.put(1, "VIEWER", 5))
    assert read(lambda all_: [(m.user_id, m.role) for m in all_.of(ONE).members.all()]) == [(1, "OWNER"), (2, "ADMIN")]
    assert read(lambda all_: (all_.of(ONE).members.owners(), all_.of(TWO).members.owners())) == (1, 0)
    assert read(lambda all_: [(w.id, role) for w, role in all_.workspaces.of_user(1)]) == [
        (ONE, "OWNER"),
        (TWO, "VIEWER"),
    ]
    write(lambda all_: all_.of(ONE).members.remove(1))
    assert read(lambda all_: (all_.of(ONE).members.role(1), all_.of(TWO).members.role(1))) == (None, "VIEWER")


def key(number, workspace=ONE, digest=b"d"):
    return ApiKey(
        workspace, number, "SECRET", "ci", "ek_", digest, ["events:read"], None, ["a"], 1, 5, None, None, None
    )


def test_a_key_is_found_by_its_digest_and_revoked_at_home(read, write):
    write(lambda all_: all_.of(ONE).keys.add(key(1)))
    write(lambda all_: all_.of(TWO).keys.add(key(1, TWO, b"e")))
    assert read(lambda all_: all_.key_by_digest(b"d")) == key(1)
    assert read(lambda all_: all_.key_by_digest(b"x")) is None
    assert write(lambda all_: all_.of(ONE).keys.revoke(1, 9))
    assert not write(lambda all_: all_.of(ONE).keys.revoke(1, 10)), "it was revoked already"
    assert read(lambda all_: (all_.key_by_digest(b"d").revoked_at, all_.key_by_digest(b"e").revoked_at)) == (9, None)


def test_the_newest_invitation_to_an_address_counts(read, write):
    def invitation(number):
        return Invitation(ONE, number, b"i%d" % number, "Eve@x.org", "eve@x.org", "MEMBER", 5, 99)

    write(lambda all_: all_.of(ONE).invitations.put(invitation(1)))
    write(lambda all_: all_.of(ONE).invitations.put(invitation(2)))
    assert read(lambda all_: all_.of(ONE).invitations.all()) == [invitation(2)]
    assert read(lambda all_: (all_.invitation_by_digest(b"i1"), all_.invitation_by_digest(b"i2"))) == (
        None,
        invitation(2),
    )
    assert not write(lambda all_: all_.of(TWO).invitations.remove(2))
    assert write(lambda all_: all_.of(ONE).invitations.remove(2))


def test_the_audit_log_is_kept_for_each_workspace(read, write):
    def line(number, user):
        return AuditLine(number, 5, user, None, "::1", "key.create", "key_1", "OK", {"scopes": ["a"]})

    write(lambda all_: [all_.of(ONE).audit.add(line(number, number % 2)) for number in (1, 2, 3)])
    write(lambda all_: all_.audit.add(line(1, 1)))
    assert read(lambda all_: all_.of(ONE).audit.before(3, 10)) == [line(2, 0), line(1, 1)]
    assert read(lambda all_: all_.of(ONE).audit.before_of_user(1, 9, 1)) == [line(3, 1)]
    assert read(lambda all_: all_.of(TWO).audit.before(9, 10)) == []

import pytest

from ensue.accounts import roles


def test_each_role_may_do_all_that_the_next_one_may():
    for above, below in zip(roles.ROLES, roles.ROLES[1:], strict=False):
        assert roles.SCOPES[above] > roles.SCOPES[below]
        assert roles.outranks(above, below)
        assert not roles.outranks(below, above)


@pytest.mark.parametrize("scope", roles.GRANTABLE)
def test_no_key_grants_what_only_an_owner_may(scope):
    assert roles.OWNER not in roles.expand([scope])
    assert roles.expand([scope]) <= roles.SCOPES["ADMIN"]


def test_unknown_scopes_stand_for_nothing():
    assert roles.expand(["owner", "everything", "events:*:*"]) == frozenset()


def test_scopes_add_up():
    assert roles.expand(["events:read", "segments:*"]) == {"events:read", "segments:read", "segments:write"}

"""Changing who is in a workspace, and as what: what happens inside the transaction."""

from ensue.accounts import bounds, roles, tokens
from ensue.accounts.audit import Recorder
from ensue.base.errors import Conflict, Forbidden, NotFound
from ensue.base.ids import Ids
from ensue.model.account import Invitation, Member, Role
from ensue.store.ports import Tables


def invite(
    tables: Tables, ids: Ids, workspace_id: int, email: str, key: str, role: Role, recorder: Recorder
) -> tuple[Invitation, str]:
    """Invite an address; returns the invitation and its token, which is in no other place.

    Raises:
        Conflict: they are a member already, or too many invitations are open.
    """
    own = tables.accounts.of(workspace_id)
    known = tables.accounts.users.by_email(key)
    if known is not None and own.members.role(known.id) is not None:
        raise Conflict(f"{email} is a member already.", code="already_member")
    if len(own.invitations.all()) >= bounds.INVITATIONS:
        raise Conflict(f"More than {bounds.INVITATIONS} invitations must not be open.", code="too_many_invitations")
    token, now = tokens.new(tokens.INVITATION), ids.instant()
    invitation = Invitation(
        workspace_id=workspace_id,
        id=ids.next(),
        digest=tokens.digest(token),
        email=email,
        email_key=key,
        role=role,
        created_at=now,
        expires_at=now + bounds.INVITATION,
    )
    own.invitations.put(invitation)
    recorder.record(workspace_id, "member.invite", ("inv", invitation.id), email=email, role=role)
    return invitation, token


def change_role(
    tables: Tables, workspace_id: int, user_id: int, role: Role, by: frozenset[str], recorder: Recorder
) -> Member:
    """Give a member another role. `by` are the scopes of who does it.

    Raises:
        NotFound: they are not a member.
        Forbidden: only an OWNER may make or unmake an OWNER.
        Conflict: they are the last OWNER.
    """
    members = tables.accounts.of(workspace_id).members
    before = _member(tables, workspace_id, user_id)
    require_power_over(by, before.role, role)
    if role != "OWNER":
        _keep_an_owner(tables, workspace_id, before)
    members.put(user_id, role, before.created_at)
    recorder.record(workspace_id, "member.change", ("usr", user_id), before=before.role, after=role)
    return _member(tables, workspace_id, user_id)


def remove(tables: Tables, workspace_id: int, user_id: int, by: frozenset[str], at: int, recorder: Recorder) -> None:
    """Take a member out; the secret keys that they made end with it.

    Raises:
        NotFound, Forbidden, Conflict: as `change_role`.
    """
    own = tables.accounts.of(workspace_id)
    before = _member(tables, workspace_id, user_id)
    require_power_over(by, before.role)
    _keep_an_owner(tables, workspace_id, before)
    own.members.remove(user_id)
    keys = own.keys.revoke_secrets_of(user_id, at)
    recorder.record(workspace_id, "member.remove", ("usr", user_id), role=before.role, revokedKeys=keys)


def require_power_over(by: frozenset[str], *concerned: Role) -> None:
    """Check that somebody with these scopes may give or take these roles.

    Raises:
        Forbidden: only an OWNER may make or unmake an OWNER.
    """
    if "OWNER" in concerned and roles.OWNER not in by:
        raise Forbidden("Only an OWNER may make or unmake an OWNER.")


def _member(tables: Tables, workspace_id: int, user_id: int) -> Member:
    member = tables.accounts.of(workspace_id).members.get(user_id)
    if member is None:
        raise NotFound("There is no such member.")
    return member


def _keep_an_owner(tables: Tables, workspace_id: int, member: Member) -> None:
    if member.role == "OWNER" and tables.accounts.of(workspace_id).members.owners() == 1:
        raise Conflict("The last OWNER must stay; make somebody else OWNER first.", code="last_owner")

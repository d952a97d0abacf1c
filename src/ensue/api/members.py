"""The people of a workspace, and invitations to it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from ensue.accounts import bounds, membership, people, roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow, require
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.context import Here
from ensue.base import ids
from ensue.base.errors import NotFound
from ensue.model.account import Invitation, Member, Role
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Members"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow(roles.MEMBER))]
Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]


class NewInvitation(Body):
    """Who is to join, and as what."""

    email: Annotated[Text, Field(max_length=bounds.EMAIL)]
    role: Role = "MEMBER"


class RoleChange(Body):
    """What a member shall be."""

    role: Role


class ShownMember(Answer):
    """A person in the workspace."""

    user_id: str
    name: str
    email: str
    role: Role
    joined_at: ShownInstant


class OpenInvitation(Answer):
    """An invitation that was not used yet."""

    id: str
    email: str
    role: Role
    created_at: ShownInstant
    expires_at: ShownInstant


class CreatedInvitation(OpenInvitation):
    """The only answer that holds the token. `link` opens the page that uses it."""

    token: str
    link: str


@router.get("/members")
async def list_members(here: Here, caller: Reader) -> list[ShownMember]:
    """All members, oldest first."""
    found = await here.services.ask(lambda tables: tables.accounts.of(caller.workspace_id).members.all())
    return [_member(member) for member in found]


@router.patch("/members/{userId}")
async def change_member(
    here: Here, caller: Admin, user_id: Annotated[str, Path(alias="userId")], change: RoleChange
) -> ShownMember:
    """Give a member another role. Only an OWNER makes or unmakes an OWNER, and the last one stays."""
    number = _number("usr", user_id, "member")

    def work(tables: Tables) -> Member:
        return membership.change_role(
            tables, caller.workspace_id, number, change.role, caller.principal.scopes,
            Recorder(tables, here.ids, here.caller(caller)),
        )  # fmt: skip

    member = await here.services.write(work)
    here.access.forget()
    return _member(member)


@router.delete("/members/{userId}", status_code=204)
async def remove_member(here: Here, caller: Reader, user_id: Annotated[str, Path(alias="userId")]) -> None:
    """Take a member out; the secret keys that they made stop working. Everybody may leave by themselves."""
    number = _number("usr", user_id, "member")
    if number != caller.principal.user_id:
        require(caller, roles.ADMIN)
    # Nobody needs a right to leave.
    by = caller.principal.scopes if number != caller.principal.user_id else roles.SCOPES["OWNER"]

    def work(tables: Tables) -> None:
        membership.remove(
            tables, caller.workspace_id, number, by, here.now, Recorder(tables, here.ids, here.caller(caller))
        )

    await here.services.write(work)
    here.access.forget()


@router.get("/invitations")
async def list_invitations(here: Here, caller: Admin) -> list[OpenInvitation]:
    """Invitations that were not used yet, oldest first."""
    found = await here.services.ask(lambda tables: tables.accounts.of(caller.workspace_id).invitations.all())
    return [_invitation(invitation) for invitation in found if here.now < invitation.expires_at]


@router.post("/invitations", status_code=201)
async def invite(here: Here, caller: Admin, wanted: NewInvitation) -> CreatedInvitation:
    """Invite somebody by address. The token works once, for that address; an earlier one to it stops working."""
    membership.require_power_over(caller.principal.scopes, wanted.role)
    key = people.email_key(wanted.email)

    def work(tables: Tables) -> tuple[Invitation, str]:
        recorder = Recorder(tables, here.ids, here.caller(caller))
        return membership.invite(tables, here.ids, caller.workspace_id, wanted.email, key, wanted.role, recorder)

    invitation, token = await here.services.write(work)
    # After the #, so that the token stays out of the logs of every server on the way.
    link = f"{here.base_url}/join#{token}"
    return CreatedInvitation(**_invitation(invitation).model_dump(), token=token, link=link)


@router.delete("/invitations/{invitationId}", status_code=204)
async def withdraw_invitation(
    here: Here, caller: Admin, invitation_id: Annotated[str, Path(alias="invitationId")]
) -> None:
    """Take an invitation back."""
    number = _number("inv", invitation_id, "invitation")

    def work(tables: Tables) -> None:
        if not tables.accounts.of(caller.workspace_id).invitations.remove(number):
            raise NotFound("There is no such invitation.")
        recorder = Recorder(tables, here.ids, here.caller(caller))
        recorder.record(caller.workspace_id, "member.uninvite", ("inv", number))

    await here.services.write(work)


def _number(prefix: str, text: str, noun: str) -> int:
    number = ids.read(prefix, text)
    if number is None:
        raise NotFound(f"There is no such {noun}.")
    return number


def _member(member: Member) -> ShownMember:
    return ShownMember(
        user_id=ids.show("usr", member.user_id),
        name=member.name,
        email=member.email,
        role=member.role,
        joined_at=member.created_at,
    )


def _invitation(invitation: Invitation) -> OpenInvitation:
    return OpenInvitation(
        id=ids.show("inv", invitation.id),
        email=invitation.email,
        role=invitation.role,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )

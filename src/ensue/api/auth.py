"""Making an account, signing in and out, one's own sessions and password."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from ensue.accounts import bounds, people
from ensue.accounts.audit import Recorder
from ensue.accounts.people import Newcomer, Started
from ensue.accounts.strength import refuse_weak
from ensue.api import cookies, csrf
from ensue.api.access import ends_at
from ensue.api.audit import Line, Page, lines
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.context import Context, Current, Here, Me
from ensue.base import ids
from ensue.base.errors import Invalid, NotFound, Unauthenticated
from ensue.model.account import User, UserSession
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/auth", tags=["Auth"], route_class=StrictRoute)

Password = Annotated[str, Field(max_length=bounds.PASSWORD_MOST)]
Email = Annotated[Text, Field(max_length=bounds.EMAIL)]
Name = Annotated[Text, Field(max_length=bounds.NAME)]


class Registration(Body):
    """Who wants an account; `invitation` is the token of the link they were sent."""

    name: Name
    email: Email
    password: Password
    invitation: str | None = None


class Credentials(Body):
    """Who signs in."""

    email: Email
    password: Password


class PasswordChange(Body):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: Password


class Acceptance(Body):
    """The token of an invitation."""

    invitation: str


class Person(Answer):
    """A person, as they see themselves."""

    id: str
    name: str
    email: str


class SignedIn(Answer):
    """Who is signed in now."""

    user: Person


class CurrentSession(SignedIn):
    """Who is signed in, and until when if they do nothing more."""

    expires_at: ShownInstant


class Session(Answer):
    """One of a person's sessions."""

    id: str
    current: bool
    address: str
    user_agent: str | None
    created_at: ShownInstant
    seen_at: ShownInstant
    expires_at: ShownInstant


class Joined(Answer):
    """The workspace that was joined, and as what."""

    workspace_id: str
    role: str


@router.post("/register", status_code=201)
async def register(request: Request, response: Response, here: Here, wanted: Registration) -> SignedIn:
    """Make an account and sign in."""
    csrf.refuse_other_origins(dict(request.headers.raw), here.access.public_origin)
    mode = here.services.config.registration
    key = people.email_key(wanted.email)
    # Before the costly part: who may not register does not get to hash.
    await here.services.glance(lambda tables: people.require_open(tables, mode, key, wanted.invitation, here.now))
    refuse_weak(wanted.password, email=key, name=wanted.name)
    hashed = await here.access.passwords.hash(wanted.password)
    newcomer = Newcomer(wanted.name, wanted.email, hashed, wanted.invitation)
    agent = request.headers.get("user-agent")

    def work(tables: Tables) -> tuple[User, Started]:
        user = people.register(tables, here.ids, mode, newcomer, here.address)
        return user, people.start_session(tables, here.ids, user.id, here.address, agent)

    user, started = await here.services.write(work)
    here.access.forget()
    cookies.give(response, started.token, secure=here.secure)
    return SignedIn(user=_person(user))


@router.post("/login")
async def login(request: Request, response: Response, here: Here, given: Credentials) -> SignedIn:
    """Sign in. An unknown address and a wrong password are answered alike."""
    csrf.refuse_other_origins(dict(request.headers.raw), here.access.public_origin)
    key = given.email.casefold()
    here.access.throttle.attempt(key, here.address)
    user = await here.services.glance(lambda tables: tables.accounts.users.by_email(key))
    right = await here.access.passwords.verify(user.password_hash if user else None, given.password)
    agent = request.headers.get("user-agent")

    def work(tables: Tables) -> Started | None:
        # Who changed the password meanwhile has ended every session; this one must not begin after that.
        known = tables.accounts.users.get(user.id) if user else None
        ok = right and known is not None and user is not None and known.password_hash == user.password_hash
        recorder = Recorder(tables, here.ids, here.person(user.id if user else None))
        recorder.record_instance("session.start", result="OK" if ok else "REFUSED")
        return people.start_session(tables, here.ids, known.id, here.address, agent) if known and ok else None

    started = await here.services.write(work)
    if user is None or started is None:
        raise Unauthenticated("The address or the password is not right.", code="bad_credentials")
    here.access.throttle.succeeded(key, here.address)
    # The oldest of too many sessions may have made room.
    here.access.forget()
    cookies.give(response, started.token, secure=here.secure)
    return SignedIn(user=_person(user))


@router.post("/logout", status_code=204)
async def logout(response: Response, here: Here, current: Current) -> None:
    """End this session."""
    await _end(here, current.user_id, current.id)
    cookies.take(response, secure=here.secure)


@router.get("/session")
async def session(here: Here, current: Current) -> CurrentSession:
    """Who is signed in."""
    user = await here.services.glance(lambda tables: tables.accounts.users.get(current.user_id))
    if user is None:
        raise Unauthenticated("The session has ended. Sign in again.")
    return CurrentSession(user=_person(user), expires_at=ends_at(current))


@router.get("/sessions")
async def list_sessions(here: Here, current: Current) -> list[Session]:
    """One's own sessions, newest first."""
    kept = await here.services.ask(lambda tables: tables.accounts.sessions.of_user(current.user_id))
    return [_session(one, current) for one in kept if here.now < ends_at(one)]


@router.delete("/sessions/{sessionId}", status_code=204)
async def revoke_session(here: Here, me: Me, session_id: Annotated[str, Path(alias="sessionId")]) -> None:
    """End one of one's own sessions."""
    number = ids.read("ses", session_id)
    if number is None:
        raise NotFound("There is no such session.")
    await _end(here, me, number)


@router.post("/password", status_code=204)
async def change_password(
    request: Request, response: Response, here: Here, current: Current, change: PasswordChange
) -> None:
    """Change one's password. Every session ends, and this one goes on under a new token."""
    me = current.user_id
    user = await here.services.glance(lambda tables: tables.accounts.users.get(me))
    if user is None:
        raise Unauthenticated("The session has ended. Sign in again.")
    here.access.throttle.attempt(user.email_key, here.address)
    if not await here.access.passwords.verify(user.password_hash, change.current_password):
        await here.services.write(
            lambda tables: Recorder(tables, here.ids, here.person(me)).record_instance(
                "password.change", ("usr", me), result="REFUSED"
            )
        )
        raise Invalid.at("currentPassword", "is not your password")
    here.access.throttle.succeeded(user.email_key, here.address)
    refuse_weak(change.new_password, email=user.email_key, name=user.name, path="newPassword")
    hashed = await here.access.passwords.hash(change.new_password)
    agent = request.headers.get("user-agent")

    def work(tables: Tables) -> Started:
        tables.accounts.users.set_password(me, hashed, here.now)
        tables.accounts.sessions.remove_all(me)
        Recorder(tables, here.ids, here.person(me)).record_instance("password.change", ("usr", me))
        return people.start_session(tables, here.ids, me, here.address, agent)

    started = await here.services.write(work)
    here.access.forget()
    cookies.give(response, started.token, secure=here.secure)


@router.post("/invitations/accept")
async def accept_invitation(here: Here, me: Me, given: Acceptance) -> Joined:
    """Join a workspace with the account one has."""

    def work(tables: Tables) -> Joined:
        user = tables.accounts.users.get(me)
        if user is None:
            raise Unauthenticated("The session has ended. Sign in again.")
        invitation = people.open_invitation(tables, given.invitation, user.email_key, here.now)
        people.join(tables, here.ids, invitation, me, Recorder(tables, here.ids, here.person(me)))
        role = tables.accounts.of(invitation.workspace_id).members.role(me)
        return Joined(workspace_id=ids.show("ws", invitation.workspace_id), role=role or invitation.role)

    joined = await here.services.write(work)
    here.access.forget()
    return joined


@router.get("/audit")
async def own_audit(here: Here, me: Me, page: Page) -> list[Line]:
    """What was done with one's own account, failed sign-ins included; newest first."""
    return await here.services.ask(lambda tables: lines(tables, tables.accounts.audit.before_of_user(me, *page)))


async def _end(here: Context, user_id: int, session_id: int) -> None:
    def work(tables: Tables) -> None:
        if not tables.accounts.sessions.remove(user_id, session_id):
            raise NotFound("There is no such session.")
        Recorder(tables, here.ids, here.person(user_id)).record_instance("session.end", ("ses", session_id))

    await here.services.write(work)
    here.access.forget()


def _person(user: User) -> Person:
    return Person(id=ids.show("usr", user.id), name=user.name, email=user.email)


def _session(one: UserSession, current: UserSession) -> Session:
    return Session(
        id=ids.show("ses", one.id),
        current=one.id == current.id,
        address=one.address,
        user_agent=one.agent,
        created_at=one.created_at,
        seen_at=one.seen_at,
        expires_at=ends_at(one),
    )

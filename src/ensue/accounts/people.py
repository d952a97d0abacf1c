"""Making an account, and beginning and ending its sessions: what happens inside the transaction."""

import re
from dataclasses import dataclass
from typing import Literal

from ensue.accounts import bounds, roles, tokens
from ensue.accounts.audit import Actor, Recorder
from ensue.base.errors import Conflict, Forbidden, Invalid, NotFound
from ensue.base.ids import Ids
from ensue.model.account import Invitation, User, UserSession
from ensue.store.ports import Tables

Registration = Literal["first", "open", "closed"]

_ATOM = r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f.]+"
_DOTTED = rf"{_ATOM}(?:\.{_ATOM})*"
_EMAIL = re.compile(rf"{_DOTTED}@{_DOTTED}")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who wants an account. `invitation` is the token they were given."""

    name: str
    email: str
    password_hash: str
    invitation: str | None


@dataclass(frozen=True, slots=True)
class Started:
    """A new session, and the token that only its owner gets to see."""

    session: UserSession
    token: str


def email_key(email: str) -> str:
    """An address as it is compared.

    Raises:
        Invalid: at `email`.
    """
    if len(email) > bounds.EMAIL or not _EMAIL.fullmatch(email):
        raise Invalid.at("email", "must be an e-mail address")
    return email.casefold()


def require_open(tables: Tables, mode: Registration, key: str, token: str | None, now: int) -> Invitation | None:
    """Check that this address may register now; returns the invitation that it came with.

    Raises:
        Forbidden: code `registration_closed`.
        NotFound: the invitation is unknown or has run out.
        Invalid: the invitation is for another address.
    """
    if mode == "closed":
        raise Forbidden("Nobody can register here.", code="registration_closed")
    if token is not None:
        return open_invitation(tables, token, key, now)
    if mode == "first" and tables.accounts.users.any():
        raise Forbidden("Registration here is by invitation.", code="registration_closed")
    return None


def open_invitation(tables: Tables, token: str, key: str, now: int) -> Invitation:
    """The invitation of a token, for the holder of an address.

    Raises:
        NotFound: it is unknown, used or has run out.
        Invalid: it is for another address.
    """
    invitation = tables.accounts.invitation_by_digest(tokens.digest(token))
    if invitation is None or now >= invitation.expires_at:
        raise NotFound("The invitation is unknown, was used or has run out.")
    if invitation.email_key != key:
        raise Invalid.at("email", "must be the address that was invited")
    return invitation


def register(tables: Tables, ids: Ids, mode: Registration, newcomer: Newcomer, address: str) -> User:
    """Make an account, and a member where they were invited.

    Raises:
        Forbidden, NotFound, Invalid: as `require_open`.
        Conflict: code `email_taken`.
    """
    now = ids.instant()
    key = email_key(newcomer.email)
    # Asked again inside the transaction: of two who come first at the same time, one is first.
    invitation = require_open(tables, mode, key, newcomer.invitation, now)
    if tables.accounts.users.by_email(key) is not None:
        raise Conflict("There is an account with this address; sign in.", code="email_taken")
    user = User(ids.next(), newcomer.email, key, newcomer.name, newcomer.password_hash, now, now)
    tables.accounts.users.add(user)
    recorder = Recorder(tables, ids, Actor(user.id, None, address))
    recorder.record_instance("user.register", ("usr", user.id))
    if invitation is not None:
        join(tables, ids, invitation, user.id, recorder)
    return user


def join(tables: Tables, ids: Ids, invitation: Invitation, user_id: int, recorder: Recorder) -> None:
    """Use up an invitation. It never takes away from the role that somebody has already."""
    own = tables.accounts.of(invitation.workspace_id)
    own.invitations.remove(invitation.id)
    role = own.members.role(user_id)
    if role is None or roles.outranks(invitation.role, role):
        own.members.put(user_id, invitation.role, ids.instant())
    recorder.record(invitation.workspace_id, "member.join", ("usr", user_id), role=invitation.role)


def start_session(tables: Tables, ids: Ids, user_id: int, address: str, agent: str | None) -> Started:
    """Begin a session with a new token; the person's oldest ones make room."""
    now = ids.instant()
    token = tokens.new()
    session = UserSession(
        id=ids.next(),
        user_id=user_id,
        digest=tokens.digest(token),
        address=address,
        agent=agent[: bounds.AGENT] if agent else None,
        created_at=now,
        seen_at=now,
        expires_at=now + bounds.SESSION_MOST,
    )
    tables.accounts.sessions.add(session)
    tables.accounts.sessions.trim(user_id, now, now - bounds.SESSION_IDLE, bounds.SESSIONS_OF_USER)
    return Started(session, token)

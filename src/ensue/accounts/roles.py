"""What each role may do, and what a key may be given.

A scope is `resource:read` or `resource:write`, or `admin` (members, keys, settings). Two more cannot be asked for:
`member`, which every role and every `admin` key has, and `owner`, which only the role of that name has.
"""

from collections.abc import Iterable
from typing import Final

from ensue.model.account import Role

MEMBER: Final = "member"
ADMIN: Final = "admin"
OWNER: Final = "owner"

_RESOURCES = ("events", "contacts", "segments", "scoring", "campaigns", "messages", "forms", "templates")
_READ = frozenset(f"{resource}:read" for resource in _RESOURCES)
_WRITE = frozenset(f"{resource}:write" for resource in _RESOURCES)

ROLES: Final[tuple[Role, ...]] = ("OWNER", "ADMIN", "MEMBER", "VIEWER")
"""From the most to the least."""

SCOPES: Final[dict[Role, frozenset[str]]] = {
    "VIEWER": _READ | {MEMBER},
    "MEMBER": _READ | _WRITE | {MEMBER},
    "ADMIN": _READ | _WRITE | {MEMBER, ADMIN},
    "OWNER": _READ | _WRITE | {MEMBER, ADMIN, OWNER},
}

# `admin` alone can make a key with any other scope, so it may as well have them.
_MEANING: Final[dict[str, frozenset[str]]] = {
    **{scope: frozenset({scope}) for scope in _READ | _WRITE},
    **{f"{resource}:*": frozenset({f"{resource}:read", f"{resource}:write"}) for resource in _RESOURCES},
    ADMIN: SCOPES["ADMIN"],
}

GRANTABLE: Final = tuple(sorted(_MEANING))
"""What may stand in a key's `scopes`."""

INGEST: Final = frozenset({"events:write"})
"""All that a public write key can do."""


def expand(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes that a key's `scopes` stand for; unknown ones stand for nothing."""
    return frozenset().union(*(_MEANING.get(scope, frozenset()) for scope in scopes))


def outranks(role: Role, other: Role) -> bool:
    """Whether one role is above another."""
    return ROLES.index(role) < ROLES.index(other)

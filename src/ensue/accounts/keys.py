"""Making and ending keys: what happens inside the transaction."""

from dataclasses import dataclass

from ensue.accounts import bounds, roles, tokens
from ensue.accounts.audit import Recorder
from ensue.base.errors import Conflict, Forbidden, NotFound
from ensue.base.ids import Ids
from ensue.model.account import ApiKey, KeyKind
from ensue.store.ports import Tables


@dataclass(frozen=True, slots=True)
class Order:
    """The key that somebody wants."""

    kind: KeyKind
    name: str
    scopes: list[str]
    origins: list[str] | None
    event_types: list[str] | None
    expires_at: int | None


def issue(
    tables: Tables, ids: Ids, workspace_id: int, order: Order, by: frozenset[str], maker: int, recorder: Recorder
) -> tuple[ApiKey, str]:
    """Make a key; returns it and its text, which is in no other place.

    `by` are the scopes of who makes it; `maker` is the person whose role bounds it for as long as it lives.

    Raises:
        Forbidden: it would grant more than its maker may do.
        Conflict: there are too many.
    """
    excess = roles.expand(order.scopes) - by
    if excess:
        raise Forbidden(f"A key cannot grant more than its maker may do: {', '.join(sorted(excess))}.")
    own = tables.accounts.of(workspace_id)
    now = ids.instant()
    if sum(key.revoked_at is None for key in own.keys.all()) >= bounds.KEYS:
        raise Conflict(f"There must not be more than {bounds.KEYS} keys; revoke some.", code="too_many_keys")
    text = tokens.new(tokens.WRITE_KEY if order.kind == "WRITE" else tokens.API_KEY)
    key = ApiKey(
        workspace_id=workspace_id,
        id=ids.next(),
        kind=order.kind,
        name=order.name,
        prefix=tokens.shown(text),
        digest=tokens.digest(text),
        scopes=order.scopes,
        origins=order.origins,
        event_types=order.event_types,
        created_by=maker,
        created_at=now,
        expires_at=order.expires_at,
        revoked_at=None,
        used_at=None,
    )
    own.keys.add(key)
    recorder.record(workspace_id, "key.create", ("key", key.id), kind=key.kind, name=key.name, scopes=key.scopes)
    return key, text


def revoke(tables: Tables, workspace_id: int, key_id: int, at: int, recorder: Recorder) -> None:
    """End a key.

    Raises:
        NotFound: there is none that still works.
    """
    if not tables.accounts.of(workspace_id).keys.revoke(key_id, at):
        raise NotFound("There is no such key.")
    recorder.record(workspace_id, "key.revoke", ("key", key_id))

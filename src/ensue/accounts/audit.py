"""The record of who did what: one line, in the transaction of what it tells about."""

from dataclasses import dataclass

from ensue.base.ids import Ids, show
from ensue.model.account import AuditLine, Result
from ensue.store.ports import Tables


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from which address: a person, or a key, or somebody unknown."""

    user_id: int | None
    key_id: int | None
    address: str


class Recorder:
    """Writes audit lines for one actor."""

    def __init__(self, tables: Tables, ids: Ids, actor: Actor) -> None:
        self._tables = tables
        self._ids = ids
        self._actor = actor

    def record(
        self,
        workspace_id: int,
        action: str,
        target: tuple[str, int] | None = None,
        *,
        result: Result = "OK",
        **detail: object,
    ) -> None:
        """Append a line to a workspace's log. `target` is an id's prefix and number; `detail` must hold no secret."""
        self._tables.accounts.of(workspace_id).audit.add(self._line(action, target, result, detail))

    def record_instance(
        self, action: str, target: tuple[str, int] | None = None, *, result: Result = "OK", **detail: object
    ) -> None:
        """Append a line to the instance's own log, as `record` does."""
        self._tables.accounts.audit.add(self._line(action, target, result, detail))

    def _line(
        self, action: str, target: tuple[str, int] | None, result: Result, detail: dict[str, object]
    ) -> AuditLine:
        return AuditLine(
            id=self._ids.next(),
            at=self._ids.instant(),
            user_id=self._actor.user_id,
            key_id=self._actor.key_id,
            address=self._actor.address,
            action=action,
            target=show(*target) if target else None,
            result=result,
            detail=detail or None,
        )

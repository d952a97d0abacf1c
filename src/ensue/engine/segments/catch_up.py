"""A contact that is touched while a segment is being backfilled is judged by its history first.

So every contact is looked at exactly once for what came before: here, when something is about to happen to it, or by
the backfill, when nothing did. An event that arrives meanwhile is folded on top of that, like any other.
"""

from collections.abc import Iterable

from ensue.engine.reactions import react
from ensue.engine.subject import Subject
from ensue.model.backfill import Backfill
from ensue.model.cause import Cause


def catch_up(subject: Subject, backfills: Iterable[Backfill]) -> None:
    """Let a contact enter or exit the segments of these backfills by what is known of it until now."""
    for backfill in backfills:
        cause = Cause("BACKFILL", backfill.id, triggers=backfill.triggers)
        effects = react.to_change(subject, (backfill.subject_id,), cause)
        entered = sum(1 for change in effects.entered if change.segment_id == backfill.subject_id)
        exited = sum(1 for change in effects.exited if change.segment_id == backfill.subject_id)
        if entered or exited:
            subject.room.count_backfilled(backfill.id, entered, exited)

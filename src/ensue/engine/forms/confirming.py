"""The second step of a double opt-in. Looking changes nothing: programs that scan mails follow every link in them."""

from typing import Final, Literal, NamedTuple

from ensue.engine.contacts import erasures
from ensue.engine.forms.accepting import accept
from ensue.engine.working_set import WorkingSet
from ensue.model.form import ACCEPTED, PENDING, Form, Submission
from ensue.store.ports import WorkspaceTables

State = Literal["OPEN", "CONFIRMED", "GONE"]

OPEN: Final = "OPEN"
CONFIRMED: Final = "CONFIRMED"
GONE: Final = "GONE"


class Standing(NamedTuple):
    """What there is to confirm: OPEN, CONFIRMED already, or GONE because it expired or was deleted."""

    state: State
    form: Form | None = None
    submission: Submission | None = None


def look(tables: WorkspaceTables, submission_id: int, now: int) -> Standing:
    """How a confirmation link stands."""
    submission = tables.form_submissions.get(submission_id)
    form = tables.forms.get(submission.form_id) if submission is not None else None
    if submission is None or form is None:
        return Standing(GONE)
    if submission.status == ACCEPTED:
        return Standing(CONFIRMED, form, submission)
    if submission.status != PENDING or submission.expires_at is None or submission.expires_at <= now:
        return Standing(GONE, form)
    return Standing(OPEN, form, submission)


def confirm(room: WorkingSet, submission_id: int) -> Standing:
    """Accept what waits for confirmation. Doing it again changes nothing and answers alike."""
    standing = look(room.tables, submission_id, room.now)
    form, submission = standing.form, standing.submission
    if standing.state != OPEN or form is None or submission is None:
        return standing
    if submission.email_key is not None and erasures.erased(room, "email", submission.email_key):
        room.tables.form_submissions.discard(submission_id, "ERASED")
        return Standing(GONE, form)
    accept(room, form, submission, confirmed=True)
    return Standing(CONFIRMED, form, submission)

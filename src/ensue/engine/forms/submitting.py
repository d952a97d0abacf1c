"""A form that somebody sends: claimed once, then accepted, or kept until the address is confirmed.

Nobody learns from the answer who is known. It rests on the form and on what was sent alone; what becomes of it is
decided after the answer is certain, and one row is written whatever that is.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Conflict, NotFound
from ensue.engine.contacts import erasures, profile
from ensue.engine.forms import mapping, tokens
from ensue.engine.forms.accepting import accept
from ensue.engine.working_set import WorkingSet
from ensue.model.form import ACCEPTED, ACTIVE, DISCARDED, PENDING, Form, Sent, Submission

NOT_OPEN: Final = "There is no such form, or it is not open."

Reason = Literal["HONEYPOT", "ERASED", "TOO_MANY_CONFIRMATIONS"]
AskToConfirm = Callable[[WorkingSet, Form, Submission], None]


class Attempt(NamedTuple):
    """What was sent, with sound values.

    `name` is what the sender calls this submission, to be able to send it again; `trapped` says that a field was filled
    in that no person sees.
    """

    sent: Sent
    name: str | None = None
    trapped: bool = False


def submit(room: WorkingSet, form_id: int, attempt: Attempt, ask_to_confirm: AskToConfirm) -> Form:
    """Take a submission in; the form it was for. `ask_to_confirm` sends the mail of a double opt-in.

    Raises:
        NotFound: the form is not open. Conflict: another submission went by this name.
    """
    form = room.tables.forms.get(form_id)
    if form is None or form.status != ACTIVE:
        raise NotFound(NOT_OPEN)
    submission = _submission(room, form, attempt)
    # No sender can choose the name of one that was sent without: NUL is refused in what comes in.
    name = attempt.name or f"\0{submission.id}"
    fingerprint = tokens.fingerprint_of(name, json.canonical([attempt.sent.values, attempt.trapped]))
    if not room.tables.form_submissions.claim(submission, tokens.key_of(name), fingerprint):
        if room.tables.form_submissions.fingerprint(form_id, tokens.key_of(name)) != fingerprint:
            raise Conflict("This submission was sent before, with other answers.", code="submission_reused")
        return form
    if submission.status == PENDING:
        ask_to_confirm(room, form, submission)
    elif submission.status == ACCEPTED:
        accept(room, form, submission, confirmed=False)
    return form


def _submission(room: WorkingSet, form: Form, attempt: Attempt) -> Submission:
    sent, now, submission_id = attempt.sent, room.now, room.ids.next()
    email = mapping.told(form, sent.values).email
    email_key = profile.email_key(email) if email is not None else None
    reason = _reason(room, form, attempt, email_key)
    if reason is not None:
        return Submission(submission_id, form.id, DISCARDED, now, reason=reason)
    if sent.session_id is not None and _was_erased(room, "sessionId", sent.session_id):
        # Somebody else at the same browser, perhaps: the form counts, and nothing ties it to who was erased.
        sent = msgspec.structs.replace(sent, session_id=None)
    if form.content.double_opt_in:
        expires_at = now + bounds.FORM_CONFIRMATION
        return Submission(submission_id, form.id, PENDING, now, email_key=email_key, sent=sent, expires_at=expires_at)
    return Submission(submission_id, form.id, ACCEPTED, now, email_key=email_key, sent=sent)


def _reason(room: WorkingSet, form: Form, attempt: Attempt, email_key: str | None) -> Reason | None:
    """Why a submission is not kept; None when it is."""
    if attempt.trapped:
        return "HONEYPOT"
    # To refuse would tell that this person was here once; to keep it would undo the erasure.
    if email_key is not None and erasures.erased(room, "email", email_key):
        return "ERASED"
    if form.content.double_opt_in and email_key is not None:
        since = room.now - bounds.FORM_CONFIRMATIONS_WINDOW
        if room.tables.form_submissions.pending_of_address(email_key, since) >= bounds.FORM_CONFIRMATIONS:
            return "TOO_MANY_CONFIRMATIONS"
    return None


def _was_erased(room: WorkingSet, kind: str, value: str) -> bool:
    return room.known_session(value) is None and erasures.erased(room, kind, value)

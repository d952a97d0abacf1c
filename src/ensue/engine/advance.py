"""How an enrolment goes on: from node to node until one waits or the workflow ends."""

from ensue.engine.subject import Subject


def wake(subject: Subject, enrolment_id: int, at: int) -> None:
    """Run an enrolment that is due, as of an instant."""
    _ = (subject, enrolment_id, at)

"""Enrolments and their log."""

import pytest
from msgspec.structs import replace

from ensue.base.errors import Conflict
from ensue.model.campaign import Enrolment, Step

WHO, OTHER = 11, 12


def enrolment(number, campaign=1, contact=WHO, entry_key="", ended_at=None, entered_at=5):
    return Enrolment(
        id=number, campaign_id=campaign, version=2, contact_id=contact, entry_key=entry_key,
        status="COMPLETED" if ended_at else "ACTIVE", node_id="a", node_entered_at=5, wake_at=6, trigger="EVENT",
        event_id=7, depth=1, step=0, entered_at=entered_at, ended_at=ended_at, end_reason=None,
    )  # fmt: skip


def test_an_enrolment_comes_back_as_it_was(write, read):
    write(lambda one: one.enrolments.put([enrolment(1), enrolment(2, contact=OTHER)]))
    assert read(lambda one: one.enrolments.get(1)) == enrolment(1)
    assert read(lambda one: one.enrolments.get(9)) is None
    assert read(lambda one: one.enrolments.active(WHO)) == [enrolment(1)]


def test_an_enrolment_goes_on_and_ends(write, read):
    write(lambda one: one.enrolments.put([enrolment(1)]))
    further = replace(enrolment(1), node_id="b", node_entered_at=8, wake_at=None, step=2)
    write(lambda one: one.enrolments.put([further]))
    assert read(lambda one: one.enrolments.active(WHO)) == [further]
    over = replace(further, status="EXITED", ended_at=9, end_reason="goal")
    write(lambda one: one.enrolments.put([over]))
    assert read(lambda one: (one.enrolments.active(WHO), one.enrolments.get(1))) == ([], over)


def test_there_is_one_active_enrolment_for_a_contact_a_campaign_and_an_entry_key(write):
    write(lambda one: one.enrolments.put([enrolment(1)]))
    with pytest.raises(Conflict):
        write(lambda one: one.enrolments.put([enrolment(2)]))
    write(lambda one: one.enrolments.put([enrolment(3, entry_key="order 1"), enrolment(4, entry_key="order 2")]))
    write(lambda one: one.enrolments.put([enrolment(5, campaign=2), enrolment(6, contact=OTHER)]))
    write(lambda one: one.enrolments.put([enrolment(7, ended_at=6), enrolment(8, ended_at=7)]))


def test_the_log_is_appended_step_by_step(write, read):
    steps = [Step(1, 0, "a", "delay", "WAITS", {"until": 9}, 5), Step(1, 1, "b", "exit", "DONE", None, 9)]
    write(lambda one: one.enrolments.log([*steps, Step(2, 0, "a", "exit", "DONE", None, 5)]))
    assert read(lambda one: one.enrolments.steps(1)) == steps
    with pytest.raises(Conflict):
        write(lambda one: one.enrolments.log([steps[0]]))

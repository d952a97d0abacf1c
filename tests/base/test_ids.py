"""Whose an id is."""

from ensue.base.clock import SimulatedClock
from ensue.base.ids import Ids


def test_an_id_of_another_node_was_never_handed_out_here():
    clock = SimulatedClock(1_800_000_000_000)
    ours, theirs = Ids(clock, node=3), Ids(clock, node=4)
    first, foreign, second = ours.next(), theirs.next(), ours.next()
    assert ours.handed_out(second, first)
    assert not ours.handed_out(first, first)
    assert foreign > first
    assert not ours.handed_out(foreign, first)

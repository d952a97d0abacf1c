"""The bounds of a connection, on a loop whose time the test moves."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from ensue.api.wire import BoundedHttp
from ensue.base import bounds

HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n"


async def _app(scope, receive, send):
    """Never runs."""


class Line:
    """A connection whose timers fire when the test says so."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Mock, Callable[[], object]]] = []
        self.loop = Mock(call_later=self._call_later)
        # The app is not what is tested: it never runs.
        self.loop.create_task.side_effect = lambda work, **_: work.close() or Mock()
        self.transport = Mock(**{"is_closing.return_value": False, "get_write_buffer_size.return_value": 100_000})
        self.transport.get_extra_info.return_value = None
        self.protocol = BoundedHttp(uvicorn.Config(_app, log_config=None), ServerState(), {}, self.loop)
        self.protocol.connection_made(self.transport)

    def _call_later(self, seconds, work):
        handle = Mock()
        self.timers.append((seconds, handle, work))
        return handle

    def pending(self):
        """The seconds after which something would happen."""
        return [seconds for seconds, handle, _ in self.timers if not handle.cancel.called]

    def run_out(self):
        """Let every timer that was not cancelled fire."""
        due = [(handle, work) for _, handle, work in self.timers if not handle.cancel.called]
        self.timers.clear()
        for _, work in due:
            work()


@pytest.fixture
def line():
    return Line()


@pytest.mark.parametrize("sent", [b"", b"GET /", HEAD])
def test_who_sends_no_whole_head_is_cut(line, sent):
    if sent:
        line.protocol.data_received(sent)
    assert line.pending() == [bounds.HEAD_SECONDS]
    line.run_out()
    line.transport.close.assert_called_once_with()


def test_a_whole_head_stops_the_wait(line):
    line.protocol.data_received(HEAD + b"\r\n")
    assert line.pending() == []


def test_a_body_that_goes_on_after_its_answer_is_cut(line):
    line.protocol.data_received(HEAD + b"\r\n12345")
    line.protocol.on_response_complete()
    assert bounds.BODY_SECONDS in line.pending()
    line.protocol.data_received(b"67890")
    assert bounds.BODY_SECONDS not in line.pending()


def test_who_does_not_read_is_cut_and_who_reads_slowly_is_not(line):
    line.protocol.data_received(HEAD + b"\r\n1234567890")
    line.protocol.pause_writing()
    line.transport.get_write_buffer_size.return_value = 90_000
    line.run_out()
    line.transport.abort.assert_not_called()
    line.run_out()
    line.transport.abort.assert_called_once_with()


def test_who_reads_again_is_left_alone(line):
    line.protocol.data_received(HEAD + b"\r\n1234567890")
    line.protocol.pause_writing()
    line.protocol.resume_writing()
    assert line.pending() == []


def test_a_lost_connection_leaves_no_timer(line):
    line.protocol.pause_writing()
    line.protocol.connection_lost(None)
    assert line.pending() == []

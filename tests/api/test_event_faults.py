"""A refused event names everything that is wrong with it at once."""

import pytest

from ensue.api import ingest
from ensue.base.errors import Invalid


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"type": "", "foo": 1}', ["type", "foo"]),
        (b'{"type": "a", "timestamp": "x", "pageUrl": 3}', ["pageUrl", "timestamp"]),
        (b'{"type": "", "sessionId": ""}', ["type", "sessionId"]),
        (b'{"metadata": [], "referrer": 1}', ["type", "metadata", "referrer"]),
    ],
)
def test_every_fault_is_named(body, paths):
    with pytest.raises(Invalid) as refused:
        ingest.read_event(1, body, None, 0, "api")
    assert sorted(detail.path for detail in refused.value.details) == sorted(paths)

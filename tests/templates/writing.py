"""What the tests of templates write, and for whom."""

from zoneinfo import ZoneInfo

from ensue.base.clock import from_iso
from ensue.templates.context import Setting
from ensue.templates.liquid import parse

NOW = from_iso("2026-03-01T12:00:00.000Z")

SCOPE = {
    "contact": {
        "firstName": "Ann",
        "lastName": None,
        "createdAt": "2026-01-15T23:30:00.000Z",
        "timezone": "Europe/Berlin",
        "tags": ["vip", "beta"],
        "attributes": {
            "price": 12.5,
            "count": 3,
            "zero": 0,
            "no": False,
            "vacant": "",
            "nothing": None,
            "markup": "<b>&\"'",
            "lines": "a\nb",
            "items": [{"name": "b", "price": 2.5, "on": True}, {"name": "A", "price": 1, "on": False}],
        },
    },
}


def written(source, language="TEXT", *, scope=None, preview=False):
    """(what a text becomes, what was missing in it)."""
    setting = Setting(SCOPE if scope is None else scope, preview=preview, zone=ZoneInfo("Europe/Berlin"), now=NOW)
    return parse(source, language).write(setting), list(setting.missing)


def text(source, language="TEXT", *, scope=None):
    """What a text becomes."""
    return written(source, language, scope=scope)[0]

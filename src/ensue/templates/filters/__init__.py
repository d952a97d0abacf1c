"""The filters that templates have: these, and no other. A new one is a function in its file and a line in the table."""

from collections.abc import Callable
from typing import Any

from ensue.templates.filters import dates, lists, numbers, texts, writing

Filter = Callable[..., Any]

FILTERS: dict[str, Filter] = {
    **texts.FILTERS,
    **lists.FILTERS,
    **numbers.FILTERS,
    **dates.FILTERS,
    **writing.FILTERS,
}

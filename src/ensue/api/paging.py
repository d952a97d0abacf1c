"""Where in a list a page is, for the lists that are paged by number."""

from typing import Annotated

from fastapi import Query

from ensue.api.bodies import Answer
from ensue.base import bounds

PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, description=f"At most {bounds.PAGE_MOST}")]


class Place(Answer):
    """Which page of how many."""

    page: int
    limit: int
    total: int
    total_pages: int


def place(page: int, limit: int, total: int) -> Place:
    """The place of a page in a list of so many."""
    return Place(page=page, limit=limit, total=total, total_pages=-(-total // limit))

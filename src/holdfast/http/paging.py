"""Pages of lists that are short enough to be held whole: cameras, users, tokens, streams.

Long ones (notes, tries to sign in, logs) are paged where they are read. Pure.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from holdfast.core.errors import UsageError

PAGE = 200
PAGE_MAX = 1000

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Items a page.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Items to pass over, instead of a cursor.")]
Cursor = Annotated[str, Query(max_length=120, description="The `cursor` of the page before.")]


def page_of(
    items: Sequence[T], name: Callable[[T], str], limit: int, cursor: str, offset: int = 0
) -> tuple[list[T], str | None]:
    """Cut a page out of a list.

    Args:
        items: All of them, in order.
        name: What an item is told from others by; the cursor is that of a page's last one.
        limit: Items a page.
        cursor: Where the page before ended; empty for the first.
        offset: Items to pass over where there is no cursor.

    Returns:
        The page, and the cursor of the next one; None where there is none.

    Raises:
        UsageError: The cursor names none of them; its item may have gone meanwhile.
    """
    begin = offset
    if cursor:
        found = next((place for place, item in enumerate(items) if name(item) == cursor), None)
        if found is None:
            raise UsageError("that is no cursor of this list, or what it named is gone", hint="begin again without it")
        begin = found + 1
    page = list(items[begin : begin + limit])
    return page, name(page[-1]) if page and begin + limit < len(items) else None

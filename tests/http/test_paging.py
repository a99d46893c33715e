import pytest

from holdfast.core.errors import UsageError
from holdfast.http.paging import page_of

NAMES = ["a", "b", "c", "d", "e"]


def test_pages_show_everything_once() -> None:
    """Following the cursor shows each item once and ends; a full last page has no cursor."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = page_of(NAMES, str, 2, cursor)
        seen += page
    assert seen == NAMES
    assert page_of(NAMES, str, 5, "") == (NAMES, None)
    assert page_of([], str, 5, "") == ([], None)


def test_an_offset_where_there_is_no_cursor() -> None:
    """Older clients name how many to pass over; a cursor goes before that."""
    assert page_of(NAMES, str, 2, "", 3) == (["d", "e"], None)
    assert page_of(NAMES, str, 2, "a", 3) == (["b", "c"], "c")
    assert page_of(NAMES, str, 2, "", 99) == ([], None)


def test_a_cursor_of_nothing_is_said() -> None:
    """A client that pages would otherwise begin again for ever."""
    with pytest.raises(UsageError, match="no cursor of this list"):
        page_of(NAMES, str, 2, "gone")

"""Rows over PostgREST: written once, whatever is repeated or lost, and refusals told (C075)."""

from collections.abc import Iterator

import pytest

from holdfast.core.config.deliveries import RowConfig
from holdfast.core.config.secret import Secret
from holdfast.core.errors import NameTaken, TargetAway, TargetRefused
from holdfast.storage.rest_rows import RestRows
from support.postgrest import PostgRest, postgrest

ROW = {"image_url": "https://x.example/a.jpg", "file_size_kb": 2.5, "taken": "2026-05-01T20:00:00.000+02:00"}


@pytest.fixture(name="table")
def _table() -> Iterator[PostgRest]:
    """A table without a unique column."""
    with postgrest() as table:
        yield table


def rows(table: PostgRest, key: str = "k-e-y") -> RestRows:
    """Return what writes to it."""
    columns = {"image_url": "{address}", "file_size_kb": "{size_kb}", "taken": "{start}"}
    return RestRows("r", RowConfig(url=table.url, table="snap", key=Secret(key), columns=columns))


def write(table: PostgRest, *, again: bool = False, **more: object) -> None:
    """Write the row once."""
    writer = rows(table)
    try:
        writer.write(ROW | more, again=again)  # type: ignore[arg-type] # values of columns
    finally:
        writer.close()


def test_a_row_is_written_with_its_key(table: PostgRest) -> None:
    """A row arrives as it is, with the key that may write."""
    write(table)
    assert table.rows == [ROW]
    headers = {name.lower(): value for name, value in table.asked[-1][1].items()}
    assert (headers["apikey"], headers["authorization"]) == ("k-e-y", "Bearer k-e-y")


def test_an_answer_that_was_lost_makes_no_second_row(table: PostgRest) -> None:
    """Where a row was written and the answer lost, the retry finds it and writes no other (F23)."""
    table.lost = 1
    with pytest.raises(TargetAway):
        write(table)
    write(table, again=True)
    assert len(table.rows) == 1


def test_a_conflict_with_the_same_content_is_success() -> None:
    """A table that refuses a second row is content with the first, if it says the same, in its own way of writing."""
    with postgrest(unique="image_url") as table:
        table.rows.append(ROW | {"file_size_kb": "2.50", "taken": "2026-05-01T18:00:00+00:00"})
        write(table)
        assert len(table.rows) == 1
        with pytest.raises(NameTaken, match="something else"):
            write(table, file_size_kb=3.5)


@pytest.mark.parametrize(
    ("code", "kind"), [(503, TargetAway), (429, TargetAway), (401, TargetRefused), (400, TargetRefused)]
)
def test_refusals_are_told(table: PostgRest, code: int, kind: type[Exception]) -> None:
    """What passes by itself is told apart from what does not, with the server's words and never the key (F61)."""
    table.answers = [code]
    with pytest.raises(kind, match=f"said {code}") as error:
        write(table)
    assert "k-e-y" not in str(error.value)


@pytest.mark.parametrize("key", ["hush-hush\n", "hush\rhush", " hush-hush", "hush-é-hush"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(table: PostgRest, key: str) -> None:
    """A key with a line end, a blank before it or other letters is refused before anything is asked, unseen (F61)."""
    writer = rows(table, key)
    with pytest.raises(TargetRefused, match="no header") as error:
        writer.write(ROW, again=False)  # type: ignore[arg-type] # values of columns
    writer.close()
    assert "hush" not in f"{error.value} {error.value.hint}"
    assert not table.asked


def test_nobody_listens() -> None:
    """An address where nobody listens is away."""
    with postgrest() as table:
        pass
    with pytest.raises(TargetAway):
        write(table)

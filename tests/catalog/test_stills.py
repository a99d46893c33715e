"""Planned pictures as rows: each once, taken or missed."""

import pytest
from sqlalchemy import insert

from holdfast.catalog import nodes, schema, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.rows import Id
from holdfast.catalog.stills import MISSED, TAKEN, Count, Outcome, Wanted
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.timing import SECOND_US


def taken(slot_us: int, camera: str = "gate", **more: object) -> Outcome:
    """Make a still."""
    facts: dict[str, object] = {
        "at_us": slot_us + 7, "volume": "disk", "file": f"stills/{camera}/{slot_us}.jpg", "width": 640, "height": 360,
        "source_width": 1920, "source_height": 1080, "bytes": 1000, "sha256": "0" * 64, **more,
    }  # fmt: skip
    return Outcome(camera=camera, slot_us=slot_us, **facts)  # type: ignore[arg-type] # facts by name


def missed(slot_us: int, cause: str = "unreachable", camera: str = "gate") -> Outcome:
    """Make a slot without a picture."""
    return Outcome(camera=camera, slot_us=slot_us, cause=cause)


def filled(catalog: Catalog, *outcomes: Outcome) -> int:
    """Write stills; return the node's number."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        stills.put(tx, node, outcomes, 5)
    return node


def test_what_was_written_is_read(catalog: Catalog) -> None:
    """A still comes back as it was written."""
    node = filled(catalog, taken(10, location="r-7", thumbnail="t.jpg"))
    with catalog.read() as tx:
        row = stills.get(tx, Id(node, 1))
        assert row.outcome == taken(10, location="r-7", thumbnail="t.jpg")
        assert (row.outcome.state, row.created_us) == (TAKEN, 5)
        with pytest.raises(NotFound):
            stills.get(tx, Id(node, 2))


def test_encrypted_ones_are_told_apart(catalog: Catalog) -> None:
    """What is in an encrypted file stands beside what the file is; they are counted, and can be left out (C155)."""
    one = taken(20, plain_bytes=700, plain_sha256="1" * 64)
    node = filled(catalog, taken(10), one, missed(30))
    with catalog.read() as tx:
        rows = {sealed: stills.page(tx, Wanted(sealed=sealed, state=TAKEN)).rows for sealed in (True, False)}
        assert [(row.outcome, row.outcome.is_sealed) for row in rows[True]] == [(one, True)]
        assert [(row.outcome.slot_us, row.outcome.is_sealed) for row in rows[False]] == [(10, False)]
        assert stills.count(tx, Wanted(node=node)) == Count(taken=2, missed=1, sealed=1, bytes=2000)


def test_a_slot_has_one_row(catalog: Catalog) -> None:
    """What is written twice is there once, and a picture that is there is not replaced by another one (S1)."""
    node = filled(catalog, taken(10), taken(20))
    filled(catalog, taken(20, bytes=7), missed(20), taken(30))
    with catalog.read() as tx:
        rows = stills.page(tx, Wanted(node=node)).rows
        assert [(row.outcome.slot_us, row.outcome.bytes) for row in rows] == [(30, 1000), (20, 1000), (10, 1000)]


def test_what_was_missed_may_be_taken_later(catalog: Catalog) -> None:
    """A picture of a slot that was missed takes its place; another reason does not."""
    node = filled(catalog, missed(10), missed(20))
    filled(catalog, taken(10), missed(20, "stalled"))
    with catalog.read() as tx:
        assert stills.known(tx, node, "gate", 0, 100) == {10: TAKEN, 20: MISSED}
        assert [row.outcome.cause for row in stills.page(tx, Wanted(state=MISSED)).rows] == ["unreachable"]


def test_lists_go_on(catalog: Catalog) -> None:
    """Pages together are all stills, in both directions, also where many were planned for one instant."""
    slots = [slot for slot in range(1, 8) for _ in "ab"]
    node = filled(catalog, *(taken(slot, "ab"[n % 2]) for n, slot in enumerate(slots)))
    for oldest_first in (False, True):
        seen: list[tuple[int, str]] = []
        cursor: str | None = None
        with catalog.read() as tx:
            while True:
                page = stills.page(tx, Wanted(node=node), limit=3, cursor=cursor, oldest_first=oldest_first)
                seen += [(row.outcome.slot_us, row.outcome.camera) for row in page.rows]
                cursor = page.cursor
                if cursor is None:
                    break
        assert len(set(seen)) == len(seen) == 14
        assert [slot for slot, _ in seen] == sorted(slots, reverse=not oldest_first)


def test_counts(catalog: Catalog) -> None:
    """Stills are counted by camera and span, their end not in it."""
    filled(catalog, taken(10), taken(20), missed(30), taken(20, "yard"))
    with catalog.read() as tx:
        assert stills.count(tx, Wanted(camera="gate")) == Count(taken=2, missed=1, bytes=2000)
        assert stills.count(tx, Wanted(camera="gate", from_us=20, to_us=30)) == Count(taken=1, missed=0, bytes=1000)
        assert stills.count(tx, Wanted(camera="none")) == Count()
        assert stills.edges(tx, Wanted(camera="gate")) == (10, 30)
        assert stills.edges(tx, Wanted(camera="none")) is None


def test_many_at_once(catalog: Catalog) -> None:
    """An outage of a dense grid, thousands of rows, is one call."""
    node = filled(catalog, *(missed(n * SECOND_US) for n in range(2000)))
    with catalog.write() as tx:
        assert stills.count(tx, Wanted()) == Count(missed=2000)
        assert stills.forget(tx, [Id(node, number) for number in range(1, 1501)]) == 1500
        assert stills.count(tx, Wanted()) == Count(missed=500)


def test_positions(catalog: Catalog) -> None:
    """How far a camera is, is one value that follows; a camera that is switched off has none."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        assert stills.position(tx, node, "gate") is None
        stills.set_position(tx, node, "gate", 10, 1)
        stills.set_position(tx, node, "gate", 20, 2)
        stills.set_position(tx, node, "yard", 30, 2)
        assert stills.position(tx, node, "gate") == 20
        stills.keep_positions(tx, node, ["yard"])
        assert stills.position(tx, node, "gate") is None
        assert stills.position(tx, node, "yard") == 30


@pytest.mark.parametrize(
    "bad",
    [
        {"state": "lost"},
        {"state": "missed", "cause": ""},
        {"state": "taken", "cause": ""},
        {"state": "taken", "cause": "stalled", "at_us": 1, "file": "a", "volume": "b", "bytes": 1},
        {"state": "missed", "cause": "stalled", "at_us": 1},
    ],
)
def test_what_makes_no_sense_is_refused(catalog: Catalog, bad: dict[str, object]) -> None:
    """A still is taken, with a picture, or missed, with a cause: nothing else can be written."""
    row: dict[str, object] = {
        "id": 1, "camera": "gate", "location": "", "slot_us": 1, "at_us": None, "cause": "", "volume": "", "file": "",
        "thumbnail": "", "width": 0, "height": 0, "source_width": 0, "source_height": 0, "bytes": 0, "sha256": "",
        "created_us": 1,
    }  # fmt: skip
    node = filled(catalog)
    with catalog.write() as tx, pytest.raises(CatalogError):
        tx.run("stills", insert(schema.stills), [row | bad | {"node": node}])

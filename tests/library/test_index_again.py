"""A name of a removed file that is used again, as rows."""

from pathlib import Path

from holdfast.catalog import cameras, segments
from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told


def _rows(catalog: Catalog) -> list[tuple[str, str, str, str | None]]:
    with catalog.read() as tx:
        stream = next(row.id for row in cameras.streams(tx, camera="gate") if row.key == StreamKey("gate", "main"))
        return [(s.file, s.run, s.state, s.removed_why) for s in segments.starting_at(tx, stream, None)]


def test_rows_follow_a_name_that_is_used_again(catalog: Catalog, tmp_path: Path) -> None:
    """C004: a clock set back to a removed file's second makes its row speak of the new file, at whichever pass (I1)."""
    clock = PushedClock()
    told = Told(tmp_path / "disk", clock)
    indexer = Indexer(catalog, {"disk": told.root}, clock)
    told.open()
    old = told.record(600)
    told.remove(old)
    indexer.pass_once()
    assert _rows(catalog) == [(old.file, "r1", "removed", "reserve")]
    clock.step(-600)
    file, start_us = told.begin("r2"), clock.wall_us()
    assert file == old.file
    indexer.pass_once()
    clock.advance(300)
    told.seal(file, start_us, "r2")
    indexer.pass_once()
    assert _rows(catalog) == [(file, "r2", "sealed", None)]

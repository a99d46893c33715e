"""Segments, gaps and runs as rows."""

import time
from pathlib import Path

from holdfast.catalog import cameras, gaps, nodes, segments
from holdfast.catalog.db import Catalog, Transaction, open_catalog
from holdfast.catalog.rows import Id, count_rows
from holdfast.catalog.schema import segments as segment_table
from holdfast.catalog.segments import Piece
from holdfast.core.camera import StreamKey
from holdfast.core.gap import Gap, GapReason


def stream(tx: Transaction) -> tuple[Id, dict[str, int]]:
    """Make a stream; return it and the volumes."""
    node = nodes.ensure(tx, "local", 1)
    volumes = nodes.ensure_volumes(tx, node, {"disk": Path("/disk")}, 1)
    return cameras.ensure_stream(tx, node, StreamKey("gate", "main"), 1).id, volumes


def piece(number: int, *, run: str = "r", ended: str = "cut") -> Piece:
    """Return a finished segment, ten microseconds long."""
    return Piece(
        volume="disk", file=f"{number}.mp4", run=run, state="sealed", origin="journal", start_us=number * 10,
        end_us=number * 10 + 10, bytes=1, media_bytes=1, sha256="0", began="cut", ended=ended,
        tracks=({"kind": "video", "width": 640},),
    )  # fmt: skip


def test_spans_are_found(catalog: Catalog) -> None:
    """What touches a span is found; what only borders it is not."""
    with catalog.write() as tx:
        of, volumes = stream(tx)
        segments.write(tx, of, volumes, new=[piece(n) for n in range(5)], changed=[], gone=[])
        gaps.write(
            tx, of, new=[Gap(50, 60, GapReason.ENDED), Gap(60, 70, GapReason.AUTH, open=True)], changed=[], gone=[]
        )
        assert [row.start_us for row in segments.between(tx, of, 10, 30)] == [10, 20]
        assert [row.start_us for row in segments.between(tx, of, 15, 21)] == [10, 20]
        assert [row.start_us for row in gaps.between(tx, of, 0, 60)] == [50]
        assert [row.start_us for row in gaps.between(tx, of, 1000, 2000)] == [60]


def test_the_gap_beside_an_instant(catalog: Catalog) -> None:
    """The gap that starts next and the one that started last are found, however far; one of another stream is not."""
    with catalog.write() as tx:
        of, _ = stream(tx)
        other = cameras.ensure_stream(tx, of.node, StreamKey("yard", "main"), 1).id
        lasts = Gap(9000, 9001, GapReason.AUTH, "401", open=True)
        gaps.write(tx, of, new=[Gap(50, 60, GapReason.ENDED), lasts], changed=[], gone=[])
        gaps.write(tx, other, new=[Gap(55, 60, GapReason.ENDED)], changed=[], gone=[])
        assert gaps.beside(tx, of, 50, later=False) is None
        assert gaps.beside(tx, of, 50, later=True) == (9000, None, GapReason.AUTH, "401")
        assert gaps.beside(tx, of, 9000, later=False) == (50, 60, GapReason.ENDED, "")
        assert gaps.beside(tx, of, 9000, later=True) is None


def test_what_is_gone_is_found(catalog: Catalog) -> None:
    """Of a span only what is not here any more is told, removed and missing apart."""
    with catalog.write() as tx:
        of, volumes = stream(tx)
        segments.write(tx, of, volumes, new=[piece(n) for n in range(5)], changed=[], gone=[])
        segments.set_removed(tx, of, volumes["disk"], {"1.mp4": "reserve"})
        segments.set_missing(tx, segments.between(tx, of, 30, 40), 1000)
        assert segments.gone(tx, of, 0, 100) == [(10, 20, True), (30, 40, False)]
        assert segments.gone(tx, of, 20, 30) == []


def test_runs_say_what_their_segments_amount_to(catalog: Catalog) -> None:
    """A run spans its segments, ends for the reason of its last one, and goes when they do."""
    with catalog.write() as tx:
        of, volumes = stream(tx)
        new = [piece(1), piece(2), piece(3, ended="stalled"), piece(4, run="s")]
        segments.write(tx, of, volumes, new=new, changed=[], gone=[])
        rows = tx._connection.exec_driver_sql(
            "SELECT run, start_us, end_us, ended, tracks FROM runs ORDER BY run"
        ).all()
        assert [tuple(row)[:4] for row in rows] == [("r", 10, 40, "stalled"), ("s", 40, 50, "")]
        assert "640" in rows[0][4]
        last = segments.starting_at(tx, of, 40)
        segments.write(tx, of, volumes, new=[], changed=[], gone=[last[0].id.number])
        assert count_rows(tx, "runs") == 1


def test_who_grows_may_change_hands(catalog: Catalog) -> None:
    """One growing segment can be finished and another begin in one write."""
    with catalog.write() as tx:
        of, volumes = stream(tx)
        growing = Piece(
            volume="disk", file="1.mp4", run="r", state="growing", origin="journal", start_us=10, end_us=None
        )
        segments.write(tx, of, volumes, new=[growing], changed=[], gone=[])
        number = segments.starting_at(tx, of, None)[0].id.number
        another = Piece(
            volume="disk", file="2.mp4", run="r", state="growing", origin="journal", start_us=20, end_us=None
        )
        segments.write(tx, of, volumes, new=[another], changed=[(number, piece(1))], gone=[])
        assert [row.state for row in segments.starting_at(tx, of, None)] == ["sealed", "growing"]


def test_pages_show_every_row_once(catalog: Catalog) -> None:
    """Following the cursor gives every segment and every gap once, newest first."""
    with catalog.write() as tx:
        of, volumes = stream(tx)
        segments.write(tx, of, volumes, new=[piece(n) for n in range(7)], changed=[], gone=[])
        gaps.write(tx, of, new=[Gap(n * 10, n * 10 + 5, GapReason.ENDED) for n in range(7)], changed=[], gone=[])
        for noun in (segments, gaps):
            page = noun.page(tx, of, limit=3)
            seen = [row.start_us for row in page.rows]
            while page.cursor is not None:
                page = noun.page(tx, of, limit=3, cursor=page.cursor)
                seen += [row.start_us for row in page.rows]
            assert seen == [60, 50, 40, 30, 20, 10, 0]


def test_lists_stay_quick(tmp_path: Path) -> None:
    """With a hundred thousand segments a page, deep in the list too, and a day's span take under 300 ms (F56)."""
    with open_catalog(f"sqlite:///{tmp_path}/c.sqlite") as opened:
        with opened.write() as tx:
            of, volumes = stream(tx)
            segments.write(tx, of, volumes, new=[piece(0)], changed=[], gone=[])
            names = [column.name for column in segment_table.columns]
            own = {"id": "n + 1", "file": "n || '.mp4'", "start_us": "n * 10", "end_us": "n * 10 + 10"}
            tx._connection.exec_driver_sql(
                f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 99999) "  # noqa: S608 - our own column names
                f"INSERT INTO segments ({', '.join(names)}) "
                f"SELECT {', '.join(own.get(name, name) for name in names)} FROM r, segments WHERE id = 1"
            )
        with opened.read() as tx:
            began = time.monotonic()
            page = segments.page(tx, of)
            for _ in range(20):
                page = segments.page(tx, of, cursor=page.cursor)
            found = segments.between(tx, of, 999_000 - 1440, 999_000)
            took_s = time.monotonic() - began
    assert len(found) == 144
    assert took_s < 22 * 0.3

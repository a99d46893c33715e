"""The tables say what they mean, and bad states cannot be written."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert

from holdfast.catalog import accounts, cameras, gaps, nodes, segments, upgrade
from holdfast.catalog.cameras import Facts
from holdfast.catalog.db import Catalog, Transaction, _engine, open_catalog
from holdfast.catalog.rows import Id
from holdfast.catalog.schema import gaps as gap_table
from holdfast.catalog.schema import metadata
from holdfast.catalog.segments import Piece
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogError
from holdfast.core.gap import Gap, GapReason

PIECE: dict[str, Any] = {
    "volume": "disk",
    "run": "r",
    "state": "sealed",
    "origin": "journal",
    "start_us": 5,
    "end_us": 9,
}
FACTS: dict[str, Any] = {"bytes": 3, "media_bytes": 2, "sha256": "0" * 64}


def stream(tx: Transaction, name: str = "gate") -> tuple[Id, dict[str, int]]:
    """Make a stream; return it and the volumes."""
    node = nodes.ensure(tx, "local", 1)
    volumes = nodes.ensure_volumes(tx, node, {"disk": Path("/disk"), "other": Path("/other")}, 1)
    return cameras.ensure_stream(tx, node, StreamKey(name, "main"), 1).id, volumes


def write(tx: Transaction, *pieces: Piece) -> None:
    """Write segments of that stream."""
    of, volumes = stream(tx)
    segments.write(tx, of, volumes, new=pieces, changed=[], gone=[])


def test_every_column_is_explained() -> None:
    """Every table and column has a comment; it names the unit of a number, and what null means where it may be null."""
    units = {"_us": "microseconds", "bytes": "bytes", "samples": "count"}
    for table in metadata.tables.values():
        assert table.comment, table.name
        for column in table.columns:
            text = column.comment or ""
            assert text, f"{table.name}.{column.name}"
            for ending, unit in units.items():
                assert not column.name.endswith(ending) or unit in text, f"{table.name}.{column.name} lacks its unit"
            assert column.nullable == ("null" in text), f"{table.name}.{column.name}: null is not explained"


def test_migrations_lead_to_the_schema(catalog: Catalog) -> None:
    """A migrated database is exactly what the tables in the code say, comments included where it keeps them."""
    with catalog.read() as tx:
        context = MigrationContext.configure(tx._connection, opts={"compare_server_default": True})
        # SQLite cannot be asked about an index on an expression; Alembic warns that it leaves it out.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*expression-based index")
            assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration() -> None:
    """The revision that the program looks for is the last one in the folder."""
    folder = ScriptDirectory(str(Path(upgrade.__file__).with_name("migrations")))
    assert folder.get_heads() == [upgrade.HEAD]


def test_a_catalog_of_footage_alone_is_led_here(empty_url: str, tmp_path: Path) -> None:
    """A catalog from before there were users gains their tables, and is copied first where it is a file."""
    folder = str(Path(upgrade.__file__).with_name("migrations"))
    config = Config()
    config.set_main_option("script_location", folder)
    engine = _engine(empty_url)
    with engine.connect() as raw:
        connection = raw.execution_options(holdfast_writes=True)
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
    engine.dispose()
    with open_catalog(empty_url) as old:
        with old.write() as tx:
            assert not accounts.any_users(tx)
            assert nodes.ensure(tx, "local", 1) == 1
        assert (tmp_path / "catalog.sqlite.before-0001").exists() is (old.dialect == "sqlite")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    "bad",
    [
        {"end_us": 4},
        {"end_us": None},
        {"state": "lost"},
        {"sha256": None},
        {"removed_why": "reserve"},
        {"state": "removed"},
        {"bytes": -1},
        {"origin": "hearsay"},
    ],
)
def test_bad_segments_are_refused(catalog: Catalog, bad: dict[str, Any]) -> None:
    """A segment cannot end before it starts, be finished without an end or a hash, or be removed without a reason."""
    with catalog.write() as tx:
        write(tx, Piece(file="good.mp4", **{**PIECE, **FACTS}))
    with pytest.raises(CatalogError), catalog.write() as tx:
        write(tx, Piece(file="bad.mp4", **{**PIECE, **FACTS, **bad}))


def test_a_file_is_one_segment(catalog: Catalog) -> None:
    """A file name occurs once on a volume, and may occur on another one (F14)."""
    with catalog.write() as tx:
        write(tx, Piece(file="a.mp4", **PIECE, **FACTS), Piece(file="a.mp4", **{**PIECE, **FACTS, "volume": "other"}))
    with pytest.raises(CatalogError), catalog.write() as tx:
        write(tx, Piece(file="a.mp4", **PIECE, **FACTS))


def test_one_segment_grows(catalog: Catalog) -> None:
    """A stream has at most one growing segment and one open gap."""
    with catalog.write() as tx:
        write(tx, Piece(file="a.mp4", **{**PIECE, "state": "growing", "end_us": None}))
        gaps.write(tx, stream(tx)[0], new=[Gap(9, 9, GapReason.STALLED, open=True)], changed=[], gone=[])
    with pytest.raises(CatalogError), catalog.write() as tx:
        write(tx, Piece(file="b.mp4", **{**PIECE, "state": "growing", "end_us": None}))
    with pytest.raises(CatalogError), catalog.write() as tx:
        gaps.write(tx, stream(tx)[0], new=[Gap(10, 10, GapReason.STALLED, open=True)], changed=[], gone=[])


def test_gaps_need_a_span_and_a_reason(catalog: Catalog) -> None:
    """A gap cannot end before it starts, nor go without a reason."""
    with catalog.write() as tx:
        of, _ = stream(tx)
    for number, values in enumerate([{"end_us": 4, "reason": "stalled"}, {"end_us": 9, "reason": ""}], start=1):
        row = {"node": of.node, "id": number, "stream_id": of.number, "start_us": 5, "detail": "", **values}
        with pytest.raises(CatalogError), catalog.write() as tx:
            tx.run("a bad gap", insert(gap_table).values(row))


def test_camera_ids_ignore_case(catalog: Catalog) -> None:
    """Two cameras cannot differ in capitals alone: their folders could not either."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        cameras.put(tx, node, Facts(camera="Gate", origin="file"), 1)
    with pytest.raises(CatalogError), catalog.write() as tx:
        cameras.put(tx, node, Facts(camera="gate", origin="file"), 1)


def test_settings_belong_to_runtime_cameras(catalog: Catalog) -> None:
    """Source settings are stored for cameras that were added while running, and for those alone."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        cameras.put(tx, node, Facts(camera="a", origin="runtime", settings={"url": "rtsp://camera.test/1"}), 1)
    for facts in (Facts(camera="b", origin="runtime"), Facts(camera="c", origin="file", settings={})):
        with pytest.raises(CatalogError), catalog.write() as tx:
            cameras.put(tx, node, facts, 1)

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from holdfast.catalog import schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.exports import DONE
from holdfast.catalog.rows import Id
from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, UsageError
from holdfast.library import exports
from holdfast.library.export_plan import Asked
from support.handed import Handed
from support.sending import Sending


def _asked(**more: Any) -> Asked:
    words: dict[str, Any] = {"streams": (StreamKey("gate", "main"),), "from_us": 10, "to_us": 20, "by": "ann"}
    return Asked(**{**words, **more})


def test_what_was_asked_for_is_kept_as_it_was(tmp_path: Path) -> None:
    """A row gives back what somebody asked for, word for word; long purposes are cut."""
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        asked = _asked(streams=(StreamKey("gate", "main"), StreamKey("yard", "sub")), cut=True, purpose="x" * 900)
        row = exports.ask(catalog, asked, 50)
        assert exports.asked_of(row) == _asked(streams=asked.streams, cut=True, purpose="x" * exports.MOST_WORDS)
        assert [one.id for one in exports.listed(catalog).rows] == [row.id]
        later = exports.ask(catalog, _asked(to_us=253_402_300_799_000_000), 50)
        assert later.to_us == 50
        _refused(catalog)


def _refused(catalog: Catalog) -> None:
    for more in (
        {"streams": ()}, {"format": "rar"}, {"to_us": 10}, {"from_us": 60, "to_us": 70},
        {"format": "mp4", "streams": (StreamKey("gate", "main"), StreamKey("gate", "sub"))},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            exports.ask(catalog, _asked(**more), 50)


def test_a_file_that_no_row_names_goes_in_the_end(tmp_path: Path) -> None:
    """C083: what a kill left without a row goes after a week; what rows name or work on, and what people put, stays."""
    folder = tmp_path / "disk/exports"
    folder.mkdir(parents=True)
    volumes = {"main": tmp_path / "disk", "away": tmp_path / "away"}
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        done, waiting = (exports.ask(catalog, _asked(), 50).id for _ in range(2))
        names = {
            "named": f"{done}_gate_export.zip", "old name": f"{done}_yard_export.zip",
            "waiting": f"{waiting}_gate_export.zip", "no row": "1-9999_gate_export.tar", "no id": "case_export.zip",
            "other": "1-9998_notes.txt",
        }  # fmt: skip
        for name in names.values():
            (folder / name).write_bytes(b"x")
        _finish(catalog, done, f"exports/{names['named']}")
        written_us = max((folder / name).stat().st_mtime_ns for name in names.values()) // 1000
        assert exports.clear_strays(catalog, volumes, written_us + exports.KEPT_US - 60_000_000) == 0
        assert exports.clear_strays(catalog, volumes, written_us + exports.KEPT_US) == 2
    assert {path.name for path in folder.iterdir()} == {
        name for what, name in names.items() if what not in {"old name", "no row"}
    }


def _finish(catalog: Catalog, export: Id, file: str) -> None:
    """One is done."""
    with catalog.write() as tx:
        where = (schema.exports.c.node == export.node) & (schema.exports.c.id == export.number)
        values = {"state": DONE, "volume": "main", "file": file, "name": "n", "manifest": "m", "done_us": 60}
        tx.run("exports", update(schema.exports).where(where).values(**values, expires_us=70))


def test_what_a_target_is_to_have_stays_until_it_has_it(tmp_path: Path) -> None:
    """C083: an export whose time is over waits for the targets that are to get it, and for no others."""
    rules = '[deliveries.d]\ntarget = "nas"\nassets = ["exports"]\ncameras = ["gate"]\n'
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        site = Handed(tmp_path, catalog, rules)
        (site.volume / "footage").mkdir()
        files = [site.make_export(site.ask_export(*streams)) for streams in (["gate/main"], ["gate/main", "yard/main"])]
        site.clock.sleep(exports.KEPT_US / 1e6)
        assert exports.expire(catalog, site.loaded.config, site.node, site.clock.wall_us()) == 1
        assert [(site.volume / file).exists() for file in files] == [True, False]
        with Sending(site) as sending:
            sending.drain()
        assert list(site.arrived()) == files[:1]
        assert exports.expire(catalog, site.loaded.config, site.node, site.clock.wall_us()) == 1
        assert not (site.volume / files[0]).exists()


def test_a_part_is_read_and_nothing_stays_open(tmp_path: Path) -> None:
    """Parts are read from anywhere; a file that is gone is said so."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert (exports.read_part(path, 3, 4), exports.read_part(path, 8, 9), exports.read_part(path, 10, 1)) == (
        b"3456", b"89", b"",
    )  # fmt: skip
    path.unlink()
    with pytest.raises(NotFound):
        exports.read_part(path, 0, 1)

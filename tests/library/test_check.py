"""Catalog, journals and files: what disagrees is named by its invariant."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from holdfast.catalog.db import Catalog
from holdfast.core.footage import PART, journal_path
from holdfast.core.journal import Sealed
from holdfast.library.check import INVARIANTS, check
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told

DAY = "2026-09-21"


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="told")
def _told(tmp_path: Path, clock: PushedClock) -> Told:
    return Told(tmp_path / "disk", clock)


def numbers(catalog: Catalog | None, told: Told) -> list[str]:
    """Return the invariants that are violated, each once."""
    return sorted({v.number for v in check(catalog, {"disk": told.root}, told.clock).violations})


def recorded(catalog: Catalog, told: Told) -> list[Sealed]:
    """Record a little, with a gap, and index it."""
    told.open()
    pieces = [told.record(600), told.record(600)]
    told.down("stalled", 20)
    pieces.append(told.record(600, "r2"))
    told.remove(pieces[0])
    Indexer(catalog, {"disk": told.root}, told.clock).pass_once()
    return pieces


def test_all_is_well(catalog: Catalog, told: Told) -> None:
    """A node that records, with a file that is growing and lines not yet indexed, violates nothing."""
    recorded(catalog, told)
    told.record(600, "r2")
    told.begin("r2")
    result = check(catalog, {"disk": told.root}, told.clock)
    told.die()
    assert result.violations == ()
    assert (result.streams, result.segments, result.files) == (1, 5, 3)


def _shorten(told: Told, pieces: list[Sealed]) -> None:
    (told.root / pieces[1].file).write_bytes(b"x")


def _delete(told: Told, pieces: list[Sealed]) -> None:
    (told.root / pieces[1].file).unlink()


def _strange(told: Told, pieces: list[Sealed]) -> None:
    (told.root / pieces[1].file).with_name("gate_20260921T000000Z.mp4").write_bytes(b"x")


def _left(told: Told, _pieces: list[Sealed]) -> None:
    told.begin("r9")
    told.die()


def _stranded(told: Told, pieces: list[Sealed]) -> None:
    (told.root / f"{pieces[1].file}9.mp4{PART}").write_bytes(b"x")


def _back(told: Told, pieces: list[Sealed]) -> None:
    (told.root / pieces[0].file).write_bytes(b"x")


def _overlap(told: Told, pieces: list[Sealed]) -> None:
    again = replace(pieces[1], file=pieces[1].file.replace(".mp4", "-7.mp4"), run="other")
    (told.root / again.file).write_bytes((told.root / pieces[1].file).read_bytes())
    told.say(again)


def _torn(told: Told, _pieces: list[Sealed]) -> None:
    told.clock.advance(3)
    told.record(600, "r2")


@pytest.mark.parametrize(
    ("number", "harm"),
    [("D1", _shorten), ("D2", _delete), ("D3", _strange), ("D4", _left), ("D4", _stranded), ("D5", _back),
     ("T1", _overlap), ("T2", _torn)],
)  # fmt: skip
def test_harm_to_files_is_named(
    catalog: Catalog, told: Told, number: str, harm: Callable[[Told, list[Sealed]], None]
) -> None:
    """Each thing that can be wrong with files is found under its own number, with and without the catalog (F11)."""
    pieces = recorded(catalog, told)
    harm(told, pieces)
    assert numbers(catalog, told) == [number]
    assert numbers(None, told) == [number]
    told.die()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM segments WHERE state = 'removed'",
        "UPDATE segments SET start_us = start_us + 1",
        "UPDATE segments SET state = 'sealed', removed_why = NULL",
        "DELETE FROM gaps",
        "UPDATE gaps SET start_us = start_us - 5",
    ],
)
def test_harm_to_rows_is_named(catalog: Catalog, told: Told, statement: str) -> None:
    """Rows that do not say what the journals say are found."""
    recorded(catalog, told)
    with catalog.write() as tx:
        tx.run("harm", text(statement))
    assert numbers(catalog, told) == ["I1"]
    told.die()


def test_a_lost_journal_is_named(catalog: Catalog, told: Told) -> None:
    """Footage whose journal is gone is found: nothing says any more that it is whole."""
    recorded(catalog, told)
    told.die()
    (told.root / journal_path(told.key, DAY)).unlink()
    assert {"D3", "I1"} <= set(numbers(catalog, told))


def test_every_number_is_explained() -> None:
    """The design note and the program name the same invariants."""
    design = Path(__file__).parents[2] / "docs/design"
    note = "".join((design / name).read_text() for name in ("0002-durability.md", "0015-retention.md"))
    listed = set(re.findall(r"^\* ([A-Z]\d+)[ :]", note, flags=re.MULTILINE))
    assert set(INVARIANTS) <= listed
    assert {"C1", "C2", "C3", "I2"} <= listed

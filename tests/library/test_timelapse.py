"""Stills of a span as a film."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import pytest
from pyrage.x25519 import Identity  # type: ignore[import-untyped] # it comes without types

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.errors import BadInput, NotFound, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library import kept_stills, timelapse
from support.media import GATE, WALL_US
from support.still_films import means, numbered, order
from support.watched_film import Gate

SPAN = (WALL_US, WALL_US + 8 * SECOND_US)


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def test_a_film_has_the_stills_of_its_span(catalog: Catalog, tmp_path: Path) -> None:
    """Each still of the span is a picture of the film; what was deleted or is damaged is left out (C014)."""
    gate = Gate(tmp_path / "vol")
    gate.record(10, numbered)
    gate.rest()
    on = means(gate, catalog)
    kept_stills.take(GATE, order(1), on, (WALL_US, WALL_US + 10 * SECOND_US), clock=gate.clock)
    files = sorted((gate.root / "stills").rglob("*.jpg"))
    files[2].unlink()
    files[3].write_bytes(b"garbage")
    seen: list[tuple[int, int]] = []
    target = tmp_path / "a.mp4"
    film = timelapse.make(
        catalog, on.volumes, target, "gate", SPAN, rate=4, seen=lambda done, total: seen.append((done, total))
    )
    assert (film.pictures, film.left_out, seen[-1]) == (6, 1, (7, 8))
    with av.open(str(target)) as media:
        assert sum(1 for _ in media.decode(video=0)) == 6
    for path in files:
        path.write_bytes(b"garbage")
    with pytest.raises(BadInput):
        timelapse.make(catalog, on.volumes, target, "gate", SPAN)


def test_encrypted_stills_are_left_out(catalog: Catalog, tmp_path: Path) -> None:
    """Nobody here can read them: they are counted, and where there are no others there is no film (C155)."""
    gate = Gate(tmp_path / "vol")
    gate.record(5, numbered)
    gate.rest()
    on, sealed = means(gate, catalog), replace(order(1), recipients=(str(Identity.generate().to_public()),))
    at_us = WALL_US + 2 * SECOND_US
    kept_stills.take(GATE, sealed, on, (WALL_US, at_us), clock=gate.clock)
    with pytest.raises(BadInput, match="are encrypted"):
        timelapse.make(catalog, on.volumes, tmp_path / "a.mp4", "gate", SPAN)
    kept_stills.take(GATE, order(1), on, (at_us, WALL_US + 5 * SECOND_US), clock=gate.clock)
    film = timelapse.make(catalog, on.volumes, tmp_path / "a.mp4", "gate", SPAN)
    assert (film.pictures, film.left_out, film.sealed) == (3, 0, 2)


def test_what_cannot_be_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    """Without stills, or at no rate, there is no film."""
    with pytest.raises(NotFound):
        timelapse.make(catalog, {}, tmp_path / "a.mp4", "gate", SPAN)
    with pytest.raises(UsageError):
        timelapse.make(catalog, {}, tmp_path / "a.mp4", "gate", SPAN, rate=0)


def test_its_name_is_in_the_sites_time() -> None:
    """A film is named for its camera and span."""
    name = timelapse.name_of("gate", (0, 3600 * SECOND_US), ZoneInfo("Europe/Berlin"))
    assert name == "gate_19700101_010000_19700101_020000_timelapse.mp4"

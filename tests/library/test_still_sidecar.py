"""The JSON beside a still."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.measures import Measure
from holdfast.core.quality import Thresholds
from holdfast.core.timing import SECOND_US
from holdfast.library.still_sidecar import Sidecars
from support.media import WALL_US
from support.still_films import finish, means, numbered, order, taker
from support.watched_film import Gate

KEYS = [
    "timestamp", "filename", "thumbnail", "blackscreen", "blackscreen_percentage", "freeze", "freeze_diffs",
    "last_3_filenames", "last_3_thumbnails", "audio", "volume_percentage", "mean_volume_db", "device",
]  # fmt: skip


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def records(gate: Gate, catalog: Catalog, *found: Measure) -> list[dict[str, Any]]:
    """Take a still each two seconds with their records, the measures being these; the records in order."""
    on = means(gate, catalog)
    with catalog.write() as tx:
        measures.add(tx, nodes.ensure(tx, "local", 1), {"gate": found})
    sidecars = Sidecars(
        catalog=catalog, node=on.node, root=gate.root, limits=Thresholds(), zone=ZoneInfo("Europe/Berlin")
    )
    finish(on, taker(replace(on, describe=sidecars), replace(order(2), sidecar=True), WALL_US - 1))
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((gate.root / "stills").rglob("*.json"))]


def test_what_was_judged_stands_beside_the_picture(tmp_path: Path, catalog: Catalog) -> None:
    """Each still has a record with the documented keys, from the newest measure before it (C055)."""
    gate = Gate(tmp_path / "vol")
    gate.record(8, numbered)
    gate.rest()
    found = records(
        gate, catalog,
        Measure(
            at_us=WALL_US, black_percent=99.0, difference=0.11, difference_12=0.1, difference_13=0.11,
            difference_23=0.023, mean_db=-30.0, peak_db=-20.0,
        ),
        Measure(at_us=WALL_US + 3 * SECOND_US, black_percent=2.0, difference=7.25, mean_db=-90.0, peak_db=-80.0),
    )  # fmt: skip
    assert len(found) == 5
    assert [list(one) for one in found] == [KEYS] * 5
    assert [one["blackscreen"] for one in found] == [True, True, False, False, False]
    assert [one["freeze"] for one in found] == [True, True, False, False, False]
    assert [one["audio"] for one in found] == [True, True, False, False, False]
    first, last = found[0], found[-1]
    assert (first["blackscreen_percentage"], first["freeze_diffs"], first["volume_percentage"]) == (
        99.0,
        [0.1, 0.11, 0.02],
        50,
    )
    assert last["freeze_diffs"] == [7.25, 7.25, 7.25], "a look of before all three were kept"
    assert last["mean_volume_db"] == -90.0
    assert first["timestamp"].endswith("+02:00")
    assert [len(one["last_3_filenames"]) for one in found] == [1, 2, 3, 3, 3]
    assert [Path(name).name for name in last["last_3_filenames"]] == [one["filename"] for one in found[-3:]]
    assert all(Path(name).is_file() for name in last["last_3_filenames"])


def test_what_is_not_known_is_null(tmp_path: Path, catalog: Catalog) -> None:
    """Without a measure of that time the values are null, and the reason is said (C055)."""
    gate = Gate(tmp_path / "vol")
    gate.record(4, numbered)
    gate.rest()
    found = records(gate, catalog, Measure(at_us=WALL_US - 60 * SECOND_US, black_percent=99.0))
    assert {one["blackscreen"] for one in found} == {one["freeze"] for one in found} == {None}
    assert {one["audio_reason"] for one in found} == {"there is no sound"}
    assert found[0]["freeze_diffs"] == []

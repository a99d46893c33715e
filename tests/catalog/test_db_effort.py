"""What is asked often costs as much with many rows as with few: with and without statistics, on both databases."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert

from holdfast.catalog import (
    cameras,
    claims,
    claims_together,
    deliveries,
    delivery_batches,
    delivery_checks,
    delivery_stats,
    handing_on,
    lost_work,
    nodes,
    schema,
    work_rows,
)
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog, Transaction, open_catalog
from holdfast.catalog.deliveries import Wanted
from holdfast.catalog.delivery_batches import Most
from holdfast.catalog.handing_on import Position
from holdfast.catalog.rows import Id, StreamRow, new_ids
from holdfast.core.camera import StreamKey
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.core.timing import DAY_US, MINUTE_US
from support.catalog import Postgres, _new_catalog, postgres
from support.effort import effort

__all__ = ["postgres"]

FEW, MANY = 60, 1500  # footage of each camera
NOW_US = 1_790_000_000_000_000
KIND = Known("deliver", "deliveries", "sending")
NAS = handing_on.Receiver("deliveries", "nas")
FILES = [(volume, f"cam0/{at}.mkv") for volume in ("disk", "other") for at in (3, 4, 5)]
WAIT, FAILED, AT_WORK = 9, 4, 2


@dataclass(frozen=True)
class Crowd:
    """A catalog with few rows, and one with many."""

    few: Catalog
    many: Catalog


def fill(catalog: Catalog, count: int) -> None:
    """Add footage of two cameras: all of it is at two targets, but for some that wait, failed, or are being sent."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        volumes = nodes.ensure_volumes(tx, node, {"disk": Path("/disk"), "other": Path("/other")}, 1)
        for camera in ("cam0", "cam1"):
            stream = cameras.ensure_stream(tx, node, StreamKey(camera, "main"), 1).id
            run = new_ids(tx, node, "runs")[0]
            facts = {"node": node, "id": run, "stream_id": stream.number, "run": "r", "start_us": 1, "end_us": 2,
                     "began": "", "ended": "", "tracks": "[]"}  # fmt: skip
            tx.run("runs", insert(schema.runs).values(facts))
            ids, sent_ids = new_ids(tx, node, "segments", count), new_ids(tx, node, "deliveries", 2 * count)
            pieces, rows = [], []
            for at in range(count):
                piece = _piece(camera, at, count)
                pieces.append({"node": node, "id": ids[at], "stream_id": stream.number, "run_id": run,
                               "volume_id": volumes[str(piece["volume"])], **_segment(piece)})  # fmt: skip
                if at < count - 3:
                    rows += [
                        {"node": node, "id": sent_ids[2 * at + nth], **_delivery(piece, camera, target, count - at)}
                        for nth, target in enumerate(("cloud", "nas"))
                    ]
            tx.run("segments", insert(schema.segments), pieces)
            tx.run("deliveries", insert(schema.deliveries), rows)
            lines = [{"node": node, "noun": "deliveries", "row_id": row["id"], "fence": 1, "at_us": int(str(row["id"])),
                      "what": "done", "worker": "w", "attempt": 1, "error": ""} for row in rows]  # fmt: skip
            for line in lines[5:]:
                line["at_us"] = NOW_US
            tx.run("work_history", insert(schema.work_history), lines)


def _piece(camera: str, at: int, count: int) -> dict[str, object]:
    file = f"{camera}/{at}.mkv"
    start_us = NOW_US - (count - at) * 10 * MINUTE_US
    return {"volume": "other" if at % 3 == 0 else "disk", "file": file, "bytes": 10, "start_us": start_us,
            "end_us": start_us + MINUTE_US, "sha256": hashlib.sha256(file.encode()).hexdigest()}  # fmt: skip


def _segment(piece: Mapping[str, object]) -> dict[str, object]:
    return {
        "state": "sealed", "origin": "journal", "boot": "", "start_boot_us": None, "media_bytes": 9, "video_samples": 1,
        "audio_samples": 0, "began": "cut", "ended": "cut", "recovered": False, "removed_why": None, "missing_us": None,
        **{name: value for name, value in piece.items() if name != "volume"},
    }  # fmt: skip


def _delivery(piece: Mapping[str, object], camera: str, target: str, place: int) -> dict[str, object]:
    at_us = int(str(piece["start_us"])) + MINUTE_US
    done = {"address": f"{target}:/x", "verified": "sha256", "object_us": at_us, "done_us": at_us, "last_us": at_us}
    state: dict[str, object] = {"state": "delivered", **done}
    if place <= AT_WORK + 3:
        state = {"state": "sending", "worker": "w", "lease_us": NOW_US, "last_us": NOW_US}
    elif place <= AT_WORK + FAILED + 3:
        state = {"state": "failed", "last_us": NOW_US}
    elif place <= AT_WORK + FAILED + WAIT + 3:
        state = {}
    return {
        **claims.fresh(target, at_us), "rule": "r", "target": target, "kind": "segment", "camera": camera,
        "stream": "main", "site": "", "location": "", "width": 1, "height": 1, "label": "", "key": piece["file"],
        "address": "", "verified": "", "object_us": None, "row_us": None, "differed": 0, "memory": "",
        "created_us": at_us, "done_us": None, **piece, **state,
    }  # fmt: skip


@pytest.fixture(
    scope="module",
    params=["sqlite", "sqlite-statistics", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))],
)
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Both catalogs, of each kind."""
    with ExitStack() as stack:
        made = []
        for count in (FEW, MANY):
            if request.param == "postgresql":
                server: Postgres = request.getfixturevalue("postgres")
                url = stack.enter_context(server.database())
            else:
                path = tmp_path_factory.mktemp("crowd") / "catalog.sqlite"
                shutil.copy(_new_catalog(), path)
                url = f"sqlite:///{path}"
            catalog = stack.enter_context(open_catalog(url))
            fill(catalog, count)
            if request.param == "postgresql":
                with catalog.write() as tx:
                    tx.driver.execute("ANALYZE")
            elif request.param == "sqlite-statistics":
                catalog.optimize()
            made.append(catalog)
        yield Crowd(*made)


def stream_of(tx: Transaction) -> StreamRow:
    """Return the first camera's stream."""
    return cameras.streams(tx, 1)[0]


def waiting(tx: Transaction) -> int:
    """Return the oldest row that waits."""
    return claims.due(tx, KIND, 1, NOW_US, lane="nas", limit=1)[0].number


def soon(_lost: int) -> int:
    """Let a row wait for nothing."""
    return 0


def kept(tx: Transaction) -> object:
    """Write something of its own into each of several rows that are claimed."""
    first = waiting(tx)
    got = claims.claim(tx, KIND, 1, range(first, first + 20), worker="x", now_us=NOW_US, lease_us=9)
    assert got
    return claims_together.keep(tx, {one: {"memory": f"{place}"} for place, one in enumerate(got)})


QUESTIONS: dict[str, Callable[[Transaction], object]] = {
    "sweep: lanes": lambda tx: claims.lanes(tx, KIND, 1),
    "sweep: oldest": lambda tx: claims.due(tx, KIND, 1, NOW_US, lane="nas", limit=5),
    "sweep: newest": lambda tx: claims.due(tx, KIND, 1, NOW_US, lane="nas", limit=5, newest=True),
    "sweep: leases": lambda tx: lost_work.any_expired(tx, KIND, 1, NOW_US - 1),
    "claims: at work": lambda tx: claims.at_work(tx, KIND, 1),
    "claims: held": lambda tx: claims.held(tx, KIND, 1, "w", [3, 4, 5]),
    "claims: made": lambda tx: claims.claim(tx, KIND, 1, [3, 4, 5], worker="x", now_us=NOW_US, lease_us=9),
    "claims: kept": kept,
    "claims: together": lambda tx: delivery_batches.beside(
        tx, 1, "nas", waiting(tx), NOW_US, Most(rows=5, each_bytes=10**9, all_bytes=10**9)
    ),
    "copies: next": lambda tx: delivery_checks.following(tx, 1, "nas", Position(since_us=NOW_US, place=7), 5),
    "claims: expired": lambda tx: lost_work.expire(tx, KIND, 1, now_us=NOW_US - 1, after=soon),
    "claims: void": lambda tx: lost_work.void(tx, KIND, 1, "gone", now_us=NOW_US, after=soon),
    "claims: nothing to set right": lambda tx: lost_work.set_right(tx, KIND, 1, now_us=NOW_US, longest_us=DAY_US),
    "claims: set right": lambda tx: lost_work.set_right(tx, KIND, 1, now_us=NOW_US - 99 * DAY_US, longest_us=DAY_US),
    "addresses": lambda tx: deliveries.addresses(tx, 1, FILES),
    "planned": lambda tx: handing_on.segments(tx, stream_of(tx), NAS, NOW_US - 100 * MINUTE_US, None, 200),
    "planned files": lambda tx: handing_on.planned_sizes(tx, 1, NAS, FILES),
    "superseded": lambda tx: deliveries.superseded(tx, deliveries.get(tx, Id(1, 7))),
    "list": lambda tx: deliveries.page(tx, Wanted(), limit=5),
    "list: of a camera": lambda tx: deliveries.page(tx, Wanted(camera="cam0"), limit=5),
    "list: of a target": lambda tx: deliveries.page(tx, Wanted(target="nas"), limit=5),
    "list: of none": lambda tx: deliveries.page(tx, Wanted(target="other"), limit=5),
    "list: failed": lambda tx: deliveries.page(tx, Wanted(state=DeliveryState.FAILED), limit=5),
    "list: failed of a target": lambda tx: deliveries.page(
        tx, Wanted(target="nas", state=DeliveryState.FAILED), limit=5
    ),
    "list: missing": lambda tx: deliveries.page(tx, Wanted(state=DeliveryState.MISSING), limit=5),
    "list: of a kind": lambda tx: deliveries.page(tx, Wanted(kind=AssetKind.STILL), limit=5),
    "list: of a common kind": lambda tx: deliveries.page(tx, Wanted(kind=AssetKind.SEGMENT), limit=5),
    "list: of a kind and a target": lambda tx: deliveries.page(tx, Wanted(kind=AssetKind.STILL, target="nas"), limit=5),
    "list: of a kind and a camera": lambda tx: deliveries.page(
        tx, Wanted(kind=AssetKind.STILL, camera="cam0"), limit=5
    ),
    "list: failed of a kind": lambda tx: deliveries.page(
        tx, Wanted(kind=AssetKind.SEGMENT, state=DeliveryState.FAILED), limit=5
    ),
    "jobs: missing": lambda tx: work_rows.page(tx, KIND, 1, state="missing", limit=5),
    "jobs: failed": lambda tx: work_rows.page(tx, KIND, 1, state="failed", limit=5),
    "jobs: delivered": lambda tx: work_rows.page(tx, KIND, 1, state="delivered", limit=5),
    "jobs: of a lane": lambda tx: work_rows.page(tx, KIND, 1, lane="nas", limit=5),
    "jobs: of no lane": lambda tx: work_rows.page(tx, KIND, 1, lane="other", limit=5),
    "jobs: failed of a lane": lambda tx: work_rows.page(tx, KIND, 1, lane="nas", state="failed", limit=5),
    "sync: waiting": lambda tx: delivery_stats.pending(tx, 1, "nas", (0, 0), 500),
    "sync: hurried": lambda tx: delivery_stats.hurry(tx, 1, "nas", NOW_US),
    "waiting by camera": lambda tx: delivery_stats.waiting_by_camera(tx, 1, ["nas", "cloud"]),
    "pace": lambda tx: delivery_stats.paces(tx, 1, {"nas": 1}, NOW_US - 300 * MINUTE_US),
    "history: pruned": lambda tx: work_rows.prune_history(tx, 60_000_000),
    "retry: which": lambda tx: work_rows.ended(tx, KIND, 1, "failed", lane="nas"),
    "retry": lambda tx: work_rows.retry(tx, KIND, 1, [1, 2, 3], by="ann", now_us=NOW_US),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_many_rows_cost_as_little_as_few(crowd: Crowd, question: str) -> None:
    """With 25 times as many deliveries none of the questions of sweeps, claims and lists costs more."""
    few, many = (effort(catalog, QUESTIONS[question]) for catalog in (crowd.few, crowd.many))
    assert many <= 2 * few + 200


def test_going_through_all_is_noticed(crowd: Crowd) -> None:
    """A question that no index answers does cost more, or the test above would show nothing."""
    ask = QUESTIONS["list"]

    def every(tx: Transaction) -> object:
        return deliveries.page(tx, Wanted(rule="other"), limit=5)

    assert effort(crowd.few, ask) > 0
    assert effort(crowd.many, every) > 2 * effort(crowd.few, every) + 200

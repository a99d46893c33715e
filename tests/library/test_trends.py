"""C156: what failed, where, why and when; which cameras were away; how storage grew."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update

from holdfast.catalog import deliveries, exports, incidents, nodes, schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.incidents import Picture
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.journal import Sealed
from holdfast.core.timing import HOUR_US, SECOND_US, from_datetime
from holdfast.library.index import Indexer
from holdfast.library.reports import ReportKind, make
from holdfast.library.trends import Growth, of_report
from support.clock import PushedClock
from support.journals import Told

BERLIN = ZoneInfo("Europe/Berlin")


def _fail(catalog: Catalog, node: int, piece: Sealed, target: str, errors: list[tuple[int, str]]) -> None:
    """Plan a delivery, and write down that attempts at it failed."""
    asset = Asset(
        kind=AssetKind.SEGMENT, camera="gate", stream="main", volume="disk", file=piece.file, bytes=piece.bytes,
        sha256=piece.sha256, start_us=piece.start_us, end_us=piece.end_us,
    )  # fmt: skip
    with catalog.write() as tx:
        deliveries.add(tx, node, [Planned(rule="r", target=target, asset=asset, key=piece.file)], piece.end_us)
        number = deliveries.page(tx, deliveries.Wanted(target=target)).rows[0].id.number
        for fence, (at_us, error) in enumerate(errors, 1):
            line = {
                "node": node, "noun": "deliveries", "row_id": number, "fence": fence, "at_us": at_us, "what": "again",
                "worker": "w1", "attempt": fence, "error": error,
            }  # fmt: skip
            tx.run("work_history", insert(schema.work_history).values(line))


def _put_by(catalog: Catalog, node: int, at_us: int) -> None:
    """A picture of an incident, an export that is here, one that is gone, and one of a camera that is unknown."""
    case = Case(IncidentType.FREEZE, Stage.RESOLVED, start_us=at_us, bad_us=at_us, good_us=at_us + 1)
    picture = Picture(number=1, at_us=at_us, volume="disk", file="f.jpg", width=1, height=1, bytes=7)
    with catalog.write() as tx:
        incidents.add_pictures(tx, incidents.put(tx, node, "gate", case, now_us=at_us), [picture])
        for streams, size, state in (
            ("gate/main", 20, "done"),
            ("gate/main gate/sub", 10, "expired"),
            ("x/main", 5, "done"),
        ):
            wanted = exports.Wanted(
                streams=streams, from_us=1, to_us=2, format="zip", cut=False, asked_by="", purpose=""
            )  # fmt: skip
            made = exports.add(tx, node, wanted, at_us)
            values = {"state": state, "bytes": size, "file": "f" if state == "done" else "", "done_us": at_us}
            where = schema.exports.c.id == made.number
            tx.run("exports", update(schema.exports).where(where).values(**values, expires_us=at_us))


def test_a_month_shows_what_goes_wrong_again_and_again(tmp_path: Path) -> None:
    """Failures are counted by target, error and the site's hour; outages by camera with their main reason."""
    clock = PushedClock(from_datetime(datetime(2026, 4, 30, 22, tzinfo=UTC)))
    told = Told(tmp_path / "disk", clock)
    told.open()
    first = told.record(12 * 3600)
    told.down("stalled", 600)
    second = told.record(12 * 3600 - 600, "r2")
    told.down("unreachable", 3600)
    third = told.record(23 * 3600, "r3")
    told.remove(first)
    told.die()
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        Indexer(catalog, {"disk": tmp_path / "disk"}, clock).pass_once()
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
        at_us = second.start_us
        _fail(catalog, node, second, "archive", [(at_us, "no answer"), (at_us + 1, "no answer"), (at_us + 2, "full")])
        _fail(catalog, node, third, "cloud", [(at_us + HOUR_US, "refused")])
        _put_by(catalog, node, at_us)
        report = make(catalog, ReportKind.MONTHLY, date(2026, 5, 9), BERLIN, clock.wall_us())
        found = of_report(catalog, report)
        other = of_report(catalog, make(catalog, ReportKind.MONTHLY, date(2026, 4, 9), BERLIN, clock.wall_us()))
    assert [(one.target, one.error, one.count) for one in found.failures] == [
        ("archive", "no answer", 2), ("archive", "full", 1), ("cloud", "refused", 1),
    ]  # fmt: skip
    assert [hour for hour, count in enumerate(found.failures[0].hours) if count] == [12]
    (outage,) = found.outages
    assert (outage.camera, outage.count, outage.reason) == ("gate", 2, "unreachable")
    assert outage.lost_us == 4200 * SECOND_US
    assert found.days[:2] == ("2026-05-01", "2026-05-02")
    footage = found.storage[0]
    assert isinstance(footage, Growth)
    assert footage.added[:3] == (first.bytes + second.bytes, third.bytes, 0)
    assert footage.kept[:3] == (second.bytes, third.bytes, 0)
    assert [(one.name, one.added[:2], one.kept[:2]) for one in found.storage[2:]] == [
        ("evidence", (7, 0), (7, 0)), ("exports", (30, 0), (20, 0)),
    ]  # fmt: skip
    assert (other.failures, other.outages, len(other.storage)) == ((), (), 2)

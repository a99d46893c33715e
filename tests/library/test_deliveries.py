"""How a target stands, in words: the worst thing first, with what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from holdfast.catalog import claims, schema, work_rows
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import Id
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import NotFound, TargetFull, TargetRefused
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.library import deliveries
from holdfast.library.deliveries import TargetNow
from support.handed import Handed
from support.sending import Sending


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


def now(site: Handed) -> TargetNow:
    """Return how the target stands."""
    (found,) = deliveries.targets(site.catalog, site.loaded.config, "local", site.clock.wall_us())
    return found


def refusing(*_: object, **__: object) -> None:
    """Stands for a target that takes nothing."""
    raise TargetRefused("nas: no right to write", hint="give it")


def full(*_: object) -> None:
    """Stand for a target without room."""
    raise TargetFull("nas: no space left", hint="make room")


def test_from_nothing_to_everything(pushed: Catalog, tmp_path: Path) -> None:
    """A target has nothing to send, then files on their way, then all has arrived, with its rate (C085)."""
    site = Handed(tmp_path, pushed)
    assert (now(site).health, now(site).sentence) == ("well", "nothing to send yet")
    for number in range(4):
        site.segment(number - 4)
    site.handing.once()
    assert now(site).waiting.count == 4
    assert now(site).drain_s is None
    with Sending(site, together=False) as sending:
        sending.drain(most=2)
        found = now(site)
        assert (found.health, found.pace.files, found.waiting.count) == ("busy", 2, 2)
        assert found.drain_s == pytest.approx(300, rel=0.1)
        assert list(found.cameras) == ["gate"]
        sending.drain()
    assert (now(site).health, now(site).drain_s) == ("well", 0.0)


def test_a_backlog_without_arrivals_is_stalled(pushed: Catalog, tmp_path: Path) -> None:
    """What waits for long while nothing arrives is called stalled, also where no worker runs at all (F20)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    site.handing.once()
    site.clock.sleep(20 * MINUTE_US / 1e6)
    assert (now(site).health, "worker" in now(site).hint) == ("stalled", True)


def test_a_target_that_takes_nothing_is_not_busy(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a try that came to nothing it is said why, and no time is promised, until something arrives again (F20)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        sending.drain()
        site.clock.sleep(60)
        site.segment(1)
        monkeypatch.setattr(sending.deliver.ways["nas"].target, "put", full)
        sending.drain()
        held = now(site)
        assert (held.health, held.drain_s, held.hint) == ("stalled", None, "make room")
        assert held.sentence == "2 files waiting; the last try came to nothing: nas: no space left"
        monkeypatch.undo()
        sending.wait(600)
        sending.drain()
    assert (now(site).health, now(site).drain_s) == ("well", 0.0)


@pytest.mark.parametrize(
    ("make", "health"),
    [
        (lambda site: deliveries.pause(site.catalog, site.loaded.config, "local", "nas", "ann", 1, on=True), "paused"),
        (lambda site: deliveries.pause(site.catalog, site.loaded.config, "local", "", "ann", 1, on=True), "paused"),
        (lambda _site: None, "stalled"),
    ],
)
def test_what_holds_a_target_is_told(
    pushed: Catalog, tmp_path: Path, make: Callable[[Handed], object], health: str
) -> None:
    """A pause of it or of all, and a target that was taken out of the configuration while files wait, are told."""
    cloud = f'[targets.cloud]\ntype = "folder"\npath = "{tmp_path / "cloud"}"\n'
    site = Handed(tmp_path, pushed, more=cloud)
    site.segment(0)
    site.handing.once()
    make(site)
    if health == "stalled":
        config = site.loaded.config.model_copy(update={"targets": {"cloud": site.loaded.config.targets["cloud"]}})
        found = deliveries.targets(site.catalog, config, "local", site.clock.wall_us())
        assert {one.name: one.health for one in found} == {"cloud": "well", "nas": "stalled"}
        assert "not configured" in found[1].sentence
        return
    found = deliveries.targets(site.catalog, site.loaded.config, "local", site.clock.wall_us())
    assert {one.name: one.health for one in found}["nas"] == health


def test_what_failed_is_counted_and_tried_again(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed file makes the target need somebody; tried again it may arrive, and ids that there are not are told."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        monkeypatch.setattr(sending.deliver.ways["nas"].target, "put", refusing)
        sending.drain()
        assert "cannot send" in now(site).sentence
        monkeypatch.undo()
        with pytest.raises(NotFound):
            deliveries.retry(site.catalog, "local", "ann", site.clock, ids=[Id(site.node, 77)])
        assert deliveries.retry(site.catalog, "local", "ann", site.clock, target="nas") == 1
        sending.drain()
    assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]
    assert now(site).health == "well"


def test_all_of_many_are_tried_again(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many failed, all are tried again, in pieces that are told; what is missing only where that is meant."""
    monkeypatch.setattr(deliveries, "_AT_ONCE", 4)
    site = Handed(tmp_path, catalog)
    for number in range(11):
        site.segment(number)
    site.handing.once()
    ends = {"failed": range(1, 10), "missing": range(10, 12)}
    with catalog.write() as tx:
        for state, numbers in ends.items():
            for number in numbers:
                now_us = claims.time_us(tx, site.clock.wall_us())
                (one,) = claims.claim(tx, deliveries.KIND, site.node, [number], worker="w", now_us=now_us, lease_us=9)
                claims.finish(tx, one, state, now_us=now_us, error="x")
    told: list[int] = []
    assert deliveries.retry(catalog, "local", "ann", site.clock, done=told.append) == 9
    assert told == [4, 8, 9]
    assert [row.state.value for row in site.rows()] == ["pending"] * 9 + ["missing"] * 2
    assert deliveries.retry(catalog, "local", "ann", site.clock, ids=[Id(site.node, 11)]) == 1
    assert deliveries.retry(catalog, "local", "ann", site.clock, missing=True) == 1
    assert {row.state.value for row in site.rows()} == {"pending"}
    with catalog.read() as tx:
        (line, _) = work_rows.history(tx, deliveries.KIND, Id(site.node, 10))
    assert (line.what, line.worker) == ("retried", "ann")


def test_cleaning_up_goes_through_all(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run counts all records that would go, however many; so many go then, in pieces, and the others stay."""
    monkeypatch.setattr(deliveries, "_AT_ONCE", 2)
    site = Handed(tmp_path, catalog)
    for number in range(7):
        site.segment(number)
    with Sending(site) as sending:
        sending.drain()
    with catalog.write() as tx:
        tx.run(
            "gone", update(schema.segments).where(schema.segments.c.id != 3).values(state="removed", removed_why="x")
        )
    later_us = SystemClock().wall_us() + 8 * DAY_US
    assert deliveries.cleanup(catalog, "local", later_us, dry_run=True) == 6
    assert deliveries.cleanup(catalog, "local", later_us) == 6
    assert [row.id.number for row in site.rows()] == [3]


def test_records_are_cleaned_up(pushed: Catalog, tmp_path: Path) -> None:
    """Records of delivered files stay while the files are here: retention needs them (C071)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        sending.drain()
    assert deliveries.cleanup(site.catalog, "local", site.clock.wall_us() + 8 * DAY_US) == 0
    assert len(site.rows()) == 1

"""Sending to a target: everything verified, everything once, whatever breaks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import incidents, lost_work
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.core.errors import ContentDiffers, DiskFull, NotFound, TargetAway, TargetBarred, TargetRefused
from holdfast.core.incident import IncidentType
from holdfast.library import archive_incidents, kept
from holdfast.storage import volume
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.many import Item
from holdfast.work import deliver
from holdfast.work.hold import TELL_US
from support.handed import RULE, Handed
from support.sending import Sending
from support.small_disk import fill, small_disk


def states(site: Handed) -> list[str]:
    """Return the states of all deliveries, oldest first."""
    return [row.state.value for row in site.rows()]


def verified(site: Handed, row: DeliveryRow) -> int:
    """Return how many targets hold a verified copy of a delivery's asset."""
    return len({one.target for one in site.rows() if one.asset == row.asset and one.object_us is not None})


def incident(site: Handed) -> str | None:
    """Return what the target's open incident says; None where there is none."""
    with site.catalog.read() as tx:
        found = archive_incidents.find(tx, site.node, "nas")
    return None if found is None else found.detail


def failing(monkeypatch: pytest.MonkeyPatch, sending: Sending, error: Exception, when: Callable[[str], bool]) -> None:
    """Let the target fail for some keys."""
    target = sending.deliver.ways["nas"].target
    real, many = target.put, target.put_many  # type: ignore[attr-defined]  # a folder takes many

    def put(source: Path, key: str, *rest: Any) -> Any:
        if when(key):
            raise error
        return real(source, key, *rest)

    def put_many(items: list[Item], going: Going) -> Any:
        for item in items:
            yield from [(item, error)] if when(item.key) else many([item], going)

    monkeypatch.setattr(target, "put", put)
    monkeypatch.setattr(target, "put_many", put_many)


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed; PostgreSQL has one of its own."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


def test_everything_arrives_verified(catalog: Catalog, tmp_path: Path) -> None:
    """Files arrive whole under their names, are acknowledged in rows and journals, and are sent once (C068, F21)."""
    site = Handed(tmp_path, catalog)
    files = [site.segment(number) for number in range(3)]
    with Sending(site) as sending:
        assert sending.drain() > 0
        assert sending.drain() == 0
    assert site.arrived() == {file: (site.volume / file).read_bytes() for file in files}
    row = site.rows()[0]
    assert (row.state, row.verified, row.attempts, row.error) == (DeliveryState.DELIVERED, "sha256", 1, "")
    assert row.address.endswith(files[0])
    assert verified(site, row) == 1
    assert [line["file"] for line in site.acknowledgements()] == files


def test_a_target_that_is_away_loses_nothing(pushed: Catalog, tmp_path: Path) -> None:
    """With the target's folder gone one row asks again, ever more rarely; back, all of it drains in time (F17, F24)."""
    site = Handed(tmp_path, pushed)
    site.nas.rename(tmp_path / "away")
    for number in range(20):
        site.segment(number)
    with Sending(site) as sending:
        sending.drain()
        for _ in range(60):
            sending.wait(60)
            sending.drain()
        touched = [row for row in site.rows() if row.attempts]
        assert set(states(site)) == {"pending"}
        assert sum(row.attempts for row in touched) <= 70
        assert "nas" in str(incident(site))
        assert touched[0].error
        (tmp_path / "away").rename(site.nas)
        assert sending.drained_within(600)
    assert len(site.arrived()) == 20
    assert incident(site) is None


def test_an_empty_mount_point_is_never_filled(catalog: Catalog, tmp_path: Path) -> None:
    """Where the target's disk is not mounted nothing is written into the folder below (C072)."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    (site.nas / ".holdfast-target").unlink()
    with Sending(site) as sending:
        sending.drain()
    assert (states(site), site.arrived()) == (["pending"], {})


def test_one_bad_file_among_a_hundred(catalog: Catalog, tmp_path: Path) -> None:
    """A file that is not what it was fails alone and is listed with a hint; the other 99 arrive (F19, F35)."""
    site = Handed(tmp_path, catalog)
    for number in range(100):
        site.segment(number)
    site.handing.once()
    bad = site.rows()[40]
    (site.volume / bad.asset.file).write_bytes(b"x" * bad.asset.bytes)
    with Sending(site) as sending:
        sending.drain()
    found = site.rows(state=DeliveryState.FAILED)
    assert [row.id for row in found] == [bad.id]
    assert "does not hold" in found[0].error
    assert found[0].hint
    assert len(site.arrived()) == 99
    assert verified(site, bad) == 0
    with site.catalog.read() as tx:
        kinds = [row.type for row in incidents.page(tx, incidents.Wanted()).rows]
    assert kinds == [IncidentType.ARCHIVE]


def test_a_file_that_is_gone_is_missing(pushed: Catalog, tmp_path: Path) -> None:
    """A file that was deleted before it was sent is told as missing; with its whole disk away it waits (C070)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    site.handing.once()
    (site.volume / site.rows()[0].asset.file).unlink()
    marker = site.volume / volume.MARKER
    body = marker.read_bytes()
    marker.unlink()
    with Sending(site) as sending:
        sending.drain()
        assert states(site) == ["pending"]
        marker.write_bytes(body)
        sending.wait(10)
        sending.drain()
    assert states(site) == ["missing"]


@pytest.mark.parametrize("how", ["not configured", "damaged marker"])
def test_a_file_on_a_doubtful_volume_waits(pushed: Catalog, tmp_path: Path, how: str) -> None:
    """A file that is not seen on a volume that is not configured, or has a damaged marker, is not missing (C070)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    site.handing.once()
    (site.volume / site.rows()[0].asset.file).unlink()
    if how == "damaged marker":
        (site.volume / volume.MARKER).write_bytes(b"?")
    with Sending(site) as sending:
        if how == "not configured":
            sending.deliver._volumes.clear()
        sending.drain()
    assert states(site) == ["pending"]
    assert "wait" in site.rows()[0].error


def test_only_the_source_that_is_gone_is_missing(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what was made of a file went, and the file itself is there, the delivery is tried again (C070)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        failing(monkeypatch, sending, NotFound("1.age is not there any more"), lambda _key: True)
        sending.drain()
        assert states(site) == ["pending"]
        monkeypatch.undo()
        assert sending.drained_within(60)
    assert states(site) == ["delivered"]


def test_a_checksum_that_differs_twice_is_permanent(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrives otherwise is sent once more, then fails with a hint and an incident (C069)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        failing(monkeypatch, sending, ContentDiffers("nas: not what was sent"), lambda _key: True)
        sending.drain()
        assert states(site) == ["pending"]
        sending.wait(10)
        sending.drain()
    assert states(site) == ["failed"]
    assert "not what was sent" in str(incident(site))


@pytest.mark.parametrize("together", [True, False])
def test_what_is_refused_fails_alone_but_not_everything(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, together: bool
) -> None:
    """A key that has expired fails a handful of files and holds the rest, instead of failing all of them (F43)."""
    site = Handed(tmp_path, pushed)
    for number in range(50):
        site.segment(number)
    with Sending(site, together=together) as sending:
        failing(monkeypatch, sending, TargetRefused("nas: no right to write"), lambda _key: True)
        for _ in range(12):
            sending.drain()
            sending.wait(300)
        assert 3 <= states(site).count("failed") <= 16
        assert incident(site)
        monkeypatch.undo()
        sending.wait(600)
        sending.drain()
    assert states(site).count("delivered") == 50 - states(site).count("failed")
    assert incident(site) is None


@pytest.mark.parametrize("together", [True, False])
def test_a_target_that_lets_us_not_in_fails_no_file(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, together: bool
) -> None:
    """With a wrong key everything waits and somebody is told at once; mended, all goes on by itself (F43)."""
    site = Handed(tmp_path, pushed)
    for number in range(20):
        site.segment(number)
    with Sending(site, together=together) as sending:
        failing(monkeypatch, sending, TargetBarred("nas: wrong key"), lambda _key: True)
        sending.drain()
        assert "wrong key" in str(incident(site))
        for _ in range(5):
            sending.wait(600)
            sending.drain()
        assert states(site) == ["pending"] * 20
        monkeypatch.undo()
        sending.wait(600)
        sending.drain()
    assert states(site) == ["delivered"] * 20
    assert incident(site) is None


@pytest.mark.parametrize("step", ["before the object", "before the acknowledgement", "before the result"])
def test_a_worker_that_dies_at_any_step(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whoever is killed at any step acknowledges nothing that is not there, and the next one ends it (F21)."""
    site = Handed(tmp_path, catalog)
    site.segment(0)

    class KilledError(BaseException):
        """Stands for SIGKILL: nothing of ours may handle it."""

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with Sending(site) as sending:
        site.handing.once()
        if step == "before the object":
            monkeypatch.setattr(sending.deliver.ways["nas"].target, "put", killed)
        elif step == "before the acknowledgement":
            monkeypatch.setattr(kept, "all_acknowledged", killed)
        else:
            monkeypatch.setattr(deliver.Deliver, "_finish", killed)
        with pytest.raises(KilledError):
            sending.one()
        row = site.rows()[0]
        assert row.state is DeliveryState.SENDING
        assert verified(site, row) == 0
        assert not site.acknowledgements() or site.arrived()
        monkeypatch.undo()
    with Sending(site, "w2") as after:
        with site.catalog.write() as tx:
            lost_work.void(tx, after.kind, site.node, "w1", now_us=site.clock.wall_us(), after=lambda _lost: 0)
        after.drain()
    assert states(site) == ["delivered"]
    assert len(site.arrived()) == 1


def test_a_disk_without_room_does_not_stop_the_way_out(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no room for the kept journal's line the copy counts all the same, and the line is written later (F18)."""
    site = Handed(tmp_path, catalog)
    for number in range(3):
        site.segment(number)

    def full(*_: object) -> None:
        raise DiskFull("no room")

    with Sending(site, together=False) as sending:
        monkeypatch.setattr(kept, "all_acknowledged", full)
        sending.drain(most=2)
        assert states(site).count("delivered") == 2
        assert verified(site, site.rows()[0]) == 1
        monkeypatch.undo()
        sending.drain()
    assert len(site.acknowledgements()) == 3


def test_nothing_goes_outside_the_hours(pushed: Catalog, tmp_path: Path) -> None:
    """Outside its hours a target gets nothing and no row is touched; within them everything goes (C068)."""
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nhours = [{{start = "02:00", end = "04:00"}}]\n'
    site = Handed(tmp_path, pushed, target=nas)
    site.mount()
    arrivals: list[int] = []
    with Sending(site) as sending:
        for number in range(24):
            site.segment(number)
            before = len(site.arrived())
            sending.drain()
            hour = site.clock.wall_us() // 3_600_000_000 % 24
            if len(site.arrived()) > before:
                arrivals.append(hour)
            elif site.rows(state=DeliveryState.PENDING):
                assert not any(row.attempts for row in site.rows(state=DeliveryState.PENDING))
            sending.wait(3600)
    assert arrivals == [2, 3]


def test_old_ones_are_not_starved(catalog: Catalog, tmp_path: Path) -> None:
    """While new files keep arriving the oldest go, and each second turn brings the newest and most urgent (F25, U2)."""
    pictures = '[deliveries.b]\ntarget = "nas"\nassets = ["evidence"]\n'
    site = Handed(tmp_path, catalog, RULE + pictures)
    for number in range(10):
        site.segment(number)
    order: list[str] = []
    with Sending(site, together=False) as sending:
        site.clock.sleep(7200)
        site.handing.once()
        for number in range(5):
            site.incident(100 + number)
            site.handing.once()
            for newest in (True, False):
                sending.one(newest=newest)
                order = [row.key for row in sorted(site.rows(state=DeliveryState.DELIVERED), key=lambda r: r.id)]
    kinds = [row.asset.kind for row in site.rows(state=DeliveryState.DELIVERED)]
    assert kinds.count(AssetKind.EVIDENCE) == 5
    assert [key for key in order if "footage" in key] == site.keys(kind=AssetKind.SEGMENT)[:5]


def test_a_journal_is_sent_up_to_where_it_was_planned(catalog: Catalog, tmp_path: Path) -> None:
    """A journal that grew since it was planned arrives as it was then, and is no bad file."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    site.journal('{"a":1}\n')
    site.handing.once()
    site.journal('{"b":2}\n')
    with Sending(site) as sending:
        sending.drain()
    row = site.rows(kind=AssetKind.JOURNAL)[0]
    assert site.arrived()[row.key] == b'{"a":1}\n'
    assert not list((tmp_path / "state" / "sending").iterdir())


def test_a_whole_journal_replaces_its_parts(pushed: Catalog, tmp_path: Path) -> None:
    """When a day's journal has arrived whole, the parts of it that were sent while the day lasted are removed."""
    site = Handed(tmp_path, pushed, '[deliveries.j]\ntarget = "nas"\nassets = ["journals"]\n')
    site.segment(0)
    path = site.journal('{"a":1}\n')
    base = str(path.relative_to(site.volume))
    with Sending(site) as sending:
        for _ in range(3):
            sending.drain()
            sending.wait(3700)
            with path.open("a") as file:
                file.write('{"b":2}\n')
        assert len(site.arrived()) == 3
        assert base not in site.arrived()
        sending.wait(86_400)
        sending.drain()
    assert site.arrived() == {base: path.read_bytes()}
    assert [row.key for row in site.rows()] == [base]


def test_a_target_away_for_minutes_is_no_incident(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short interruption is retried in silence; after ten minutes it is told once (F20)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        failing(monkeypatch, sending, TargetAway("nas: no answer"), lambda _key: True)
        sending.drain()
        sending.wait(20)
        sending.drain()
        assert incident(site) is None
        for _ in range(40):
            sending.wait(TELL_US / 20e6)
            sending.drain()
        assert "takes nothing" in str(incident(site))


@pytest.mark.needs("mount")
def test_a_full_disk_drains(catalog: Catalog, tmp_path: Path) -> None:
    """With 0 bytes free on the footage's disk everything is sent and counts as verified (F18)."""
    with small_disk(tmp_path / "disk", size_bytes=2_000_000) as disk:
        site = Handed(tmp_path, catalog)
        for number in range(5):
            site.segment(number)
        ballast = fill(disk, leave_bytes=0)
        with Sending(site) as sending:
            sending.drain()
            assert states(site) == ["delivered"] * 5
            assert [bool(row.object_us) for row in site.rows()] == [True] * 5
            ballast.unlink()
            site.segment(5)
            sending.drain()
        assert len({line["file"] for line in site.acknowledgements()}) == 6

"""Many small files in one go: each is what it would be alone, whatever breaks in the midst of it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped] # it comes without types
import pytest

from holdfast.catalog import lost_work, work_controls
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import TargetAway, TargetRefused
from holdfast.library import archive_incidents, kept
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.folder import FolderTarget
from holdfast.storage.targets.many import Item
from holdfast.work.batch import Batch
from holdfast.work.station import Options, Station
from support.handed import Handed
from support.sending import Sending
from support.work import until

STILLS = '[deliveries.a]\ntarget = "nas"\nassets = ["stills"]\n'


@pytest.fixture(name="own")
def _own(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path / 'own.sqlite'}") as made:
        yield made


def states(site: Handed) -> list[str]:
    """Return the states of all deliveries, oldest first."""
    return [row.state.value for row in site.rows()]


def carried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count what folders are given together from now on."""
    sizes: list[int] = []
    real = FolderTarget.put_many

    def put_many(self: FolderTarget, items: Any, going: Going) -> Any:
        sizes.append(len(items))
        yield from real(self, items, going)

    monkeypatch.setattr(FolderTarget, "put_many", put_many)
    return sizes


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Item], Exception | None]) -> list[str]:
    """Let folders fail for some keys, one after the other; the keys that they were given."""
    given: list[str] = []
    real = FolderTarget.put_many

    def put_many(self: FolderTarget, items: Any, going: Going) -> Any:
        for item in items:
            given.append(item.key)
            error = answer(item)
            yield from [(item, error)] if error else real(self, [item], going)

    monkeypatch.setattr(FolderTarget, "put_many", put_many)
    return given


def test_small_files_go_together_and_large_ones_alone(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch arrives whole, verified and said in one write a journal; what is large or a journal goes by itself."""
    sizes = carried(monkeypatch)
    writes: list[int] = []
    real = kept.all_acknowledged

    def counted(volumes: Any, copies: Any) -> None:
        writes.append(len(copies))
        real(volumes, copies)

    monkeypatch.setattr(kept, "all_acknowledged", counted)
    site = Handed(tmp_path, catalog)
    files = [site.segment(number) for number in range(20)]
    files.append(site.segment(20, body=b"x" * 1_500_000))
    with Sending(site) as sending:
        sending.drain()
        assert sending.drain() == 0
    assert site.arrived() == {file: (site.volume / file).read_bytes() for file in files}
    assert (sizes, writes) == ([20], [20, 1])
    assert {(row.state, row.verified, row.attempts, row.memory) for row in site.rows()} == {
        (DeliveryState.DELIVERED, "sha256", 1, "")
    }
    assert sorted(str(line["file"]) for line in site.acknowledgements()) == files


def test_one_bad_among_many_fails_alone(own: Catalog, tmp_path: Path) -> None:
    """A file that changed and one that is gone fail by themselves; the others of their batch arrive (F19)."""
    site = Handed(tmp_path, own, STILLS)
    files = [site.still(number) for number in range(30)]
    site.handing.once()
    (site.volume / files[4]).write_bytes(b"x")
    (site.volume / files[9]).unlink()
    with Sending(site) as sending:
        sending.drain()
    assert {name: states(site).count(name) for name in states(site)} == {"delivered": 28, "failed": 1, "missing": 1}
    assert len(site.arrived()) == 28


def test_a_target_that_is_away_touches_one_row(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a target goes in the midst of a batch, one row asks again and the rest is as if never touched (F17, F24)."""
    site = Handed(tmp_path, own, STILLS)
    for number in range(30):
        site.still(number)
    with Sending(site) as sending:
        answering(monkeypatch, lambda item: TargetAway("gone") if item.key > site.keys()[9] else None)
        sending.drain()
        assert states(site).count("delivered") == 10
        assert sum(row.attempts for row in site.rows() if row.state == "pending") == 1
        monkeypatch.undo()
        assert sending.drained_within(60)
    assert len(site.arrived()) == 30


def test_refusals_hold_the_target(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that expires within a batch fails three files, not all of them, and one asks again after a wait (F43)."""
    site = Handed(tmp_path, own, STILLS)
    for number in range(30):
        site.still(number)
    with Sending(site) as sending:
        answering(monkeypatch, lambda _item: TargetRefused("no right"))
        sending.drain()
        assert (states(site).count("failed"), states(site).count("pending")) == (3, 27)
        assert sending.kind.limit("nas") == 0


@pytest.mark.parametrize("step", ["before any word", "between the words"])
def test_a_killed_worker_redoes_what_has_no_word(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """After a kill in a batch everything is at its target once, under its own name and with its own content (F21)."""

    class KilledError(BaseException):
        """Stands for SIGKILL: nothing of ours may handle it."""

    def killed(*_: object) -> None:
        raise KilledError

    site = Handed(tmp_path, catalog, STILLS)
    files = [site.still(number) for number in range(20)]
    with Sending(site) as sending:
        site.handing.once()
        if step == "before any word":
            monkeypatch.setattr(kept, "all_acknowledged", killed)
        else:
            monkeypatch.setattr(Batch, "finish", killed)
        with pytest.raises(KilledError):
            sending.one()
        assert set(states(site)) == {"sending"}
        monkeypatch.undo()
    given = carried(monkeypatch)
    with Sending(site, "w2") as after:
        with site.catalog.write() as tx:
            lost_work.void(tx, after.kind, site.node, "w1", now_us=site.clock.wall_us(), after=lambda _lost: 0)
        after.drain()
    assert site.arrived() == {file: (site.volume / file).read_bytes() for file in files}
    assert set(states(site)) == {"delivered"}
    assert given == []  # what somebody died of goes alone, and lies there already


def test_sealed_ones_are_sealed_once(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of a batch is sealed by itself; after a kill what lies there is found, not sent anew (F21)."""
    key = pyrage.x25519.Identity.generate()
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nencrypt = ["{key.to_public()}"]\n'
    site = Handed(tmp_path, own, STILLS, target=nas)
    site.mount()
    files = [site.still(number) for number in range(5)]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with Sending(site) as sending:
        monkeypatch.setattr(kept, "all_acknowledged", killed)
        with pytest.raises(KeyboardInterrupt):
            sending.drain()
        there = site.arrived()
        monkeypatch.undo()
        with site.catalog.write() as tx:
            lost_work.void(tx, sending.kind, site.node, "w1", now_us=site.clock.wall_us(), after=lambda _lost: 0)
        sending.drain()
    assert site.arrived() == there
    for file in files:
        assert pyrage.decrypt(there[f"{file}.age"], [key]) == (site.volume / file).read_bytes()
    assert set(states(site)) == {"delivered"}
    assert not list((tmp_path / "state" / "sending").iterdir())


def test_a_batch_heals(own: Catalog, tmp_path: Path) -> None:
    """The incident of a target closes with the batch that it takes."""
    site = Handed(tmp_path, own, STILLS)
    site.still(0), site.still(1)
    with own.write() as tx:
        archive_incidents.open_one(tx, site.node, "nas", "away", 1)
    with Sending(site) as sending:
        sending.drain()
    with own.read() as tx:
        assert archive_incidents.find(tx, site.node, "nas") is None


def test_a_stop_ends_a_batch(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops a target in the midst of a batch gets back what is not sent yet, unharmed and without an attempt."""
    site = Handed(tmp_path, own, STILLS)
    for number in range(20):
        site.still(number)
    begun = threading.Event()

    def put_many(self: FolderTarget, items: Any, going: Going) -> Any:
        for number, item in enumerate(items):
            if number == 5:
                begun.set()
                until(going.told_to_stop)
            yield item, self.put(item.source, item.key, item.content, going) if number < 5 else TargetAway("stopped")

    monkeypatch.setattr(FolderTarget, "put_many", put_many)
    site.handing.once()
    with (
        Sending(site) as sending,
        Station(own, site.node, [sending.kind], site.clock, Options(worker="w2")) as station,
    ):
        until(begun.is_set)
        with own.write() as tx:
            stopped = work_controls.Running.STOPPED
            work_controls.set_state(tx, site.node, "deliver", "nas", stopped, again=False, by="ann", now_us=1)
        until(lambda: not station.running())
    rows = site.rows()
    # The newest has a place of its own, and goes alone where all others are at work.
    assert [row.state for row in rows].count(DeliveryState.DELIVERED) in {5, 6}
    assert {row.attempts for row in rows if row.state is DeliveryState.PENDING} == {0}


def test_bandwidth_bounds_a_batch(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a limit of bandwidth a batch lasts some seconds at most, and the limit holds."""
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nbandwidth = "2kB"\n'
    site = Handed(tmp_path, own, STILLS, target=nas)
    site.mount()
    for number in range(40):
        site.still(number, body=bytes([number]) * 1000)
    sizes = carried(monkeypatch)
    with Sending(site) as sending:
        began_us = site.clock.boot_us()
        sending.drain()
        took_s = (site.clock.boot_us() - began_us) / 1e6
    assert max(sizes) <= 10
    assert 18 <= took_s <= 23
    assert set(states(site)) == {"delivered"}


def test_receipts_are_of_the_right_rows(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outcomes that come in another order than the files went belong to their own rows."""
    real = FolderTarget.put_many

    def backwards(self: FolderTarget, items: Any, going: Going) -> Any:
        yield from reversed(list(real(self, items, going)))

    monkeypatch.setattr(FolderTarget, "put_many", backwards)
    site = Handed(tmp_path, own, STILLS)
    for number in range(10):
        site.still(number)
    with Sending(site) as sending:
        sending.drain()
    assert [row.address for row in site.rows()] == [str(site.nas / row.key) for row in site.rows()]

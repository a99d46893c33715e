"""What is said about footage that must stay, has copies or was deleted, and what each way of reading makes of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import cameras, segments
from holdfast.catalog.db import Catalog
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import StorageError, VolumeMissing
from holdfast.core.journal import Sealed
from holdfast.core.kept import Deleted, Held, Released
from holdfast.library import kept
from holdfast.library.check import check
from holdfast.library.index import Indexer
from holdfast.library.kept import Acknowledgement, Copies, Instance, journal_of_segment
from holdfast.library.reindex import reindex
from holdfast.library.timeline import stream_timeline
from holdfast.library.verify import verify
from holdfast.storage.volume import MARKER, create_marker
from support.clock import PushedClock
from support.journals import Told


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="told")
def _told(tmp_path: Path, clock: PushedClock) -> Told:
    create_marker(tmp_path / "disk", 0)
    return Told(tmp_path / "disk", clock)


def asset_of(sealed: Sealed, volume: str = "disk") -> Asset:
    """A segment as deliveries know it."""
    return Asset(
        kind=AssetKind.SEGMENT, camera="gate", stream="main", volume=volume, file=sealed.file, bytes=sealed.bytes,
        sha256=sealed.sha256, start_us=sealed.start_us, end_us=sealed.end_us,
    )  # fmt: skip


def delete(root: Path, sealed: Sealed, at_us: int) -> None:
    """Delete a file as policy does: the line first."""
    event = Deleted(file=sealed.file, sha256=sealed.sha256, bytes=sealed.bytes, why="older than 7 days")
    kept.deleted({"disk": root}, [("disk", event)], at_us)
    (root / sealed.file).unlink()


def test_copies_are_of_an_instance(told: Told, clock: PushedClock) -> None:
    """A copy counts for the file with its checksum alone, once a target, until it is withdrawn (F21)."""
    told.open()
    one = told.record(60)
    roots = {"disk": told.root}
    journal = journal_of_segment(one.file)
    instance = Instance("disk", one.file, one.sha256)
    copies = Copies(roots)
    assert copies.targets(instance, journal) == frozenset()
    kept.acknowledged(roots, asset_of(one), "nas", "nas:/a", clock.wall_us())
    kept.acknowledged(roots, asset_of(one), "nas", "nas:/a", clock.wall_us())
    assert copies.targets(instance, journal) == {"nas"}
    kept.all_acknowledged(
        roots, [Acknowledgement(asset=asset_of(one), target="s3", address="s3://b/a", at_us=clock.wall_us())]
    )
    assert copies.targets(instance, journal) == {"nas", "s3"}
    assert copies.targets(instance._replace(sha256="0" * 64), journal) == frozenset()
    assert copies.targets(instance._replace(volume="other"), journal) == frozenset()
    kept.withdrawn(roots, asset_of(one), "nas", "not there any more", clock.wall_us())
    assert copies.targets(instance, journal) == {"s3"}
    told.die()


def test_pictures_are_acknowledged_beside_the_footage_of_their_day(told: Told, clock: PushedClock) -> None:
    """What is of no stream is told of in the main stream's kept journal of its day."""
    still = replace(
        asset_of(told.record(1)), kind=AssetKind.STILL, stream="", file="stills/gate/x.jpg", start_us=0, end_us=0
    )
    kept.acknowledged({"disk": told.root}, still, "nas", "nas:/x.jpg", clock.wall_us())
    assert "stills/gate/x.jpg" in (told.root / "footage/gate/main/1970-01-01.kept.journal").read_text()
    told.die()


def test_a_volume_that_is_away_is_said(told: Told, clock: PushedClock) -> None:
    """Whoever acknowledges what lies on no volume of ours, or on one that is away, is told so."""
    one = told.record(1)
    told.die()
    with pytest.raises(VolumeMissing):
        kept.acknowledged({}, asset_of(one), "nas", "nas:/a", clock.wall_us())
    with pytest.raises(VolumeMissing):
        kept.acknowledged({"disk": told.root / "away"}, asset_of(one), "nas", "nas:/a", clock.wall_us())
    event = Held(uid="h", camera="gate", from_us=0, to_us=1, hold="legal", why="", who="")
    with pytest.raises(VolumeMissing):
        kept.hold_said({"disk": told.root / "away"}, "gate", 0, event, 1)


def test_holds_stand_until_they_are_released(told: Told, clock: PushedClock) -> None:
    """A hold is what was said of it last, on whichever volume."""
    other = told.root.parent / "other"
    create_marker(other, 0)
    first, second = {"disk": told.root, "other": other}, {"disk": told.root / "away", "other": other}
    hold = Held(uid="h1", camera="gate", from_us=0, to_us=10, hold="legal", why="theft", who="anna")
    longer = replace(hold, to_us=20)
    kept.hold_said(first, "gate", 0, hold, 1)
    kept.hold_said(second, "gate", 0, longer, 2)
    kept.hold_said(first, "gate", 0, replace(hold, uid="h2"), 3)
    standing, released = kept.holds(first, [told.key])
    assert (standing, released) == ({"h1": (2, longer), "h2": (3, replace(hold, uid="h2"))}, {})
    over = Released(uid="h2", who="anna", why="")
    kept.hold_said(second, "gate", 0, over, 4)
    standing, released = kept.holds(first, [told.key])
    assert (set(standing), released) == ({"h1"}, {"h2": (4, over)})


def test_the_loss_of_a_volume_loses_no_hold(told: Told, clock: PushedClock) -> None:
    """A hold is written on each volume that is there; one that refuses it is no reason to have none (C080)."""
    other = told.root.parent / "other"
    create_marker(other, 0)
    both = {"disk": told.root, "other": other}
    hold = Held(uid="h1", camera="gate", from_us=0, to_us=10, hold="legal", why="theft", who="anna")
    kept.hold_said(both, "gate", 0, hold, 1)
    for root in both.values():
        assert set(kept.holds({"one": root}, [told.key])[0]) == {"h1"}
    # A folder in the place of the journal is what the second one cannot write.
    late = replace(hold, uid="h2", from_us=10**15, to_us=2 * 10**15)
    (other / "footage/gate/main/2001-09-09.kept.journal").mkdir()
    kept.hold_said(both, "gate", late.from_us, late, 2)
    (told.root / "footage/gate/main/2001-09-09.kept.journal").unlink()
    (told.root / "footage/gate/main/2001-09-09.kept.journal").mkdir()
    with pytest.raises(StorageError):
        kept.hold_said(both, "gate", late.from_us, late, 2)


def test_a_mount_point_is_no_volume(told: Told, clock: PushedClock) -> None:
    """Where a disk is away nothing is said of holds or copies, and whoever asks is told what to do (F12)."""
    one = told.record(1)
    told.die()
    before = sorted(told.root.rglob("*"))
    (told.root / MARKER).unlink()
    hold = Held(uid="h", camera="gate", from_us=0, to_us=1, hold="legal", why="", who="")
    with pytest.raises(VolumeMissing, match="no volume is there to write a hold to") as caught:
        kept.hold_said({"disk": told.root}, "gate", 0, hold, 1)
    assert "holdfast volumes adopt" in caught.value.hint
    with pytest.raises(VolumeMissing):
        kept.acknowledged({"disk": told.root}, asset_of(one), "nas", "nas:/a", clock.wall_us())
    assert [path for path in before if path.name != MARKER] == sorted(told.root.rglob("*"))


def test_a_file_that_is_there_was_not_deleted(told: Told, clock: PushedClock) -> None:
    """The last word about a file is the file: brought back, or spared by a hold, it is told as footage again (C067)."""
    roots = {"disk": told.root}
    told.open()
    old, other = told.record(60), told.record(60)
    body = (told.root / old.file).read_bytes()
    for one in (old, other):
        delete(told.root, one, clock.wall_us())
    told.close()
    assert set(kept.deletions(roots, told.key)) == {Instance("disk", one.file, one.sha256) for one in (old, other)}
    (told.root / old.file).parent.mkdir(exist_ok=True)
    (told.root / old.file).write_bytes(body)
    (told.root / other.file).write_bytes(b"something else")
    assert set(kept.deletions(roots, told.key)) == {Instance("disk", other.file, other.sha256)}
    line = stream_timeline(roots, told.key, clock.wall_us())
    assert [segment.removed_why for segment in line.segments] == [None, "older than 7 days"]


def test_deleted_by_policy_is_not_lost(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """Rows, a rebuilt catalog, journals alone, check and verify tell what policy deleted as removed (C067)."""
    roots = {"disk": told.root}
    told.open()
    old, kept_one = told.record(60), told.record(60)
    indexer = Indexer(catalog, roots, clock)
    indexer.pass_once()
    delete(told.root, old, clock.wall_us())
    told.record(60)
    told.close()
    line = stream_timeline(roots, told.key, clock.wall_us())
    assert [segment.removed_why for segment in line.segments] == ["older than 7 days", None, None]
    assert not verify(roots).findings
    reindex(catalog, roots, clock)
    assert states(catalog) == {old.file: "older than 7 days", kept_one.file: None, line.segments[2].file[5:]: None}
    assert not check(catalog, roots, clock).violations


def test_the_indexer_takes_no_deletion_back(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A row that policy removed stays so while the recorder's journal goes on; a new file of that name is a new one."""
    roots = {"disk": told.root}
    told.open()
    old = told.record(60)
    indexer = Indexer(catalog, roots, clock)
    indexer.pass_once()
    delete(told.root, old, clock.wall_us())
    with catalog.write() as tx:
        stream = next(iter(cameras.streams(tx)))
        segments.set_removed(tx, stream.id, 1, {old.file: "older than 7 days"})
    told.record(60)
    indexer.pass_once()
    assert states(catalog)[old.file] == "older than 7 days"
    clock.step(-120)
    clock.advance(0.5)
    again = told.seal(old.file, clock.wall_us())
    indexer.pass_once()
    assert again.sha256 != old.sha256
    assert states(catalog)[old.file] is None
    told.close()


def states(catalog: Catalog) -> dict[str, str | None]:
    """Why each file was removed, None for those that are here."""
    with catalog.read() as tx:
        return {
            row.file: row.removed_why
            for stream in cameras.streams(tx)
            for row in segments.starting_at(tx, stream.id, None)
        }

"""Delivered copies are read again and again: what is wrong or gone there is found, told, and sent anew (U1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import delivery_checks, work_controls
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import DiskError
from holdfast.core.timing import DAY_US
from holdfast.library import archive_incidents, kept
from holdfast.storage.targets.folder import FolderTarget
from holdfast.work import reverify
from holdfast.work.reverify import Reverify
from support.handed import Handed
from support.sending import Sending

SEGMENTS = '[deliveries.archive]\ntarget = "nas"\nassets = ["segments"]\n'
MONTH_S = 31 * DAY_US / 1e6


@pytest.fixture(name="own")
def _own(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path / 'own.sqlite'}") as made:
        yield made


def walker(sending: Sending) -> Reverify:
    """Return what goes through the copies of a node."""
    site = sending.site
    return Reverify(site.catalog, site.node, site.loaded.config, sending.deliver.ways, site.clock)


def delivered(site: Handed, sending: Sending, count: int = 4) -> list[str]:
    """Deliver some segments, and let a minute pass."""
    files = [site.segment(number) for number in range(count)]
    sending.drain()
    sending.wait(60)
    return files


def counted(site: Handed) -> list[str]:
    """Return the files that retention counts a copy of."""
    copies = kept.Copies({"disk": site.volume})
    return [
        row.asset.file
        for row in site.rows()
        if copies.targets(
            kept.Instance("disk", row.asset.file, row.asset.sha256), kept.journal_of_segment(row.asset.file)
        )
    ]


def incident(site: Handed) -> str:
    """Return what the target's open incident says; empty where there is none."""
    with site.catalog.read() as tx:
        found = archive_incidents.find(tx, site.node, "nas")
    return "" if found is None else found.detail


@pytest.mark.parametrize("how", ["a flipped bit", "gone", "cut", "a link"])
def test_what_is_wrong_is_found_and_sent_again(catalog: Catalog, tmp_path: Path, how: str) -> None:
    """One flipped bit or a missing file counts for nothing at once, is told, and is delivered anew (U1)."""
    site = Handed(tmp_path, catalog, SEGMENTS)
    with Sending(site) as sending:
        files = delivered(site, sending)
        walk = walker(sending)
        assert walk.once() is None
        copy = site.nas / files[1]
        body = copy.read_bytes()
        copy.unlink()
        if how == "a flipped bit":
            copy.write_bytes(bytes([body[0] ^ 1]) + body[1:])
        elif how == "cut":
            copy.write_bytes(body[:-1])
        elif how == "a link":
            copy.symlink_to(site.volume / files[1])
        sending.wait(MONTH_S)
        assert walk.once() is None
        row = site.rows()[1]
        assert (row.state, row.object_us, row.address) == (DeliveryState.PENDING, None, "")
        assert row.error
        assert counted(site) == [files[0], *files[2:]]
        assert "sent again" in incident(site)
        sending.drain()
    assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED] * 4
    assert site.arrived() == {file: (site.volume / file).read_bytes() for file in files}
    assert counted(site) == files
    assert incident(site) == ""


def test_a_target_that_is_away_is_not_told_as_wrong(
    own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is unmounted in the midst of a walk says nothing of its copies; the walk goes on where it was."""
    site = Handed(tmp_path, own, SEGMENTS)
    with Sending(site) as sending:
        files = delivered(site, sending)
        looked: list[str] = []
        real = FolderTarget.look

        def look(self: FolderTarget, key: str, *rest: object) -> object:
            looked.append(key)
            if len(looked) == 3:
                site.nas.rename(tmp_path / "away")
                site.nas.mkdir()  # what an empty mount point looks like
            return real(self, key, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(FolderTarget, "look", look)
        walk = walker(sending)
        assert walk.once() is None
        assert (looked, counted(site), incident(site)) == (files[:3], files, "")
        site.nas.rmdir()
        (tmp_path / "away").rename(site.nas)
        walk.once()
        walk.once()
    assert looked == [*files[:3], *files[2:]]
    assert {row.state for row in site.rows()} == {DeliveryState.DELIVERED}


def test_nothing_to_send_again(own: Catalog, tmp_path: Path) -> None:
    """Where the file here is gone or changed too, what lies there stays for a person, and nothing is sent."""
    site = Handed(tmp_path, own, SEGMENTS)
    with Sending(site) as sending:
        files = delivered(site, sending, 2)
        for file in files:
            (site.nas / file).write_bytes(b"wrong")
        (site.volume / files[0]).unlink()
        (site.volume / files[1]).write_bytes(b"changed")
        walker(sending).once()
        assert [(row.state, bool(row.hint)) for row in site.rows()] == [(DeliveryState.FAILED, True)] * 2
        assert set(site.arrived().values()) == {b"wrong"}
        assert counted(site) == []
        assert "cannot be sent again" in incident(site)


def test_a_line_that_cannot_be_withdrawn_changes_nothing(
    own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the journal takes no line, the wrong copy and its delivery stay as they are; it is looked at again."""
    site = Handed(tmp_path, own, SEGMENTS)
    with Sending(site) as sending:
        files = delivered(site, sending, 2)
        (site.nas / files[0]).write_bytes(b"wrong")

        def refuse(*_: object) -> None:
            raise DiskError("read-only")

        monkeypatch.setattr(kept, "withdrawn", refuse)
        walk = walker(sending)
        with pytest.raises(DiskError):
            walk.once()
        assert (site.nas / files[0]).read_bytes() == b"wrong"
        assert {row.state for row in site.rows()} == {DeliveryState.DELIVERED}
        monkeypatch.undo()
        walk.once()
        assert site.rows()[0].state is DeliveryState.PENDING


def test_each_copy_once_in_a_period(own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk is done in slices, over restarts; then nothing is read until the period is over, or for ever where 0."""
    site = Handed(tmp_path, own, SEGMENTS)
    looked: list[str] = []
    real = FolderTarget.look

    def look(self: FolderTarget, key: str, *rest: object) -> object:
        looked.append(key)
        return real(self, key, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderTarget, "look", look)
    with Sending(site) as sending:
        files = delivered(site, sending, 3)
        monkeypatch.setattr(reverify, "SLICE_S", 0.0)
        turns = 0
        while walker(sending).once() is not None:  # another process each time
            turns += 1
        assert (looked, turns) == (files, 3)
        monkeypatch.setattr(reverify, "SLICE_S", 5.0)
        sending.wait(MONTH_S / 2)
        assert (walker(sending).once(), looked) == (None, files)
        sending.wait(MONTH_S)
        walker(sending).once()
        assert looked == files * 2
        nas = f'[targets.nas]\ntype = "folder"\npath = "{site.nas}"\nverify_days = 0\n'
        site.target = nas
        site.again(SEGMENTS)
        sending.wait(MONTH_S)
    with Sending(site) as sending:
        walker(sending).once()
    assert looked == files * 2


def test_a_paused_target_is_left_alone(own: Catalog, tmp_path: Path) -> None:
    """Who pauses a target has its disk to themselves: nothing is read there either."""
    site = Handed(tmp_path, own, SEGMENTS)
    with Sending(site) as sending:
        delivered(site, sending, 1)
        with own.write() as tx:
            paused = work_controls.Running.PAUSED
            work_controls.set_state(tx, site.node, "deliver", "nas", paused, again=False, by="ann", now_us=1)
        walker(sending).once()
        with own.read() as tx:
            assert delivery_checks.walks(tx, site.node) == {}


def test_what_was_sealed_or_made_anew_is_known(own: Catalog, tmp_path: Path) -> None:
    """A copy in another form is held against what was sent, not against the file that it was made of."""
    import pyrage  # type: ignore[import-untyped] # noqa: PLC0415 - for this test alone

    key = pyrage.x25519.Identity.generate()
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nencrypt = ["{key.to_public()}"]\n'
    site = Handed(tmp_path, own, SEGMENTS, target=nas)
    site.mount()
    with Sending(site) as sending:
        files = delivered(site, sending, 3)
        sealed = site.nas / f"{files[0]}.age"
        sealed.write_bytes(sealed.read_bytes()[:-1] + b"?")
        walker(sending).once()
        assert [row.state.value for row in site.rows()] == ["pending", "delivered", "delivered"]
        sending.drain()
    assert pyrage.decrypt(sealed.read_bytes(), [key]) == (site.volume / files[0]).read_bytes()


@pytest.mark.parametrize("left", [0, 1])
def test_a_target_without_a_marker_that_shows_nothing(
    own: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Where nothing says which disk it is, copies that are all gone are told and believed in; with one left they go."""
    monkeypatch.setattr(reverify, "_has_marker", lambda _way: False)
    site = Handed(tmp_path, own, SEGMENTS)
    with Sending(site) as sending:
        files = delivered(site, sending, 5)
        for file in files[left:]:
            (site.nas / file).unlink()
        assert walker(sending).once() is None
    states = [row.state for row in site.rows()]
    assert states.count(DeliveryState.PENDING) == (4 if left else 0)
    assert ("is its disk mounted" in incident(site)) is not bool(left)


def test_a_row_at_the_table_is_not_doubled(own: Catalog, tmp_path: Path) -> None:
    """A copy that is sent again finds the row about it, and writes no second one (F23)."""
    from support.postgrest import postgrest  # noqa: PLC0415 - for this test alone

    with postgrest() as table:
        site = Handed(
            tmp_path, own,
            '[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\nname = "shop"\n'
            f'row = {{url = "{table.url}", table = "t", key = "k", preset = "shop"}}\n',
        )  # fmt: skip
        site.still(0)
        with Sending(site) as sending:
            sending.drain()
            sending.wait(60)
            ((name, _),) = site.arrived().items()
            (site.nas / name).unlink()
            walker(sending).once()
            sending.drain()
        assert len(table.rows) == 1
        assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]
        assert site.arrived()

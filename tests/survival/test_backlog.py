"""A target that is away until the disk is full, and comes back: nothing goes unsent, all of it drains (F17, F18)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.journal import Sealed
from holdfast.library import retention
from holdfast.library.check import check
from holdfast.library.index import Indexer
from holdfast.work.retain import Passed, Retainer
from support.handed import Handed
from support.journals import Told
from support.sending import Sending
from support.small_disk import fill, small_disk

MIB = 1 << 20
BODY = bytes(MIB // 2)
RULE = '[deliveries.archive]\ntarget = "nas"\nassets = ["segments"]\n'


@dataclass
class Node:
    """State, catalog and footage of a node on one small disk; its target is on another one."""

    site: Handed
    told: Told

    def record(self, count: int, run: str = "r1") -> list[Sealed]:
        """Record and index files."""
        found = [self.told.record(600, run, body=b"%d" % at + BODY) for at in range(count)]
        self.index()
        return found

    def index(self) -> None:
        """Bring the catalog up to date."""
        Indexer(self.site.catalog, {"disk": self.site.volume}, self.site.clock).pass_once()

    def clean(self) -> Passed:
        """Take a pass of retention."""
        return Retainer(self.site.catalog, self.site.clock).run(self.site.loaded.config)

    def here(self) -> set[str]:
        """What is on the disk."""
        return {path.relative_to(self.site.volume).as_posix() for path in self.site.volume.rglob("*.mp4")}


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[Node]:
    with small_disk(tmp_path / "small", size_bytes=40 * MIB) as disk:
        (disk / "state").mkdir()
        target = f'reserve = "0 MB"\n[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\n'
        with open_catalog(f"sqlite:///{disk}/state/catalog.sqlite") as catalog:
            site = Handed(disk, catalog, RULE, target=target)
            site.nas = tmp_path / "nas"
            told = Told(site.volume, site.clock)  # type: ignore[arg-type] # it is the one that is pushed
            told.open()
            retention.confirm(catalog, site.clock)
            yield Node(site, told)
            told.die()


@pytest.mark.needs("mount")
def test_days_without_the_target_and_then_all_of_it_drains(node: Node) -> None:
    """Not a byte is free when the target is back: everything arrives and makes room, with no human act (F17, F18)."""
    files = {one.file for one in node.record(12)}
    with Sending(node.site) as sending:
        for _ in range(3):
            sending.drain()
            node.site.clock.sleep(3600)
        node.clean()
        ballast = fill(node.site.root, leave_bytes=0)
        for _ in range(6):
            assert node.clean().deleted == ()
            # Until a pass found no room for a row either, and gave back what is kept for that.
            with suppress(CatalogUnavailable):
                sending.drain()
            node.site.clock.sleep(3600)
        assert node.here() == files, "what waits for its copy stays, however full it is"

        node.site.mount()
        assert sending.drained_within(600)
        assert set(node.site.arrived()) == files
        gone = {one.piece.file for one in node.clean().deleted}
    assert gone
    assert gone < files, "no more goes than room is needed for"
    new = {one.file for one in node.record(1, "r2")}
    assert node.here() == (files - gone) | new, "there is room for new footage"
    ballast.unlink()
    assert not check(node.site.catalog, {"disk": node.site.volume}, node.site.clock).violations

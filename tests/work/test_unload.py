"""What leaves memory: held files to their volumes, others by the way of every deletion."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import holds as held
from holdfast.catalog import nodes, removals
from holdfast.core.camera import StreamKey
from holdfast.core.footage import stream_folder
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import kept, ram, retention
from holdfast.library.check import check
from holdfast.library.coverage import of_spans
from holdfast.work.unload import Unloader
from support.kept_node import KEPT, KeptNode
from support.ram import in_memory, lay_in_memory, shm

GATE = StreamKey("gate", "main")
LIVE = f"{KEPT}[cameras.gate.capture]\nmode = 'ram'\n[cameras.gate.retention]\nonly = 'live'\nholds = []\n"


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    """A node whose memory nine files of a minute fill to nine tenths."""
    with shm() as folder:
        node = KeptNode(tmp_path, f"[memory]\ndir = '{folder}'\ncap = 16000000\n{LIVE}")
        ((root, memory),) = ram.memories(node.config).values()
        for number in range(9):
            sealed = node.told.record(60, body=bytes([number]) * 1_600_000)
            lay_in_memory(root, memory, sealed.file)
        node.index()
        retention.confirm(node.catalog, node.clock)
        yield node
        node.close()


def test_what_is_dropped_is_counted_and_shown(node: KeptNode) -> None:
    """C081: rows, kept journals, coverage and check agree on what went, and why; the next look finds nothing to do."""
    unloader, before = Unloader(node.catalog, node.clock), sorted(node.here())
    done = unloader.run(node.config)
    ((_, memory),) = ram.memories(node.config).values()
    assert (len(done.dropped), done.moved, done.problems) == (3, (), ())
    assert in_memory(memory) == before[3:] == sorted(node.here())
    why = "only for live view, and its memory was needed"
    assert node.removed() == dict.fromkeys(before[:3], why)
    assert set(kept.deletions(node.roots, GATE).values()) == {why}
    assert check(node.catalog, node.roots, node.clock).violations == ()
    now_us = node.clock.wall_us()
    (shown,) = of_spans(node.catalog, [("all", (0, now_us))], now_us)
    assert (shown.removed_us, shown.missing_us) == (180_000_000, 0)
    assert unloader.run(node.config).dropped == ()


def test_what_is_held_is_moved_and_the_rest_makes_room(node: KeptNode) -> None:
    """C081: a hold takes its files to the disk, whole and under the same paths, before anything is dropped."""
    files = sorted(node.here())
    begin_us = node.clock.wall_us() - 9 * 60_000_000
    with node.catalog.write() as tx:
        from_us = begin_us + 61_000_000
        hold = Hold(uid="h", camera="gate", kind=HoldKind.LEGAL, from_us=from_us, to_us=from_us + 1_000_000)
        held.put(tx, 1, hold, who="ann", set_us=node.clock.wall_us())
    done = Unloader(node.catalog, node.clock).run(node.config)
    assert [file for _, file in done.moved] == files[:2]
    assert done.dropped == ()
    assert [(node.disk / file).is_symlink() for file in files] == [False] * 2 + [True] * 7
    assert (node.disk / files[1]).read_bytes() == bytes([1]) * 1_600_000
    assert {one.number for one in check(node.catalog, node.roots, node.clock).violations} == {"K1"}  # no pass yet


def test_in_doubt_nothing_is_dropped(node: KeptNode) -> None:
    """While nothing may be deleted (C067), what would be dropped goes to the disk."""
    node.clock.sync = False
    retention.doubt(node.catalog, node.clock, "the clock was set")
    done = Unloader(node.catalog, node.clock).run(node.config)
    assert (len(done.moved), done.dropped) == (3, ())
    assert node.removed() == {}


def test_a_hold_that_comes_in_between_is_seen(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that was set after the decision and before the deletion protects all the same (D7)."""
    decide = ram.outlook

    def outlook(*args: object, **more: object) -> ram.Outlook:
        found = decide(*args, **more)  # type: ignore[arg-type]
        with node.catalog.write() as tx:
            hold = Hold(uid="h", camera="gate", kind=HoldKind.LEGAL, from_us=0, to_us=node.clock.wall_us())
            held.put(tx, 1, hold, who="ann", set_us=node.clock.wall_us())
        return found

    monkeypatch.setattr(ram, "outlook", outlook)
    assert Unloader(node.catalog, node.clock).run(node.config).dropped == ()
    assert len(node.here()) == 9


def test_what_was_begun_by_somebody_killed_is_ended(node: KeptNode) -> None:
    """F11: rows that say a file is being dropped are gone on with, whatever of the steps was done by then."""
    files = sorted(node.here())
    found = ram.outlook(node.catalog, node.config, node.clock, may_drop=True)
    with node.catalog.write() as tx:
        number = nodes.find(tx, "local") or 0
        begun = [
            removals.Removal(
                volume="main", file=one.piece.file, sha256=one.piece.sha256, bytes=one.piece.bytes, camera="gate",
                why=one.why,
            )
            for one in found.drop[:1]
        ]  # fmt: skip
        removals.begin(tx, number, begun, node.clock.wall_us())
    Unloader(node.catalog, node.clock).run(node.config)
    with node.catalog.read() as tx:
        assert removals.pending(tx, number, 9) == []
    assert files[0] in node.removed()
    assert not (node.disk / stream_folder(GATE) / files[0]).exists()

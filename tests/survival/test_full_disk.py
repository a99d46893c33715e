"""A full disk costs what policy allows, and is emptied without a human act (R6, F17, F18)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.journal import Sealed
from holdfast.library.check import check
from holdfast.library.retention import confirm
from holdfast.work.retain import Passed, Retainer
from support.kept_node import KEPT, KeptNode
from support.small_disk import fill, small_disk

MIB = 1 << 20
pytestmark = [pytest.mark.needs("mount")]


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    """A node whose state, catalog and footage lie on one small disk, and that wants a copy of everything."""
    with small_disk(tmp_path / "disk", size_bytes=48 * MIB) as root:
        node = KeptNode(root, KEPT + "[cameras.gate.retention]\ncopies = 1\n", disk=root / "vol")
        confirm(node.catalog, node.clock)
        yield node
        node.close()


def run(node: KeptNode) -> Passed:
    """One pass."""
    return Retainer(node.catalog, node.clock).run(node.config)


def footage(node: KeptNode, count: int) -> list[Sealed]:
    """Files of footage, recorded and indexed."""
    files = node.record(count)
    node.later(1)
    return files


def test_days_without_the_target_delete_nothing(node: KeptNode) -> None:
    """While the target is away and the disk is full, not one file that waits for its copy goes (F17)."""
    files = footage(node, 8)
    fill(node.root, leave_bytes=MIB)
    for _ in range(3):
        assert run(node).deleted == ()
        node.clock.advance(600)
    assert node.here() == {one.file for one in files}


def test_the_backlog_drains_with_no_byte_free(node: KeptNode) -> None:
    """With 0 bytes free at the target's return copies are acknowledged, files go, and everything agrees (F18)."""
    files = footage(node, 8)
    run(node)
    fill(node.root, leave_bytes=0)
    node.send(*files[:5])
    passed = run(node)
    assert [one.piece.file for one in passed.deleted] == [one.file for one in files[:5]]
    assert node.here() == {one.file for one in files[5:]}
    assert set(node.removed()) == {one.file for one in files[:5]}
    (node.root / "ballast").unlink()
    node.index()
    assert not check(node.catalog, node.roots, node.clock).violations


def test_a_policy_may_let_the_oldest_go_unsent(node: KeptNode) -> None:
    """Where the policy says so the oldest goes though it waits for its copy, and each is told as such (C079)."""
    files = footage(node, 4)
    node.write("[retention]\ndisk_full = 'oldest'\n" + KEPT + "[cameras.gate.retention]\ncopies = 1\n")
    node.send(files[2])
    run(node)
    fill(node.root, leave_bytes=0)
    passed = run(node)
    assert passed.deleted[0].piece.file == files[2].file
    assert [one.why for one in passed.deleted[1:]] == ["room was needed, although it waits for its copies"] * 3
    assert node.here() == set()

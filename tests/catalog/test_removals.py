"""What there is to decide about, what is being deleted, and whether anything may be; on both databases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import nodes, removals
from holdfast.catalog.db import Catalog
from holdfast.catalog.removals import Removal, Standing
from holdfast.core.camera import StreamKey
from holdfast.core.journal import Sealed
from holdfast.core.timing import HOUR_US
from holdfast.core.trust import Trust
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told

NOW = 1_790_000_000_000_000


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="files")
def _files(catalog: Catalog, tmp_path: Path, clock: PushedClock) -> list[Sealed]:
    """Five files of the gate's two streams, indexed."""
    main, sub = Told(tmp_path, clock), Told(tmp_path, clock, StreamKey("gate", "sub"))
    main.open()
    sub.open()
    found = [main.record(600), main.record(600), main.record(600), sub.record(600), sub.record(600)]
    main.die()
    sub.die()
    Indexer(catalog, {"disk": tmp_path}, clock).pass_once()
    return found


def removal(one: Sealed, **more: Any) -> Removal:
    """The deletion of a file."""
    return replace(
        Removal(volume="disk", file=one.file, sha256=one.sha256, bytes=one.bytes, camera="gate", why="age"), **more
    )


def test_files_come_oldest_first_some_at_a_time(
    catalog: Catalog, files: list[Sealed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every finished file that is here comes once, oldest first, however many come at once."""
    monkeypatch.setattr(removals, "_BATCH", 2)
    with catalog.read() as tx:
        node = nodes.find(tx, "local")
        assert node is not None
        streams = removals.streams(tx, node)
        assert [camera for _, camera in streams] == ["gate", "gate"]
        found = [[piece.file for some in removals.finished(tx, node, *one) for piece in some] for one in streams]
        assert found == [[one.file for one in files[:3]], [one.file for one in files[3:]]]
        assert removals.edges_us(tx, node) == (files[0].start_us, files[-1].end_us)
        assert removals.oldest_us(tx, node) == {("disk", "gate"): files[0].start_us}
        assert [removals.newest_us(tx, node, stream) for stream, _ in streams] == [
            {"disk": files[2].start_us}, {"disk": files[4].start_us},
        ]  # fmt: skip
        end_us = files[-1].end_us
        assert removals.intake(tx, node, 0, end_us) == {("disk", "gate"): sum(one.bytes for one in files)}
        assert removals.intake(tx, node, end_us - 1, end_us) == {("disk", "gate"): files[-1].bytes}
        assert removals.intake(tx, node, end_us, end_us + HOUR_US) == {}


def test_only_the_same_finished_instance_is_deleted(catalog: Catalog, files: list[Sealed]) -> None:
    """A deletion begins for a file whose row says the same content, once, and ends in the row with its reason."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        right, wrong = removal(files[0]), removal(files[1], sha256="0" * 64)
        assert removals.begin(tx, node, [right, wrong, removal(files[2], volume="other")], NOW) == [right]
        assert removals.begin(tx, node, [right], NOW) == [right]
        assert removals.pending(tx, node, 10) == [right]
        removals.end(tx, node, [right])
        assert removals.pending(tx, node, 10) == []
        assert removals.begin(tx, node, [right], NOW) == []
        left = [
            piece.file for one in removals.streams(tx, node)
            for some in removals.finished(tx, node, *one) for piece in some
        ]  # fmt: skip
        assert left == [one.file for one in files[1:]]
        removals.put(tx, node, [wrong], NOW)
        removals.drop(tx, node, [wrong])
        assert removals.pending(tx, node, 10) == []


def test_in_whose_place_something_else_lies_is_missing(catalog: Catalog, files: list[Sealed]) -> None:
    """What is refused is decided about no more, and what lies on a volume that is away holds up nothing."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        begun = removals.begin(tx, node, [removal(files[0]), removal(files[1])], NOW)
        assert removals.pending(tx, node, 10, volumes=["other"]) == []
        assert removals.pending(tx, node, 1, volumes=["disk", "other"]) == begun[:1]
        removals.refuse(tx, node, begun[:1], NOW)
        assert removals.pending(tx, node, 10) == begun[1:]
        left = [
            piece.file for one in removals.streams(tx, node)
            for some in removals.finished(tx, node, *one) for piece in some
        ]  # fmt: skip
        assert left == [one.file for one in files[1:]]


def test_a_catalog_says_when_it_began(catalog: Catalog) -> None:
    """It is when it first saw the node, however often that is said."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        nodes.ensure(tx, "local", NOW + 1)
        assert removals.begun_us(tx, node) == NOW


def test_whether_anything_may_be_deleted_is_remembered(catalog: Catalog) -> None:
    """A catalog that nobody looked at knows nothing; afterwards doubt, clock and levels are what was said last."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        assert removals.standing(tx, node) is None
        assert removals.edges_us(tx, node) is None
        first = Standing(trust=Trust(wall_us=NOW, boot_us=5, boot="b1"), levels={})
        removals.stand(tx, node, first)
        assert removals.standing(tx, node) == first
        doubt = Trust(off_why="the clock was set", off_us=NOW, wall_us=NOW, boot_us=6, boot="b1")
        removals.stand(tx, node, Standing(trust=doubt, passed_us=NOW, levels={}))
        removals.set_levels(tx, node, {"main": "warning"})
        assert removals.standing(tx, node) == Standing(trust=doubt, passed_us=NOW, levels={"main": "warning"})

"""Clips over a stream's files and journals: what is remembered, what is removed meanwhile, what they are called."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.errors import Conflict, NotFound, StorageError
from holdfast.core.gap import Gap, GapReason
from holdfast.core.journal import Removed
from holdfast.library.clips import SETTLED_US, Clip, Clips, Hole, closed_up, make, write
from holdfast.library.footage import Piece, Stretch
from support.clips import write_run
from support.clock import PushedClock
from support.journals import Told
from support.media import GATE, WALL_US, encode, write_part

S = 1_000_000
SPAN = (WALL_US + 500_000, WALL_US + 7 * S)


class Node:
    """A stream of eight seconds in four files, with its journal; a minute later."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = PushedClock(WALL_US)
        self.told = Told(root, self.clock)
        self.told.open()
        self.files = write_run(root, encode("h264", seconds=8), say=self.told.say)
        self.clock.advance(8 + SETTLED_US / S)
        self.told.close()
        self.volumes = {"main": root}

    def made(self, span: tuple[int, int] = SPAN) -> Clip:
        return make(self.volumes, GATE, span, now_us=self.clock.wall_us(), catalog=None)

    def remove(self, path: Path) -> None:
        path.unlink()
        self.told = Told(self.root, self.clock)
        self.told.say(Removed(file=path.relative_to(self.root).as_posix(), bytes=1, why="reserve"))
        self.told.writer.close()


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Node:
    return Node(tmp_path / "disk")


def test_a_span_that_is_over_is_planned_once(node: Node) -> None:
    """C101: whoever asks for parts gets parts of the same bytes, also after others have asked for other clips."""
    clips = Clips(node.clock)
    first = clips.clip(node.volumes, GATE, SPAN, None, anew=True)
    assert first.final
    assert clips.clip(node.volumes, GATE, SPAN, None, anew=True) is first
    assert clips.clip(node.volumes, GATE, (SPAN[0], SPAN[1] - S), None, anew=True) is not first
    assert clips.clip(node.volumes, GATE, SPAN, None, anew=False) is first
    assert Clips(node.clock).clip(node.volumes, GATE, SPAN, None, anew=True).etag == first.etag


def test_a_growing_span_keeps_its_bytes_for_who_began(node: Node) -> None:
    """C101: of a span that is being recorded, parts belong to the last beginning; who begins anew gets more."""
    later = WALL_US + 3600 * S
    node.clock.advance((later - node.clock.wall_us()) / S)
    node.told.open()
    write_part(node.root, encode("h264", seconds=4), start_us=later, run="run-2").abandon()
    node.clock.advance(4)
    clips = Clips(node.clock)
    span = (WALL_US, later + 60 * S)
    first = clips.clip(node.volumes, GATE, span, None, anew=True)
    assert not first.final
    assert clips.clip(node.volumes, GATE, span, None, anew=False) is first
    assert clips.clip(node.volumes, GATE, span, None, anew=True) is not first
    node.told.die()


def test_memory_is_bounded(node: Node) -> None:
    """Plans that were not asked for lately go when there are too many bytes of them; the newest one stays."""
    clips = Clips(node.clock, kept_bytes=1)
    for length in (3, 4, 5):
        clips.clip(node.volumes, GATE, (WALL_US, WALL_US + length * S), None, anew=True)
        assert len(clips._kept) == 1


def test_removed_footage_is_left_out_and_named(node: Node) -> None:
    """F55: a file that was removed since is a hole in the next clip, and cuts off who reads the last one."""
    clips = Clips(node.clock)
    first = clips.clip(node.volumes, GATE, SPAN, None, anew=True)
    assert [hole.reason for hole in first.gaps] == []
    node.remove(node.files[1])
    second = clips.clip(node.volumes, GATE, SPAN, None, anew=True)
    assert [hole.reason for hole in second.gaps] == ["removed"]
    assert second.etag != first.etag
    assert second.plan.duration_us < first.plan.duration_us
    with pytest.raises(NotFound):
        b"".join(first.read(node.volumes, at, 4096) for at in range(0, first.plan.bytes, 4096))
    for path in (node.files[0], *node.files[2:]):
        node.remove(path)
    with pytest.raises(NotFound, match="was removed"):
        node.made()


def test_holes_are_cut_to_the_span() -> None:
    """C101: what is missing is told within the span and up to now, gaps and removed footage in order."""
    piece = Piece(volume="main", file="x", start_us=40, end_us=60, growing=False)
    gaps = (Gap(0, 20, GapReason.STALLED, "x"), Gap(80, 200, GapReason.DISABLED), Gap(5, 10, GapReason.AUTH))
    stretch = Stretch(key=GATE, from_us=10, to_us=150, pieces=(), gaps=gaps, removed=(piece,))
    assert [(h.start_us, h.end_us, h.reason) for h in closed_up(stretch, 100)] == [
        (10, 20, "stalled"), (40, 60, "removed"), (80, 100, "disabled"),
    ]  # fmt: skip
    assert closed_up(stretch, 100)[0] == Hole(10, 20, "stalled", "x")


def test_named_in_the_sites_time(node: Node) -> None:
    """C101: a clip is called after camera and begin, in the site's time with its offset."""
    made = node.made()
    assert made.name(ZoneInfo("Europe/Berlin")) == "gate_2026-09-21_161320+0200.mp4"
    sub = replace(made, key=replace(GATE, stream="sub"))
    assert sub.name(ZoneInfo("UTC")) == "gate-sub_2026-09-21_141320+0000.mp4"


def test_a_side_is_in_the_name_and_in_the_file(node: Node) -> None:
    """C020: the side that a camera sees is part of a clip's name, and told in the file beside camera and stream."""
    made = make(node.volumes, GATE, SPAN, now_us=node.clock.wall_us(), catalog=None, side="left")
    assert made.name(ZoneInfo("UTC")) == "gate-left_2026-09-21_141320+0000.mp4"
    assert b'"side":"left"' in made.plan.front
    assert b'"side"' not in node.made().plan.front
    clips = Clips(node.clock)
    sides = [clips.clip(node.volumes, GATE, SPAN, None, anew=True, side=side).side for side in ("left", "right", "")]
    assert sides == ["left", "right", ""]


def test_written_whole_or_not_at_all(node: Node, tmp_path: Path) -> None:
    """C101: a clip's file appears when it is whole; nothing is written over unasked, and a failure leaves nothing."""
    made = node.made()
    target = tmp_path / "clip.mp4"
    seen: list[tuple[int, int]] = []
    write(made, node.volumes, target, seen=lambda done, total: seen.append((done, total)))
    assert target.stat().st_size == made.plan.bytes
    assert seen[-1] == (made.plan.bytes, made.plan.bytes)
    with pytest.raises(Conflict):
        write(made, node.volumes, target)
    write(made, node.volumes, target, replace=True)
    with pytest.raises(StorageError):
        write(made, node.volumes, tmp_path / "absent" / "clip.mp4")
    node.files[-1].unlink()
    with pytest.raises(NotFound):
        write(made, node.volumes, tmp_path / "other.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "disk"]

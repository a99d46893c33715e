"""Lists over a stream's files and journals, with a clock that is pushed; real players are in tests/api/test_hls.py."""

from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.footage import PART
from holdfast.library.hls import LIVE_ENTRIES, LiveLists, check_span, file_named, past
from holdfast.library.hls_list import PlayList
from holdfast.media.index_of import Indexes
from holdfast.media.segment import SegmentFile
from support.clock import PushedClock
from support.media import GATE, WALL_US, Footage, encode, fragments, head, wall_of
from support.pictures import tell

S = 1_000_000


@pytest.fixture(scope="module", name="long")
def _long() -> Footage:
    """Return a minute with a keyframe each second."""
    return encode("h264", seconds=60, audio=False, b_frames=0)


class Growing:
    """A stream that grows when it is told to: no journal, as where the recorder has not spoken yet."""

    def __init__(self, root: Path, footage: Footage, clock: PushedClock) -> None:
        self.root, self.footage, self.clock = root, footage, clock
        self._groups = iter(fragments(footage))
        self._segment: SegmentFile | None = None
        self._start_us = self._end_us = clock.wall_us()
        self._shift_us = self._start_us - WALL_US

    def grow(self, seconds: float) -> None:
        """Write on, in the rhythm of the clock."""
        for _ in range(round(seconds * 2)):
            group = next(self._groups)
            wall_us = wall_of(self.footage, group) + self._shift_us
            if self._segment is None:
                self._start_us = wall_us
                self._segment = SegmentFile.create(
                    self.root, head(start_us=wall_us), self.footage.tracks, segment_s=600
                )  # fmt: skip
            self._segment.write(group, wall_us)
            self._end_us = wall_us + S // 2
            self.clock.advance(0.5)

    def cut(self) -> None:
        """Finish the file; the next one is of the same run."""
        assert self._segment is not None
        self._segment.seal(start_us=self._start_us, end_us=self._end_us, ended="cut")
        self._segment = None

    def leave(self) -> None:
        """Go without a word."""
        if self._segment is not None:
            self._segment.abandon()


def _names(found: PlayList) -> dict[int, tuple[str, int]]:
    return {number: (entry.segment, entry.offset) for number, entry in enumerate(found.entries, found.number)}


def test_live_list_moves_on_over_files(tmp_path: Path, long: Footage) -> None:
    """C021: over a cut and at any rhythm of looking, entries keep their numbers, none is left out, old ones go."""
    clock = PushedClock()
    stream = Growing(tmp_path, long, clock)
    lists = LiveLists(clock, Indexes())
    stream.grow(6)
    known: dict[int, tuple[str, int]] = {}
    for step in range(20):
        found = lists.look({"main": tmp_path}, GATE, lambda: None)
        for number, name in _names(found).items():
            assert known.setdefault(number, name) == name
        assert len(found.entries) <= LIVE_ENTRIES
        assert not any(entry.breaks for entry in found.entries)
        stream.grow(1.5)
        if step == 9:
            stream.cut()
    stream.leave()
    assert sorted(known) == list(range(min(known), max(known) + 1))
    assert len({segment for segment, _ in known.values()}) == 2
    assert found.number > min(known)
    ends = [entry.wall_us + entry.length_us for entry in found.entries]
    assert ends[:-1] == [entry.wall_us for entry in found.entries[1:]]


def test_numbers_survive_a_restart(tmp_path: Path, long: Footage) -> None:
    """C021: a server that has forgotten everything goes on with higher numbers and later times."""
    clock = PushedClock()
    stream = Growing(tmp_path, long, clock)
    stream.grow(20)
    first = LiveLists(clock, Indexes()).look({"main": tmp_path}, GATE, lambda: None)
    stream.grow(4)
    second = LiveLists(clock, Indexes()).look({"main": tmp_path}, GATE, lambda: None)
    stream.leave()
    assert second.number >= first.number + 2
    assert second.entries[-1].place.at_us > first.entries[-1].place.at_us


def test_what_stands_still_is_not_live(tmp_path: Path, long: Footage) -> None:
    """F55: a stream that stopped a minute ago has no live list; it has one again when it goes on."""
    clock = PushedClock()
    stream = Growing(tmp_path, long, clock)
    lists = LiveLists(clock, Indexes())
    stream.grow(10)
    before = lists.look({"main": tmp_path}, GATE, lambda: None)
    clock.advance(61)
    with pytest.raises(NotFound, match="not being recorded"):
        lists.look({"main": tmp_path}, GATE, lambda: None)
    with pytest.raises(NotFound):
        lists.look({"main": tmp_path}, StreamKey("nobody", "main"), lambda: None)
    stream.leave()
    other = Growing(tmp_path, long, clock)
    other.grow(6)
    after = lists.look({"main": tmp_path}, GATE, lambda: None)
    other.leave()
    assert after.number >= before.number + len(before.entries)
    assert after.breaks > before.breaks


def test_a_growing_list_goes_on_between_two_files(tmp_path: Path, long: Footage) -> None:
    """C095: a list that reaches into the future does not end with a file, only where nothing follows for a while."""
    clock = PushedClock()
    began_us = clock.wall_us()
    stream = Growing(tmp_path, long, clock)

    def listed() -> PlayList:
        span = (began_us - S, began_us + 3600 * S)
        return past({"main": tmp_path}, GATE, span, now_us=clock.wall_us(), catalog=None, indexes=Indexes())

    stream.grow(6)
    assert (listed().kind, listed().ended) == ("EVENT", False)
    stream.cut()
    tell(tmp_path, [*tmp_path.rglob("*.mp4")], clock)
    between = listed()
    assert (between.kind, between.ended) == ("EVENT", False)
    assert sum(entry.length_us for entry in between.entries) == 6 * S
    clock.advance(20)
    assert (listed().kind, listed().ended) == ("VOD", True)


def test_spans_that_make_no_sense() -> None:
    """F55: an empty span, a reversed one and one that is too long are the caller's mistakes."""
    assert check_span((5, 6), 10) == (5, 6)
    for span in ((5, 5), (6, 5), (0, 11)):
        with pytest.raises(UsageError):
            check_span(span, 10)


def test_nothing_recorded_says_so(tmp_path: Path) -> None:
    """F55: a span of a stream that nobody knows is not found."""
    with pytest.raises(NotFound, match="nothing was recorded of gate/main"):
        past({"main": tmp_path}, GATE, (WALL_US, WALL_US + S), now_us=WALL_US, catalog=None, indexes=Indexes())


def test_files_are_found_by_name_alone(tmp_path: Path, long: Footage) -> None:
    """F62: a segment's name leads to its file, growing or finished, and no name leads anywhere else."""
    clock = PushedClock()
    stream = Growing(tmp_path, long, clock)
    stream.grow(2)
    (path,) = tmp_path.rglob(f"*{PART}")
    name = path.name.removesuffix(f".mp4{PART}")
    assert (tmp_path / file_named({"main": tmp_path}, GATE, name).file).with_name(path.name) == path
    stream.cut()
    assert (tmp_path / file_named({"main": tmp_path}, GATE, name).file).is_file()
    (tmp_path / "footage" / "gate" / "main" / "secret.mp4").write_bytes(b"x")
    for wrong in (
        "secret",
        "../secret",
        f"{name}.mp4",
        f"../{path.parent.name}/{name}",
        "",
        f"{name}\n",
        f"other_{name}",
    ):
        with pytest.raises(NotFound):
            file_named({"main": tmp_path}, GATE, wrong)

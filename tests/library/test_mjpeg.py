"""What keeps an MJPEG view going, and what ends it: judged with a clock that tests push."""

import threading
from collections.abc import Iterator

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Conflict, NotFound, Unreachable
from holdfast.library import footage
from holdfast.library.mjpeg import BEAT_US, LONGEST_US, Previews
from support.clock import PushedClock
from support.pictures import Recorded, being_recorded
from support.recording import until


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with being_recorded(tmp_path_factory.mktemp("mjpeg"), "h264", segment_s=600, first_file=False) as tree:
        until(lambda: footage.newest(tree.volumes, StreamKey("cam1", "main")))  # its file is there before
        yield tree


class Hurried(PushedClock):
    """Wall time is the host's, boot time is pushed: views grow old while the camera goes on.

    It is not pushed for threads that read footage: they would say that the camera sent nothing for all that time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ahead_us = super().boot_us() - SystemClock().boot_us()

    def wall_us(self) -> int:
        return SystemClock().wall_us()

    def boot_us(self) -> int:
        reads = threading.current_thread().name.startswith("mjpeg ")
        return SystemClock().boot_us() + self._ahead_us if reads else super().boot_us()


@pytest.fixture(name="clock")
def _clock() -> Hurried:
    return Hurried()


@pytest.fixture(name="previews")
def _previews(tree: Recorded, clock: Hurried, no_leaks: None) -> Iterator[Previews]:
    with Previews(clock, volumes=lambda: tree.volumes) as made:
        yield made


def test_view_ends_without_a_heartbeat(previews: Previews, clock: Hurried) -> None:
    """F59: thirty seconds after the last heartbeat a view is over, its decoder is gone, and a heartbeat says so."""
    watch = previews.start("cam1", "alice", width=160, fps=2)
    for _ in range(6):
        clock.advance(20)
        previews.heartbeat("cam1", "alice")
    assert previews.running()
    clock.advance(BEAT_US / 1e6 + 1)
    with pytest.raises(Conflict, match="no heartbeat for 30 s"):
        previews.heartbeat("cam1", "alice")
    until(lambda: not previews.running())
    assert watch.ended == "no heartbeat for 30 s"


def test_view_ends_after_half_an_hour(previews: Previews, clock: Hurried) -> None:
    """C023: heartbeats or not, a view is over after 30 minutes; so is a picture that somebody just opened."""
    key = previews.start("cam1", "alice", width=160, fps=2).key
    opened = previews.watch(key, "bob", width=160, fps=2)
    for _ in range(LONGEST_US // 20_000_000):
        clock.advance(20)
        previews.heartbeat("cam1", "alice")
    clock.advance(1)
    with pytest.raises(Conflict, match="30 minutes"):
        previews.heartbeat("cam1", "alice")
    assert opened.over(clock.boot_us()) == "30 minutes are over"
    until(lambda: not previews.running())


def test_picture_ends_with_its_own_view_alone(previews: Previews) -> None:
    """Who stops a view ends the pictures that were opened under it, and nobody else's."""
    started = previews.start("cam1", "alice", width=160, fps=2)
    mine = previews.watch(started.key, "alice", width=160, fps=2)
    other = previews.watch(started.key, "bob", width=160, fps=2)
    assert previews.stop("cam1", "alice")
    assert not previews.stop("cam1", "alice")
    now_us = other.began_us + 1
    assert (mine.over(now_us), other.over(now_us)) == ("stopped", "")
    other.ended = "the viewer left"
    until(lambda: not previews.running())


def test_each_width_gets_its_pictures(previews: Previews) -> None:
    """Viewers of several widths share the decoding, and slow ones keep only the newest pictures."""
    key = previews.start("cam1", "alice", width=160, fps=2).key
    small, large = (previews.watch(key, who, width=width, fps=25) for who, width in (("b", 96), ("c", 4000)))
    until(lambda: len(small.frames) == small.frames.maxlen and len(large.frames) == large.frames.maxlen)
    assert list(previews.running()) == [key]
    assert small.frames[0].at_us < small.frames[-1].at_us
    assert len(small.frames[0].body) < len(large.frames[0].body)
    for watch in (small, large):
        watch.ended = "the viewer left"
    previews.stop("cam1", "alice")
    until(lambda: not previews.running())


def test_camera_without_footage_or_without_news(previews: Previews, tree: Recorded) -> None:
    """A camera that was never recorded is not found; one whose footage is old is unreachable."""
    with pytest.raises(NotFound):
        previews.start("nobody", "alice", width=160, fps=2)
    clock = PushedClock(SystemClock().wall_us() + 60_000_000)
    with (
        Previews(clock, volumes=lambda: tree.volumes) as later,
        pytest.raises(Unreachable, match="sends nothing since"),
    ):
        later.start("cam1", "alice", width=160, fps=2)

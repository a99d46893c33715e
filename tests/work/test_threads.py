"""Which row a free thread takes."""

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from holdfast.work.kind import LIMITS, Kind, Queue
from holdfast.work.threads import Threads
from support.work import kind, until


class Bodies:
    """Rows that are at work until they are let go, in the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.lanes: list[str] = []
        self._over: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def run(self, _kind: Kind, lane: str, number: int) -> bool:
        """Work on a row; a negative one is somebody else's."""
        if number < 0:
            return False
        with self._lock:
            over = self._over.setdefault(number, threading.Event())
            self.begun.append(number)
            self.lanes.append(lane)
        over.wait(60)
        return True

    def end(self, *numbers: int) -> None:
        for number in numbers:
            with self._lock:
                over = self._over.setdefault(number, threading.Event())
            over.set()


@contextmanager
def engine(bodies: Bodies, hungry: Callable[[], None] = lambda: None, **limits: int) -> Iterator[Threads]:
    """An engine, ended with all that it began."""
    more = {Queue(name): limit for name, limit in limits.items()}
    running = Threads(bodies.run, hungry=hungry, limits={**LIMITS, **more})
    yield running
    running.ask_stop()
    bodies.end(*range(2000))
    assert running.join(60)


def test_one_place_is_for_the_newest(no_leaks: None) -> None:
    """Of a lane's places one goes to the newest and all others to the oldest, also when both lists name a row (F25)."""
    bodies = Bodies()
    with engine(bodies) as threads:
        threads.offer(kind(lane_limit=3), "a", [1, 2, 3, 4, 9], [9, 4])
        until(lambda: len(bodies.begun) == 3)
        assert sorted(bodies.begun) == [1, 2, 9]
        bodies.end(9)
        until(lambda: len(bodies.begun) == 4)
        assert bodies.begun[3] == 4
        bodies.end(1)
        until(lambda: len(bodies.begun) == 5)
        assert bodies.begun[4] == 3


def test_a_single_place_takes_turns(no_leaks: None) -> None:
    """A lane with one place takes an old row and the newest in turn, so neither waits for all of the other (F25)."""
    bodies = Bodies()
    bodies.end(*range(1000))
    with engine(bodies) as threads:
        threads.offer(kind(lane_limit=1), "a", [1, 2, 3, 4], [99, 98])
        until(lambda: len(bodies.begun) == 6)
    assert bodies.begun == [1, 99, 2, 98, 3, 4]


def test_a_full_lane_leaves_places(no_leaks: None) -> None:
    """However much one lane offers it has no more at work than its limit, and a newcomer begins beside it."""
    bodies = Bodies()
    with engine(bodies) as threads:
        threads.offer(kind(lane_limit=4), "offline", range(1, 1001), [])
        until(lambda: len(bodies.begun) == 4)
        threads.offer(kind(lane_limit=4), "healthy", [1500], [1500])
        until(lambda: 1500 in bodies.begun)
        assert bodies.begun.count(1500) == 1
        assert bodies.lanes.count("offline") == 4


def test_doubled_offers_begin_once(no_leaks: None) -> None:
    """A row that is at work is not begun again, however often it is offered; offers that are taken back are not."""
    bodies = Bodies()
    with engine(bodies, deliver=1) as threads:
        for _ in range(5):
            threads.offer(kind(), "a", [1, 2], [2, 1])
        until(lambda: len(bodies.begun) == 1)
        threads.offer(kind(), "a", [], [])
        bodies.end(2)
        threads.offer(kind(), "b", [7], [])
        until(lambda: 7 in bodies.begun)
    assert bodies.begun == [2, 7]


@pytest.mark.needs("linux")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of ioprio_get(2) is another one elsewhere")
def test_conversions_are_last_in_line(no_leaks: None) -> None:
    """What takes processors lets others go first, at disks too, and its children do so; deliveries do not (C091)."""
    ask = "import ctypes, os; print(os.getpriority(os.PRIO_PROCESS, 0), ctypes.CDLL(None).syscall(252, 1, 0))"
    found: dict[str, tuple[int, ...]] = {}

    def run(_kind: Kind, lane: str, _number: int) -> bool:
        words = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
        found[lane] = tuple(int(word) for word in words.split())
        return True

    threads = Threads(run)
    try:
        threads.offer(kind(queue=Queue.MEDIA), "media", [1], [])
        threads.offer(kind(), "deliver", [2], [])
        until(lambda: len(found) == 2)
    finally:
        threads.ask_stop()
        assert threads.join(60)
    best_effort, lowest = 2 << 13, 7
    assert found["media"] == (10, best_effort | lowest)
    assert found["deliver"][0] == os.getpriority(os.PRIO_PROCESS, 0)
    assert found["deliver"][1] != best_effort | lowest


def test_lanes_share_a_single_place(no_leaks: None) -> None:
    """With one place for all, lanes take it in turn: none waits until another one has nothing left (F25)."""
    bodies = Bodies()
    with engine(bodies, deliver=1) as threads:
        for lane, first in (("a", 100), ("b", 200), ("c", 300)):
            threads.offer(kind(), lane, range(first, first + 20), [])
        bodies.end(*range(1000))  # not before all lanes are offered: what is alone has the place to itself
        until(lambda: len(bodies.begun) == 60)
    assert bodies.lanes == list("abc") * 20


def test_what_is_somebody_elses_is_not_asked_for_in_a_circle(no_leaks: None) -> None:
    """A row that cannot be claimed brings no sweep forward: it would be offered, and refused, without a pause."""
    bodies, asked = Bodies(), []
    bodies.end(5)
    with engine(bodies, hungry=lambda: asked.append(list(bodies.begun))) as threads:
        threads.offer(kind(), "a", [-1, -2], [])
        threads.offer(kind(), "b", [5], [])
        until(lambda: len(asked) > 0)
    assert asked == [[5]]

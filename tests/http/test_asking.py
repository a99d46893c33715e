"""Rounds of questions to cameras."""

import threading

import pytest

from holdfast.core.errors import NotFound
from holdfast.http.asking import AT_ONCE, Round
from support.clock import PushedClock
from support.recording import until


class Crowd:
    """Cameras that answer when they are let; it counts how many are asked at once."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.asked: list[str] = []
        self.now = self.most = 0
        self._lock = threading.Lock()

    def ask(self, camera: str) -> None:
        """Be asked."""
        with self._lock:
            self.asked.append(camera)
            self.now += 1
            self.most = max(self.most, self.now)
        self.gate.acquire()
        with self._lock:
            self.now -= 1
        if camera == "gone":
            raise NotFound("there is no camera 'gone'")


def test_a_few_at_once_and_nobody_waits() -> None:
    """A round begins at once, asks a few cameras at a time and each once, and says how far it is (C125)."""
    clock, crowd = PushedClock(), Crowd()
    asking, names = Round(clock), [f"cam{n}" for n in range(10)]
    assert not asking.progress().running
    begun = asking.begin(names, crowd.ask)
    assert (begun.total, begun.done, begun.running, begun.began_us) == (10, 0, True, clock.wall_us())
    until(lambda: len(crowd.asked) == AT_ONCE)
    assert asking.progress().waiting == tuple(names[AT_ONCE:])
    assert asking.begin(["cam0", "cam9", "late"], crowd.ask).total == 11
    crowd.gate.release(11)
    until(lambda: not asking.progress().running)
    assert sorted(crowd.asked) == sorted([*names, "late"])
    assert crowd.most == AT_ONCE


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_leaves_no_round_open() -> None:
    """Where asking itself is broken, cameras count as asked, and the next round asks as if nothing had been."""
    asking, crowd = Round(PushedClock()), Crowd()

    def broken(camera: str) -> None:
        raise RuntimeError(camera)

    asking.begin([f"cam{n}" for n in range(AT_ONCE)], broken)
    until(lambda: not asking.progress().running)
    crowd.gate.release(AT_ONCE)
    asking.begin([f"cam{n}" for n in range(AT_ONCE)], crowd.ask)
    until(lambda: not asking.progress().running)
    assert len(crowd.asked) == AT_ONCE


@pytest.mark.parametrize("first", ["gone", "gate"])
def test_a_camera_that_is_gone_ends_nothing(first: str) -> None:
    """One that was removed while it waited for its turn counts as asked, and the others are; a new round is one."""
    clock, crowd = PushedClock(), Crowd()
    asking = Round(clock)
    crowd.gate.release(10)
    asking.begin([first, "gone", "dock"], crowd.ask)
    until(lambda: not asking.progress().running)
    assert "dock" in crowd.asked
    clock.advance(10)
    again = asking.begin(["dock"], crowd.ask)
    assert (again.total, again.began_us) == (1, clock.wall_us())
    until(lambda: not asking.progress().running)

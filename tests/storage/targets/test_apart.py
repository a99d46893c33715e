import threading
from typing import Any

import pytest

from holdfast.core.errors import NotFound, TargetAway
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Going


def test_what_it_returns_and_raises_comes_back(no_leaks: Any) -> None:
    """Work apart returns and raises as work here would."""

    def fail(_going: Going) -> None:
        raise NotFound("gone")

    apart = Apart("t", 5)
    assert apart.run("asking", lambda _going: 7) == 7
    with pytest.raises(NotFound):
        apart.run("asking", fail)


def test_what_hangs_is_given_up_and_not_piled_up(no_leaks: Any) -> None:
    """What hangs is given up after its limit (F20); once enough hangs nothing more is begun, until it ends."""
    free = threading.Event()
    apart = Apart("t", 0.1, most_given_up=2)
    for _ in range(2):
        with pytest.raises(TargetAway, match="nothing moved"):
            apart.run("asking", lambda _going: free.wait(60))
    with pytest.raises(TargetAway, match="2 transfers hang"):
        apart.run("asking", lambda _going: 1)
    free.set()
    for _ in range(100):
        try:
            assert apart.run("asking", lambda _going: 1) == 1
            break
        except TargetAway:
            threading.Event().wait(0.02)
    else:
        pytest.fail("it never recovered")


@pytest.mark.best_of_three
def test_what_is_silent_is_waited_for_while_the_target_is_there(no_leaks: Any) -> None:
    """Work that may say nothing for long is waited for while its target answers, and given up soon once it does not."""
    free, asked = threading.Event(), threading.Event()
    apart = Apart("t", 0.2)
    assert apart.run("syncing", lambda _going: asked.wait(60), longest_s=60, alive=asked.set)
    with pytest.raises(TargetAway, match=r"nothing moved for 0\.4 s"):
        apart.run("syncing", lambda _going: free.wait(60), longest_s=0.4)

    def gone() -> None:
        raise TargetAway("it is gone")

    with pytest.raises(TargetAway, match="it is gone"):
        apart.run("syncing", lambda _going: free.wait(60), longest_s=60, alive=gone)
    assert len(apart._hanging) == 2
    free.set()


@pytest.mark.best_of_three
def test_waiting_for_leave_is_no_silence(no_leaks: Any) -> None:
    """A limit of bandwidth that makes a transfer wait for longer than the limit of silence ends nothing."""
    apart = Apart("t", 0.5)

    def body(going: Going) -> str:
        going.pace(1)
        return "done"

    def pace(_count: int) -> None:
        threading.Event().wait(1.0)

    assert apart.run("sending", body, Going(pace=pace)) == "done"


def test_being_told_to_stop_ends_what_hangs(no_leaks: Any) -> None:
    """Whoever waits is let go soon after being told to stop, though the system does not let go of the work."""
    free = threading.Event()
    with pytest.raises(TargetAway, match="told to stop"):
        Apart("t", 60).run("asking", lambda _going: free.wait(60), Going(told_to_stop=lambda: True))
    free.set()

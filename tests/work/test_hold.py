"""How a receiver is asked again: one at a time, ever more rarely, and not before it wants to be."""

import pytest

from holdfast.core.errors import NameTaken, TargetAway, TargetBarred, TargetRefused
from holdfast.storage.webhook import HoldOff
from holdfast.work.hold import AWAY_CAP_US, JITTER, REFUSALS, TELL_US, Held, Hold
from support.clock import PushedClock


def waited_s(hold: Hold, clock: PushedClock) -> float:
    """Return how long nobody may be told."""
    since_us = clock.boot_us()
    while hold.room() == 0:
        clock.advance(0.1)
    return (clock.boot_us() - since_us) / 1e6


def test_it_is_asked_ever_more_rarely() -> None:
    """Waits double up to a minute, each a bit shorter by chance; when it is well all may go at once (C069)."""
    clock = PushedClock()
    hold = Hold(4, clock)
    assert hold.room() == 4
    waits = []
    for _ in range(60):
        hold.failed(TargetAway("gone"))
        waits.append(waited_s(hold, clock))
        assert hold.room() == 1
    wanted = [5, 10, 20, 40, *[AWAY_CAP_US / 1e6] * 56]
    shares = [wait / most for wait, most in zip(waits, wanted, strict=True)]
    assert 1 - JITTER <= min(shares) < 0.9 < max(shares) <= 1.03
    hold.well()
    assert hold.room() == 4


def test_it_is_left_alone_for_as_long_as_it_wants() -> None:
    """A receiver that says when it is back is not asked before."""
    clock = PushedClock()
    hold = Hold(2, clock)
    hold.failed(HoldOff("busy", 300))
    assert waited_s(hold, clock) == pytest.approx(300)


def test_refusals_in_a_row_hold_it() -> None:
    """One refusal says nothing about the receiver, several do; a name that is taken never does (F43)."""
    clock = PushedClock()
    hold = Hold(2, clock)
    for _ in range(REFUSALS - 1):
        hold.failed(TargetRefused("no"))
        hold.failed(NameTaken("taken"))
        assert hold.room() == 2
    hold.failed(TargetRefused("no"))
    assert hold.room() == 0


def test_who_lets_us_not_in_is_told_at_once() -> None:
    """No waiting alone helps against a wrong key: somebody hears of it at the first refusal, once (F43)."""
    hold = Hold(2, PushedClock())
    hold.failed(TargetBarred("wrong key"))
    assert (hold.room(), hold.worth_telling(), hold.worth_telling()) == (0, True, False)
    hold.well()
    hold.failed(TargetAway("gone"))
    assert not hold.worth_telling()


def test_it_is_told_once_after_ten_minutes() -> None:
    """Somebody hears of it once an outage, not before it has lasted."""
    clock = PushedClock()
    hold = Hold(2, clock)
    hold.failed(TargetAway("gone", hint="mount it"))
    since_us, before = clock.wall_us(), hold.held
    assert not hold.worth_telling()
    clock.advance(TELL_US / 1e6)
    assert (hold.worth_telling(), hold.worth_telling()) == (True, False)
    hold.well()
    assert (before, hold.held) == (Held(since_us, "gone", "mount it"), None)
    hold.failed(TargetAway("gone"))
    clock.advance(TELL_US / 1e6)
    assert hold.worth_telling()

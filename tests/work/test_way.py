"""The way to a target: bandwidth, hours, and how it is asked again."""

from pathlib import Path

import pytest

from holdfast.core.config.targets import FolderTarget
from holdfast.core.config.windows import WindowConfig
from holdfast.core.errors import BadInput, TargetAway, TargetRefused
from holdfast.storage.targets.make import make_target
from holdfast.work.hold import AWAY_CAP_US, JITTER, REFUSALS
from holdfast.work.way import Way
from support.clock import PushedClock


def way(clock: PushedClock, **more: object) -> Way:
    """Make the way to a folder."""
    table = FolderTarget(type="folder", path=Path("/nowhere"), **more)  # type: ignore[arg-type] # keys by name
    return Way(make_target("nas", table), table, "UTC", clock)


@pytest.mark.parametrize("block", [1000, 65_536, 262_144])
def test_bandwidth_holds_within_a_tenth(block: int) -> None:
    """However large the blocks are, what goes in a minute is the limit within 10 % (C068)."""
    clock = PushedClock()
    one = way(clock, bandwidth=1_000_000)
    began_us, sent = clock.boot_us(), 0
    while clock.boot_us() - began_us < 60_000_000:
        one.pace(block, lambda: False)
        sent += block
    rate = sent / ((clock.boot_us() - began_us) / 1e6)
    assert rate == pytest.approx(1_000_000, rel=0.1)


def test_whoever_stops_does_not_wait_for_bandwidth() -> None:
    """A transfer that is told to stop is not held by the limit."""
    clock = PushedClock()
    one = way(clock, bandwidth=1000)
    before_us = clock.boot_us()
    one.pace(1_000_000, lambda: True)
    assert clock.boot_us() == before_us


def test_it_is_asked_ever_more_rarely() -> None:
    """A target that is away gets one file at a time, after waits that double up to a minute (C069)."""
    clock = PushedClock()
    one = way(clock, parallel=4)
    waits = []
    for _ in range(8):
        one.failed(TargetAway("gone"))
        assert one.room() == 0
        since_us = clock.boot_us()
        while one.room() == 0:
            clock.advance(0.5)
        assert one.room() == 1
        waits.append(clock.boot_us() - since_us)
    shares = [wait / most for wait, most in zip(waits, [5e6, 10e6, 20e6, 40e6, *[AWAY_CAP_US] * 4], strict=True)]
    assert 1 - JITTER <= min(shares) <= max(shares) <= 1.1
    one.well()
    assert one.room() == 4


def test_one_bad_file_does_not_speak_against_the_target() -> None:
    """What is wrong with a file, or one refusal, changes nothing; several refusals in a row do (F19, F43)."""
    clock = PushedClock()
    one = way(clock)
    one.failed(BadInput("this file"))
    for _ in range(REFUSALS - 1):
        one.failed(TargetRefused("no"))
    assert one.room() == 2
    one.failed(TargetRefused("no"))
    assert one.room() == 0


def test_hours_open_and_close() -> None:
    """Outside its hours there is no room, and it says when there will be."""
    clock = PushedClock()  # 14:13 UTC
    one = way(clock, hours=(WindowConfig(start="15:00", end="16:00"),))
    assert (one.room(), one.open()) == (0, False)
    opens_us = one.opens_us()
    clock.advance((opens_us - clock.wall_us()) / 1e6)
    assert (one.room(), one.opens_us()) == (2, clock.wall_us())
    clock.advance(3600)
    assert one.room() == 0

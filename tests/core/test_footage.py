from dataclasses import replace

import pytest

from holdfast.core.footage import condense, placed, timeline
from holdfast.core.gap import Cause, Gap, GapReason, explained
from holdfast.core.journal import Begun, Closed, Down, Event, Line, Opened, Removed, Sealed, Stepped, When

RIGHT_US = 1_790_000_000_000_000
SECOND = 1_000_000
BOOT_US = 50 * SECOND  # boot time of the instant RIGHT_US


def _line(at_s: float, event: Event, *, off_s: float = 0, sync: bool = True) -> Line:
    """What is said at an instant by a clock that is off."""
    boot_us = BOOT_US + round(at_s * SECOND)
    return Line(
        When(at_us=_at(at_s) + round(off_s * SECOND), boot="b", boot_us=boot_us, sync=sync), event, ""
    )  # fmt: skip


def _at(at_s: float) -> int:
    return RIGHT_US + round(at_s * SECOND)


def _sealed(file: str, from_s: float, to_s: float, off_s: float, *, recovered: bool = False) -> Sealed:
    off_us = round(off_s * SECOND)
    return Sealed(
        file=file, run="r1", start_us=_at(from_s) + off_us, end_us=_at(to_s) + off_us,
        start_boot_us=None if recovered else BOOT_US + round(from_s * SECOND), bytes=1, media_bytes=1, sha256="",
        video_samples=1, audio_samples=0, began="first", ended="clock", recovered=recovered,
    )  # fmt: skip


def _history(off_s: float, *, recovered: bool = False) -> list[Line]:
    """A run that begins by a clock that is off; the clock is set at 12 s, while the run's second file grows."""
    off_us = round(off_s * SECOND)
    opened = Opened(camera="gate", stream="main", pid=1, program="t", session="s")
    return [
        _line(0, opened, off_s=off_s, sync=False),
        _line(0, Begun(file="a", run="r1", start_us=_at(0) + off_us, why="first"), off_s=off_s, sync=False),
        _line(10, _sealed("a", 0, 10, off_s), off_s=off_s, sync=False),
        # The clock was set a moment ago, and the run has not noticed yet.
        _line(10, Begun(file="b", run="r1", start_us=_at(10) + off_us, why="cut")),
        _line(12, Stepped(step_us=-off_us)),
        _line(12, _sealed("b", 10, 12, off_s, recovered=recovered)),
        _line(12, Down(from_us=_at(12) + off_us, reason="clock")),
        _line(20, Closed(reason="recorder-down")),
    ]


@pytest.mark.parametrize("recovered", [False, True])
@pytest.mark.parametrize("off_s", [-86_400 * 365, 3600, -1, 0.05])
def test_a_run_that_a_wrong_clock_began_is_placed_whole(off_s: float, *, recovered: bool) -> None:
    """What a right clock finished stands where it was recorded, joins what precedes it, and so does its gap (R9)."""
    line = timeline(_history(off_s, recovered=recovered), now_us=_at(30), alive=False)
    assert [(s.file, s.start_us, s.end_us) for s in line.segments] == [("a", _at(0), _at(10)), ("b", _at(10), _at(12))]
    assert [(g.start_us, g.end_us, g.reason) for g in line.gaps] == [
        (_at(12), _at(20), "clock"), (_at(20), _at(30), "recorder-down"),
    ]  # fmt: skip


def test_a_clock_that_was_right_and_is_set_moves_nothing() -> None:
    """Files of a clock that was called synchronised stay where it put them, though it was set later (C141)."""
    lines = [replace(line, when=replace(line.when, sync=True)) for line in _history(3600)]
    assert [line.event for line in placed(lines)] == [line.event for line in lines]


def test_a_moment_between_two_reasons_is_no_gap_of_its_own() -> None:
    """A camera that hangs up and is then unreachable leaves one gap with the reason that lasted."""
    hang_up, gone = Cause(1_000_000, GapReason.ENDED, "hung up"), Cause(1_000_001, GapReason.UNREACHABLE, "no answer")
    assert explained((1_000_000, 5_000_000), [hang_up, gone]) == [
        Gap(1_000_000, 5_000_000, GapReason.UNREACHABLE, "no answer")
    ]
    assert explained((1_000_000, 1_000_020), [hang_up]) == [Gap(1_000_000, 1_000_020, GapReason.ENDED, "hung up")]


@pytest.mark.parametrize("said", [("begun", "sealed"), ("begun",), ("sealed",)])
@pytest.mark.parametrize("condensed", [False, True])
def test_a_name_that_is_used_again_is_not_removed(said: tuple[str, ...], *, condensed: bool) -> None:
    """C004: after the clock was set back to its second, a removed file's name may come again, and is there."""
    lines = [
        _line(0, Opened(camera="gate", stream="main", pid=1, program="t", session="s")),
        _line(0, Begun(file="a", run="r1", start_us=_at(0), why="first")),
        _line(10, _sealed("a", 0, 10, 0)),
        _line(10, Begun(file="b", run="r1", start_us=_at(10), why="cut")),
        _line(20, _sealed("b", 10, 20, 0)),
        _line(20, Removed(file="a", bytes=1, why="reserve")),
        _line(20, Removed(file="b", bytes=1, why="reserve")),
    ]
    again = {"begun": _line(21, Begun(file="a", run="r2", start_us=_at(0.5), why="clock")),
             "sealed": _line(22, _sealed("a", 0.5, 9, 0))}  # fmt: skip
    lines = [*(condense(lines, _at(5)) if condensed else lines), *(again[kind] for kind in said)]
    seen = timeline(lines, now_us=_at(30), alive=True).segments
    assert [(s.file, s.start_us, s.growing, s.removed_why) for s in seen] == [
        ("a", _at(0.5), said[-1] == "begun", None), ("b", _at(10), False, "reserve")
    ]  # fmt: skip


def test_footage_that_was_cut_short_is_followed_by_what_cut_it() -> None:
    """A recorder that died in mid-picture is the reason until its successor has another one (F03, R5)."""
    death = Cause(1_000_000, GapReason.RECORDER_DOWN, "ended without a word")
    stalled = Cause(9_000_000, GapReason.STALLED, "nothing arrived")
    hole = (4_000_000, 12_000_000)
    assert [gap.reason for gap in explained(hole, [death, stalled])] == [GapReason.STALLED]
    assert explained(hole, [death, stalled], cut_short=True) == [
        Gap(4_000_000, 9_000_000, GapReason.RECORDER_DOWN, "ended without a word"),
        Gap(9_000_000, 12_000_000, GapReason.STALLED, "nothing arrived"),
    ]


def test_the_gap_after_a_stop_is_there_at_once() -> None:
    """The moment a recorder has gone its gap is open, however short it is as yet; while one lives it may be jitter."""
    opened = Opened(camera="a", stream="main", pid=1, program="1")
    lines = [_line(0, opened), _line(9, _sealed("f", 0, 9, 0)), _line(9, Closed(reason="recorder-down"))]
    (gap,) = timeline(lines, now_us=_at(9) + 2, alive=False).gaps
    assert (gap.reason, gap.open) == (GapReason.RECORDER_DOWN, True)
    assert timeline(lines, now_us=_at(9) + 2, alive=True).gaps == ()

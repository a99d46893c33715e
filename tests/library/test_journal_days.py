"""A span needs few days of a journal, and they say of it what all of them say."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.footage import Timeline
from holdfast.core.journal import Line, Opened, Sealed, Stepped, decode
from holdfast.library.export_plan import Asked, draft
from holdfast.library.journal_days import days_for
from holdfast.library.timeline import stream_timeline
from holdfast.storage import journal
from support.clock import PushedClock
from support.journals import Told

GATE = StreamKey("gate", "main")
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Life:
    """A recorder to which things happen, for weeks."""

    def __init__(self, root: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = PushedClock(sync=seed % 3 != 0)
        self.told = Told(root, self.clock)
        self.sealed: list[Sealed] = []
        self.run = self.names = 0
        self.told.open()

    def live(self, events: int) -> None:
        """Let things happen."""
        ways = [
            (20, self.record), (3, self.down), (1, self.restart), (1, self.killed), (1, self.off), (1, self.removed),
            (1, self.stepped), (1, self.sure), (1, self.again), (1, self.power_cut),
        ]  # fmt: skip
        for way in self.chance.choices([way for _, way in ways], [weight for weight, _ in ways], k=events):
            way()

    def record(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            body = self.chance.randbytes(8)
            seconds = self.chance.choice([600, 7200])
            self.names += 1
            self.sealed.append(self.told.record(seconds, f"run-{self.run}", attempt=self.names, body=body))

    def down(self) -> None:
        self.run += 1
        self.told.down(self.chance.choice(["unreachable", "stalled"]), self.chance.choice([60, 9000, 200_000]))

    def restart(self) -> None:
        self.told.close("restarted")
        self.told.open()

    def killed(self) -> None:
        self.run += 1
        start_us, file = self.clock.wall_us(), self.told.begin(f"run-{self.run}", attempt=9999)
        self.clock.advance(300)
        self.told.die()
        self.clock.advance(self.chance.choice([5, 50_000, 300_000]))
        self.told.open()
        self.record()
        now_us, boot_us = self.clock.wall_us(), self.clock.boot_us()
        self.told.seal(file, start_us, f"run-{self.run}", recovered=True)
        assert (now_us, boot_us) == (self.clock.wall_us(), self.clock.boot_us())
        self.run += 1

    def off(self) -> None:
        self.told.close()
        self.clock.advance(self.chance.choice([600, 400_000]))
        self.told.open()

    def power_cut(self) -> None:
        self.told.die()
        self.run += 1
        self.clock.reboot(f"boot-of-{self.run}", off_s=self.chance.choice([60, 250_000]))
        self.clock.sync = False
        self.clock.step(self.chance.choice([0, -100_000, 40_000]))
        self.told.open()

    def removed(self) -> None:
        if self.sealed:
            self.told.remove(self.sealed.pop(self.chance.randrange(len(self.sealed))))

    def stepped(self) -> None:
        step_s = self.chance.choice([-90_000, -30, 30, 90_000])
        self.clock.step(step_s)
        self.told.say(Stepped(step_us=step_s * 1_000_000))
        self.run += 1

    def sure(self) -> None:
        if not self.clock.sync:
            self.clock.sync = True
            self.told.say(Stepped(step_us=0))
            self.run += 1

    def again(self) -> None:
        """The disk was away for a moment: the same recorder opens its journal once more."""
        session = f"s{self.told.session}"
        self.told.say(Opened(camera="gate", stream="main", pid=1, program="test", session=session))


def within(line: Timeline, span: tuple[int, int]) -> list[Any]:
    """Return what a timeline says of a span, gaps cut to it."""
    pieces = [s for s in line.segments if s.start_us < span[1] and s.end_us > span[0] and s.end_us > s.start_us]
    gaps = [
        (max(g.start_us, span[0]), min(g.end_us, span[1]), g.reason, g.detail)
        for g in line.gaps
        if g.start_us < span[1] and g.end_us > span[0]
    ]
    return [pieces, gaps]


@pytest.mark.parametrize("seed", range(4))
def test_the_days_that_a_span_needs_say_what_all_days_say(tmp_path: Path, seed: int) -> None:
    """J5: whatever happened, a span's timeline is the same from its days as from the whole journal."""
    life = Life(tmp_path, seed)
    began_us = life.clock.wall_us()
    life.live(30)
    now_us = life.clock.wall_us()
    volumes = {"main": tmp_path}
    whole = stream_timeline(volumes, GATE, now_us)
    for _ in range(12):
        from_us = life.chance.randrange(began_us, max(began_us + 1, now_us))
        span = (from_us, from_us + life.chance.choice([1000, HOUR_US, DAY_US, 5 * DAY_US]))
        assert within(stream_timeline(volumes, GATE, now_us, span), span) == within(whole, span)


def test_an_hour_of_months_costs_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C083: to plan an export of an hour reads the lines of some days, whatever lies before and after them."""
    clock = PushedClock()
    told = Told(tmp_path, clock)
    told.open()
    sealed = [told.record(6 * 3600) for _ in range(4 * 80)]
    told.close()
    read: list[bytes] = []

    def counted(raw: bytes) -> Line:
        read.append(raw)
        return decode(raw)

    monkeypatch.setattr(journal, "decode", counted)
    one = sealed[200]
    asked = Asked(streams=(GATE,), from_us=one.start_us + HOUR_US, to_us=one.start_us + 2 * HOUR_US)
    made = draft({"main": tmp_path}, asked, clock.wall_us())
    (stream,) = made.streams
    assert [piece.sha256 for piece in stream.pieces] == [one.sha256]
    assert (stream.gaps, [part.breaks for part in stream.journals]) == ((), [()])
    assert 0 < len(read) <= 10 * 8  # eight lines a day
    days = days_for(tmp_path, GATE, (asked.from_us, asked.to_us))
    assert len(days) <= 10


def test_what_is_said_much_later_is_found(tmp_path: Path) -> None:
    """A file that recovery tells of weeks later, and one that is removed then, are found from their days."""
    clock = PushedClock()
    told = Told(tmp_path, clock)
    told.open()
    first = told.record(600)
    start_us, file = clock.wall_us(), told.begin("r2")
    clock.advance(600)
    end_us = clock.wall_us()
    told.die()
    clock.advance(10 * 86_400)
    told.open()
    for _ in range(20):
        told.record(86_400, "r3")
    told.say(replace(first, file=file, run="r2", start_us=start_us, end_us=end_us, start_boot_us=None, recovered=True))
    told.remove(first)
    for _ in range(20):
        told.record(86_400, "r3")
    told.close()
    line = stream_timeline({"main": tmp_path}, GATE, clock.wall_us(), (first.start_us, end_us))
    inside = [s for s in line.segments if s.start_us < end_us]
    assert [(s.file, s.end_us, s.removed_why) for s in inside] == [
        (f"main:{first.file}", first.end_us, "reserve"), (f"main:{file}", end_us, None),
    ]  # fmt: skip
    days = days_for(tmp_path, GATE, (first.start_us, end_us))
    assert len(days) < 10


def test_a_stream_without_a_journal_needs_no_day(tmp_path: Path) -> None:
    """Where nothing was written nothing is read."""
    assert days_for(tmp_path, GATE, (0, DAY_US)) == []

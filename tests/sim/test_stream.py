import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.sim.camera import Studio, mood_of
from holdfast.sim.ledger import Ledger
from holdfast.sim.rate import CameraClock
from holdfast.sim.stream import Burst, LiveStream
from support.clock import PushedClock
from support.sim import read_ledger, small_camera


class Recorder:
    """A viewer that keeps what it is sent."""

    def __init__(self) -> None:
        self.bursts: list[Burst] = []

    def deliver(self, burst: Burst) -> None:
        self.bursts.append(burst)

    @property
    def counters(self) -> list[int]:
        return [counter for burst in self.bursts for _, counter, _ in burst.frames]


class Stage:
    """A stream on a pushed clock; `tick` lets time pass and sends what is due."""

    def __init__(self, ledger: Ledger, clock: PushedClock) -> None:
        self.clock = clock
        camera = small_camera()
        mood = mood_of(camera, "main", [], Studio())
        self.stream = LiveStream("cam1/main", mood, CameraClock(clock), clock, ledger, seed=1)

    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.stream.stop()
        self.stream._tick()


@contextmanager
def _stage(path: Path | None = None) -> Iterator[Stage]:
    clock = PushedClock()
    with Ledger(path, clock) as ledger:
        yield Stage(ledger, clock)


def test_counters_follow_the_clock() -> None:
    """Pictures are numbered by when they are due, watched or not; a session begins with the next one, a keyframe."""

    async def play() -> None:
        with _stage() as stage:
            stage.clock.advance(10.0)
            viewer = Recorder()
            stage.stream.add(viewer)
            stage.tick(0.2)
            assert viewer.counters == [251, 252, 253, 254, 255]
            assert viewer.bursts[0].frames[0][2]
            assert viewer.bursts[0].entry >= 0
            stage.stream.remove(viewer)

    asyncio.run(play())


def test_pictures_lost_to_a_stopped_process_are_not_sent_late(tmp_path: Path) -> None:
    """A process that stood still for more than two seconds goes on with what is due now, and the ledger says so."""

    async def play() -> None:
        with _stage(tmp_path / "ledger.jsonl") as stage:
            viewer = Recorder()
            stage.stream.add(viewer)
            stage.tick(0.1)
            stage.tick(1.9)
            assert viewer.counters == list(range(1, 51))
            stage.tick(4.0)
            stage.tick(0.04)
            assert viewer.counters == [*range(1, 51), 151]
            stage.stream.remove(viewer)

    asyncio.run(play())
    (line,) = read_ledger(tmp_path / "ledger.jsonl", "late")
    assert (line["stream"], line["counter"]) == ("cam1/main", 51)


def test_nobody_watching_costs_nothing() -> None:
    """Once the last session is gone no timer is left."""

    async def play() -> None:
        with _stage() as stage:
            one, two = Recorder(), Recorder()
            stage.stream.add(one)
            stage.stream.add(two)
            stage.stream.remove(one)
            assert stage.stream._timer is not None
            stage.stream.remove(two)
            assert stage.stream._timer is None

    asyncio.run(play())


def test_announced_packet_is_the_first_sent() -> None:
    """What PLAY announces as sequence number and RTP time of each track is what the first packets then carry."""

    async def play() -> None:
        with _stage() as stage:
            viewer = Recorder()
            stage.stream.add(viewer)
            announced = {
                0: stage.stream.next_packet(stage.stream.video),
                2: stage.stream.next_packet(stage.stream.audio),
            }
            stage.tick(0.1)
            data = bytes(viewer.bursts[0].data)
            found: dict[int, tuple[int, int]] = {}
            while data:
                end = 4 + int.from_bytes(data[2:4], "big")
                found.setdefault(data[1], (int.from_bytes(data[6:8], "big"), int.from_bytes(data[8:12], "big")))
                data = data[end:]
            assert {channel: found[channel] for channel in (0, 2)} == announced
            stage.stream.remove(viewer)

    asyncio.run(play())

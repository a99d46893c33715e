import hashlib
import random
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest

from holdfast.core.gap import GapReason
from holdfast.core.journal import Sealed
from holdfast.library.verify import verify
from holdfast.sim.mark import find_marks
from holdfast.sim.thread import SimThread
from holdfast.storage.journal import unfinished
from support.ram import shm
from support.recording import play
from support.shard import FRAME_US, Shard, spread
from support.sim import read_ledger, simulated, small_camera

CAMERAS = ("gate", "yard", "hall", "dock")
FRAGMENT_S = 0.5
SLACK_S = 0.2
SEGMENT_S = 2  # short, so that many kills fall into the end of one segment and the beginning of the next


class Watcher:
    """Plays every file the moment it carries its final name, as a stage that waits for finished files would."""

    def __init__(self, volume: Path) -> None:
        self.volume = volume
        self.seen: dict[str, str] = {}
        self.complaints: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        """Play what is new."""
        for path in sorted(self.volume.glob("footage/*/*/*/*.mp4")):
            name = path.relative_to(self.volume).as_posix()
            if name in self.seen:
                continue
            self.seen[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            try:
                play(path)
            except AssertionError as error:
                self.complaints.append(str(error))

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.look()


def _lives(shard: Shard, sim: SimThread, count: int, seed: int) -> list[int]:
    """Start it again and again, and kill it at a random moment each time; return when."""
    chooser = random.Random(seed)
    kills = []
    for number in range(count):
        opened = sim.counts(CAMERAS[0]).opened
        shard.start()
        if number % 4 != 3:
            # Most lives are long enough to record; every fourth ends wherever it is, however far it has come.
            shard.until(lambda before=opened: sim.counts(CAMERAS[0]).opened > before)  # type: ignore[misc]
        time.sleep(chooser.uniform(0.0, 1.4))
        kills.append(shard.kill())
    return kills


def _settle(shard: Shard) -> None:
    """One more life, left in peace until everything that the kills left behind is accounted for."""
    shard.start()
    shard.until(shard.recording)
    shard.until(lambda: all(len(unfinished(shard.lines(name))) <= 1 for name in CAMERAS), 60)
    time.sleep(0.5)
    shard.stop()


def _counters(shard: Shard, camera: str) -> dict[int, int]:
    """Return the pictures of a camera on disk, as counter to time of sending."""
    files = sorted((shard.volume / "footage" / camera / "main").glob("*/*.mp4*"))
    marks = [mark for path in files for mark in find_marks(path.read_bytes())]
    assert len({m.counter for m in marks}) == len(marks), "no picture is on disk twice"
    return {mark.counter: mark.sent_us for mark in marks}


def _losses(ledger: Path, camera: str, kills: list[int], disk: dict[int, int]) -> list[float]:
    """Return for each killed session how many seconds of what was sent are not on disk."""
    sent: dict[str, list[dict[str, Any]]] = {}
    for line in read_ledger(ledger, "video", camera=camera, stream="main"):
        sent.setdefault(line["session"], []).append(line)
    losses = []
    for ranges in sent.values():
        kill_us = min((k for k in kills if k >= ranges[0]["first_us"]), default=None)
        if kill_us is None:
            continue  # the last life was not killed
        due = [n for r in ranges for n in range(r["first"], r["last"] + 1)]
        there = [n for n in due if n in disk]
        first_us = ranges[0]["first_us"]
        due = [n for n in due if first_us + (n - due[0]) * FRAME_US <= kill_us]
        missing = [n for n in due if n not in disk]
        if there and missing:
            assert missing[0] > there[-1], f"{camera}: a hole before the end: {missing[0]} of {due[0]}..{due[-1]}"
        losses.append(len(missing) * FRAME_US / 1e6)
    return losses


def _check_ledger(shard: Shard, camera: str, kills: list[int]) -> None:
    lines = shard.lines(camera)
    assert unfinished(lines) == [], "every file that was begun is sealed or emptied"
    whole = shard.ledger(camera)
    parts = [(s.start_us, s.end_us) for s in whole.segments] + [(g.start_us, g.end_us) for g in whole.gaps]
    assert abs(sum(end - start for start, end in parts) - (whole.end_us - whole.start_us)) <= 1_000_000
    assert {g.reason for g in whole.gaps} == {GapReason.RECORDER_DOWN}
    disk = _counters(shard, camera)
    holes = [(disk[a], disk[b]) for a, b in pairwise(sorted(disk)) if b - a > 3]
    said = [(g.start_us, g.end_us) for g in whole.gaps]
    for hole in holes:
        near = min(said, key=lambda g, h=hole: abs(g[0] - h[0]) + abs(g[1] - h[1]))  # type: ignore[misc]
        assert max(abs(near[0] - hole[0]), abs(near[1] - hole[1])) <= 1_000_000, (hole, near)
    assert {g.detail for g in whole.gaps} <= {"starting", "ended without a word", "stopped"}, whole.gaps
    files = {s.file for s in whole.segments}
    there = {p.relative_to(shard.volume).as_posix() for p in shard.volume.glob(f"footage/{camera}/*/*/*.mp4*")}
    assert files == there
    assert len(holes) <= len(kills)


@pytest.mark.best_of_three
@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize(
    ("kills", "memory"),
    [
        (8, False), (3, True),
        pytest.param(1000, False, marks=[pytest.mark.soak, pytest.mark.timeout(14_400)]),
        pytest.param(200, True, marks=[pytest.mark.soak, pytest.mark.timeout(14_400)]),
    ],
)  # fmt: skip
def test_a_kill_costs_a_fragment_at_most(tmp_path: Path, kills: int, *, memory: bool) -> None:
    """Killed at any moment, it loses a fragment and 0.2 s, and files and journals agree (F03, F10-F12, C003, C081)."""
    ledger = tmp_path / "sim.jsonl"
    with (
        shm() as folder,
        simulated(*(small_camera(name) for name in CAMERAS), ledger=ledger) as sim,
        Watcher(tmp_path / "vol") as watcher,
    ):
        more: dict[str, Any] = {"memory": str(folder / "home"), "memory_bytes": 64 << 20} if memory else {}
        shard = Shard(tmp_path, {name: sim.url(name) for name in CAMERAS}, segment_s=SEGMENT_S, **more)
        at = _lives(shard, sim, kills, seed=1)
        _settle(shard)
    losses = [loss for name in CAMERAS for loss in _losses(ledger, name, at, _counters(shard, name))]
    print(f"\nkill -9: {len(at)} kills, {len(watcher.seen)} files; loss in s: {spread(losses)}")  # noqa: T201 - a measure
    assert watcher.complaints == []
    assert not [path for path in tmp_path.glob("vol/footage/*/*/*/*") if path.is_symlink()]
    assert not list(tmp_path.glob("vol/**/*.part")) + list(tmp_path.glob("vol/**/*.damaged*"))
    sealed = {e.file: e.sha256 for name in CAMERAS for line in shard.lines(name) if isinstance(e := line.event, Sealed)}
    assert sealed == watcher.seen, "a file is what its line says from the moment it has its name"
    for name in CAMERAS:
        _check_ledger(shard, name, at)
    assert verify({"vol": shard.volume}).findings == ()
    assert len(losses) >= kills * 2
    assert max(losses) <= FRAGMENT_S + SLACK_S

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.journal import Down
from holdfast.library.reindex import reindex
from holdfast.library.verify import verify
from holdfast.media.recover import recover_stream
from holdfast.recording.store import StreamStore
from holdfast.sim.mark import find_marks
from holdfast.storage.journal import JournalWriter, journal_files, stream_lines, unfinished
from support.clock import PushedClock
from support.power import Disk, mounted, power_disk
from support.recording import play
from support.shard import Shard, spread
from support.sim import simulated, small_camera

CAMERAS = ("gate", "yard", "hall", "dock")
SEGMENT_S = 4
SLACK_S = 0.5  # four cameras sync and seal at once, on a machine that runs the tests besides


def _recover(shard: Shard) -> None:
    """Do with the disk what a recorder does after the power is back, but for recording."""
    clock = SystemClock()
    for plan in shard.plans.values():
        with StreamStore(plan, clock, Path("/nonexistent"), "after the cut") as store:
            for event in recover_stream(store.root, plan.key, skip=None, boot="another"):
                store.say(event, sync=True)


def _judge(shard: Shard, copy: Path, folder: Path, cut_us: int) -> list[float]:
    """Mount what a cut left, recover it, hold everything against what was sent; return each camera's loss."""
    with mounted(copy, folder) as root:
        after = Shard(shard.root / "after", dict.fromkeys(CAMERAS, "rtsp://192.0.2.1/"), volume=root)
        finished = set(root.glob("footage/*/*/*/*.mp4"))
        for path in finished:
            play(path)  # before anybody mended anything: what has its final name is whole
        _recover(after)
        assert not list(root.glob("footage/*/*/*/*.part"))
        losses = []
        for name in CAMERAS:
            files = sorted(root.glob(f"footage/{name}/main/*/*.mp4"))
            marks = [mark for path in files for mark in find_marks(path.read_bytes())]
            assert [b.counter - a.counter for a, b in pairwise(marks)] == [1] * (len(marks) - 1)
            losses.append((cut_us - marks[-1].sent_us) / 1e6)
            assert unfinished(after.lines(name)) == []
        for path in set(root.glob("footage/*/*/*/*.mp4")) - finished:
            play(path)
        assert verify({"vol": root}).findings == ()
        with open_catalog(f"sqlite:///{copy}.sqlite") as catalog:
            report = reindex(catalog, {"vol": root}, SystemClock())
        assert (report.streams, report.adopted, report.missing, report.problems) == (len(CAMERAS), 0, 0, ())
        return losses


def _cuts(disk: Disk, folder: Path, count: int, every_s: float) -> dict[Path, int]:
    chooser = random.Random(1)
    cuts = {}
    for number in range(count):
        time.sleep(chooser.uniform(0.5, 1.5) * every_s)
        copy = folder / f"cut-{number}.img"
        cuts[copy] = disk.cut(copy)
    return cuts


@pytest.mark.best_of_three
@pytest.mark.needs("loop-mount", "ffprobe")
@pytest.mark.parametrize(
    ("sync_s", "cuts", "every_s"),
    [
        (2.0, 4, 1.2),
        pytest.param(2.0, 60, 2.0, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
        pytest.param(10.0, 30, 4.0, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
)
def test_a_power_cut_costs_what_was_not_synced(tmp_path: Path, sync_s: float, cuts: int, every_s: float) -> None:
    """The file system as it lies on the device at any moment holds all but the last sync interval (R2, F11, F12)."""
    segment_s = round(SEGMENT_S * max(1.0, sync_s / 4))
    with simulated(*(small_camera(name) for name in CAMERAS)) as sim, power_disk(tmp_path) as disk:
        urls = {name: sim.url(name) for name in CAMERAS}
        shard = Shard(tmp_path, urls, volume=disk.folder, sync_s=sync_s, segment_s=segment_s)
        with shard:
            shard.until(shard.recording)
            time.sleep(sync_s + 1)
            taken = _cuts(disk, tmp_path, cuts, every_s)
    losses = [loss for copy, at_us in taken.items() for loss in _judge(shard, copy, tmp_path / "cut", at_us)]
    print(f"\npower cut, sync every {sync_s:g} s: {cuts} cuts; loss in s: {spread(losses)}")  # noqa: T201 - a measure
    assert max(losses) <= sync_s + SLACK_S


@pytest.mark.needs("loop-mount")
def test_a_power_cut_after_midnight_leaves_the_days_chained(tmp_path: Path) -> None:
    """Where a day's first lines are durable those of the day before are, too: nothing looks tampered with (R2, T1)."""
    clock = PushedClock(1_795_391_990 * 1_000_000)  # ten seconds before midnight
    key = StreamKey("gate", "main")
    with power_disk(tmp_path) as disk, JournalWriter(disk.folder, key, clock) as journal:
        journal.write(Down(from_us=clock.wall_us(), reason="unreachable", detail=""), sync=True)
        journal.write(Down(from_us=clock.wall_us(), reason="stalled", detail=""), sync=False)
        clock.advance(20)
        journal.write(Down(from_us=clock.wall_us(), reason="auth", detail=""), sync=True)
        disk.cut(tmp_path / "cut.img")
    with mounted(tmp_path / "cut.img", tmp_path / "cut") as root:
        assert [path.name for path in journal_files(root, key)] == ["2026-11-22.journal", "2026-11-23.journal"]
        assert verify({"vol": root}).findings == ()
        assert len(stream_lines(root, key)) == 3

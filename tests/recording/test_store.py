import json
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskFull
from holdfast.core.footage import lock_path, timeline
from holdfast.core.journal import Beat, Opened, Removed, Sealed
from holdfast.recording.store import StreamStore
from holdfast.storage.journal import JournalWriter, stream_lines
from support.clock import PushedClock
from support.recording import stream_plan
from support.small_disk import fill, small_disk

KEY = StreamKey("cam1", "main")
MIB = 1 << 20


def _cleared(root: Path, clock: PushedClock, count: int = 2) -> tuple[Path, list[str]]:
    """Old footage that is in the journal, and a list that says policy has cleared it."""
    files = [f"footage/cam1/main/2026-01-01/cam1_20260101T0{n}0000Z.mp4" for n in range(count)]
    with JournalWriter(root, KEY, clock) as journal:
        for n, file in enumerate(files):
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(MIB))
            start_us = clock.wall_us()
            clock.advance(600)
            sealed = Sealed(
                file=file, run="r", start_us=start_us, end_us=clock.wall_us(), start_boot_us=None, bytes=MIB,
                media_bytes=MIB, sha256="", video_samples=1, audio_samples=0, began="first" if n == 0 else "cut",
                ended="cut",
            )  # fmt: skip
            journal.write(sealed, sync=False)
    expendable = root.parent / "expendable.jsonl"
    expendable.write_text("".join(json.dumps({"volume": str(root), "file": f, "bytes": MIB}) + "\n" for f in files))
    return expendable, files


def _removed(root: Path) -> list[str]:
    return [line.event.file for line in stream_lines(root, KEY) if isinstance(line.event, Removed)]


@pytest.mark.needs("mount")
@pytest.mark.parametrize("first_time", [True, False])
def test_a_disk_without_a_byte_left_is_freed_by_the_recorder(tmp_path: Path, *, first_time: bool) -> None:
    """R6: with nothing free, not even for a lock, what policy has cleared goes, is accounted for, and work begins."""
    clock = PushedClock()
    with small_disk(tmp_path / "disk", size_bytes=4 * MIB) as root:
        expendable, files = _cleared(root, clock)
        clock.advance(86_400)  # another day, another journal: its first page has no room
        if not first_time:
            (root / lock_path(KEY)).touch()
            (root / ".holdfast-reserve.lock").touch()
        fill(root, leave_bytes=0)
        plan = stream_plan(root, "rtsp://127.0.0.1/x", reserve_bytes=MIB // 2)
        with StreamStore(plan, clock, expendable, "s") as store:
            store.say(Beat(reason="stalled"), sync=True)
        assert _removed(root) == files[:1]
        assert [(root / file).exists() for file in files] == [False, True]
        kinds = [line.event.kind for line in stream_lines(root, KEY) if line.event is not None]
        assert kinds == ["sealed", "sealed", Opened.kind, Removed.kind, Beat.kind]
        seen = timeline(stream_lines(root, KEY), now_us=clock.wall_us(), alive=True)
        assert [s.removed_why for s in seen.segments] == ["reserve", None]


@pytest.mark.needs("mount")
def test_words_find_room_while_recording(tmp_path: Path) -> None:
    """R6: a disk that somebody else fills to the last byte while a store is open takes the next word all the same."""
    clock = PushedClock()
    with small_disk(tmp_path / "disk", size_bytes=4 * MIB) as root:
        expendable, files = _cleared(root, clock)
        plan = stream_plan(root, "rtsp://127.0.0.1/x", reserve_bytes=MIB // 2)
        with StreamStore(plan, clock, expendable, "s") as store:
            fill(root, leave_bytes=0)
            for _ in range(60):  # more than the journal's last page has room for
                store.say(Beat(reason="stalled"), sync=True)
        beats = [line for line in stream_lines(root, KEY) if isinstance(line.event, Beat)]
        assert len(beats) == 60
        assert _removed(root) == files[:1]


@pytest.mark.needs("mount")
def test_a_full_disk_that_nothing_may_leave_says_so(tmp_path: Path) -> None:
    """Where policy has cleared nothing, a full disk is a full disk: nothing is removed, and no file is left behind."""
    with small_disk(tmp_path / "disk", size_bytes=2 * MIB) as root:
        keep = root / "footage/cam1/main/2026-01-01/cam1_20260101T000000Z.mp4"
        keep.parent.mkdir(parents=True)
        keep.write_bytes(bytes(MIB))
        fill(root, leave_bytes=0)
        plan = stream_plan(root, "rtsp://127.0.0.1/x", reserve_bytes=MIB // 2)
        with pytest.raises(DiskFull), StreamStore(plan, PushedClock(), tmp_path / "absent", "s"):
            pass
        assert keep.exists()

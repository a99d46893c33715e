import hashlib
import json
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Sample, StreamKey, Track
from holdfast.core.errors import DiskFull, FileDeleted
from holdfast.core.footage import lock_path, timeline
from holdfast.core.journal import Beat, Opened, Removed, Sealed
from holdfast.recording.fragmenter import Fragment, Fragmenter
from holdfast.recording.handover import RunStart
from holdfast.recording.store import StreamStore
from holdfast.storage.journal import JournalWriter, stream_lines
from support.clock import PushedClock
from support.ram import shm
from support.recording import stream_plan
from support.small_disk import fill, small_disk

KEY = StreamKey("cam1", "main")
MIB = 1 << 20
_AVCC = bytes.fromhex("0142e01effe100046742e01e01000268ce")
TRACKS = (
    Track(Kind.VIDEO, "h264", "h264", 90_000, _AVCC, width=320, height=240),
    Track(Kind.AUDIO, "aac", "aac", 48_000, b"\x11\x90", sample_rate=48_000, channels=2),
)


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


@pytest.mark.parametrize(("lag_s", "blocks"), [(0.2, 1), (0.9, 1), (1.5, 1), (4.0, 1), (0.2, 40), (0.0, 48)])
def test_no_sound_is_lost_where_files_are_cut(tmp_path: Path, lag_s: float, blocks: int) -> None:
    """C002: sound that lags behind the picture, or comes in lumps, is whole over all files of a run."""
    clock = PushedClock()
    plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x", segment_s=3)
    fragments = _fragments(lag_s, blocks)
    sent = sum(sample.track for fragment in fragments for sample in fragment.samples)
    begin_us, next_s = clock.wall_us(), 0
    sealed: list[Sealed | None] = []
    with StreamStore(plan, clock, tmp_path / "absent", "s") as store:
        for fragment in fragments:
            at_us = next(s.pts_ticks * 1_000_000 // 90_000 for s in fragment.samples if s.track == 0)
            start_us = begin_us + at_us
            if fragment.keyframe and at_us >= next_s * 1_000_000:
                sealed.append(store.seal(start_us=start_us - 1, start_boot_us=1, end_us=start_us, ended="cut"))
                store.begin(RunStart("r", TRACKS, "first", start_us, 1))
                next_s = at_us // 1_000_000 + 3
            store.write(fragment, start_us)
        sealed.append(store.seal(start_us=begin_us, start_boot_us=1, end_us=begin_us + 1, ended="stopped"))
    lines = [line for line in sealed if line is not None]
    assert len(lines) == 4
    assert sum(line.audio_samples for line in lines) == sent
    assert [line.dropped_samples for line in lines] == [0, 0, 0, 0]


@pytest.mark.needs("mount")
@pytest.mark.parametrize("volume", ["has room", "is full"])
def test_memory_that_fills_in_the_midst_of_a_file_costs_no_picture(tmp_path: Path, volume: str) -> None:
    """C081: a tmpfs that is full to the last byte, or a cap that is reached, sends the file to the volume, whole."""
    clock, fragments = PushedClock(), _fragments(0.2, 1)
    with (
        small_disk(tmp_path / "ram", size_bytes=24 * MIB) as ram,
        small_disk(tmp_path / "vol", size_bytes=8 * MIB) as root,
    ):
        plan = stream_plan(
            root, "rtsp://127.0.0.1/x", memory=str(ram / "home"), memory_bytes=20 * MIB, reserve_bytes=MIB // 2
        )
        expendable, cleared = _cleared(root, clock)
        with StreamStore(plan, clock, expendable, "s") as store:
            begin_us = clock.wall_us()
            store.begin(RunStart("r", TRACKS, "first", begin_us, 1))
            assert store.segment is not None
            file = store.segment.file
            for number, fragment in enumerate(fragments):
                if number == 5:
                    assert store.segment.in_memory
                    fill(ram, leave_bytes=0)
                    if volume == "is full":
                        fill(root, leave_bytes=0)
                store.write(fragment, begin_us)
            sealed = store.seal(start_us=begin_us, start_boot_us=1, end_us=begin_us + 1, ended="cut")
            assert sealed is not None
            store.say(sealed, sync=True)
        assert (store.ram.spilled, sealed.video_samples) == (1, 300)
        assert not (root / file).is_symlink()
        assert sealed.sha256 == hashlib.sha256((root / file).read_bytes()).hexdigest()
        assert _removed(root) == (cleared[:1] if volume == "is full" else [])
        assert list((ram / "home").rglob("*.mp4")) == []


def test_a_cap_that_is_reached_moves_what_grows(tmp_path: Path) -> None:
    """C081: once others have filled memory up to the cap, the growing file is moved, and the next one stays out."""
    clock, fragments = PushedClock(), _fragments(0.2, 1)
    with shm() as folder:
        plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x", memory=str(folder / "home"), memory_bytes=20 * MIB)
        with StreamStore(plan, clock, tmp_path / "absent", "s") as store:
            begin_us = clock.wall_us()
            store.begin(RunStart("r", TRACKS, "first", begin_us, 1))
            segment = store.segment
            assert segment is not None
            store.write(fragments[0], begin_us)
            there = [segment.in_memory]
            (folder / "home/other").write_bytes(bytes(20 * MIB))
            clock.advance(3)
            store.look(now_us=clock.boot_us())
            assert [*there, segment.in_memory] == [True, False]
            store.write(fragments[1], begin_us)
            sealed = store.seal(start_us=begin_us, start_boot_us=1, end_us=begin_us + 1, ended="cut")
            store.begin(RunStart("r", TRACKS, "cut", begin_us + 1, 1))
            assert store.segment is not None
            assert not store.segment.in_memory
            assert "20 of the 20 MiB" in store.ram.why
        assert sealed is not None
        assert sealed.bytes == (tmp_path / sealed.file).stat().st_size


def test_memory_that_cannot_be_used_is_no_reason_not_to_record(tmp_path: Path) -> None:
    """C081: where the folder in memory is somebody else's, or no folder, files go to the volume."""
    clock, fragments = PushedClock(), _fragments(0.2, 1)
    (tmp_path / "file").touch()
    plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x", memory=str(tmp_path / "file"), memory_bytes=20 * MIB)
    with StreamStore(plan, clock, tmp_path / "absent", "s") as store:
        store.begin(RunStart("r", TRACKS, "first", clock.wall_us(), 1))
        assert store.segment is not None
        assert not store.segment.in_memory
        assert store.write(fragments[0], clock.wall_us()) > 0
        assert store.ram.spilled == 1


def test_a_file_in_memory_whose_link_is_deleted_is_noticed(tmp_path: Path) -> None:
    """D4: whoever deletes a growing file deletes its link; what was in memory then is a gap, as it is on a disk."""
    clock, fragments = PushedClock(), _fragments(0.2, 1)
    with shm() as folder:
        plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x", memory=str(folder / "home"), memory_bytes=20 * MIB)
        with StreamStore(plan, clock, tmp_path / "absent", "s") as store:
            store.begin(RunStart("r", TRACKS, "first", clock.wall_us(), 1))
            assert store.segment is not None
            store.write(fragments[0], clock.wall_us())
            store.segment.sync()
            (tmp_path / f"{store.segment.file}.part").unlink()
            with pytest.raises(FileDeleted):
                store.segment.sync()


def _fragments(lag_s: float, blocks: int) -> list[Fragment]:
    """Twelve seconds of pictures, and of sound that arrives `blocks` at a time and `lag_s` late, as fragments."""
    arrivals = [
        (n / 25, Sample(0, b"\0\0\0\1e" * 200, n * 3600, n * 3600, 3600, n % 25 == 0, n * 40_000)) for n in range(300)
    ]
    for n in range(12 * 48_000 // 1024):
        at_s = (n // blocks * blocks + blocks) * 1024 / 48_000 + lag_s
        if at_s < 12:
            sound = Sample(1, b"x" * 100, n * 1024, n * 1024, 1024, keyframe=True, arrived_us=round(at_s * 1e6))
            arrivals.append((at_s, sound))
    arrivals.sort(key=lambda item: item[0])
    fragmenter = Fragmenter(TRACKS)
    done = [fragmenter.add(sample) for _, sample in arrivals]
    return [fragment for fragment in (*done, fragmenter.flush()) if fragment is not None]

import hashlib
import shutil
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.footage import PART, lock_path, stream_folder
from holdfast.core.journal import LOST_MEMORY, Begun, Emptied, Event, Removed, Sealed
from holdfast.core.plan import StreamPlan
from holdfast.media.recover import leftovers, recover
from holdfast.recording import upkeep as module
from holdfast.recording.upkeep import AGAIN_US, Upkeep, _Job
from holdfast.storage.journal import JournalWriter
from holdfast.storage.lock import FileLock
from holdfast.storage.memory import links
from support.clock import PushedClock
from support.media import WALL_US, Footage, encode, end_of, write_part
from support.ram import room, shm
from support.recording import stream_plan, until
from support.small_disk import fill, small_disk


@pytest.fixture(scope="module")
def footage() -> Footage:
    """A second of it."""
    return encode("h264", seconds=1, gop=25)


def _plan(root: Path) -> StreamPlan:
    plan = replace(stream_plan(root, "rtsp://127.0.0.1/x"), camera="gate")
    (root / stream_folder(plan.key)).mkdir(parents=True, exist_ok=True)
    return plan


@pytest.fixture
def clock() -> PushedClock:
    """The upkeep's clock."""
    return PushedClock()


@pytest.fixture
def upkeep(no_leaks: None, clock: PushedClock) -> Iterator[Upkeep]:
    """One that ends with the test."""
    made = Upkeep("boot-1", clock)
    yield made
    made.stop(5)


@pytest.mark.needs("mount")
def test_what_failed_is_tried_again_until_it_is_done(
    tmp_path: Path, upkeep: Upkeep, clock: PushedClock, footage: Footage
) -> None:
    """R6: a file for whose end a full disk had no room is finished a minute after there is room, without a restart."""
    said: list[Event] = []
    with small_disk(tmp_path / "disk", size_bytes=4 << 20) as root:
        plan = _plan(root)
        segment = write_part(root, footage)
        # Up to the end of a page, so that the end box needs a new one; the boxes of one block of sound take 136 bytes.
        segment.write([replace(footage.of(1)[-1], payload=b"\1" * (-(segment.bytes + 136) % 4096))], end_of(footage))
        segment.abandon()
        with FileLock(root / lock_path(plan.key)):
            ballast = fill(root, leave_bytes=0)
            upkeep.take(plan, [segment.file], said.append)
            for _ in range(3):
                until(lambda: _waits(upkeep, clock))
                clock.advance(AGAIN_US / 1e6)
                upkeep.take(plan, [], said.append)  # it wakes up, as it would have by itself
            until(lambda: _waits(upkeep, clock))
            assert said == []
            ballast.unlink()
            clock.advance(AGAIN_US / 1e6)
            upkeep.take(plan, [], said.append)
            until(lambda: said)
        assert [event.kind for event in said] == ["sealed"]
        assert (root / segment.file).exists()
        assert upkeep.waiting == 0


def _waits(upkeep: Upkeep, clock: PushedClock) -> bool:
    """Whether a file has failed and waits for a later time."""
    with upkeep._wake:
        return any(job.due_us > clock.boot_us() for job in upkeep._jobs.values())


def test_a_file_that_we_stumble_over_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upkeep: Upkeep, footage: Footage
) -> None:
    """A mistake of ours with one file is logged, and every other file is finished all the same."""
    plan, said = _plan(tmp_path), list[Event]()
    files = []
    for n in range(3):
        segment = write_part(tmp_path, footage, start_us=WALL_US + n * 60_000_000)
        segment.abandon()
        files.append(segment.file)

    def stumble(root: Path, file: str, **more: Any) -> Iterator[Sealed | Emptied | Removed]:
        if file == files[0]:
            raise struct.error("argument out of range")
        yield from recover(root, file, **more)

    monkeypatch.setattr(module, "recover", stumble)
    with FileLock(tmp_path / lock_path(plan.key)):
        upkeep.take(plan, files, said.append)
        until(lambda: len(said) == 2)
    assert [event.file for event in said if isinstance(event, Sealed)] == files[1:]
    assert (tmp_path / (files[0] + PART)).exists()
    assert upkeep.waiting == 1


def test_files_of_a_stream_that_was_let_go_are_left_alone(
    tmp_path: Path, upkeep: Upkeep, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: without the stream's lock somebody else may be at its files, so they are left to whoever takes it."""
    plan, said = _plan(tmp_path), list[Event]()
    segment = write_part(tmp_path, footage)
    segment.abandon()
    settle, passed = upkeep._settle, list[_Job]()

    def settled(job: _Job) -> None:
        settle(job)
        passed.append(job)

    monkeypatch.setattr(upkeep, "_settle", settled)
    upkeep.take(plan, [segment.file], said.append)
    until(lambda: passed)  # that nothing waits says only that it was begun: it may still ask whose the lock is
    with FileLock(tmp_path / lock_path(plan.key)):
        assert (upkeep.waiting, said) == (0, [])
        assert (tmp_path / (segment.file + PART)).exists()
        upkeep.take(plan, [segment.file], said.append)
        until(lambda: said)
    assert (tmp_path / segment.file).exists()


def test_finished_files_leave_memory(tmp_path: Path, upkeep: Upkeep, footage: Footage) -> None:
    """C081: what policy keeps is moved to its volume once it is finished; of what it chooses from nothing is moved."""
    with shm() as folder, FileLock(_locked(tmp_path)):
        for settles in (False, True):
            plan = replace(_plan(tmp_path), settles=settles)
            start_us = WALL_US + settles * 60_000_000
            segment = write_part(tmp_path, footage, start_us=start_us, memory=room(folder))
            sealed = segment.seal(start_us=start_us, end_us=start_us + 1, ended="cut")
            with JournalWriter(tmp_path, plan.key, PushedClock()) as journal:
                journal.write(sealed, sync=False)
            said: list[Event] = []
            upkeep.take(plan, [segment.file], said.append)
            path = tmp_path / segment.file
            until(lambda: upkeep.waiting == 0)
            if settles:
                until(lambda path=path: not path.is_symlink())  # type: ignore[misc]
            assert path.is_symlink() is not settles
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sealed.sha256
            assert said == []


def test_stopping_moves_what_waits(tmp_path: Path, clock: PushedClock, footage: Footage) -> None:
    """C081: an orderly end moves what lies in memory, as a host that is switched off is stopped in order first."""
    upkeep = Upkeep("boot-1", clock)
    plan = _plan(tmp_path)
    with shm() as folder:
        segment = write_part(tmp_path, footage, memory=room(folder))
        segment.seal(start_us=WALL_US, end_us=WALL_US + 1, ended="cut")
        with upkeep._wake:  # nobody holds the stream's lock any more, so the thread itself would pass it over
            upkeep._put(_Job(plan, segment.file, lambda _: None, due_us=10**15))
        upkeep.stop(5)
        assert not (tmp_path / segment.file).is_symlink()
        assert (tmp_path / segment.file).exists()


def test_a_kill_leaves_memory_to_the_next_recorder(tmp_path: Path, upkeep: Upkeep, footage: Footage) -> None:
    """F11, C081: a file that grew in memory when its recorder was killed is finished there, moved, and told of once."""
    with shm() as folder, FileLock(_locked(tmp_path)):
        plan, said = _plan(tmp_path), list[Event]()
        segment = write_part(tmp_path, footage, memory=room(folder))
        segment.abandon()
        path = tmp_path / segment.file
        assert leftovers(tmp_path, plan.key) == [segment.file]
        upkeep.take(plan, [segment.file], said.append)
        until(lambda: said and not path.is_symlink())
        (sealed,) = said
        assert isinstance(sealed, Sealed)
        assert (sealed.recovered, sealed.bytes) == (True, path.stat().st_size)
        assert sealed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_the_power_took_from_memory_is_told(tmp_path: Path, upkeep: Upkeep, footage: Footage) -> None:
    """F11, C081: a growing file was never there, a finished one is lost; each is said, and then its link goes."""
    with shm() as folder, FileLock(_locked(tmp_path)):
        plan, said, memory = _plan(tmp_path), list[Event](), room(folder)
        whole = write_part(tmp_path, footage, memory=memory)
        sealed = whole.seal(start_us=WALL_US, end_us=WALL_US + 1, ended="cut")
        grew = write_part(tmp_path, footage, start_us=WALL_US + 60_000_000, memory=memory)
        grew.abandon()
        with JournalWriter(tmp_path, plan.key, PushedClock()) as journal:
            for one in (whole, grew):
                journal.write(Begun(file=one.file, run="r", start_us=WALL_US, why="cut"), sync=False)
            journal.write(sealed, sync=False)
            shutil.rmtree(memory.home)
            assert links(tmp_path, plan.key) == [whole.file]
            upkeep.take(plan, [whole.file, grew.file], said.append)
            until(lambda: len(said) == 2)
            lost = Removed(file=whole.file, bytes=sealed.bytes, why=LOST_MEMORY)
            assert said == [lost, Emptied(file=grew.file, detail=LOST_MEMORY)]
            for event in said:
                journal.write(event, sync=False)
        upkeep.take(plan, [whole.file, grew.file], said.append)
        until(lambda: not any((tmp_path / whole.file).parent.iterdir()))
        assert len(said) == 2


def _locked(root: Path) -> Path:
    plan = _plan(root)
    return root / lock_path(plan.key)

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.footage import PART, lock_path, stream_folder
from holdfast.core.journal import Emptied, Event, Sealed
from holdfast.core.plan import StreamPlan
from holdfast.media.recover import recover
from holdfast.recording import upkeep as module
from holdfast.recording.upkeep import AGAIN_US, Upkeep
from holdfast.storage.lock import FileLock
from support.clock import PushedClock
from support.media import WALL_US, Footage, encode, end_of, write_part
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

    def stumble(root: Path, file: str, **more: Any) -> Iterator[Sealed | Emptied]:
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


def test_files_of_a_stream_that_was_let_go_are_left_alone(tmp_path: Path, upkeep: Upkeep, footage: Footage) -> None:
    """F12: without the stream's lock somebody else may be at its files, so they are left to whoever takes it."""
    plan, said = _plan(tmp_path), list[Event]()
    segment = write_part(tmp_path, footage)
    segment.abandon()
    upkeep.take(plan, [segment.file], said.append)
    until(lambda: upkeep.waiting == 0)
    with FileLock(tmp_path / lock_path(plan.key)):
        assert said == []
        assert (tmp_path / (segment.file + PART)).exists()
        upkeep.take(plan, [segment.file], said.append)
        until(lambda: said)
    assert (tmp_path / segment.file).exists()

import errno
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskFull, NotFound, StorageError, VolumeMissing
from holdfast.core.footage import journal_path, stream_folder
from holdfast.core.journal import CHAIN_START, Beat, Begun, Emptied, Line, Sealed, decode, encode, verify_chain
from holdfast.storage import journal as module
from holdfast.storage.journal import (
    JournalWriter,
    journal_files,
    list_streams,
    read_journal,
    recent_lines,
    stream_lines,
    unfinished,
)
from support.clock import PushedClock

KEY = StreamKey("gate", "main")
DAY_S = 86_400.0


def _reasons(lines: list[Line]) -> list[str]:
    return [line.event.reason for line in lines if isinstance(line.event, Beat)]


def _chain_holds(root: Path) -> bool:
    previous = CHAIN_START
    for path in journal_files(root, KEY):
        for entry in read_journal(path):
            if entry.line is None or not verify_chain(entry.raw, previous):
                return False
            previous = entry.line.chain
    return True


def test_chain_spans_days_and_restarts(tmp_path: Path) -> None:
    """Each UTC day has its file; the chain goes through all of them, whoever wrote them."""
    clock = PushedClock()
    for number in range(6):
        with JournalWriter(tmp_path, KEY, clock) as journal:
            journal.write(Beat(reason=f"{number}a"), sync=True)
            journal.write(Beat(reason=f"{number}b"), sync=False)
        clock.advance(DAY_S / 2)
    assert len(journal_files(tmp_path, KEY)) >= 3
    assert _reasons(stream_lines(tmp_path, KEY)) == [f"{n}{x}" for n in range(6) for x in "ab"]
    assert _chain_holds(tmp_path)


def test_line_is_stamped_by_both_clocks(tmp_path: Path) -> None:
    """A line says when it was written on the wall and since boot, and whether the wall clock was right."""
    clock = PushedClock(sync=False)
    with JournalWriter(tmp_path, KEY, clock) as journal:
        written = journal.write(Beat(reason="a"), sync=True)
    assert stream_lines(tmp_path, KEY) == [written]
    when = written.when
    assert (when.at_us, when.boot_us, when.boot, when.sync) == (clock.wall_us(), clock.boot_us(), "boot-1", False)


def test_clock_set_back_keeps_the_order(tmp_path: Path) -> None:
    """R9: lines of a clock that was set back a week stay behind those written before, in files as in the chain."""
    clock = PushedClock()
    with JournalWriter(tmp_path, KEY, clock) as journal:
        journal.write(Beat(reason="before"), sync=False)
        clock.step(-7 * DAY_S)
        journal.write(Beat(reason="back"), sync=False)
    with JournalWriter(tmp_path, KEY, clock) as journal:
        journal.write(Beat(reason="restarted"), sync=False)
    assert _reasons(stream_lines(tmp_path, KEY)) == ["before", "back", "restarted"]
    assert len(journal_files(tmp_path, KEY)) == 1
    assert _chain_holds(tmp_path)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(min_value=0, max_value=2000), zeros=st.integers(min_value=0, max_value=3))
def test_torn_journal_goes_on(tmp_path: Path, cut: int, zeros: int) -> None:
    """F11: cut anywhere by a power failure, zeros behind it or not, a journal goes on from its last whole line."""
    clock = PushedClock()
    path = tmp_path / journal_path(KEY, "2026-09-21")
    path.unlink(missing_ok=True)
    with JournalWriter(tmp_path, KEY, clock) as journal:
        for number in range(5):
            journal.write(Beat(reason=str(number)), sync=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + bytes(zeros))
    kept = _reasons(stream_lines(tmp_path, KEY))
    with JournalWriter(tmp_path, KEY, clock) as journal:
        journal.write(Beat(reason="after"), sync=False)
    assert _chain_holds(tmp_path)
    after = _reasons(stream_lines(tmp_path, KEY))
    # One more than was visible where only the newline was missing.
    assert after in ([*kept, "after"], [*kept, str(len(kept)), "after"])


def test_damage_in_the_middle_is_reported(tmp_path: Path) -> None:
    """A line that cannot be read is shown as such, and those behind it are still read."""
    clock = PushedClock()
    with JournalWriter(tmp_path, KEY, clock) as journal:
        for reason in "abc":
            journal.write(Beat(reason=reason), sync=False)
    (path,) = journal_files(tmp_path, KEY)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\0" * (len(second) - 1) + b"\n" + third)
    entries = list(read_journal(path))
    assert [entry.line is None for entry in entries] == [False, True, False]
    assert _reasons(stream_lines(tmp_path, KEY)) == ["a", "c"]


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A tail sees each line once, and a line that is half written only when it is whole."""
    clock = PushedClock()
    journal = JournalWriter(tmp_path, KEY, clock)
    journal.write(Beat(reason="a"), sync=False)
    (path,) = journal_files(tmp_path, KEY)
    (entry,) = read_journal(path)
    assert list(read_journal(path, entry.offset_after)) == []
    journal.write(Beat(reason="b"), sync=False)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert list(read_journal(path, entry.offset_after)) == []
    path.write_bytes(whole)
    assert [e.offset_after for e in read_journal(path, entry.offset_after)] == [len(whole)]


@pytest.mark.parametrize("fault", ["pwritev", "fdatasync"])
def test_failed_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """A line that is not safely on disk is not in the journal, so trying again says it once."""
    clock = PushedClock()
    with JournalWriter(tmp_path, KEY, clock) as journal:
        journal.write(Beat(reason="a"), sync=True)

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, fault, refuse)
            with pytest.raises(DiskFull):
                journal.write(Beat(reason="b"), sync=True)
        assert _reasons(stream_lines(tmp_path, KEY)) == ["a"]
        journal.write(Beat(reason="b"), sync=True)
    assert _reasons(stream_lines(tmp_path, KEY)) == ["a", "b"]
    assert _chain_holds(tmp_path)


def test_volume_that_comes_back_is_written_again(tmp_path: Path) -> None:
    """A writer made while the disk is away fails each time, and works as soon as it is there."""
    root = tmp_path / "disk"
    with JournalWriter(root, KEY, PushedClock()) as journal:
        with pytest.raises(VolumeMissing):
            journal.write(Beat(reason="a"), sync=True)
        root.mkdir()
        journal.write(Beat(reason="b"), sync=True)
    assert _reasons(stream_lines(root, KEY)) == ["b"]


def test_removed_journal_is_noticed(tmp_path: Path) -> None:
    """A journal that somebody deletes under the recorder is begun anew, not written to where nobody reads."""
    with JournalWriter(tmp_path, KEY, PushedClock()) as journal:
        journal.write(Beat(reason="a"), sync=False)
        journal_files(tmp_path, KEY)[0].unlink()
        journal.write(Beat(reason="b"), sync=False)
    assert _reasons(stream_lines(tmp_path, KEY)) == ["b"]


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    """Recovery and recording write to one journal at once; the chain holds."""
    with JournalWriter(tmp_path, KEY, PushedClock()) as journal:
        threads = [
            threading.Thread(target=lambda: [journal.write(Beat(reason="x"), sync=False) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(stream_lines(tmp_path, KEY)) == 200
    assert _chain_holds(tmp_path)


def test_fifty_writers_leave_no_descriptor(tmp_path: Path, no_leaks: None) -> None:
    """Opening and closing gives back every descriptor."""
    for _ in range(50):
        with JournalWriter(tmp_path, KEY, PushedClock()) as journal:
            journal.write(Beat(reason="a"), sync=False)


def test_streams_are_found(tmp_path: Path) -> None:
    """Streams are known by their folders; what is no camera is passed over, as is the worker's journal."""
    for name in ("gate/main", "gate/sub", "yard/main", "-bad/main", "gate/other"):
        (tmp_path / "footage" / name).mkdir(parents=True)
    (tmp_path / stream_folder(KEY) / "2026-01-01.kept.journal").touch()
    assert [str(key) for key in list_streams(tmp_path)] == ["gate/main", "gate/sub", "yard/main"]
    assert journal_files(tmp_path, KEY) == []
    assert list_streams(tmp_path / "absent") == []


def test_absent_journal_is_named(tmp_path: Path) -> None:
    """Asking for a journal that is not there is answered with its name; a folder in its place is a disk error."""
    with pytest.raises(NotFound, match="absent"):
        list(read_journal(tmp_path / "absent"))
    with pytest.raises(StorageError):
        list(read_journal(tmp_path))


def test_unfinished_files_are_those_begun_and_not_heard_of(tmp_path: Path) -> None:
    """What was begun and neither sealed nor emptied is what recovery must look at."""
    sealed = Sealed(
        file="a", run="r", start_us=1, end_us=2, start_boot_us=None, bytes=1, media_bytes=1, sha256="",
        video_samples=1, audio_samples=0, began="cut", ended="cut",
    )  # fmt: skip
    with JournalWriter(tmp_path, KEY, PushedClock()) as journal:
        for file in "abc":
            journal.write(Begun(file=file, run="r", start_us=1, why="cut"), sync=False)
        journal.write(sealed, sync=False)
        journal.write(Emptied(file="b"), sync=False)
    assert unfinished(stream_lines(tmp_path, KEY)) == ["c"]


def test_a_journal_that_grew_for_years_is_read_from_its_end(tmp_path: Path) -> None:
    """R9: a file of a clock that was once ahead is appended to for years; opening it reads its end alone."""
    clock = PushedClock()
    with JournalWriter(tmp_path, KEY, clock) as journal:
        journal.write(Beat(reason="before"), sync=False)
        clock.step(3650 * DAY_S)
        journal.write(Begun(file="old", run="r", start_us=1, why="cut"), sync=False)
        clock.step(-3650 * DAY_S)
    newest = journal_files(tmp_path, KEY)[-1]
    with newest.open("rb+") as file:
        raw = file.read()
        file.seek(64 << 20)  # a hole stands for the years: it reads as zeros, which are no line
        file.write(b"\n" + raw.replace(b'"old"', b'"new"'))
    tracemalloc.start()
    try:
        with JournalWriter(tmp_path, KEY, clock) as journal:
            line = journal.write(Beat(reason="after"), sync=False)
        recent = recent_lines(tmp_path, KEY)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 16 << 20
    assert unfinished(recent) == ["new"]
    assert recent[-1] == line
    last = list(read_journal(newest, newest.stat().st_size - len(encode(line.when, Beat(reason="after"), "")[0])))
    assert verify_chain(last[0].raw, decode(raw).chain)


@given(count=st.integers(0, 60), left=st.integers(1, 9_000))
def test_the_end_of_a_journal_is_whole_lines(tmp_path_factory: pytest.TempPathFactory, count: int, left: int) -> None:
    """However much of a journal is looked at, what is seen is its last whole lines, across two files."""
    root, clock = tmp_path_factory.mktemp("j"), PushedClock()
    with JournalWriter(root, KEY, clock) as journal:
        for number in range(count):
            journal.write(Beat(reason=str(number)), sync=False)
            if number == count // 2:
                clock.advance(DAY_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "RECENT_BYTES", left)
        seen = recent_lines(root, KEY)
    everything = stream_lines(root, KEY)
    assert seen == everything[len(everything) - len(seen) :]
    sizes = [len(encode(line.when, line.event, "")[0]) for line in seen if line.event is not None]
    assert sum(sizes) <= left
    assert len(seen) == len(everything) or left - sum(sizes) < 2 * 260

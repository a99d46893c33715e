import gzip
import os
import resource
import threading
from pathlib import Path

import pytest

from holdfast.core.timing import DAY_US, iso
from holdfast.roles.log_file import LogWriter, RotatingFile
from support.clock import PushedClock


def _all_lines(folder: Path, name: str) -> list[bytes]:
    lines: list[bytes] = []
    for path in folder.glob(f"{name}*"):
        lines += (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).splitlines()
    return lines


def test_a_file_never_grows_beyond_its_cap(tmp_path: Path) -> None:
    """At any time there are at most `keep` rotated files, and none is larger than the cap (F31)."""
    file = RotatingFile(tmp_path / "x.log", 1000, 3)
    for number in range(500):
        file.write(b"%060d\n" % number)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * 1000
    assert len(file.rotated()) == 3
    file.close()


def test_what_grows_slowly_is_rotated_by_its_age(tmp_path: Path) -> None:
    """A file is rotated once its first line is old, after a restart too; those kept reach as far as lines do (C080)."""
    now_us = 1_790_000_000_000_000
    line = f'{{"at":"{iso(now_us)}","level":"info"}}\n'.encode()
    file = RotatingFile(tmp_path / "x.log", 1000, 5, keep_days=10)
    assert not file.rotate_old(now_us), "nothing is open yet"
    file.write(line)
    assert not file.rotate_old(now_us)
    assert not file.rotate_old(now_us + 2 * DAY_US - 1)
    file.close()
    again = RotatingFile(tmp_path / "x.log", 1000, 5)
    again.write(line)
    assert not again.rotate_old(now_us + 99 * DAY_US), "by size and count alone"
    again.keep_days = 10
    assert not again.rotate_old(now_us + 2 * DAY_US - 1)
    assert again.rotate_old(now_us + 2 * DAY_US)
    assert not again.rotate_old(now_us + 99 * DAY_US), "an empty file has no age"
    assert [path.read_bytes() for path in again.rotated().values()] == [line * 2]
    again.close()


def test_a_file_whose_first_line_is_not_ours_counts_from_now(tmp_path: Path) -> None:
    """Whatever stands at its begin, a file is rotated at some time."""
    (tmp_path / "x.log").write_bytes(b'{"at":"yesterday"}\n')
    file = RotatingFile(tmp_path / "x.log", 1000, 1, keep_days=1)
    file.write(b"more\n")
    assert not file.rotate_old(99 * DAY_US)
    assert file.rotate_old(100 * DAY_US)
    file.close()


def test_keeping_none_keeps_none(tmp_path: Path) -> None:
    """With keep = 0 only the growing file is there."""
    file = RotatingFile(tmp_path / "x.log", 100, 0)
    for _ in range(10):
        file.write(b"y" * 60 + b"\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.log"]
    file.close()


def test_rotated_files_are_compressed_and_keep_their_lines(tmp_path: Path) -> None:
    """Compressing changes nothing in a file but its size, and what a crash left half done is done again."""
    file = RotatingFile(tmp_path / "x.log", 1000, 50)
    for number in range(100):
        file.write(b"%060d\n" % number)
    (tmp_path / "x.log.1.gz.part").write_bytes(b"torn")
    file.pack()
    file.close()
    assert {path.suffix for path in file.rotated().values()} == {".gz"}
    assert sorted(_all_lines(tmp_path, "x.log")) == [b"%060d" % number for number in range(100)]
    assert not list(tmp_path.glob("*.part"))


def test_a_removed_file_is_made_again(tmp_path: Path) -> None:
    """Somebody who deletes log files, or their folder, does not silence the log."""
    file = RotatingFile(tmp_path / "log" / "x.log", 1000, 1)
    file.write(b"one\n")
    (tmp_path / "log" / "x.log").unlink()
    (tmp_path / "log").rmdir()
    file.write(b"two\n")
    file.close()
    assert (tmp_path / "log" / "x.log").read_bytes() == b"two\n"


def _writer(file: RotatingFile, clock: PushedClock) -> LogWriter:
    return LogWriter(file, clock, lambda count: b"lost %d\n" % count, list)


def test_many_threads_and_rotation_do_not_deadlock(tmp_path: Path) -> None:
    """Sixteen threads write as fast as they can through hundreds of rotations; every line is there or counted (F30)."""
    file = RotatingFile(tmp_path / "x.log", 20_000, 1000)
    writer = _writer(file, PushedClock())
    writer.start()

    def work(name: int) -> None:
        for number in range(1000):
            writer.put(b"%02d-%04d %s\n" % (name, number, b"z" * 80), "")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    writer.close()
    lines = _all_lines(tmp_path, "x.log")
    whole = {line for line in lines if not line.startswith(b"lost")}
    lost = sum(int(line.split()[1]) for line in lines if line.startswith(b"lost"))
    assert len(whole) + lost == 16_000
    assert len(file.rotated()) > 50


def test_a_full_disk_costs_lines_and_says_how_many(tmp_path: Path) -> None:
    """When the log cannot be written nothing is raised; once there is room, the number of lost lines comes first."""
    path = tmp_path / "x.log"
    clock = PushedClock()
    writer = _writer(RotatingFile(path, 1_000_000, 1), clock)
    path.symlink_to("/dev/full")
    for _ in range(3):
        writer._write(b"gone\n", "")
    path.unlink()
    writer._write(b"too early\n", "")
    clock.advance(6)
    writer._write(b"back\n", "")
    writer._file.close()  # type: ignore[union-attr]
    assert path.read_bytes() == b"lost 4\nback\n"


def test_a_line_that_fits_only_in_part_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A torn line is ended before the next one begins."""
    file = RotatingFile(tmp_path / "x.log", 1_000_000, 1)
    file.write(b"a" * 90 + b"\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="No space"):
            file.write(b"b" * 50 + b"\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    file.write(b"c\n")
    file.close()
    assert (tmp_path / "x.log").read_bytes().splitlines()[2] == b"c"


def test_a_disk_that_hangs_does_not_hold_anybody_up(tmp_path: Path) -> None:
    """While the disk does not answer, callers go on at once; what the queue cannot hold is dropped and counted."""
    path = tmp_path / "x.log"
    os.mkfifo(path)  # opening it for writing blocks until somebody reads
    writer = _writer(RotatingFile(path, 1_000_000, 1), PushedClock())
    writer.start()
    for _ in range(20_100):
        writer.put(b"line\n", "")
    assert writer._dropped >= 99
    # The disk answers again: somebody reads, until the writer closes its end.
    drained: list[int] = []
    reader = threading.Thread(target=lambda: drained.append(len(path.read_bytes())))
    reader.start()
    writer.close()
    reader.join(60)
    assert drained[0] >= 20_000 * len(b"line\n")

"""A disk whose power can be cut: an ext4 image, mounted through a loop device. Needs root.

What a program wrote and did not sync lies in the page cache of the mounted file system, not in the image: a copy of the
image file, taken while all goes on, is what a power cut at that moment leaves. Mounting the copy replays its journal.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLOCK_BYTES = 4096
_TRIES = 20


class Disk:
    """An ext4 image and where it is mounted."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self._journal = _journal_blocks(image)

    def cut(self, copy: Path) -> int:
        """Copy what has reached the device, as `copy`; return the wall time just before.

        The file system's journal is copied first and looked at again afterwards: what the rest holds is then never
        older than the journal says, as on a real disk.
        """
        for _ in range(_TRIES):
            at_us = time.time_ns() // 1000
            with self.image.open("rb") as source, copy.open("wb") as target:
                target.truncate(self.image.stat().st_size)
                first = _copied(source.fileno(), target.fileno(), self._journal)
                whole = self.image.stat().st_size // BLOCK_BYTES
                _copied(source.fileno(), target.fileno(), _others(self._journal, whole))
                if first == _head(source.fileno(), self._journal):
                    return at_us
        raise AssertionError("the journal's head moved during every copy")


@contextmanager
def power_disk(root: Path, *, size_bytes: int = 64 << 20) -> Iterator[Disk]:
    """Make an ext4 file system and mount it, for a while."""
    image, folder = root / "disk.img", root / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-F", "-b", str(BLOCK_BYTES), "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    with mounted(image, folder):
        yield Disk(image, folder)


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """Mount an image."""
    folder.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def _journal_blocks(image: Path) -> list[tuple[int, int]]:
    numbers = [int(n) for n in re.findall(r"\d+", _run("debugfs", "-R", "blocks <8>", str(image)))]
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number:
            spans[-1] = (spans[-1][0], number + 1)
        else:
            spans.append((number, number + 1))
    return spans


def _others(spans: list[tuple[int, int]], whole: int) -> list[tuple[int, int]]:
    edges = [0, *(edge for span in spans for edge in span), whole]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _head(fd: int, spans: list[tuple[int, int]]) -> bytes:
    return os.pread(fd, BLOCK_BYTES, spans[0][0] * BLOCK_BYTES)


def _copied(source: int, target: int, spans: list[tuple[int, int]]) -> bytes:
    head = _head(source, spans)
    for begin, end in spans:
        at = begin * BLOCK_BYTES
        while at < end * BLOCK_BYTES:
            data = os.pread(source, min(1 << 20, end * BLOCK_BYTES - at), at)
            if data.count(0) != len(data):
                os.pwrite(target, data, at)
            at += len(data)
    return head

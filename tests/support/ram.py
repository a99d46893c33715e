"""Memory to capture to, for tests: a folder of their own on a real tmpfs, and footage that lies there."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.storage.memory import Memory


@contextmanager
def shm() -> Iterator[Path]:
    """Make a folder on the machine's tmpfs, and take it away again."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-test-", dir="/dev/shm"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def room(folder: Path, *, most: int = 64 << 20, name: str = "vol-1") -> Memory:
    """Make room of one volume in it."""
    return Memory(folder / "home", name, most)


def in_memory(memory: Memory) -> list[str]:
    """Name the files whose bytes are there, as on the volume."""
    return sorted(str(path.relative_to(memory.root)) for path in memory.root.rglob("*") if path.is_file())


def lay_in_memory(root: Path, memory: Memory, file: str) -> Path:
    """Lay a finished file of a volume where it would be had it been captured to memory; return its path there."""
    data = memory.root / file
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / file, data)
    (root / file).unlink()
    (root / file).symlink_to(data)
    return data

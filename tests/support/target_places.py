"""Places for the suite that all targets are held to: a real one of each kind, and ways to look at it and break it.

Those that keep files look at them directly, not through what is tested.
"""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.storage.targets import marker
from holdfast.storage.targets.contract import Content, Target
from holdfast.storage.targets.folder import FolderTarget
from support.small_disk import small_disk

MB = 10**6


def content_of(data: bytes) -> Content:
    """Return what a file with these bytes must hold."""
    return Content(len(data), hashlib.sha256(data).hexdigest())


class Place(Protocol):
    """A target of one kind, seen from outside.

    Attributes:
        resumes: Whether an interrupted transfer goes on where it was, and what had gone is not sent again.
        secrets: What must be nowhere to be seen.
    """

    resumes: bool
    secrets: tuple[str, ...]

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:
        """Make a target that leads there; `bandwidth` is for what limits itself."""

    def takes(self, key: str) -> bool:
        """Say whether the service itself allows this name."""

    def read(self, key: str) -> bytes | None:
        """Return what lies under a key, or None."""

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a key, or None; quick, while it is written."""

    def plant(self, key: str, data: bytes) -> None:
        """Put something there behind the target's back."""

    def names(self) -> set[str]:
        """Return the keys of all files that lie there, temporary ones too."""

    def refusing(self) -> AbstractContextManager[None]:
        """Let nobody write."""

    def full(self) -> AbstractContextManager[None]:
        """Leave less than 10 MB."""

    def silent(self) -> AbstractContextManager[None]:
        """Answer nothing, and close nothing."""

    def sent(self) -> int | None:
        """Return bytes that have gone there over the network; None where there is none."""


class FilePlace:
    """A place whose files can be seen in a folder."""

    resumes = True
    secrets: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.prepare()

    def prepare(self) -> None:
        """Make the folder what a target expects; done again after another disk is mounted there."""
        marker.adopt("t", self.root, 1, "place-1")

    def takes(self, key: str) -> bool:  # noqa: ARG002 - any name is fine
        return True

    def read(self, key: str) -> bytes | None:
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def size(self, key: str) -> int | None:
        try:
            return (self.root / key).stat().st_size
        except FileNotFoundError:
            return None

    def plant(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def names(self) -> set[str]:
        found = {p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()}
        return found - {marker.MARKER}

    @contextmanager
    def refusing(self) -> Iterator[None]:
        # Root ignores modes, but not a disk that is mounted read-only.
        with small_disk(self.root, size_bytes=MB):
            self.prepare()
            subprocess.run(["mount", "-o", "remount,ro", str(self.root)], check=True, capture_output=True)
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        with small_disk(self.root, size_bytes=8 * MB):
            self.root.chmod(0o755)
            self.prepare()
            yield

    @contextmanager
    def silent(self) -> Iterator[None]:
        """A marker that is a pipe holds whoever reads it, as a file server does that went away."""
        path = self.root / marker.MARKER
        kept = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        try:
            yield
        finally:
            # Whoever still waits is let go.
            with contextlib.suppress(OSError):
                fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
                os.write(fd, kept)
                path.unlink()
                os.close(fd)
            path.write_bytes(kept)

    def sent(self) -> int | None:
        return None


class FolderPlace(FilePlace):
    """A folder."""

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:  # noqa: ARG002 - it paces where it is told to
        return FolderTarget("t", FolderConfig(type="folder", path=self.root, quiet_s=quiet_s, marker="place-1"))


Builder = Callable[[Path, ExitStack], Place]


def folder(tmp: Path, _stack: ExitStack) -> Place:
    """Return a folder."""
    return FolderPlace(tmp / "target")

"""Room that is kept for bookkeeping: a file that takes space while there is some, and gives it back when there is none.

At 0 bytes free nobody can write down that a copy was verified, and so nothing could ever be deleted (F18). Whoever must
write in that moment takes this room, writes, and goes on; the next pass of retention keeps it again. A reserve cannot
do that: other programs fill it.

Not here: when it is taken (storage.kept, work.retain). Any thread.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import StorageError
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE

NAME = ".holdfast-room"
VOLUME_BYTES = 256 * 1024  # chosen: some hundred journals of a day, each in blocks of its own
STATE_BYTES = 4 * 2**20  # chosen: an SQLite log of a thousand pages
_TIMES = 8  # chosen: it is kept only where this many times its size is free, so that it is never what fills a disk


@dataclass(frozen=True, slots=True)
class Room:
    """Room of so many bytes in a folder."""

    folder: Path
    bytes: int

    @property
    def path(self) -> Path:
        """The file that takes it."""
        return self.folder / NAME

    def keep(self) -> bool:
        """Take the space where there is plenty; return whether it is kept now.

        Raises:
            StorageError: The folder is not there, or refuses it.
        """
        with storage_errors("keeping room in", self.folder):
            if self.path.exists():
                return True
            facts = os.statvfs(self.folder)
            if facts.f_bavail * facts.f_frsize < _TIMES * self.bytes:
                return False
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            try:
                # Written out, not only reserved: some file systems promise space that they then do not have.
                os.write(fd, bytes(self.bytes))
            except OSError:
                self.path.unlink(missing_ok=True)
                raise
            finally:
                os.close(fd)
        return True

    def give(self) -> bool:
        """Give the space back; return whether there was any to give."""
        try:
            with storage_errors("giving back room in", self.folder):
                self.path.unlink()
        except StorageError:
            return False  # not there, or not to be removed: either way there is nothing to win here
        return True

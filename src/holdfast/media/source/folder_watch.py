"""Names of files that somebody else has finished writing into a folder: closed, or renamed into place.

Linux says so by itself (inotify). It does not where another host writes (NFS, SMB and the like), so there the folder is
looked through a few times a second. A picture is told at each change, for its bytes say whether it is whole; anything
else when its successor has begun or it has rested for seconds, for its writer may pause. What lies there at the start
is no news. Used by one thread, in the source's own process.

Not here: what the files are (folder_names), reading them (folder_files).
"""

import errno
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from holdfast.core.errors import Refused, SourceError, Unreachable

POLL_S = 0.3  # chosen: a thousand files cost 6 ms to look through
_SHARE = 10.0  # chosen: full folders are looked through so seldom that it takes no more than a tenth of a core
_REST_S = 5.0  # chosen: muxers write out what they hold more often than this
_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "vboxsf", "afs", "vmhgfs", "davfs",
    "lustre", "gpfs", "beegfs",
})  # fmt: skip
_PICTURES = frozenset({"jpg", "jpeg", "png", "webp"})
_GONE = "is gone"


@dataclass(slots=True)
class _Seen:
    """One file, as it was when it was looked at last: since when it is so, and since when it is written at all."""

    mark: tuple[int, int, int]
    since_s: float
    born_s: float
    told: bool


class FolderWatch:
    """One folder.

    Args:
        path: The folder.
        name: The stream's, for errors.
        polls: Look through it again and again; unset decides by what it is mounted from.

    Attributes:
        polls: Whether it does.

    Raises:
        SourceError: It cannot be watched; the text says why.
    """

    def __init__(self, path: Path, name: str, *, polls: bool | None = None) -> None:
        self._path = path
        self._name = name
        self._inotify: Any = None
        self._seen: dict[str, _Seen] = {}
        self._polled_s = self._began_s = 0.0
        self._every_s = POLL_S
        # Both ways need this: to be told of names is not yet to be allowed to see them.
        found = self._listed()
        self.polls = is_remote(path) if polls is None else polls
        if sys.platform != "linux" or (not self.polls and not self._watched()):
            self.polls = True
        if self.polls:
            now_s = time.monotonic()
            self._seen = {file: _Seen(mark, now_s, now_s, told=True) for file, mark in found.items()}
            self._began_s = self._polled_s = now_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float) -> list[str]:
        """Return the names of files that were finished since the last call, in that order.

        Args:
            seconds: How long to wait where there are none.

        Raises:
            Unreachable: The folder is gone.
            Refused: It may not be read any more.
        """
        if self._inotify is not None:
            return self._heard(seconds)
        left_s = self._polled_s + self._every_s - time.monotonic()
        if left_s > 0:
            time.sleep(min(left_s, seconds))
        if left_s > seconds:
            return []
        return self._changed()

    def close(self) -> None:
        """Let go of the folder."""
        inotify, self._inotify = self._inotify, None
        if inotify is not None:
            inotify.close()

    def _watched(self) -> bool:
        """Have the kernel tell; False where it has no more room for that."""
        from inotify_simple import INotify, flags  # type: ignore[import-untyped] # noqa: PLC0415 - Linux alone has it

        wanted = flags.CLOSE_WRITE | flags.MOVED_TO | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
        self._lost = int(flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT | flags.IGNORED)
        inotify = None
        try:
            inotify = INotify()
            inotify.add_watch(self._path, wanted)
        except OSError as error:
            if inotify is not None:
                inotify.close()
            if error.errno in {errno.ENOSPC, errno.EMFILE, errno.ENOMEM}:
                return False
            raise self._failed(error) from None
        self._inotify = inotify
        return True

    def _heard(self, seconds: float) -> list[str]:
        names: dict[str, None] = {}
        for event in self._inotify.read(timeout=max(0, round(seconds * 1000))):
            if event.mask & self._lost:
                raise self._failed(FileNotFoundError(errno.ENOENT, _GONE))
            if event.name:
                # Written twice before we came: read once, as it is now.
                names.pop(event.name, None)
                names[event.name] = None
        return list(names)

    def _changed(self) -> list[str]:
        began_s = time.monotonic()
        found, seen, news = self._listed(), self._seen, list[str]()
        now_s = time.monotonic()
        self._polled_s, self._every_s = now_s, max(POLL_S, _SHARE * (now_s - began_s))
        for gone in seen.keys() - found.keys():
            del seen[gone]
        for file, mark in found.items():
            known = seen.get(file)
            if known is None or known.mark != mark:
                # One that became smaller, or another file, is written anew.
                again = known is None or known.mark[1] > mark[1] or known.mark[2] != mark[2]
                seen[file] = _Seen(mark, now_s, now_s if known is None or again else known.born_s, told=False)
            if not seen[file].told:
                news.append(file)
        newest: dict[str, tuple[int, float]] = {}
        for file, one in seen.items():
            # What lay there at the start follows nobody, whatever time it says it is of.
            if one.born_s > self._began_s:
                newest[_ending(file)] = max(newest.get(_ending(file), (0, 0.0)), (one.mark[0], one.born_s))
        done = []
        for file in news:
            one, ending = seen[file], _ending(file)
            followed = newest.get(ending, (0, 0.0)) > (one.mark[0], one.born_s)
            rested_s = now_s - one.since_s
            if ending in _PICTURES or rested_s >= _REST_S or (rested_s > 0 and followed):
                one.told = True
                done.append((one.mark[0], file))
        return [file for _, file in sorted(done)]

    def _listed(self) -> dict[str, tuple[int, int, int]]:
        """Return each file's modification time (ns), size and inode; links are none."""
        found = {}
        try:
            # Names alone can be listed without the right to enter; then none of them could be read.
            effective = os.access in os.supports_effective_ids
            if os.path.isdir(self._path) and not os.access(self._path, os.X_OK, effective_ids=effective):  # noqa: PTH112 - Path's one raises
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            with os.scandir(self._path) as entries:
                for entry in entries:
                    # What is wrong with one entry says nothing of the folder.
                    with suppress(OSError):
                        if entry.is_file(follow_symlinks=False):
                            facts = entry.stat(follow_symlinks=False)
                            found[entry.name] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError as error:
            raise self._failed(error) from None
        return found

    def _failed(self, error: OSError) -> SourceError:
        path = self._path
        if isinstance(error, PermissionError):
            return Refused(
                f"{self._name}: the folder {path} may not be read",
                hint=f"let the user of the recorder list and read it: chmod o+rx {path}, or a group that both are in",
            )
        if isinstance(error, NotADirectoryError):
            return Refused(f"{self._name}: {path} is a file, not a folder", hint="name the folder that it lies in")
        if isinstance(error, FileNotFoundError):
            return Unreachable(
                f"{self._name}: the folder {path} {_GONE if error.strerror == _GONE else 'is not there'}",
                hint="check the path, whether its disk is mounted, and whether the program that writes there runs",
            )
        words = (error.strerror or type(error).__name__).lower()
        return Unreachable(f"{self._name}: the folder {path} cannot be read: {words}", hint="is its disk mounted?")


def _ending(file: str) -> str:
    return file.rpartition(".")[2].lower()


def is_remote(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Say whether a folder lies where other hosts may write without this one's kernel being told.

    Args:
        path: The folder.
        mounts: Where the kernel says what is mounted.

    Source: proc(5), mountinfo: the fifth field is the mount point, the first after the hyphen the kind.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    where, best, kind = os.path.realpath(path), -1, ""
    for line in lines:
        front, _, back = line.partition(" - ")
        fields = front.split()
        if len(fields) < 5 or not back:  # noqa: PLR2004 - see above
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        # Of two at one point the later one covers the other.
        if inside and len(point) >= best:
            best, kind = len(point), back.split()[0]
    return kind in _REMOTE or (kind.startswith("fuse") and kind != "fuseblk")

"""Marker files, which tell scripts of finished files: there whole or not at all, through kills and power cuts.

A name that somebody else's file has is never taken. One of ours, or an empty one, is replaced where it tells of another
content of the same file; the same again is success. What cannot be written now is `TargetAway`: it says nothing against
the file.

Work in a folder runs on a thread of its own, which is given up where the folder hangs. Any thread.
Not here: names and content (core.handover).
"""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from holdfast.core.errors import NameTaken, StorageError, TargetAway
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE, ensure_folder, fsync_folder, replace_atomically
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Going

QUIET_S = 30.0  # chosen: a disk that wakes up takes ten; a folder that says nothing for longer is away
_LONGEST = 64 * 1024  # chosen: ten times the longest marker; a larger file is none of ours

T = TypeVar("T")


class Markers:
    """Puts the markers of one rule into folders, and takes them away.

    Args:
        rule: Name of the rule, for errors.
        quiet_s: Seconds after which a folder that does not answer is given up.
    """

    def __init__(self, rule: str, quiet_s: float = QUIET_S) -> None:
        self._apart = Apart(rule, quiet_s)

    def put(
        self, root: Path, name: str, data: bytes, *, file: str, stop: Callable[[], bool] = lambda: False
    ) -> Path:  # fmt: skip
        """Make a marker, durable.

        Args:
            root: Folder that must be there; those below it are made.
            name: Name below it, with slashes.
            data: What stands in it; empty where its being there says all.
            file: The file that it tells of, as `data` names it: an older marker that tells of it is replaced.
            stop: Says that nobody waits for it any more.

        Raises:
            NameTaken: Something else has the name.
            TargetAway: It cannot be written now.
        """
        path = root / name
        return self._do("making a marker", lambda: _put(root, path, data, file), stop)

    def remove(self, path: Path, file: str) -> None:
        """Take a marker away that is of this file, or empty; what is there no more, or not ours, is left alone.

        Raises:
            TargetAway: It cannot be removed now.
        """
        self._do("removing a marker", lambda: _remove(path, file), lambda: False)

    def _do(self, doing: str, body: Callable[[], T], stop: Callable[[], bool]) -> T:
        try:
            return self._apart.run(doing, lambda _going: body(), Going(told_to_stop=stop))
        except StorageError as error:
            raise TargetAway(str(error), hint=error.hint) from error


def _put(root: Path, path: Path, data: bytes, file: str) -> Path:
    known = _read(path)
    if known is not None and not _is_ours(known, data, file):
        raise NameTaken(
            f"{path} is there already, and is no marker of {file}", hint="move it away, or change `name` of the rule"
        )
    if known != data:
        ensure_folder(root, path.parent)
        replace_atomically(path, data, durable=True, mode=FILE_MODE)
    else:
        fsync_folder(path.parent)  # whoever made it may have been killed before its name was durable
    return path


def _remove(path: Path, file: str) -> None:
    known = _read(path)
    if known is not None and _is_ours(known, b"", file):
        with storage_errors("removing", path):
            path.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    """Return what lies under a name, None for nothing; never more than a marker may hold, and never of a device."""
    with storage_errors("looking at", path):
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return b"?"
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as opened:
            return opened.read(_LONGEST)


def _is_ours(known: bytes, data: bytes, file: str) -> bool:
    if not known or known == data:
        return True
    try:
        facts = json.loads(known)
    except ValueError:
        return False
    return isinstance(facts, dict) and str(facts.get("id", "")).startswith("ho_") and facts.get("file") == file

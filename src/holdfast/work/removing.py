"""Files of footage from the row that they are being deleted to their end: the line in the kept journal, then the file.

Part of a pass of retention (retain), which asks what may go and keeps the rows. One thread; blocks on the disk.
"""

import stat
from collections.abc import Mapping, MutableSequence, Sequence
from contextlib import suppress
from pathlib import Path

from holdfast.catalog.removals import Removal
from holdfast.core.camera import StreamKey
from holdfast.core.errors import StorageError
from holdfast.core.kept import Deleted
from holdfast.core.timing import day_of
from holdfast.library import kept
from holdfast.storage import memory
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import fsync_folder


def finish(
    begun: Sequence[Removal], ready: Mapping[str, Path], roots: Mapping[str, Path], now_us: int,
    problems: MutableSequence[str],
) -> tuple[list[Removal], list[Removal]]:  # fmt: skip
    """Delete files whose rows are written.

    Args:
        begun: The files.
        ready: Roots of the volumes that are there; what lies on others waits.
        roots: Roots of all volumes.
        now_us: Wall time.
        problems: Takes sentences about what could not be deleted.

    Returns:
        Those that are gone, and those in whose place something else lies, which stays.
    """
    by_volume: dict[str, list[Removal]] = {}
    for one in begun:
        by_volume.setdefault(one.volume, []).append(one)
    gone: list[Removal] = []
    strange: list[Removal] = []
    for volume, some in by_volume.items():
        root = ready.get(volume)
        if root is None:
            continue  # away: it stays begun until the disk is back
        try:
            # A link whose bytes were lost with a power cut is the recorder's to clear, and to tell of.
            here = [one for one in some if not memory.is_lost(root / one.file)]
            strange += [one for one in here if not _is_it(root, one, problems)]
            known = [one for one in here if one not in strange]
            lines = [
                (one.volume, Deleted(file=one.file, sha256=one.sha256, bytes=one.bytes, why=one.why)) for one in known
            ]
            kept.deleted(roots, lines, now_us)
            gone += [one for one in known if _unlink(root, one, now_us, problems)]
        except StorageError as error:
            problems.append(str(error))
    return gone, strange


def is_done(ready: Mapping[str, Path], one: Removal, problems: MutableSequence[str]) -> bool:
    """Say whether only the row is left of a deletion: the file is gone, and its kept line says so."""
    root = ready.get(one.volume)
    if root is None or (root / one.file).exists():
        return False
    try:
        said = kept.deletions({one.volume: root}, StreamKey(one.camera, one.file.split("/")[2]))
    except StorageError as error:
        problems.append(str(error))
        return False
    return kept.Instance(one.volume, one.file, one.sha256) in said


def _is_it(root: Path, one: Removal, problems: MutableSequence[str]) -> bool:
    """Say whether what lies there is what is to go; gone already, by whoever was killed after it, is fine."""
    path = root / one.file
    with storage_errors("looking at", path):
        try:
            facts = (memory.data_of(path) or path).lstat()
        except FileNotFoundError:
            return True
        inside = path.parent.resolve().is_relative_to((root / "footage").resolve())
    if inside and stat.S_ISREG(facts.st_mode) and facts.st_size == one.bytes:
        return True
    problems.append(f"{path} is not the file that was recorded; it stays")
    return False


def _unlink(root: Path, one: Removal, now_us: int, problems: MutableSequence[str]) -> bool:
    path = root / one.file
    try:
        memory.remove(path)
    except StorageError as error:
        problems.append(str(error))
        return False
    _prune(root, path.parent, now_us)
    return True


def _prune(root: Path, folder: Path, now_us: int) -> None:
    """Remove the folder of a day that is empty by now; today's and tomorrow's are never touched (C077)."""
    if folder.name >= day_of(now_us) or folder == root:
        return
    with suppress(OSError):  # not empty, or gone already
        folder.rmdir()
        with suppress(StorageError):
            fsync_folder(folder.parent)

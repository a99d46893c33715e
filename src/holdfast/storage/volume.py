"""Volumes: a root folder with an id and a marker file, so that an unmounted disk is never filled by mistake.

Not here: what lies in `footage/` (core.footage names it, media writes it), making room (reserve).
Any thread; a `Volume` holds nothing open.
"""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import BadInput, DiskError, VolumeMissing
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE, FOLDER_MODE, replace_atomically

MARKER = ".holdfast-volume"
UNMADE = "unmade-"  # begins the id of a volume whose marker could not be written: no disk carries it
VERSION = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker file says: the volume's id and when it was adopted."""

    volume_id: str
    created_us: int


def create_marker(root: Path, created_us: int, volume_id: str = "") -> Marker:
    """Adopt a folder as a volume; the folder is made if need be.

    Args:
        root: The volume's root.
        created_us: Now.
        volume_id: Its id; empty invents one.

    Raises:
        DiskError: It is a volume already; its marker is never written over.
        StorageError: It cannot be written.
    """
    with storage_errors("making folder", root):
        root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        taken = (root / MARKER).exists()
    if taken:
        raise DiskError(f"{root} is a volume already ({MARKER} is there)", hint="holdfast volumes list shows its id")
    marker = Marker(volume_id or secrets.token_hex(8), created_us)
    body = {"v": VERSION, "id": marker.volume_id, "created_us": marker.created_us}
    replace_atomically(root / MARKER, (json.dumps(body) + "\n").encode(), durable=True, mode=FILE_MODE)
    return marker


def read_marker(root: Path) -> Marker | None:
    """Return what a folder's marker says, or None where there is none.

    Raises:
        BadInput: The marker is damaged.
        StorageError: It cannot be read.
    """
    with storage_errors("reading", root / MARKER):
        try:
            raw = (root / MARKER).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        body = json.loads(raw)
        return Marker(str(body["id"]), int(body["created_us"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{root / MARKER} is damaged: {error}", hint="holdfast volumes adopt writes a new one"
        ) from error


@dataclass(frozen=True, slots=True)
class Volume:
    """Where footage is kept.

    Attributes:
        root: Its folder.
        volume_id: What its marker must say; empty accepts any folder (recording by hand).
        reserve_bytes: Free space that it must keep.
    """

    root: Path
    volume_id: str = ""
    reserve_bytes: int = 0

    def check(self) -> None:
        """Make sure that this is the disk that was meant. Cheap enough for once a second.

        Raises:
            VolumeMissing: The folder or its marker is absent, or it is another volume's.
            StorageError: It cannot be read, or (without an id) the folder cannot be made.
        """
        if not self.volume_id:
            with storage_errors("making folder", self.root):
                self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            return
        try:
            marker = read_marker(self.root)
        except BadInput as error:
            raise VolumeMissing(str(error), hint=error.hint) from error
        if marker is None and self.volume_id.startswith(UNMADE) and self.root.is_dir():
            raise DiskError(f"{self.root} could not be made a volume", hint="holdfast volumes list says why")
        if marker is None:
            raise VolumeMissing(f"{self.root} holds no {MARKER}: the disk of volume {self.volume_id} is not mounted")
        if marker.volume_id != self.volume_id:
            raise VolumeMissing(
                f"{self.root} is volume {marker.volume_id}, expected {self.volume_id}",
                hint="mount the right disk, or adopt this one: holdfast volumes adopt",
            )

    def free_bytes(self) -> int:
        """Return how much this process may still write.

        Raises:
            StorageError: The file system does not answer.
        """
        with storage_errors("asking for free space of", self.root):
            facts = os.statvfs(self.root)
        return facts.f_bavail * facts.f_frsize

    def short_bytes(self) -> int:
        """Return by how much free space has fallen below the reserve; 0 where there is enough."""
        return max(0, self.reserve_bytes - self.free_bytes())

    def footage_files(self) -> Iterator[tuple[str, int]]:
        """Yield every segment file as path relative to the root and size in bytes, sorted; growing ones included.

        Raises:
            StorageError: A folder cannot be read.
        """
        with storage_errors("listing", self.root):
            found = sorted(p for end in ("*.mp4", "*.mp4.part") for p in self.root.glob(f"footage/*/*/*/{end}"))
        for path in found:
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue  # removed or renamed since the listing: a fact, not an error
            yield path.relative_to(self.root).as_posix(), size

"""Stills that are encrypted as they are taken: nothing else of them ever lies on the disk, under whatever name (C155).

The same picture sealed twice is two files. Two who take stills of one camera at once, the watcher and somebody at the
command line, must therefore not write the same instant: a row would speak of the other one's file. So whoever takes
holds the camera until the rows are kept.

One object a taker, on its thread. Not here: taking (still_taking), opening what is sealed (storage.sealed).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import AlreadyRunning
from holdfast.core.still_names import FOLDER
from holdfast.storage.files import ensure_folder
from holdfast.storage.lock import FileLock

LOCK = ".taking.lock"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is written of a picture, and what its row says: `bytes` and `sha256` of that, and of the plain picture."""

    body: bytes
    facts: Mapping[str, int | str]


class Sealing:
    """Encrypts the stills of one camera, or leaves them as they are.

    Args:
        root: Root of the volume that they go to.
        camera: Id of the camera.
        recipients: For whom; none leaves them as they are.
    """

    def __init__(self, root: Path, camera: str, recipients: tuple[str, ...]) -> None:
        self._root = root
        self._camera = camera
        self._recipients = recipients
        self._lock: FileLock | None = None

    def begin(self) -> bool:
        """Hold the camera; False where somebody else does just now.

        Raises:
            StorageError: The lock cannot be written.
        """
        if not self._recipients or self._lock is not None:
            return True
        folder = self._root / FOLDER / self._camera
        ensure_folder(self._root, folder)
        lock = FileLock(folder / LOCK, what=f"taking stills of {self._camera}")
        try:
            lock.__enter__()
        except AlreadyRunning:
            return False
        self._lock = lock
        return True

    def end(self) -> None:
        """Let go of the camera."""
        if self._lock is not None:
            self._lock.__exit__(None, None, None)
            self._lock = None

    def stored(self, picture: bytes) -> Stored:
        """Return what is written of a picture.

        Raises:
            UsageError: A recipient is none.
        """
        count, sha256 = len(picture), hashlib.sha256(picture).hexdigest()
        if not self._recipients:
            return Stored(picture, {"bytes": count, "sha256": sha256})
        from holdfast.storage.sealed import seal_bytes  # noqa: PLC0415 - its library only where something is sealed

        body = seal_bytes(picture, self._recipients)
        return Stored(
            body,
            {
                "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "plain_bytes": count,
                "plain_sha256": sha256,
            },
        )  # fmt: skip

"""Pictures of incidents as files: under the root of a volume, by camera and type, named by the begin of the incident.

Their names follow from what they show, so whoever comes after a crash writes the same files again and leaves none over.
They lie beside the footage, and not in it: they stay as long as their incident does, whatever becomes of the footage.

Any thread. Not here: which pictures (judge), rows (catalog.incidents).
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog.incidents import Picture
from holdfast.core.errors import NotFound
from holdfast.core.incident import IncidentType
from holdfast.core.timing import SECOND_US, stamp
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FOLDER_MODE, replace_atomically

FOLDER = "incidents"
END = 0  # number of the picture that shows how it ended


@dataclass(frozen=True, slots=True)
class Pin:
    """A picture to be kept: of which incident, its number there, and the JPEG with its size in pixels."""

    type: IncidentType
    start_us: int
    number: int
    at_us: int
    body: bytes
    width: int
    height: int


def file_of(camera: str, kind: IncidentType, start_us: int, number: int) -> str:
    """Return the path of a picture under the root of a volume."""
    which = "end" if number == END else str(number)
    return f"{FOLDER}/{camera}/{kind.value}/{camera}_{kind.value}_{begun(start_us)}_{which}.jpg"


def begun(start_us: int) -> str:
    """Write an instant for the name of a file, to a thousandth of a second: 20260501T180000250Z."""
    return f"{stamp(start_us // SECOND_US * SECOND_US)[:-1]}{start_us // 1000 % 1000:03}Z"


def write(root: Path, volume: str, camera: str, pin: Pin) -> Picture:
    """Write a picture, durably.

    Raises:
        StorageError: It cannot be written.
    """
    file = file_of(camera, pin.type, pin.start_us, pin.number)
    store(root, file, pin.body)
    return Picture(
        number=pin.number, at_us=pin.at_us, volume=volume, file=file, width=pin.width, height=pin.height,
        bytes=len(pin.body),
    )  # fmt: skip


def store(root: Path, file: str, body: bytes) -> None:
    """Write a file under a root, durably, and its folder where there is none.

    Raises:
        StorageError: It cannot be written.
    """
    path = root / file
    with storage_errors("making folder", path.parent):
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    replace_atomically(path, body, durable=True, mode=0o640)


def read(root: Path, file: str) -> bytes:
    """Read a picture.

    Raises:
        NotFound: It is not there.
        StorageError: It cannot be read.
    """
    path = root / file
    with storage_errors("reading", path):
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{file} is not there", hint="is its volume mounted?") from error


def delete(root: Path, file: str) -> None:
    """Delete a picture; one that is not there is as good.

    Raises:
        StorageError: It cannot be deleted.
    """
    path = root / file
    with storage_errors("deleting", path), suppress(FileNotFoundError):
        path.unlink()

"""Assets and deliveries: what is sent somewhere, and how that stands.

An asset is a finished file. It is known as an *instance*, by volume, path, size and SHA-256 together: a path alone may
belong to another file tomorrow (F21). A delivery is one asset on its way to one target.

Not here: targets (storage.targets), rows (catalog.deliveries), sending (work.deliver).
"""

from dataclasses import dataclass
from enum import StrEnum

SEALED = ".age"
"""Ends the name of a file that is encrypted, as age's own files do."""


class AssetKind(StrEnum):
    """What a file is."""

    SEGMENT = "segment"
    JOURNAL = "journal"
    STILL = "still"
    EVENT = "event"  # a picture of an event
    EVIDENCE = "evidence"  # a picture of an incident
    CLIP = "clip"
    MERGE = "merge"
    EXPORT = "export"


class DeliveryState(StrEnum):
    """How a delivery stands (C070)."""

    PENDING = "pending"  # waits for its turn, or for a retry
    SENDING = "sending"  # somebody has claimed it
    DELIVERED = "delivered"  # verified at the target, and its row is written where one is wanted
    FAILED = "failed"  # only a person can help
    MISSING = "missing"  # the file was gone before it was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A finished file.

    Attributes:
        kind: What it is.
        camera: Id of its camera.
        stream: `main` or `sub`; empty where it is of no stream.
        volume: Name of the volume that it lies on.
        file: Path under the volume's root, with slashes.
        bytes: Its size.
        sha256: Of its content, in hexadecimal digits.
        start_us: Wall time of the first picture in it, microseconds since the epoch, UTC.
        end_us: Of the last one's end; the same for a picture.
        site: Id of the camera's site; empty where there is only one.
        location: Id of the place in the customer's own systems; empty where there is none.
        width: Pixels across; 0 where that is not known.
        height: Pixels down; 0 where that is not known.
        label: What tells it from others of its kind: an incident's type, a picture's number; may be empty.
    """

    kind: AssetKind
    camera: str
    stream: str = ""
    volume: str
    file: str
    bytes: int
    sha256: str
    start_us: int
    end_us: int
    site: str = ""
    location: str = ""
    width: int = 0
    height: int = 0
    label: str = ""

    @property
    def is_sealed(self) -> bool:
        """Whether the file was encrypted as it was made: nobody here can read it, so it is sent as it is."""
        return self.file.endswith(SEALED)

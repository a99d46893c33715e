"""Pieces of an upload to S3, and their checksums. Any thread; nothing here talks to a service."""

import base64
import hashlib
import io
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from holdfast.core.errors import TargetAway, TargetError
from holdfast.storage.targets.contract import Content, Going
from holdfast.storage.targets.sources import blocks, stop_if_told

PART_BYTES = 10 * 10**6  # specified (C074)
_MOST_PARTS = 10_000  # S3's own limit


def part_bytes(total: int) -> int:
    """Return how large the parts of a file are; the same for the same size, whoever asks."""
    return max(PART_BYTES, -(-total // _MOST_PARTS))


def sha256(data: bytes) -> str:
    """Return a hash as S3 writes it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def md5(data: bytes) -> str:
    """Return the digest that S3 gives back for a request, unless the bucket's encryption hides it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def composite(source: Path, content: Content) -> str:
    """Return the checksum that S3 keeps of a file in parts: the hash of the parts' hashes, and their number.

    Raises:
        NotFound: The file is gone.
        BadInput: It does not hold `content`.
        StorageError: It cannot be read.
    """
    size = part_bytes(content.bytes)
    return of_parts([sha256(data) for data in blocks(source, content, Going(), target="", size=size)])


def of_parts(hashes: Sequence[str]) -> str:
    """Return the checksum that S3 makes of the parts' own ones."""
    return f"{sha256(b''.join(map(base64.b64decode, hashes)))}-{len(hashes)}"


def parts_of(source: Path, content: Content, going: Going, target: str) -> Generator["Part", None, None]:
    """Yield a file's parts; while one is sent the next is read, and its checksums are computed.

    Raises:
        HoldfastError: What `blocks` raises.
    """
    pieces = blocks(source, content, going, target=target, size=part_bytes(content.bytes))
    parts = (Part.of(number, data) for number, data in enumerate(pieces, 1))
    with ThreadPoolExecutor(1, f"target-{target}") as ahead:
        coming = ahead.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = ahead.submit(next, parts, None)
            yield part


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its number from 1, what is in it, and the checksums of that."""

    number: int
    data: bytes
    sha256: str
    md5: str

    @classmethod
    def of(cls, number: int, data: bytes) -> Self:
        """Compute the checksums."""
        return cls(number, data, sha256(data), md5(data))

    def is_as(self, known: Mapping[str, Any]) -> bool:
        """Say whether a part that the service lists is this one."""
        if known.get("Size") != len(self.data):
            return False
        kept = known.get("ChecksumSHA256")
        return kept == self.sha256 if kept else self.arrived(known)

    def arrived(self, answer: Mapping[str, Any]) -> bool:
        """Say whether a service's digest of what it received is ours; a digest of another kind says no."""
        return str(answer.get("ETag", "")).strip('"') == self.md5

    def named(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return how this part is called when the upload is completed."""
        if not answer.get("ETag"):
            raise TargetAway(f"part {self.number} was taken, and the service does not say as what")
        return {"PartNumber": self.number, "ETag": answer["ETag"], "ChecksumSHA256": self.sha256}


class Body(io.BytesIO):
    """What a request carries: paced, counted and stopped while it goes."""

    def __init__(self, data: bytes, going: Going, target: str) -> None:
        super().__init__(data)
        self._going = going
        self._target = target
        self._furthest = 0
        self.failure: TargetError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """Hand out the next piece when it may go."""
        try:
            stop_if_told(self._going, self._target)
        except TargetError as error:
            # The library wraps what is raised here in something of its own; the call looks here first.
            self.failure = error
            raise
        data = super().read(size)
        # What is sent a second time, after an answer that asks for it, moves nothing on.
        fresh = self.tell() - self._furthest
        if fresh > 0:
            self._furthest += fresh
            self._going.pace(fresh)
            self._going.moved(fresh)
        return data

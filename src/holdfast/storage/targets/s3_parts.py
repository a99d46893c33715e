"""Pieces of an upload to S3, and their checksums. Any thread; nothing here talks to a service."""

import base64
import hashlib
import io
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from holdfast.core.errors import TargetAway, TargetError
from holdfast.storage.targets.contract import Content, Going
from holdfast.storage.targets.sources import blocks, stop_if_told

PART_BYTES = 10 * 10**6  # specified (C074)
_MOST_PARTS = 10_000  # S3's own limit
_SENDING = 2  # chosen: one that goes, and one that the service works on; each is a part more in memory


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
        self._total = len(data)
        self.failure: TargetError | None = None
        self.gone = threading.Event()
        """Set once all of it was handed out, and only the service's answer is missing."""

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
            if self._furthest == self._total:
                self.gone.set()
        return data


class Sent(NamedTuple):
    """A part that is there: how it is called, and whether the service's digest of it is known to be ours."""

    named: dict[str, Any]
    sure: bool


class Sending:
    """Sends one part after the other, the next while the service still works on the last: no two share the link.

    A context manager: leaving it waits for what was begun; an error ends that.

    Args:
        going: How all of them are followed.
        target: Name of the target.
        put: Sends a part.

    Attributes:
        sent: What is there, by number.
    """

    def __init__(self, going: Going, target: str, put: Callable[[Part, Body], Sent]) -> None:
        self.sent: dict[int, Sent] = {}
        self._target = target
        self._put = put
        self._failures: list[BaseException] = []
        self._counting = threading.Lock()
        self._moved = going.moved
        self._going = replace(
            going, moved=self._count, told_to_stop=lambda: bool(self._failures) or going.told_to_stop()
        )  # fmt: skip
        self._places = threading.Semaphore(_SENDING)
        self._threads = ThreadPoolExecutor(_SENDING, f"target-{target}-part")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._failures.append(error)  # whoever sends still is told to stop
        self._threads.shutdown()
        if error is None and self._failures:
            raise self._failures[0]

    def send(self, part: Part) -> None:
        """Send a part; return when it has gone, its answer may come later.

        Raises:
            HoldfastError: What was wrong with it, or with one before.
        """
        self._places.acquire()
        body = Body(part.data, self._going, self._target)
        number = part.number
        self._threads.submit(self._put, part, body).add_done_callback(lambda done: self._over(number, body, done))
        body.gone.wait()
        if self._failures:
            raise self._failures[0]

    def _over(self, number: int, body: Body, done: Future[Sent]) -> None:
        if (error := done.exception()) is not None:
            # The first is what is wrong: the others only hear that they shall stop.
            self._failures.append(error)
        else:
            self.sent[number] = done.result()
        body.gone.set()
        self._places.release()

    def _count(self, count: int) -> None:
        with self._counting:
            self._moved(count)

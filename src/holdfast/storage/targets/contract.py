"""What every target can do, whatever it is; `tests/storage/targets` holds each kind to it.

A target is used by several threads at once. Every wait has a deadline, judged by whether anything moves: a target that
takes bytes, however slowly, is not away (F20). Where a step at the far end tells nothing of how it goes, its host is
asked for a sign of life instead, and the deadline grows with the bytes (`silence_s`). Nothing under a final name is
ever incomplete (F22).

Not here: which asset goes where and when (work.deliver), names at the target (core.naming).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SLOWEST_BYTES = 1_000_000  # chosen: a second; what a busy disk in a small NAS still hashes, syncs or copies


def silence_s(quiet_s: float, count: int) -> float:
    """Return how long, in seconds, a step over so many bytes may say nothing where its host is seen to be there.

    Hashing and syncing say nothing until they are done: with one limit for all sizes what is large would never be done.
    """
    return quiet_s + count / SLOWEST_BYTES


def synced_bytes(quiet_s: float) -> int:
    """Return after how many bytes a file that is written is synced, so that no sync of it lasts as long as silence may.

    All of a large file in one go would: the system takes it into memory faster than a disk or a file server takes it.
    """
    return max(1, int(quiet_s * SLOWEST_BYTES))


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must hold: its size in bytes, and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified copy at a target.

    Attributes:
        address: Where it lies, for people and for rows: a path, host:path or URL, without credentials.
        verified: How it is known to be whole: `sha256` (computed over what lies there, by the target or by reading it
            back) or the name of the checksum that the service keeps.
        already: It lay there before, with the same content; nothing was sent.
    """

    address: str
    verified: str
    already: bool = False


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What is known of a target beside that it works.

    Attributes:
        verifies: How it is known that a file arrived whole, in words.
        free_bytes: Room that is left; None where nobody says.
    """

    verifies: str
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Going:
    """How a transfer is followed and ended.

    Attributes:
        moved: Told of bytes that have just gone, from the sending thread.
        told_to_stop: Asked between pieces; once True the transfer ends with TargetAway, and nothing is left behind but
            what a later call goes on from.
        pace: Asked for leave to send so many bytes; returns when they may go (bandwidth limit).
        memory: What an earlier attempt at the same content under the same key left to go on from (`resumed`); empty.
        remember: Told what a later attempt needs to go on from here, such as an upload's id.
    """

    moved: Callable[[int], None] = lambda _bytes: None
    told_to_stop: Callable[[], bool] = lambda: False
    pace: Callable[[int], None] = lambda _bytes: None
    memory: str = ""
    remember: Callable[[str], None] = lambda _memory: None


class Target(Protocol):
    """One place. Made from its configuration; opens nothing before it is asked."""

    name: str

    def check(self) -> None:
        """Make sure that it is there, is the right one, and takes files: writes and removes a small one.

        Raises:
            TargetError: It is not, or does not.
        """

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file, verify it there, and give it its name.

        Doing it again is harmless: where the same content lies under the key already, that is success.

        Args:
            source: The file; read once, and checked against `content` while it is read.
            key: Its name at the target: relative, with slashes, no `..`.
            content: What it must hold.
            going: How it is followed.

        Raises:
            NotFound: The source is not there any more.
            BadInput: The source does not hold `content`.
            StorageError: The source cannot be read.
            TargetAway: No answer, silence, or told to stop.
            TargetFull: No room.
            ContentDiffers: What arrived is not what was sent; it was removed there.
            TargetRefused: Not allowed, or no such name possible.
            NameTaken: Something else lies under the key.
        """

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify anew what lies under a key (U1); None where nothing does.

        Raises:
            ContentDiffers: Something else lies there.
            TargetError: It cannot be asked.
        """

    def remove(self, key: str) -> None:
        """Remove what lies under a key; nothing there is fine.

        Raises:
            TargetError: It cannot be removed.
        """

    def facts(self) -> TargetFacts:
        """Say what it can; asks the target.

        Raises:
            TargetError: It cannot be asked.
        """

    def close(self) -> None:
        """Let go of connections. Safe to call twice; it may be used again after."""

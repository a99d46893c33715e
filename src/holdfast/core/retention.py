"""What may go, what goes now, and why: the decision over segments, as values. Pure.

Three questions, in this order, for each finished file of footage (docs/design/0015):

1. May it go at all? Not while it is open, held, of the newest minutes, or promised to more targets than have verified a
   copy; where nothing else is said, what rules of delivery send to a target is promised to it. The last of these alone
   yields to anything: to a full disk, and only where the policy says `oldest`.
2. Is its time over? By age, by the bytes of its camera, or because what is kept of that camera does not contain it.
3. Is room needed? Then whatever may go goes, oldest first, until there is enough.

Not here: reading rows (library.retention), deleting (work.retain), other files than footage (library.leftovers).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from holdfast.core.schedule import NEVER_US
from holdfast.core.spans import Span, Spans
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US


class HoldKind(StrEnum):
    """Why a span must stay."""

    BOOKING = "booking"
    EVENT = "event"
    INCIDENT = "incident"
    LEGAL = "legal"


DERIVED = frozenset({HoldKind.EVENT, HoldKind.INCIDENT})
"""Kinds that follow from rows of their own, by policy; the others somebody set."""


class DiskFull(StrEnum):
    """What a full disk may cost."""

    ACKNOWLEDGED = "acknowledged"  # what has its copies, and what nobody was promised a copy of
    OLDEST = "oldest"  # after that, the oldest that waits for its copies
    STOP = "stop"  # nothing: recording stops


class KeepOnly(StrEnum):
    """Which footage of a camera stays beyond its loose hours."""

    ALWAYS = "always"
    SCHEDULE = "schedule"
    EVENTS = "events"
    BOOKINGS = "bookings"
    LIVE = "live"  # none: the camera is for looking at now


class Rule(StrEnum):
    """Which rule lets a file go."""

    AGE = "age"
    BYTES = "bytes"
    WINDOW = "window"
    ROOM = "room"
    UNSENT = "unsent"  # it waits for its copies, and the policy lets it go all the same


@dataclass(frozen=True, slots=True)
class Piece:
    """A finished file of footage.

    Attributes:
        volume: Name of its volume.
        file: Path under the volume's root.
        sha256: Of its content.
        camera: Id of its camera.
        start_us: Begin, microseconds since the epoch, UTC.
        end_us: End.
        bytes: Size.
        copies: How many targets have verified a copy of this instance; `targets` names them.
        open: Whether it is still being written, or waits for recovery.
    """

    volume: str
    file: str
    sha256: str
    camera: str
    start_us: int
    end_us: int
    bytes: int
    copies: int = 0
    open: bool = False
    targets: frozenset[str] = frozenset()

    def sent(self, targets: frozenset[str]) -> "Piece":
        """Return it with the targets that have verified a copy."""
        return replace(self, copies=len(targets), targets=targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A span of a camera that must stay, and why; `uid` names it."""

    uid: str
    camera: str
    from_us: int
    to_us: int
    kind: HoldKind
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What is kept of a camera.

    Attributes:
        keep_us: Age at which it goes; None for none.
        keep_bytes: What it may take in all; None for no limit.
        copies: Targets that must have verified a file before it goes; None for all that were promised it.
        only: What of it stays beyond its loose hours.
        loose_us: Age up to which everything stays.
    """

    keep_us: int | None = None
    keep_bytes: int | None = None
    copies: int | None = None
    only: KeepOnly = KeepOnly.ALWAYS
    loose_us: int = DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A target is to have a copy of footage.

    Attributes:
        target: Its name.
        cameras: Of these; empty for all.
        streams: Of these; empty for both.
        since_us: What began earlier is not promised.
    """

    target: str
    cameras: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    since_us: int = 0

    def covers(self, camera: str, stream: str) -> bool:
        """Say whether it is about a stream."""
        return (not self.cameras or camera in self.cameras) and (not self.streams or stream in self.streams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is kept in all.

    Attributes:
        keeps: By camera.
        promises: Copies that footage is to have elsewhere.
        disk_full: What a full disk may cost.
        newest_us: How much of the newest is never touched.
        others: What is kept of cameras that are in no configuration any more.
    """

    keeps: Mapping[str, Keep] = field(default_factory=dict)
    promises: Sequence[Promise] = ()
    disk_full: DiskFull = DiskFull.ACKNOWLEDGED
    newest_us: int = 10 * MINUTE_US
    others: Keep = Keep()

    def of(self, camera: str) -> Keep:
        """Return what is kept of a camera, whether it is in the configuration or was."""
        return self.keeps.get(camera, self.others)

    def copies_of(self, piece: Piece) -> int:
        """Return how many targets must have verified a file before it goes."""
        said = self.of(piece.camera).copies
        return len(self._promised_of(piece)) if said is None else said

    def lacks(self, piece: Piece) -> bool:
        """Say whether a file waits for copies: so many as are asked for, or those at the targets it is promised to."""
        # A copy at a target that no rule sends to any more is none at the one that took its place.
        said = self.of(piece.camera).copies
        return not self._promised_of(piece) <= piece.targets if said is None else piece.copies < said

    def now(self, camera: str) -> Keep:
        """Return what is kept of a camera from now on: its copies are those of the stream that is promised most."""
        keep = self.of(camera)
        return keep if keep.copies is not None else replace(keep, copies=len(self.promised(camera)))

    def promised(self, camera: str) -> frozenset[str]:
        """Return the targets that are to have a camera's footage from now on: of the stream that is promised most."""
        return max((self._promised(camera, stream, NEVER_US) for stream in ("main", "sub")), key=len)

    def _promised_of(self, piece: Piece) -> frozenset[str]:
        return self._promised(piece.camera, piece.file.split("/")[2], piece.start_us) if self.promises else frozenset()

    def _promised(self, camera: str, stream: str, begun_us: int) -> frozenset[str]:
        """Return the targets that are to have what began at an instant."""
        covering = (one for one in self.promises if one.covers(camera, stream) and begun_us >= one.since_us)
        return frozenset(one.target for one in covering)


@dataclass(frozen=True, slots=True)
class Going:
    """A file that goes, by which rule, and why in words."""

    piece: Piece
    rule: Rule
    why: str


class Judge:
    """Says of each file whether it may go, and whether its time is over.

    Args:
        policy: What is kept.
        holds: What must stay.
        wanted: By camera, the spans that its `only` keeps; those of cameras that keep everything are not asked for.
        now_us: Wall time.
    """

    def __init__(
        self, policy: Policy, holds: Iterable[Hold], wanted: Mapping[str, Sequence[Span]], now_us: int
    ) -> None:
        self.policy = policy
        self.now_us = now_us
        by_camera: dict[str, list[Span]] = {}
        for hold in holds:
            by_camera.setdefault(hold.camera, []).append((hold.from_us, hold.to_us))
        self._held = {camera: Spans(spans) for camera, spans in by_camera.items()}
        self._wanted = {camera: Spans(spans) for camera, spans in wanted.items()}

    def held(self, piece: Piece) -> bool:
        """Say whether a hold protects a file."""
        spans = self._held.get(piece.camera)
        return spans is not None and spans.touch(piece.start_us, piece.end_us)

    def barred(self, piece: Piece) -> bool:
        """Say whether a file must stay however old it becomes: open, or held."""
        return piece.open or self.held(piece)

    def new_us(self, piece: Piece) -> int:
        """Return for how long a file still is of the newest minutes (or the future); 0 where it is not."""
        return max(0, piece.end_us + self.policy.newest_us - self.now_us)

    def untouchable(self, piece: Piece) -> bool:
        """Say whether a file must stay now, whatever happens: open, held, or of the newest minutes."""
        return self.new_us(piece) > 0 or self.barred(piece)

    def unsent(self, piece: Piece) -> bool:
        """Say whether a file waits for copies that were promised."""
        return self.policy.lacks(piece)

    def may_go(self, piece: Piece) -> bool:
        """Say whether a file could go where room is needed, under this policy."""
        return self.new_us(piece) == 0 and self.cleared(piece)

    def cleared(self, piece: Piece) -> bool:
        """Say whether a file could go where room is needed, now or once it is none of the newest any more."""
        if self.barred(piece) or self.policy.disk_full is DiskFull.STOP:
            return False
        return self.policy.disk_full is DiskFull.OLDEST or not self.unsent(piece)

    def over(self, piece: Piece) -> Going | None:
        """Return a file whose time is over by age or window; None for one that stays."""
        if self.untouchable(piece) or self.unsent(piece):
            return None
        keep = self.policy.of(piece.camera)
        age_us = self.now_us - piece.end_us
        if keep.keep_us is not None and age_us >= keep.keep_us:
            return Going(piece, Rule.AGE, f"older than {_days(keep.keep_us)}")
        if keep.only is KeepOnly.ALWAYS or age_us < keep.loose_us:
            return None
        wanted = self._wanted.get(piece.camera)
        if wanted is not None and wanted.touch(piece.start_us, piece.end_us):
            return None
        return Going(piece, Rule.WINDOW, _OUTSIDE[keep.only])


_OUTSIDE = {
    KeepOnly.SCHEDULE: "outside of its hours",
    KeepOnly.EVENTS: "no event in it",
    KeepOnly.BOOKINGS: "not booked",
    KeepOnly.LIVE: "only for live view",
}


def decide(
    judge: Judge, pieces: Sequence[Piece], *, used: Mapping[str, int], short: Mapping[str, int],
    other: Mapping[str, int] = MappingProxyType({}),
) -> list[Going]:  # fmt: skip
    """Say which files go, in the order in which they go.

    Args:
        judge: Policy, holds and time.
        pieces: Files, of all cameras and volumes.
        used: Bytes of each camera in all, for those with a limit.
        short: By volume, bytes by which free space is below what is wanted; volumes with enough may be left out.
        other: By volume, bytes of other files that go before any footage that waits for its copies.

    Returns:
        What goes: first what is over, then, where that frees too little of a volume, what makes room. Each file once.
    """
    pieces = sorted(pieces, key=lambda piece: (piece.end_us, piece.volume, piece.file))
    going = [one for piece in pieces if (one := judge.over(piece)) is not None]
    gone = {(one.piece.volume, one.piece.file) for one in going}
    going += _beyond(judge, pieces, gone, used, going)
    left = {volume: need for volume, need in short.items() if need > 0}
    for one in going:
        if one.piece.volume in left:
            left[one.piece.volume] -= one.piece.bytes
    if judge.policy.disk_full is not DiskFull.STOP:
        going += _room(judge, pieces, gone, left, unsent=False)
    if judge.policy.disk_full is DiskFull.OLDEST:
        left = {volume: need - other.get(volume, 0) for volume, need in left.items()}
        going += _room(judge, pieces, gone, left, unsent=True)
    return going


def _beyond(
    judge: Judge, pieces: Sequence[Piece], gone: set[tuple[str, str]], used: Mapping[str, int], over: Sequence[Going]
) -> list[Going]:
    """Return the oldest files of cameras that take more than they may."""
    excess: dict[str, int] = {}
    for camera, count in used.items():
        limit = judge.policy.of(camera).keep_bytes
        if limit is not None:
            excess[camera] = count - limit
    for one in over:
        if one.piece.camera in excess:
            excess[one.piece.camera] -= one.piece.bytes
    found: list[Going] = []
    for piece in pieces:
        if excess.get(piece.camera, 0) <= 0 or (piece.volume, piece.file) in gone:
            continue
        if judge.untouchable(piece) or judge.unsent(piece):
            continue
        limit = judge.policy.of(piece.camera).keep_bytes
        found.append(Going(piece, Rule.BYTES, f"beyond the {_size(limit or 0)} of {piece.camera}"))
        gone.add((piece.volume, piece.file))
        excess[piece.camera] -= piece.bytes
    return found


def _room(
    judge: Judge, pieces: Sequence[Piece], gone: set[tuple[str, str]], left: dict[str, int], *, unsent: bool
) -> list[Going]:
    """Return the oldest files that make up what volumes are short of; `left` is brought down by them."""
    found: list[Going] = []
    rule, why = (
        (Rule.UNSENT, "room was needed, although it waits for its copies") if unsent
        else (Rule.ROOM, "room was needed")
    )  # fmt: skip
    for piece in pieces:
        if left.get(piece.volume, 0) <= 0 or (piece.volume, piece.file) in gone:
            continue
        if judge.untouchable(piece) or judge.unsent(piece) is not unsent:
            continue
        found.append(Going(piece, rule, why))
        gone.add((piece.volume, piece.file))
        left[piece.volume] -= piece.bytes
    return found


def expendable(judge: Judge, pieces: Sequence[Piece], most_bytes: int) -> list[Piece]:
    """Return what a recorder may remove by itself when its disk is full, in that order; the newest once they are not.

    Args:
        judge: Policy, holds and time.
        pieces: Files of one volume.
        most_bytes: How much is enough; the file that reaches it is the last one.
    """
    cleared = sorted(
        (piece for piece in pieces if judge.cleared(piece)),
        key=lambda piece: (judge.unsent(piece), piece.end_us, piece.file),
    )
    found: list[Piece] = []
    total = 0
    for piece in cleared:
        if total >= most_bytes:
            break
        found.append(piece)
        total += piece.bytes
    return found


def _days(length_us: int) -> str:
    if length_us % DAY_US == 0:
        days = length_us // DAY_US
        return f"{days} day" if days == 1 else f"{days} days"
    return f"{length_us / HOUR_US:g} hours"


def _size(count: int) -> str:
    for unit, step in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= step:
            return f"{count / step:g} {unit}"
    return f"{count} bytes"

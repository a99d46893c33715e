"""Capture to memory as policy sees it: which cameras, where, whether that will do, and what leaves memory next.

What policy keeps of a camera (`retention.only` is `always` or `schedule`) is moved to its volume by the recorder as
soon as a file is finished. Of cameras that keep nothing by themselves memory is a ring: here it is decided, over rows
and holds, which files are moved because something holds them, and which ones are dropped when their room is needed.

Reads only; any thread but an event loop. Not here: moving and removing (storage.memory, work.unload).
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from holdfast.catalog import cameras, nodes, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.config.model import CameraConfig, VolumeConfig
from holdfast.core.errors import UsageError
from holdfast.core.retention import Going, Hold, Judge, KeepOnly, Piece, Rule
from holdfast.core.spans import Span, Spans
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.library import keeping, kept, volumes
from holdfast.storage.memory import SPARE_BYTES, Memory, data_of, files_below, is_memory

SHARED = Path("/dev/shm")  # noqa: S108 - a folder of this user is made in it, with mode 700, and its owner is looked at
FULL = 0.75  # chosen: of the cap; from here on files are dropped, so that a recorder finds room whenever it begins one
ENOUGH = 0.6  # chosen: of the cap; until here, so that each look drops some and not one
LATE_US = 5 * MINUTE_US  # chosen: what the recorder should have moved by then and did not, the worker moves
AROUND_US = 10 * SECOND_US  # chosen: a file that ends just before an event begins shows how it came to it
_KEPT = frozenset({"always", "schedule"})
_WHY = {
    KeepOnly.EVENTS: "no event in it, and its memory was needed",
    KeepOnly.BOOKINGS: "not booked, and its memory was needed",
    KeepOnly.LIVE: "only for live view, and its memory was needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What leaves memory now.

    Attributes:
        used_bytes: What all files of this node take there.
        files: How many of them are finished.
        move: Volume and path of those that go to their volumes, oldest first.
        drop: Those whose room is needed and that nothing holds, oldest first.
        holds: By which that was decided.
    """

    used_bytes: int = 0
    files: int = 0
    move: tuple[tuple[str, str], ...] = ()
    drop: tuple[Going, ...] = ()
    holds: tuple[Hold, ...] = field(default=(), repr=False)


def wants(camera: CameraConfig, volume: VolumeConfig) -> bool:
    """Say whether a camera's files are to lie in memory first: it says so, or keeps nothing and has an SD card."""
    capture = camera.capture
    if capture.mode is not None or capture.windows:
        return capture.mode == "ram"
    return volume.storage == "sd-card" and camera.retention.only in {"events", "live"}


def settles(camera: CameraConfig) -> bool:
    """Say whether all of a camera's files go on to its volume, or only what something holds."""
    return camera.retention.only in _KEPT


def home(config: Config) -> Path:
    """Return the folder of this node's files in memory; need not exist."""
    own = sha256(str(config.state_dir.resolve()).encode()).hexdigest()[:8]
    return (config.memory.dir or SHARED) / f"holdfast-memory-{os.getuid()}-{own}"


def trouble(config: Config) -> str:
    """Say why memory cannot be used as it is configured; empty where it can."""
    base, cap = config.memory.dir or SHARED, config.memory.cap
    if not base.is_dir():
        return f"{base} is no folder"
    if not is_memory(base):
        return f"{base} is on a disk, not on a tmpfs"
    place = home(config) if home(config).exists() else base
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written"
    facts = os.statvfs(base)
    total = facts.f_blocks * facts.f_frsize
    # A tmpfs without a size of its own says 0, and is as large as memory.
    if total and total < cap + SPARE_BYTES:
        return f"{base} holds {total >> 20} MiB, too little for {cap >> 20} MiB of footage (memory.cap) and some spare"
    return ""


def place(config: Config, camera: CameraConfig, volume: VolumeConfig) -> Path | None:
    """Return where a camera's files go first; None for its volume: it wants that, or memory cannot be used."""
    return home(config) if wants(camera, volume) and not trouble(config) else None


def users(config: Config) -> list[str]:
    """Return the cameras whose files are to lie in memory first."""
    return [
        name for name, camera in config.cameras.items()
        if (volume := volume_of(config, camera)) is not None and wants(camera, volume)
    ]  # fmt: skip


def volume_of(config: Config, camera: CameraConfig) -> VolumeConfig | None:
    """Return the volume of a camera; None where it names none that there is."""
    return config.volumes.get(camera.volume or next(iter(config.volumes), ""))


def memories(config: Config) -> dict[str, tuple[Path, Memory]]:
    """Return root and memory of each volume that is there and the right one, by its name."""
    return {
        one.name: (one.root, Memory.of(home(config), one.root, one.volume_id, config.memory.cap))
        for one in volumes.survey(config)
        if one.problem is None
    }


def outlook(catalog: Catalog, config: Config, clock: Clock, *, may_drop: bool, node: str = LOCAL) -> Outlook:
    """Decide what leaves memory now.

    Args:
        catalog: An open catalog.
        config: The settings, with the cameras that were added at run time.
        clock: Time.
        may_drop: Whether anything may be deleted at all; without it, what would be dropped is moved.
        node: Name of this node.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    there = memories(config)
    used = sum(size for _, size in files_below(home(config)))
    found = [(name, file) for name, (root, memory) in there.items() for file in _finished(root, memory)]
    if not found:
        return Outlook(used_bytes=used)
    now_us = clock.wall_us()
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return Outlook(used_bytes=used, files=len(found))
        standing = keeping.standing_holds(tx, number, config, now_us)
        judge = Judge(replace(keeping.policy_of(config), newest_us=0), standing, {}, now_us)
        wanted = keeping.wanted(tx, number, config, standing, now_us)
        pieces = _pieces(tx, number, found)
    pieces = _counted(pieces, {name: root for name, (root, _) in there.items()}, judge)
    chosen = _Choice(config, judge, wanted, now_us, may_drop=may_drop)
    chosen.take(pieces, used, config.memory.cap)
    return Outlook(
        used_bytes=used, files=len(found), move=tuple(chosen.move), drop=tuple(chosen.drop), holds=tuple(standing)
    )


class _Choice:
    """Goes through the files in memory, oldest first."""

    def __init__(
        self, config: Config, judge: Judge, wanted: Mapping[str, Sequence[Span]], now_us: int, *, may_drop: bool
    ) -> None:
        self._config = config
        self._judge = judge
        # What nobody has looked at yet reaches to now: it stays in memory and is not moved for that alone.
        self._wanted = {name: Spans(spans) for name, spans in wanted.items()}
        self._shown = {name: Spans([one for one in spans if one[1] < now_us]) for name, spans in wanted.items()}
        self._now_us = now_us
        self._may_drop = may_drop
        self.move: list[tuple[str, str]] = []
        self.drop: list[Going] = []

    def take(self, pieces: Sequence[Piece], used: int, cap: int) -> None:
        rest: list[Piece] = []
        for piece in pieces:
            if self._goes_on(piece):
                self.move.append((piece.volume, piece.file))
                used -= piece.bytes
            else:
                rest.append(piece)
        if used < FULL * cap:
            return
        for piece in rest:
            if used <= ENOUGH * cap:
                return
            only = self._judge.policy.of(piece.camera).only
            if self._may_drop and only in _WHY and not self._promised(piece):
                self.drop.append(Going(piece, Rule.WINDOW, _WHY[only]))
            else:
                self.move.append((piece.volume, piece.file))
            used -= piece.bytes

    def _goes_on(self, piece: Piece) -> bool:
        """Say whether a file belongs on its volume: something holds it, or it should have been moved long ago."""
        camera = self._config.cameras.get(piece.camera)
        volume = None if camera is None else volume_of(self._config, camera)
        if camera is None or volume is None or not wants(camera, volume):
            return True
        if settles(camera):
            return self._now_us - piece.end_us > LATE_US
        around = replace(piece, start_us=piece.start_us - AROUND_US, end_us=piece.end_us + AROUND_US)
        shown = self._shown.get(piece.camera)
        return self._judge.held(around) or (shown is not None and shown.touch(around.start_us, around.end_us))

    def _promised(self, piece: Piece) -> bool:
        """Say whether a file must not be dropped: it waits for copies, or nobody has looked at it yet."""
        wanted = self._wanted.get(piece.camera)
        return self._judge.unsent(piece) or (wanted is not None and wanted.touch(piece.start_us, piece.end_us))


def _finished(root: Path, memory: Memory) -> Iterator[str]:
    for data, _ in files_below(memory.root):
        file = data.relative_to(memory.root).as_posix()
        if data_of(root / file) == data:
            yield file


def _pieces(tx: Transaction, node: int, found: Sequence[tuple[str, str]]) -> list[Piece]:
    """Return what rows say of files, oldest first; one that the index has not come to yet waits for the next look."""
    by_stream: dict[StreamKey, set[tuple[str, str]]] = {}
    for volume, file in found:
        try:
            key = StreamKey(*file.split("/")[1:3])
        except (UsageError, TypeError):
            continue
        by_stream.setdefault(key, set()).add((volume, file))
    names = {name: number for number, name in segments.volume_names(tx, node).items()}
    pieces: list[Piece] = []
    for key, files in by_stream.items():
        stream = cameras.find_stream(tx, node, key)
        asked = [(names[volume], file) for volume, file in files if volume in names]
        pieces += [
            Piece(row.volume, row.file, row.sha256, key.camera, row.start_us, row.end_us, row.bytes or 0)
            for row in (segments.by_file(tx, stream.id, asked) if stream is not None else ())
            if row.state == "sealed" and row.sha256 is not None and row.end_us is not None
        ]
    return sorted(pieces, key=lambda piece: (piece.end_us, piece.file))


def _counted(pieces: Sequence[Piece], roots: Mapping[str, Path], judge: Judge) -> list[Piece]:
    copies = kept.Copies(roots)
    return [
        piece.sent(
            copies.targets(
                kept.Instance(piece.volume, piece.file, piece.sha256), kept.journal_of_segment(piece.file)
            )
        )
        if judge.policy.copies_of(piece) else piece
        for piece in pieces
    ]  # fmt: skip

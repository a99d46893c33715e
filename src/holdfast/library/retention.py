"""What would be deleted now, and why: the decision of `core.retention` over this node's rows, kept journals and disks.

The dry run, the run, the forecast and the page all ask here, so that they cannot disagree. Reads only; any thread but
an event loop. Footage is looked at oldest first and only as far as something may follow from it, so that a year of it
costs little more than a week.

Not here: what must stay (keeping), deleting (work.retain), whether anything may be deleted at all (core.trust), what
lies beside footage (pictures, leftovers).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from holdfast.catalog import nodes, removals, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Standing
from holdfast.core import trust
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.retention import (
    DiskFull,
    Going,
    Hold,
    Judge,
    KeepOnly,
    Piece,
    Rule,
    decide,
    expendable,
)
from holdfast.core.timing import HOUR_US, MINUTE_US
from holdfast.core.trust import Look, Trust
from holdfast.library import keeping, kept, leftovers, pictures, volumes
from holdfast.library.leftovers import Leftover
from holdfast.library.pictures import Over
from holdfast.library.volumes import VolumeState
from holdfast.storage import expendable as expendable_list

EXPENDABLE_US = 2 * HOUR_US  # specified: so much of what comes in the recorder may need before the worker is back
HEADROOM_US = 30 * MINUTE_US  # chosen: three passes' worth
LEAST_HEADROOM = 64 * 2**20  # chosen: for a node that has not recorded for an hour
LEAST_EXPENDABLE = 2**30  # chosen: the same
_OVER_MOST = 1_000  # chosen: files of a stream that are over, in one look; the next pass finds the next ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a decision was made of, and what it came to.

    Attributes:
        now_us: Wall time.
        judge: Policy, holds and time.
        disks: Every volume.
        intake: Bytes an hour, by volume and camera.
        short: By volume, bytes by which free space is below what is wanted.
        going: What goes, in that order.
        cleared: By volume, what a recorder may remove by itself, in that order; the newest once they are not.
        holds: What must stay.
        leftovers: Other files that go, before any footage does.
        pictures: Stills, events and incidents that go, after footage.
    """

    now_us: int
    judge: Judge
    disks: tuple[VolumeState, ...]
    intake: Mapping[tuple[str, str], int]
    short: Mapping[str, int]
    going: tuple[Going, ...]
    cleared: Mapping[str, Sequence[Piece]]
    holds: tuple[Hold, ...] = field(default=(), repr=False)
    leftovers: tuple[Leftover, ...] = ()
    pictures: tuple[Over, ...] = ()


def outlook(catalog: Catalog, config: Config, clock: Clock, *, node: str = LOCAL) -> Outlook:
    """Decide what goes now.

    Raises:
        CatalogUnavailable: It did not answer.
        BadInput: What is remembered of the volumes is damaged.
    """
    now_us = clock.wall_us()
    disks = tuple(volumes.survey(config))
    ready = {disk.name: disk.root for disk in disks if disk.problem is None}
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            judge = Judge(keeping.policy_of(config), [], {}, now_us)
            return Outlook(now_us=now_us, judge=judge, disks=disks, intake={}, short={}, going=(), cleared={})
        standing = keeping.standing_holds(tx, number, config, now_us)
        judge = Judge(keeping.policy_of(config), standing, keeping.wanted(tx, number, config, standing, now_us), now_us)
        intake = removals.intake(tx, number, now_us - HOUR_US, now_us)
        used = _used(tx, number, config)
        short = _short(config, disks, intake) if config.retention.enabled else {}
        need = _Need(judge, ready, short, enough(ready, intake), used)
        pieces = [
            piece for stream, camera in removals.streams(tx, number)
            for piece in need.of(
                removals.finished(tx, number, stream, camera), camera,
                # Counting looks at every row; where there is one volume all of them lie there.
                removals.newest_us(tx, number, stream) if len(ready) > 1 else dict.fromkeys(ready, now_us),
            )
        ]  # fmt: skip
        enabled = config.retention.enabled
        beside = leftovers.found(config, now_us, short=[ready[name] for name in short if name in ready])
        # What can be made again goes before any footage, so footage goes only for what that does not make up for.
        over = {one.path for one in beside}
        freed = {name: leftovers.bytes_on(beside, ready[name]) for name in short if name in ready}
        short_then = _left_short(short, (), freed)
        room = bool(short_then) and judge.policy.disk_full is not DiskFull.STOP
        rotated = [one for one in leftovers.rotated_logs(config) if one.path not in over] if room else []
        other = {
            name: sum(one.bytes for one in rotated)
            for name in short_then if name in ready and leftovers.on_disk_of_logs(config, ready[name])
        }  # fmt: skip
        going = decide(judge, pieces, used=used, short=short_then, other=other) if enabled else []
        logs = _logs_for_room(rotated, other, short_then, going)
        left_short = _left_short(short_then, going, dict.fromkeys(other, sum(one.bytes for one in logs)))
        shown = pictures.over(tx, number, config, judge, ready=ready, short=left_short) if enabled else []
    gone = {(one.piece.volume, one.piece.file) for one in going}
    left = [piece for piece in pieces if (piece.volume, piece.file) not in gone]
    cleared = {
        name: expendable(judge, [piece for piece in left if piece.volume == name], most)
        for name, most in enough(ready, intake).items()
        if enabled
    }
    return Outlook(
        now_us=now_us, judge=judge, disks=disks, intake=intake, short=short, going=tuple(going), cleared=cleared,
        holds=tuple(standing),
        leftovers=(*beside, *logs) if enabled else (), pictures=tuple(shown),
    )  # fmt: skip


def _logs_for_room(
    rotated: Iterable[Leftover], other: Mapping[str, int], short: Mapping[str, int], going: Iterable[Going]
) -> list[Leftover]:
    """Return the oldest logs that make up what volumes are short of once footage is gone that has its copies (C079)."""
    left = _left_short({name: short[name] for name in other}, (one for one in going if one.rule is not Rule.UNSENT))
    missing = max(left.values(), default=0)
    found: list[Leftover] = []
    for one in rotated:
        if missing <= 0:
            break
        found.append(one)
        missing -= one.bytes
    return found


def _left_short(
    short: Mapping[str, int], going: Iterable[Going], freed: Mapping[str, int] = MappingProxyType({})
) -> dict[str, int]:
    """Return by how much volumes stay short once the footage is gone that may go, and what else was freed."""
    left = {name: count - freed.get(name, 0) for name, count in short.items()}
    for one in going:
        if one.piece.volume in left:
            left[one.piece.volume] -= one.piece.bytes
    return {name: missing for name, missing in left.items() if missing > 0}


def look(tx: Transaction, node: int, clock: Clock) -> Look:
    """Look at the clock and at what footage there is, for `core.trust`."""
    return Look(
        wall_us=clock.wall_us(), boot_us=clock.boot_us(), boot=clock.boot_id, synchronised=clock.synchronised(),
        footage_us=removals.edges_us(tx, node),
    )  # fmt: skip


def trust_now(catalog: Catalog, clock: Clock, *, node: str = LOCAL) -> Trust:
    """Say whether anything may be deleted, as the next pass would; changes nothing.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return trust.confirmed(Look(wall_us=clock.wall_us(), boot_us=clock.boot_us(), boot="", synchronised=True))
        standing = removals.standing(tx, number)
        return trust.judged(None if standing is None else standing.trust, look(tx, number, clock))


def may_forget(tx: Transaction, node: int, clock: Clock) -> bool:
    """Say whether rows may go by their age: a pass trusted the clock in this boot, and nobody has set it since.

    Cheap enough for every few seconds: footage is not looked at.
    """
    before = removals.standing(tx, node)
    if before is None or not before.trust.may_delete or before.trust.boot != clock.boot_id:
        return False
    here = Look(wall_us=clock.wall_us(), boot_us=clock.boot_us(), boot=clock.boot_id, synchronised=clock.synchronised())
    return trust.judged(before.trust, here).may_delete


def confirm(catalog: Catalog, clock: Clock, *, node: str = LOCAL) -> None:
    """Clear a doubt by a person's word.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        found = trust.confirmed(look(tx, number, clock))
        standing = removals.standing(tx, number) or Standing(trust=found, levels={})
        removals.stand(tx, number, replace(standing, trust=found))


def doubt(catalog: Catalog, clock: Clock, why: str, *, node: str = LOCAL, state_dir: Path | None = None) -> None:
    """Say that nothing may be deleted for now, as after a reindex: by no pass, and by no recorder.

    Args:
        catalog: An open catalog.
        clock: Time.
        why: In words.
        node: Name of this node.
        state_dir: Where the recorders' list of what they may remove is; None leaves it to the next pass.

    Raises:
        CatalogUnavailable: It did not answer.
        StorageError: The list cannot be written.
        AlreadyRunning: A removal that had begun does not end; nothing else goes.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        found = trust.doubted(look(tx, number, clock), why)
        standing = removals.standing(tx, number) or Standing(trust=found, levels={})
        removals.stand(tx, number, replace(standing, trust=found))
    if state_dir is not None:
        expendable_list.empty(state_dir / expendable_list.NAME)


def _used(tx: Transaction, node: int, config: Config) -> dict[str, int]:
    """Return the bytes of cameras that have a limit."""
    limited = {name for name, camera in config.cameras.items() if camera.retention.keep_bytes is not None}
    found = dict.fromkeys(limited, 0)
    # Counting looks at every row, so only where somebody set a limit.
    for usage in segments.usage(tx, node) if limited else ():
        if usage.key.camera in limited:
            found[usage.key.camera] += usage.bytes
    return found


def headroom(config: Config, intake: Mapping[tuple[str, str], int], volume: str) -> int:
    """Return the bytes beyond its reserve that a volume is to keep free."""
    if config.retention.headroom is not None:
        return config.retention.headroom
    hourly = sum(count for (name, _), count in intake.items() if name == volume)
    return max(LEAST_HEADROOM, hourly * HEADROOM_US // HOUR_US)


def _short(config: Config, disks: Sequence[VolumeState], intake: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for disk in disks:
        if disk.free_bytes is None or disk.total_bytes is None:
            continue
        extra = headroom(config, intake, disk.name)
        if config.retention.headroom is None:
            # A small disk is not to be emptied for the sake of a headroom that is as large as the disk.
            extra = min(extra, disk.total_bytes // 10)
        wanted = disk.reserve_bytes + extra
        if disk.free_bytes < wanted:
            found[disk.name] = wanted - disk.free_bytes
    return found


def enough(ready: Iterable[str], intake: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return the bytes of each volume that a recorder is told that it may remove."""
    hours = EXPENDABLE_US // HOUR_US
    return {
        name: max(LEAST_EXPENDABLE, hours * sum(count for (volume, _), count in intake.items() if volume == name))
        for name in ready
    }


class _Need:
    """Reads the footage of streams as far as something may follow from it."""

    def __init__(
        self, judge: Judge, ready: Mapping[str, Path], short: Mapping[str, int], enough: Mapping[str, int],
        used: Mapping[str, int],
    ) -> None:  # fmt: skip
        self._judge = judge
        self._ready = ready
        self._copies = kept.Copies(ready)
        self._days: dict[tuple[str, str], Mapping[tuple[str, str], set[str]]] = {}
        self._room = {name: enough[name] + max(0, short.get(name, 0)) for name in ready}
        self._used = used

    def of(self, found: Iterator[list[Piece]], camera: str, newest_us: Mapping[str, int]) -> Iterator[Piece]:
        """Yield what may go of a stream's files, oldest first: what is over, and enough of what might make room.

        The newest are among them where a volume has too little else: a recorder may need them once they are not.

        Args:
            found: All files of the stream, oldest first.
            camera: Its camera.
            newest_us: When its newest file on each volume begins, for those where it has any.
        """
        keep = self._judge.policy.of(camera)
        excess = 0 if keep.keep_bytes is None else max(0, self._used.get(camera, 0) - keep.keep_bytes)
        # Apart for each volume, whose room no other one's files make, and for what waits for its copies, which goes
        # last however old it is.
        sent = {name: room + excess for name, room in self._room.items() if name in newest_us}
        waiting, over = dict(sent), 0
        for some in found:
            for piece in some:
                if piece.volume not in self._ready or self._judge.barred(piece):
                    continue
                known = self._counted(piece) if self._judge.policy.copies_of(piece) else piece
                unsent = self._judge.unsent(known)
                if unsent and not self._judge.cleared(known):
                    continue
                room = waiting if unsent else sent
                if self._judge.over(known) is not None:
                    over += 1
                elif room.get(known.volume, 0) > 0:
                    room[known.volume] -= known.bytes
                else:
                    continue
                yield known
            wanted = any(room > 0 and newest_us[name] >= some[-1].start_us for name, room in sent.items())
            if over >= _OVER_MOST or (not wanted and not self._may_be_over(some[-1])):
                return

    def _counted(self, piece: Piece) -> Piece:
        # Asked for each file that waits, which may be all of a month: a day's journal is looked at once a look.
        folder = piece.file.rpartition("/")[0]
        day = self._days.get((piece.volume, folder))
        if day is None:
            day = self._copies.of_day(piece.volume, kept.journal_of_segment(piece.file))
            self._days[piece.volume, folder] = day
        targets = day.get((piece.file, piece.sha256))
        return piece.sent(frozenset(targets)) if targets else piece

    def _may_be_over(self, piece: Piece) -> bool:
        """Say whether the time of anything that is younger than a file might be over, whatever it shows."""
        keep = self._judge.policy.of(piece.camera)
        age_us = self._judge.now_us - piece.end_us
        by_window = keep.only is not KeepOnly.ALWAYS and age_us >= keep.loose_us
        return by_window or (keep.keep_us is not None and age_us >= keep.keep_us)

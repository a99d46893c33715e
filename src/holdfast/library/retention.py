"""What would be deleted now, and why: the decision of `core.retention` over this node's rows, kept journals and disks.

The dry run, the run, the forecast and the page all ask here, so that they cannot disagree. Reads only; any thread but
an event loop. Footage is looked at oldest first and only as far as something may follow from it, so that a year of it
costs little more than a week.

Not here: deleting (work.retain), whether anything may be deleted at all (`trust`), other files (library.leftovers).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from holdfast.catalog import holds, measures, nodes, removals, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Standing
from holdfast.core import schedule, trust
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.config.model import CameraConfig
from holdfast.core.config.retention import KeepConfig
from holdfast.core.config.windows import windows_of
from holdfast.core.plan import Capture
from holdfast.core.retention import (
    DERIVED,
    Going,
    Hold,
    HoldKind,
    Judge,
    Keep,
    KeepOnly,
    Piece,
    Policy,
    Span,
    decide,
    expendable,
)
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US
from holdfast.core.trust import Look, Trust
from holdfast.library import kept, leftovers, volumes
from holdfast.library.handing_on import promises
from holdfast.library.leftovers import Leftover
from holdfast.library.volumes import VolumeState

EXPENDABLE_US = 2 * HOUR_US  # specified: so much of what comes in the recorder may need before the worker is back
HEADROOM_US = 30 * MINUTE_US  # chosen: three passes' worth
LEAST_HEADROOM = 64 * 2**20  # chosen: for a node that has not recorded for an hour
LEAST_EXPENDABLE = 2**30  # chosen: the same
_OVER_MOST = 1_000  # chosen: files of a stream that are over, in one look; the next pass finds the next ones
_FURTHEST_US = 400 * DAY_US  # hours of a schedule are worked out so far back; what is older counts as inside


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
        cleared: By volume, what a recorder may remove by itself, in that order.
        holds: What must stay.
        leftovers: Other files that go, before any footage does.
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


def policy_of(config: Config) -> Policy:
    """Return what is kept on this node."""
    return Policy(
        keeps={name: camera.retention.keep() for name, camera in config.cameras.items()},
        promises=promises(config),
        disk_full=config.retention.disk_full_policy(),
        newest_us=round(config.retention.newest_minutes * MINUTE_US),
        # By age, size and hours nothing of those goes; what each camera's footage waits for, theirs waits for, too.
        others=Keep(copies=_least_copies(config)),
    )


def _least_copies(config: Config) -> int | None:
    """Return the copies that every camera asks for at least; None where one of them goes by the rules of delivery."""
    said = [camera.retention.copies for camera in config.cameras.values()]
    known = [copies for copies in said if copies is not None]
    return min(known) if known and len(known) == len(said) else None


def retention_of(config: Config, camera: str) -> KeepConfig:
    """Return what the settings say of a camera; of one that is in them no more, what holds most among the others'.

    A camera that was taken out, or renamed, has left its footage here, and its incidents are none the less incidents.
    """
    known = config.cameras.get(camera)
    if known is not None:
        return known.retention
    said = [KeepConfig(), *(one.retention for one in config.cameras.values())]
    return KeepConfig(
        holds=tuple(sorted({kind for one in said for kind in one.holds})),
        hold_days=max(one.hold_days for one in said),
    )


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
            judge = Judge(policy_of(config), [], {}, now_us)
            return Outlook(now_us=now_us, judge=judge, disks=disks, intake={}, short={}, going=(), cleared={})
        standing = standing_holds(tx, number, config, now_us)
        judge = Judge(policy_of(config), standing, _wanted(tx, number, config, standing, now_us), now_us)
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
    going = decide(judge, pieces, used=used, short=short) if config.retention.enabled else []
    gone = {(one.piece.volume, one.piece.file) for one in going}
    left = [piece for piece in pieces if (piece.volume, piece.file) not in gone]
    cleared = {
        name: expendable(judge, [piece for piece in left if piece.volume == name], most)
        for name, most in enough(ready, intake).items()
        if config.retention.enabled
    }
    return Outlook(
        now_us=now_us, judge=judge, disks=disks, intake=intake, short=short, going=tuple(going), cleared=cleared,
        holds=tuple(standing),
        leftovers=tuple(
            leftovers.found(config, now_us, short=[ready[name] for name in short if name in ready])
            if config.retention.enabled else ()
        ),
    )  # fmt: skip


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


def events_kept_us(config: Config) -> int | None:
    """Return how long events stay: as long as any camera's footage hangs on them; None for as long as there is any."""
    said = [KeepConfig(), *(camera.retention for camera in config.cameras.values())]
    days = [config.retention.events_days, *(one.hold_days for one in said)]
    for one in said:
        if one.only == "events":
            if one.keep_days is None:
                return None
            # A day more: the file goes when it is too old, the event's begin is older than the file's end.
            days.append(one.keep_days + 1)
    return round(max(days) * DAY_US)


def incidents_kept_us(config: Config) -> int:
    """Return how long incidents stay that are over: as long as any camera's footage hangs on them."""
    said = [KeepConfig(), *(camera.retention for camera in config.cameras.values())]
    return round(max(config.retention.incidents_days, *(one.hold_days for one in said)) * DAY_US)


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


def doubt(catalog: Catalog, clock: Clock, why: str, *, node: str = LOCAL) -> None:
    """Say that nothing may be deleted for now, as after a reindex.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        found = trust.doubted(look(tx, number, clock), why)
        standing = removals.standing(tx, number) or Standing(trust=found, levels={})
        removals.stand(tx, number, replace(standing, trust=found))


def standing_holds(tx: Transaction, node: int, config: Config, now_us: int) -> list[Hold]:
    """Return all that holds footage now: what people and bookings set, and what events and incidents do by policy."""
    found = [row.hold for row in holds.listed(tx, node) if _stands(row.hold, config, now_us)]
    for name in sorted({*config.cameras, *(camera for _, camera in removals.streams(tx, node))}):
        said = retention_of(config, name)
        since_us = now_us - round(said.hold_days * DAY_US)
        if "events" in said.holds:
            found += holds.of_events(tx, node, name, since_us, now_us)
        if "incidents" in said.holds:
            found += holds.of_incidents(tx, node, name, since_us, now_us)
    return found


def _stands(hold: Hold, config: Config, now_us: int) -> bool:
    """Say whether a hold protects: those that came back for events and incidents end by policy, as theirs would."""
    if hold.kind not in DERIVED:
        return True
    camera = config.cameras.get(hold.camera)
    return camera is None or hold.to_us > now_us - round(camera.retention.hold_days * DAY_US)


def _wanted(
    tx: Transaction, node: int, config: Config, standing: Sequence[Hold], now_us: int
) -> dict[str, list[Span]]:  # fmt: skip
    """Return what each camera keeps beyond its loose hours, for those that do not keep everything."""
    found: dict[str, list[Span]] = {}
    for name, camera in config.cameras.items():
        only = KeepOnly(camera.retention.only)
        if only is KeepOnly.SCHEDULE:
            found[name] = _hours(camera, config.site.time_zone, now_us)
        elif only is KeepOnly.EVENTS:
            reached = measures.position(tx, node, name)
            # What nobody has looked at yet may show anything.
            looked_us = 0 if reached is None else reached.taken_us
            found[name] = [(one.from_us, one.to_us) for one in holds.of_events(tx, node, name, 0, now_us)]
            found[name].append((min(looked_us, now_us), now_us))
        elif only is KeepOnly.BOOKINGS:
            booked = [one for one in standing if one.camera == name and one.kind is HoldKind.BOOKING]
            found[name] = [(one.from_us, one.to_us) for one in booked]
    return found


def _hours(camera: CameraConfig, zone: str, now_us: int) -> list[Span]:
    capture = Capture(mode="window", windows=windows_of(camera.capture.windows), zone=zone)
    keep_us = camera.retention.keep().keep_us
    since_us = now_us - min(_FURTHEST_US, (keep_us or _FURTHEST_US) + DAY_US)
    # What is not worked out is not judged: it goes by its age, or for room.
    return [(0, since_us), *schedule.spans(capture, since_us, now_us)]


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
                if piece.volume not in self._ready or self._judge.untouchable(piece):
                    continue
                known = self._counted(piece) if self._judge.policy.copies_of(piece) else piece
                unsent = self._judge.unsent(known)
                if unsent and not self._judge.may_go(known):
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
        return replace(piece, copies=len(targets)) if targets else piece

    def _may_be_over(self, piece: Piece) -> bool:
        """Say whether the time of anything that is younger than a file might be over, whatever it shows."""
        keep = self._judge.policy.of(piece.camera)
        age_us = self._judge.now_us - piece.end_us
        by_window = keep.only is not KeepOnly.ALWAYS and age_us >= keep.loose_us
        return by_window or (keep.keep_us is not None and age_us >= keep.keep_us)

"""When which disk is full, and which camera would begin to lose what, at today's rates.

A camera's footage grows by what it brought in an hour over the last day, up to what its own age and bytes allow. Where
all cameras of a disk settle below its room, it never fills. Otherwise it is full one day, and from then on the oldest
goes first: a camera begins to lose when that front comes to its oldest file. What must be copied elsewhere first goes
like the rest where its targets keep up. Where they do not, what has its copies still goes, and what waits takes ever
more of the room, until recording stops, or the policy lets go what waits.

Reads only; any thread but an event loop. An estimate: rates change with light and motion, and windows are not foreseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.catalog import nodes, removals, segments
from holdfast.catalog.db import Catalog
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.nodes import LOCAL
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.retention import DiskFull, Keep, Policy
from holdfast.core.timing import DAY_US, HOUR_US
from holdfast.library import deliveries, keeping, retention, volumes
from holdfast.library.deliveries import TargetNow
from holdfast.library.volumes import VolumeState

RATE_US = DAY_US  # specified: today's rates
FURTHEST_US = 400 * DAY_US  # chosen: what does not fill within a year fills for reasons that nobody knows today
POINTS = 60  # of a chart
_TAKING = frozenset({"well", "busy", "waiting", "failing"})  # of a target that failed some, the others go on
_LEAST_US = 60_000_000  # a rate over less than a minute is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a camera has on a volume, and what comes.

    Attributes:
        camera: Its id.
        bytes: What it has there now.
        oldest_us: Begin of its oldest file there, microseconds since the epoch, UTC.
        hourly: Bytes that come in an hour.
        keep: What is kept of it; its `copies` are those that do not arrive as fast as it grows.
        waits: Bytes of what it has there that wait for those copies.
    """

    camera: str
    bytes: int
    oldest_us: int
    hourly: int
    keep: Keep
    waits: int = 0

    @property
    def limit(self) -> int | None:
        """Bytes at which it settles by its own age and bytes; None where it does not, and where it waits for copies."""
        if self.keep.copies:
            return None
        by_age = None if self.keep.keep_us is None else self.hourly * self.keep.keep_us // HOUR_US
        found = [limit for limit in (by_age, self.keep.keep_bytes) if limit is not None]
        return min(found) if found else None

    def bytes_in(self, us: int) -> int:
        """Return what it will have after a while, as long as there is room."""
        grown = self.bytes + self.hourly * us // HOUR_US
        return grown if self.limit is None else min(grown, max(self.limit, self.bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What becomes of a camera on a volume.

    Attributes:
        camera: Its id.
        bytes: What it has there now.
        hourly: Bytes that come in an hour.
        oldest_us: Begin of its oldest file there.
        loses_us: When it begins to lose its oldest footage; None for not within the time that is foreseen.
        why: By what: `age`, `bytes`, or `room`; empty for not at all.
        depth_us: How far back its footage will then reach.
        protects: What keeps it from going for room: its copies, in words; empty for nothing.
    """

    camera: str
    bytes: int
    hourly: int
    oldest_us: int
    loses_us: int | None
    why: str
    depth_us: int | None
    protects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What becomes of a volume.

    Attributes:
        volume: Its name.
        total_bytes: Its size; None where it does not answer.
        free_bytes: What is free.
        hourly: Bytes that come in an hour.
        full_us: When free space comes down to what is kept free; None for not within the time that is foreseen.
        backlog_us: When what waits for copies that do not arrive has taken all of its room; None likewise.
        stops_us: When recording stops, because nothing may be deleted for it; None likewise, and where something may.
        settles_bytes: What the footage on it settles at, where it never fills and each camera has a limit.
        cameras: Its cameras, who loses first first.
        points: Wall time and used bytes, for a chart.
    """

    volume: str
    total_bytes: int | None
    free_bytes: int | None
    hourly: int
    full_us: int | None
    backlog_us: int | None
    stops_us: int | None
    settles_bytes: int | None
    cameras: tuple[Loss, ...]
    points: tuple[tuple[int, int], ...]

    @property
    def stops(self) -> bool:
        """Whether recording stops within the time that is foreseen."""
        return self.stops_us is not None


def forecast(catalog: Catalog, config: Config, clock: Clock, *, node: str = LOCAL) -> list[Forecast]:
    """Foresee every volume.

    Raises:
        CatalogUnavailable: It did not answer.
        BadInput: What is remembered of the volumes is damaged.
    """
    now_us = clock.wall_us()
    disks = volumes.survey(config)
    policy = keeping.policy_of(config)
    targets = deliveries.targets(catalog, config, node, now_us) if policy.promises else []
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        usage = [] if number is None else segments.usage(tx, number)
        intake = {} if number is None else removals.intake(tx, number, now_us - RATE_US, now_us)
        oldest = {} if number is None else removals.oldest_us(tx, number)
    flows: dict[str, dict[str, Flow]] = {disk.name: {} for disk in disks}
    for one in usage:
        camera, here = one.key.camera, flows.get(one.volume)
        if here is None:
            continue
        oldest_us = oldest.get((one.volume, camera), now_us)
        # A camera that is new has had less than a day to show its rate.
        length_us = max(_LEAST_US, min(RATE_US, now_us - oldest_us))
        before = here.get(camera)
        hourly = intake.get((one.volume, camera), 0) * HOUR_US // length_us
        size, keep = one.bytes + (before.bytes if before else 0), _waiting(camera, hourly, policy, targets)
        here[camera] = Flow(
            camera=camera, bytes=size, oldest_us=oldest_us, hourly=hourly, keep=keep,
            waits=min(size, _behind(camera, keep, policy, targets, size)),
        )  # fmt: skip
    return [
        foreseen(disk, list(flows[disk.name].values()), _spare(config, disk, intake), policy.disk_full, now_us)
        for disk in disks
    ]


def _waiting(camera: str, hourly: int, policy: Policy, targets: Sequence[TargetNow]) -> Keep:
    """Return what is kept of a camera, without copies that arrive: at targets that take, and are not a day behind."""
    keep = policy.now(camera)
    if not keep.copies:
        return keep
    promised, a_day = policy.promised(camera), hourly * DAY_US // HOUR_US
    behind = {one.name: one.cameras.get(camera, Count()).bytes for one in targets if one.health in _TAKING}
    arriving = sum(1 for name in promised if behind.get(name, a_day + 1) <= a_day)
    return replace(keep, copies=0) if arriving >= keep.copies else keep


def _behind(camera: str, keep: Keep, policy: Policy, targets: Sequence[TargetNow], size: int) -> int:
    """Return the bytes of a camera that wait for copies that do not arrive; all that it has where nobody sends them."""
    promised = policy.promised(camera)
    if not keep.copies:
        return 0
    if len(promised) < keep.copies:
        return size
    return sum(one.cameras.get(camera, Count()).bytes for one in targets if one.name in promised)


def filled_us(
    catalog: Catalog, config: Config, clock: Clock, targets: Sequence[TargetNow], *, node: str = LOCAL
) -> dict[str, int | None]:
    """Say of targets that take nothing when a disk is full of what waits for them: C085's time to full.

    Those that take what they get are left out, and footage is looked at only where there is another one.

    Returns:
        Wall time by name; None for not within the time that is foreseen.

    Raises:
        CatalogUnavailable: It did not answer.
        BadInput: What is remembered of the volumes is damaged.
    """
    held = [one.name for one in targets if one.waiting.count and one.health not in _TAKING]
    if not held:
        return {}
    found = [one.backlog_us for one in forecast(catalog, config, clock, node=node) if one.backlog_us is not None]
    return dict.fromkeys(held, min(found, default=None))


def _spare(config: Config, disk: VolumeState, intake: Mapping[tuple[str, str], int]) -> int:
    hours = RATE_US // HOUR_US
    hourly = {place: count // hours for place, count in intake.items()}
    extra = retention.headroom(config, hourly, disk.name)
    if config.retention.headroom is None and disk.total_bytes is not None:
        extra = min(extra, disk.total_bytes // 10)
    return disk.reserve_bytes + extra


def foreseen(disk: VolumeState, flows: Sequence[Flow], spare: int, full: DiskFull, now_us: int) -> Forecast:
    """Foresee one volume. Pure.

    Args:
        disk: The volume.
        flows: Its cameras.
        spare: What is kept free.
        full: What a full disk may cost.
        now_us: Wall time.
    """
    hourly = sum(flow.hourly for flow in flows)
    used = sum(flow.bytes for flow in flows)
    room = None if disk.free_bytes is None else disk.free_bytes - spare
    full_in_us = None if room is None else _full_in(flows, used, room)
    going = [flow for flow in flows if _may_go(flow, full)]
    limits = [flow.limit for flow in flows]
    settles = None
    if full_in_us is None and flows and all(limit is not None for limit in limits):
        settles = sum(limit for limit in limits if limit is not None)
    backlog_in_us = None if room is None else _backlog_in(flows, used, room)
    stops_in_us = {DiskFull.STOP: full_in_us, DiskFull.ACKNOWLEDGED: backlog_in_us}.get(full)
    losses = [_loss(flow, going, full_in_us, full, now_us) for flow in flows]
    until_us = min(FURTHEST_US, 2 * full_in_us if full_in_us else 30 * DAY_US) or DAY_US
    other = 0 if disk.total_bytes is None or disk.free_bytes is None else disk.total_bytes - disk.free_bytes - used
    most = None if disk.total_bytes is None else disk.total_bytes - spare
    return Forecast(
        volume=disk.name, total_bytes=disk.total_bytes, free_bytes=disk.free_bytes, hourly=hourly,
        full_us=None if full_in_us is None else now_us + full_in_us,
        backlog_us=None if backlog_in_us is None else now_us + backlog_in_us,
        stops_us=None if stops_in_us is None else now_us + stops_in_us, settles_bytes=settles,
        cameras=tuple(sorted(losses, key=lambda one: (one.loses_us is None, one.loses_us or 0, one.camera))),
        points=tuple(
            (now_us + at_us, _held_to(other + sum(flow.bytes_in(at_us) for flow in flows), most))
            for at_us in (until_us * step // POINTS for step in range(POINTS + 1))
        ),
    )  # fmt: skip


def _held_to(count: int, most: int | None) -> int:
    return count if most is None else min(count, max(most, 0))


def _full_in(flows: Sequence[Flow], used: int, room: int) -> int | None:
    """Return after what time the footage has grown by the room that there is; None for never."""
    if room <= 0:
        return 0
    if sum(flow.bytes_in(FURTHEST_US) for flow in flows) - used < room:
        return None
    low, high = 0, FURTHEST_US
    while high - low > _LEAST_US:
        middle = (low + high) // 2
        if sum(flow.bytes_in(middle) for flow in flows) - used >= room:
            high = middle
        else:
            low = middle
    return high


def _backlog_in(flows: Sequence[Flow], used: int, room: int) -> int | None:
    """Return after what time footage that waits for its copies takes all room that there is; None for never."""
    hourly = sum(flow.hourly for flow in flows if flow.keep.copies)
    left = max(0, room + used - sum(flow.waits for flow in flows))
    at_us = left * HOUR_US // hourly if hourly else FURTHEST_US + 1
    return at_us if at_us <= FURTHEST_US else None


def _may_go(flow: Flow, full: DiskFull) -> bool:
    has_more = not flow.keep.copies or flow.waits < flow.bytes
    return full is DiskFull.OLDEST or (full is DiskFull.ACKNOWLEDGED and has_more)


def _loss(flow: Flow, going: Sequence[Flow], full_in_us: int | None, full: DiskFull, now_us: int) -> Loss:
    ways: list[tuple[int, str]] = []
    if flow.keep.keep_us is not None and not flow.keep.copies:
        ways.append((max(now_us, flow.oldest_us + flow.keep.keep_us), "age"))
    if flow.keep.keep_bytes is not None and flow.hourly and not flow.keep.copies:
        ways.append((now_us + max(0, flow.keep.keep_bytes - flow.bytes) * HOUR_US // flow.hourly, "bytes"))
    if full_in_us is not None and flow in going:
        # The front of what goes has to pass what older cameras have before it comes to this one.
        older = sum(one.hourly * max(0, flow.oldest_us - one.oldest_us) for one in going)
        hourly = max(1, sum(one.hourly for one in going))
        ways.append((now_us + full_in_us + older // hourly, "room"))
    at_us, why = min(ways, default=(None, ""))
    if at_us is not None and at_us > now_us + FURTHEST_US:
        at_us, why = None, ""
    protects = ""
    if flow.keep.copies:
        protects = f"{flow.keep.copies} verified {'copy' if flow.keep.copies == 1 else 'copies'} first"
    elif full is DiskFull.STOP:
        protects = "nothing is deleted for room"
    return Loss(
        camera=flow.camera, bytes=flow.bytes, hourly=flow.hourly, oldest_us=flow.oldest_us, loses_us=at_us, why=why,
        depth_us=None if at_us is None else max(0, at_us - flow.oldest_us), protects=protects,
    )  # fmt: skip

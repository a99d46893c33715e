"""What a person asks and says about deliveries: list, figures, try again, pause, clean up.

Any thread. Not here: planning (handing_on), sending (work.deliver, work.draining).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.catalog import deliveries, delivery_stats, nodes, work_controls, work_rows
from holdfast.catalog.claims import Known, time_us
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.delivery_stats import Complaint, Count, Pace
from holdfast.catalog.incidents import IncidentRow
from holdfast.catalog.rows import PAGE, Id, Page
from holdfast.catalog.work_controls import Running
from holdfast.core import schedule
from holdfast.core.clock import Clock
from holdfast.core.config.model import Config
from holdfast.core.config.windows import windows_of
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import NotFound, TargetAway
from holdfast.core.plan import Capture
from holdfast.core.timing import DAY_US, MINUTE_US, SECOND_US
from holdfast.library import archive_incidents

KIND = Known("deliver", deliveries.NOUN, DeliveryState.SENDING.value)
PACE_US = 5 * MINUTE_US  # C085
OLD_US = 7 * DAY_US  # C071
LATE_US = 10 * MINUTE_US  # chosen: a backlog that is older than what one file may take is told

_AT_ONCE = 500  # chosen: rows of one transaction, which takes some hundredths of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNow:
    """How a target stands.

    Attributes:
        name: Its name.
        kind: What kind of place it is; empty where it is not configured any more.
        health: `well`, `busy`, `waiting`, `paused`, `stalled` or `failing`.
        sentence: How it is, in words.
        hint: What to do about it; empty where nothing is to be done.
        counts: Deliveries by state.
        cameras: What waits, by camera.
        pace: What arrived within the last five minutes.
        drain_s: Seconds until nothing waits at that pace; 0 where nothing does, None where that is not known.
        opens_us: When its hours begin; None while it is open.
    """

    name: str
    kind: str
    health: str
    sentence: str
    hint: str = ""
    counts: Mapping[DeliveryState, Count] = field(default_factory=dict)
    cameras: Mapping[str, Count] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    drain_s: float | None = 0.0
    opens_us: int | None = None

    @property
    def waiting(self) -> Count:
        """What has not arrived yet, and may by itself."""
        some = [self.counts.get(state, Count()) for state in (DeliveryState.PENDING, DeliveryState.SENDING)]
        oldest = [one.oldest_us for one in some if one.oldest_us is not None]
        return Count(
            sum(one.count for one in some), sum(one.bytes for one in some), min(oldest) if oldest else None
        )  # fmt: skip

    @property
    def rate(self) -> float:
        """Bytes a second within the last five minutes."""
        return self.pace.bytes / (PACE_US / SECOND_US)


def listed(
    catalog: Catalog, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None, oldest_first: bool = False
) -> Page[DeliveryRow]:  # fmt: skip
    """List deliveries.

    Raises:
        UsageError: The cursor is none.
        CatalogUnavailable: The catalog did not answer.
    """
    with catalog.read() as tx:
        return deliveries.page(tx, wanted, limit=limit, cursor=cursor, oldest_first=oldest_first)


def targets(catalog: Catalog, config: Config, node: str, now_us: int) -> list[TargetNow]:
    """Say how every target stands: those that are configured, and those that still have rows.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            number = 0
        counts = delivery_stats.by_state(tx, number)
        names = dict.fromkeys([*config.targets, *(target for target, _ in counts)])
        waiting = delivery_stats.waiting_by_camera(tx, number, names)
        paces = delivery_stats.paces(tx, number, names, now_us - PACE_US)
        controls = work_controls.controls(tx, number)
        incidents = {name: archive_incidents.find(tx, number, name) for name in names}
        complaints = {name: delivery_stats.complaint(tx, number, name) for name in {name for name, _ in waiting}}
    found = []
    for name in names:
        own = {state: count for (target, state), count in counts.items() if target == name}
        cameras = {camera: count for (target, camera), count in waiting.items() if target == name}
        paused = work_controls.of(controls, KIND.name, name).state is not Running.RUNNING
        found.append(
            _target(
                config, name, own, cameras, paces[name], _Trouble(incidents[name], complaints.get(name)), now_us,
                paused=paused,
            )
        )  # fmt: skip
    return found


def addresses(catalog: Catalog, files: Iterable[tuple[int, str, str]]) -> dict[tuple[int, str, str], str]:
    """Return where files lie at targets, by node, volume and path; those that none has verified are left out.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    wanted: dict[int, set[tuple[str, str]]] = {}
    for node, volume, path in files:
        wanted.setdefault(node, set()).add((volume, path))
    if not wanted:
        return {}
    with catalog.read() as tx:
        return {
            (node, *file): address
            for node, some in wanted.items()
            for file, address in deliveries.addresses(tx, node, some).items()
        }


def retry(
    catalog: Catalog, node: str, by: str, clock: Clock, *, target: str = "", ids: Sequence[Id] = (),
    missing: bool = False, done: Callable[[int], None] = lambda _count: None,
) -> int:  # fmt: skip
    """Have deliveries tried anew at once, as if for the first time: these, or all that failed.

    Those that fail again meanwhile are left alone. Where this is killed in its midst, another call does the rest.

    Args:
        catalog: The catalog.
        node: Name of the node.
        by: Who says so.
        clock: Time.
        target: Only those of this target; empty for all.
        ids: These alone, failed or missing.
        missing: Those whose file was not found, in place of those that failed: their files are looked for again.
        done: Told after each transaction how many there were so far.

    Returns:
        How many there were.

    Raises:
        NotFound: There is no such delivery.
    """
    state = DeliveryState.MISSING if missing else DeliveryState.FAILED
    with catalog.read() as tx:
        number = nodes.find(tx, node) or 0
        for one in ids:
            deliveries.get(tx, one)
        numbers = [one.number for one in ids if one.node == number]
        if not ids:
            numbers = work_rows.ended(tx, KIND, number, state.value, lane=target or None)
    count = 0
    for at in range(0, len(numbers), _AT_ONCE):
        # In pieces: a transaction over a hundred thousand rows would hold everybody else up.
        with catalog.write() as tx:
            count += work_rows.retry(
                tx, KIND, number, numbers[at : at + _AT_ONCE], by=by, now_us=time_us(tx, clock.wall_us()),
                also=(DeliveryState.MISSING.value,),
            )  # fmt: skip
        done(count)
    return count


def pause(catalog: Catalog, config: Config, node: str, target: str, by: str, now_us: int, *, on: bool) -> None:
    """Pause a target, or all of them where none is named, or let it go on; what is on its way arrives.

    Raises:
        NotFound: There is no such target.
    """
    if target and target not in config.targets:
        raise NotFound(f"there is no target {target!r}", hint=f"targets: {', '.join(config.targets) or 'none'}")
    state = Running.PAUSED if on else Running.RUNNING
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        work_controls.set_state(tx, number, KIND.name, target, state, again=False, by=by, now_us=now_us)


def cleanup(catalog: Catalog, node: str, now_us: int, *, older_us: int = OLD_US, dry_run: bool = False) -> int:
    """Forget the records of what was delivered long ago and is not here any more; return how many."""
    gone, after, before_us = 0, 0, now_us - older_us
    with catalog.read() as tx:
        number = nodes.find(tx, node) or 0
    while True:
        # Looked for without holding up anybody who writes.
        with catalog.read() as tx:
            some = deliveries.forgettable(tx, number, before_us, after=after, most=_AT_ONCE)
        if not some:
            return gone
        after = some[-1]
        if dry_run:
            gone += len(some)
            continue
        with catalog.write() as tx:
            gone += deliveries.forget(tx, number, before_us, some)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What speaks against a target: its incident, and why the last file did not arrive."""

    incident: IncidentRow | None
    complaint: Complaint | None


def _target(
    config: Config, name: str, counts: Mapping[DeliveryState, Count], cameras: Mapping[str, Count], pace: Pace,
    trouble: _Trouble, now_us: int, *, paused: bool,
) -> TargetNow:  # fmt: skip
    table = config.targets.get(name)
    opens_us = None
    if table is not None and table.hours:
        hours = Capture(mode="window", windows=windows_of(table.hours), zone=config.site.time_zone)
        if not schedule.wanted(hours, now_us):
            opens_us = schedule.next_change_us(hours, now_us)
    found = TargetNow(
        name=name, kind="" if table is None else table.type, health="", sentence="", counts=counts, cameras=cameras,
        pace=pace, opens_us=opens_us,
    )  # fmt: skip
    waiting = found.waiting
    health, sentence, hint = _said(found, trouble, now_us, paused=paused)
    drain_s: float | None = None if waiting.count else 0.0
    if waiting.count and found.rate and health != "stalled":
        drain_s = waiting.bytes / found.rate
    return TargetNow(
        name=name, kind=found.kind, health=health, sentence=sentence, hint=hint, counts=counts, cameras=cameras,
        pace=pace, drain_s=drain_s, opens_us=opens_us,
    )  # fmt: skip


def _said(found: TargetNow, trouble: _Trouble, now_us: int, *, paused: bool) -> tuple[str, str, str]:
    """Return health, sentence and hint: the worst thing first."""
    waiting, failed = found.waiting, found.counts.get(DeliveryState.FAILED, Count()).count
    count = f"{waiting.count} file{'' if waiting.count == 1 else 's'}"
    if not found.kind:
        return "stalled", f"not configured any more; {count} waiting for it", f"add [targets.{found.name}] again"
    if paused:
        return "paused", f"paused; {count} waiting", "resume it when it shall go on"
    complaint, last_us = trouble.complaint, found.pace.last_us
    if complaint is not None and found.opens_us is None and (last_us is None or complaint.at_us > last_us):
        hint = complaint.hint or TargetAway.default_hint
        return "stalled", f"{count} waiting; the last try came to nothing: {complaint.why}", hint
    if trouble.incident is not None:
        why = trouble.incident.detail or "takes nothing"
        return "stalled", why, "look at what failed; holdfast targets test tries it"
    return _working(found, count, failed, now_us)


def _working(found: TargetNow, count: str, failed: int, now_us: int) -> tuple[str, str, str]:
    waiting = found.waiting
    if found.opens_us is not None and waiting.count:
        return "waiting", f"{count} waiting for its hours", ""
    if failed:
        return (
            "failing",
            f"{failed} failed and need somebody; {count} waiting",
            "the failed ones are listed with why: mend it, then retry",
        )
    if not waiting.count:
        return "well", "everything has arrived" if found.counts else "nothing to send yet", ""
    oldest_us = waiting.oldest_us or now_us
    if now_us - oldest_us > LATE_US and not found.pace.files:
        return "stalled", f"{count} waiting, and nothing arrived in the last five minutes", "is the worker running?"
    return "busy", f"{count} on their way", ""

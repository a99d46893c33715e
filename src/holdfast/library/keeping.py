"""What must stay of each camera: the policy of the settings, holds that stand, and what `only` keeps.

Reads only; any thread but an event loop. Not here: which files follow from it (library.retention), setting holds
(library.holds).
"""

from collections.abc import Iterable, Sequence

from holdfast.catalog import holds, measures, removals
from holdfast.catalog.db import Transaction
from holdfast.core import schedule
from holdfast.core.config import Config
from holdfast.core.config.model import CameraConfig
from holdfast.core.config.retention import KeepConfig
from holdfast.core.config.windows import windows_of
from holdfast.core.plan import Capture
from holdfast.core.retention import DERIVED, Hold, HoldKind, Keep, KeepOnly, Policy
from holdfast.core.spans import Span
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.library import kept_memory
from holdfast.library.handing_on import promises

_FURTHEST_US = 400 * DAY_US  # hours of a schedule are worked out so far back; what is older counts as inside


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


def hold_kinds(keep: KeepConfig) -> frozenset[HoldKind]:
    """Return which kinds of holds follow from rows by what the settings say of a camera."""
    return frozenset({"events": HoldKind.EVENT, "incidents": HoldKind.INCIDENT}[name] for name in keep.holds)


def standing_holds(tx: Transaction, node: int, config: Config, now_us: int) -> list[Hold]:
    """Return all that holds footage now: what people and bookings set, and what events and incidents do by policy."""
    found = [row.hold for row in holds.listed(tx, node, kinds=frozenset(HoldKind) - DERIVED)]
    for name in sorted({*config.cameras, *(camera for _, camera in removals.streams(tx, node))}):
        said = retention_of(config, name)
        kinds = hold_kinds(said)
        if not kinds:
            continue
        since_us = now_us - round(said.hold_days * DAY_US)
        # Those that came back after their rows were lost end by policy, as theirs would.
        found += [row.hold for row in holds.listed(tx, node, camera=name, kinds=kinds, after_us=since_us)]
        found += following(tx, node, config, name, now_us)
    return found


def following(
    tx: Transaction, node: int, config: Config, camera: str, now_us: int, *, changed_us: int = 0
) -> list[Hold]:  # fmt: skip
    """Return what follows from the rows of a camera's events and incidents by policy.

    Only from those that were written at `changed_us` or later, and from events that last.
    """
    said = retention_of(config, camera)
    kinds, since_us = hold_kinds(said), now_us - round(said.hold_days * DAY_US)
    found: list[Hold] = []
    if HoldKind.EVENT in kinds:
        found += holds.of_events(tx, node, camera, since_us, now_us, changed_us=changed_us)
    if HoldKind.INCIDENT in kinds:
        found += holds.of_incidents(tx, node, camera, since_us, now_us, changed_us=changed_us)
    return found


def wanted(
    tx: Transaction, node: int, config: Config, standing: Sequence[Hold], now_us: int
) -> dict[str, list[Span]]:  # fmt: skip
    """Return what each camera keeps beyond its loose hours, for those that do not keep everything."""
    found: dict[str, list[Span]] = {}
    memory = kept_memory.recall(config.state_dir)
    for name, camera in config.cameras.items():
        only = KeepOnly(camera.retention.only)
        if only is KeepOnly.SCHEDULE:
            found[name] = _hours(camera, config.site.time_zone, now_us)
        elif only is KeepOnly.EVENTS:
            reached = measures.position(tx, node, name)
            looked = memory.looked(name, None if reached is None else reached.taken_us)
            events = holds.of_events(tx, node, name, 0, now_us)
            events += [row.hold for row in holds.listed(tx, node, camera=name, kinds={HoldKind.EVENT})]
            # What nobody has looked at yet may show anything.
            found[name] = [*((one.from_us, one.to_us) for one in events), *_between(looked, now_us)]
        elif only is KeepOnly.BOOKINGS:
            booked = [one for one in standing if one.camera == name and one.kind is HoldKind.BOOKING]
            found[name] = [(one.from_us, one.to_us) for one in booked]
    return found


def _between(spans: Iterable[Span], until_us: int) -> list[Span]:
    """Return what none of some spans covers, up to an instant."""
    found: list[Span] = []
    at_us = 0
    for begin_us, end_us in sorted(spans):
        if begin_us > at_us:
            found.append((at_us, min(begin_us, until_us)))
        at_us = max(at_us, end_us)
    return [*found, (at_us, until_us)] if at_us < until_us else found


def _hours(camera: CameraConfig, zone: str, now_us: int) -> list[Span]:
    capture = Capture(mode="window", windows=windows_of(camera.capture.windows), zone=zone)
    keep_us = camera.retention.keep().keep_us
    since_us = now_us - min(_FURTHEST_US, (keep_us or _FURTHEST_US) + DAY_US)
    # What is not worked out is not judged: it goes by its age, or for room.
    return [(0, since_us), *schedule.spans(capture, since_us, now_us)]

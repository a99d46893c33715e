"""Whether this node is healthy, component by component (C107): for load balancers, watchdogs and people far away.

Critical is what loses footage now: no disk, no recorder, a stream that should be recorded and is not. Degraded is what
will matter: the catalog, the worker, the clock, a disk that is nearly full.

Reads status files, disks and one row; asks no camera. Any thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from holdfast.core.errors import HoldfastError
from holdfast.library import host
from holdfast.library.status import Health, NodeNow
from holdfast.library.volumes import VolumeState


class Level(StrEnum):
    """How healthy, from best to worst."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"


_ORDER = list(Level)


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that can be well or not; `words` say what is wrong, empty where nothing is."""

    name: str
    level: Level
    words: str = ""


def components(
    now: NodeNow, disks: Sequence[VolumeState] | HoldfastError, database: HoldfastError | None, *, synchronised: bool
) -> tuple[Component, ...]:
    """Judge the node.

    Args:
        now: What roles and streams say.
        disks: The volumes, or why they are not known.
        database: Why the catalog does not answer; None where it does.
        synchronised: Whether the host's clock is.
    """
    return (
        Component(
            "db", Level.HEALTHY if database is None else Level.DEGRADED, "" if database is None else str(database)
        ),
        _disk(disks),
        _recorders(now),
        _worker(now),
        Component("clock", *((Level.HEALTHY, "") if synchronised else (Level.DEGRADED, "not synchronised"))),
    )


def overall(found: Sequence[Component]) -> Level:
    """Return the worst of them."""
    return max((one.level for one in found), key=_ORDER.index, default=Level.HEALTHY)


def _disk(disks: Sequence[VolumeState] | HoldfastError) -> Component:
    if isinstance(disks, HoldfastError):
        return Component("disk", Level.DEGRADED, str(disks))
    bad = [f"{disk.name}: {disk.problem}" for disk in disks if disk.problem is not None]
    bad += [
        f"{disk.name} is full" for disk in disks
        if disk.problem is None and disk.free_bytes is not None and disk.free_bytes <= disk.reserve_bytes
    ]  # fmt: skip
    if bad:
        return Component("disk", Level.CRITICAL, "; ".join(bad))
    # Alert and warning, from 75 and 80 % on (C108), are for /status and the system page: nothing is about to be lost.
    nearly = [disk.name for disk in disks if host.volume_level(disk) is host.Level.CRITICAL]
    if nearly:
        return Component("disk", Level.DEGRADED, f"nearly full: {', '.join(nearly)}")
    return Component("disk", Level.HEALTHY)


def _recorders(now: NodeNow) -> Component:
    wanted = [stream for stream in now.streams if stream.health is not Health.OFF]
    lost = [f"{stream.name} is {stream.words}" for stream in wanted if stream.health is Health.LOST]
    if lost:
        more = f" ({len(lost) - 1} more)" if len(lost) > 1 else ""
        return Component("recorders", Level.CRITICAL, lost[0] + more)
    if now.supervisor is None and not any(stream.fresh for stream in wanted):
        return Component("recorders", Level.CRITICAL if wanted else Level.DEGRADED, "no recorder is running")
    wrong = [f"{stream.name} is {stream.words}" for stream in wanted if stream.health is Health.DEGRADED]
    return Component("recorders", Level.DEGRADED, wrong[0]) if wrong else Component("recorders", Level.HEALTHY)


def _worker(now: NodeNow) -> Component:
    if now.worker is None:
        return Component("worker", Level.DEGRADED, "the worker does not answer")
    said = [str(now.worker[name]) for name in ("config_problem", "plan_problem") if now.worker.get(name)]
    return Component("worker", Level.DEGRADED, "; ".join(said)) if said else Component("worker", Level.HEALTHY)
